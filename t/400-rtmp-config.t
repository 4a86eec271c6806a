# keystone on: where it may stand, and what is said when it cannot work

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Keystone::Env qw( rtmp_module load_modules );
use Keystone::Server;

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

# nginx -t with this rtmp server, and the rest of the configuration edited
sub says {
    my ($rtmp, $edit) = @_;
    my $ks = Keystone::Server->new(rtmp => $rtmp);
    $ks->write_config;
    if ($edit) {
        open my $in, '<', $ks->dir . '/nginx.conf' or die $!;
        local $_ = do { local $/; <$in> };
        $edit->();
        open my $out, '>', $ks->dir . '/nginx.conf' or die $!;
        print $out $_;
        close $out;
    }
    my $command = join ' ', map { "'$_'" } $ks->command('-t');
    my $said = `$command 2>&1`;
    return ($? == 0, $said);
}

my $app = 'application live { live on; keystone on; }';
my $no_block = sub {
    s/^keystone \{.*?^\}\n//ms;
    s/^http \{.*?^\}\n//ms;
};

my ($ok, $said) = says($app);
ok $ok, 'an application is gated' or diag $said;

($ok, $said) = says("keystone on; keystone_timeout 2s; $app");
ok $ok, 'for a whole server' or diag $said;

($ok, $said) = says($app, $no_block);
ok !$ok, 'without a keystone block';
like $said, qr/\[emerg\].*keystone on.*keystone \{/, '... the cure is said';

($ok, $said) = says('application live { live on; keystone off; }', $no_block);
ok $ok, 'keystone off needs no block' or diag $said;

($ok, $said) = says($app, sub { s/^(keystone \{.*?^\}\n)(.*)/$2$1/ms });
ok $ok, 'the block may come after rtmp' or diag $said;

($ok, $said) = says('application live { live on; keystone maybe; }');
ok !$ok, 'neither on nor off';
like $said, qr/must be "on" or "off"/, '... said so';

($ok, $said) = says("keystone_timeout 0; $app");
ok !$ok, 'no time at all';
like $said, qr/write "keystone_timeout 5s"/, '... what to write instead';

# keystone_relay

my $relay = 'application live { live on; keystone on; keystone_relay on; }';
my $node = 'srs_node srs_a api=127.0.0.1:1985';
sub in_block {
    my ($text) = @_;
    return sub { s/^keystone \{/keystone {\n    $text/m };
}

($ok, $said) = says($relay, in_block("$node rtmp=127.0.0.1:1935;"));
ok $ok, 'a relay to a node' or diag $said;

($ok, $said) = says($relay, in_block("$node rtmp=localhost:1935;"));
ok $ok, 'a name that can be resolved' or diag $said;

($ok, $said) = says($relay, sub {
    in_block("$node rtmp=127.0.0.1:1935;")->();
    s/^(keystone \{.*?^\}\n)(.*)/$2$1/ms;
});
ok $ok, 'the block may come after rtmp' or diag $said;

($ok, $said) = says("keystone_relay on; $app application plain { live on; }",
    in_block("$node rtmp=127.0.0.1:1935;"));
ok $ok, 'for a whole server' or diag $said;

($ok, $said) = says($relay);
ok !$ok, 'a relay without a node';
like $said, qr/\[emerg\].*keystone_relay on.*add "srs_node srs_a .*rtmp=/,
    '... the cure is said';

($ok, $said) = says($relay, in_block("$node rtmp=127.0.0.1:1935; "
    . 'srs_node srs_b api=127.0.0.1:1986;'));
ok !$ok, 'a node without an RTMP address';
like $said, qr/"srs_b" has no RTMP address.*:\d+ needs; add rtmp=HOST:PORT/,
    '... the cure is said';

($ok, $said) = says($relay, in_block("$node rtmp=no-such-host.invalid:1935;"));
ok !$ok, 'a name that cannot be resolved';
like $said, qr/not found.*no-such-host\.invalid:1935 .*numeric address/,
    '... the cure is said';

($ok, $said) = says('application live { live on; keystone_relay on; }',
    in_block("$node rtmp=127.0.0.1:1935;"));
ok !$ok, 'a relay of what nobody was asked about';
like $said, qr/add "keystone on" to application "live"/,
    '... the cure is said';

($ok, $said) = says('application live { keystone on; keystone_relay on; }',
    in_block("$node rtmp=127.0.0.1:1935;"));
ok !$ok, 'a relay of what is not live';
like $said, qr/add "live on" to application "live"/, '... the cure is said';

($ok, $said) = says($relay, $no_block);
ok !$ok, 'a relay without a keystone block';
like $said, qr/needs a keystone block/, '... the cure is said';

my ($rtmp, $core, $ours) = map { "$_\n" } split /\n/, load_modules();

($ok, $said) = says($app, sub { s/^(?:load_module.*\n)+/$ours$rtmp$core/m });
ok !$ok, 'loaded before nginx-rtmp and the core';
like $said,
    qr/rtmp_keystone_module\.so.*undefined symbol: ngx_(rtmp|keystone)_/,
    '... the symbol names what has to be loaded first';

($ok, $said) = says($app, sub { s/^(?:load_module.*\n)+/$core$rtmp$ours/m });
ok $ok, 'the core may be loaded before nginx-rtmp' or diag $said;

done_testing;
