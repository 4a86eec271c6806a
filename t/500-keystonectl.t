# keystonectl from the outside: what it prints, where, and how it ends.
use strict;
use warnings;

use File::Spec::Functions qw( catfile );
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;

use Keystone::Env qw( keystonectl scratch free_port secret );
use Keystone::Private;

my $dir = scratch();
my $store = "sqlite:$dir/k.db";

# Status, standard output and standard error of keystonectl ARGS; a reference
# as the last argument is the standard input.
sub run_ctl {
    my @args = @_;
    my $input = ref $args[-1] ? ${ pop @args } : '';
    write_file("$dir/in", $input);
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', "$dir/in";
        open STDOUT, '>', "$dir/out";
        open STDERR, '>', "$dir/err";
        delete $ENV{DATABASE_URL};
        exec keystonectl(), @args;
        exit 127;
    }
    waitpid $pid, 0;
    return ($? >> 8, read_file("$dir/out"), read_file("$dir/err"));
}

sub write_file {
    my ($name, $text) = @_;
    open my $file, '>', $name or die "$name: $!";
    print $file $text;
    close $file or die "$name: $!";
}

sub read_file {
    my ($name) = @_;
    open my $file, '<', $name or die "$name: $!";
    local $/;
    return <$file> // '';
}

sub json { return eval { JSON::PP::decode_json($_[0]) } // {} }

subtest 'help and versions' => sub {
    my ($status, $out, $err) = run_ctl('help');
    is $status, 0, 'help ends well';
    like $out, qr/^Usage: keystonectl/, 'help is on standard output';
    is $err, '', 'and nothing beside';
    ($status, $out) = run_ctl('version');
    is $status, 0, 'version ends well';
    like $out, qr/^keystonectl \d+\.\d+\.\d+$/m, 'version is a version';
};

subtest 'wrong usage is 2 and says what to write' => sub {
    my @rows = (
        [[], qr/^Usage/],
        [['frobnicate'], qr/no command frobnicate.*help/],
        [['user'], qr/user needs another word/],
        [['user', 'destroy'], qr/no command user destroy/],
        [['user', 'create'], qr/write keystonectl user create --email/],
        [['user', 'create', '--email', 'ada'], qr/not an e-mail address/],
        [['user', 'create', '--email'], qr/--email needs a value/],
        [['user', 'create', '--mail', 'x'], qr/no option --mail/],
        [['stream', 'create', '--title', 'x'], qr/--owner ADDRESS/],
        [['token', 'create', '--stream', 'x', '--kind', 'play'], qr/id of a/],
        [['token', 'create', '--stream', 'str_0123456789abcdefghijkl', '--kind',
          'play', '--ttl', 'soon'], qr/--ttl is a time/],
        [['token', 'revoke', 'ks_play_x'], qr/not the token itself/],
        [['--store'], qr/--store needs a value/],
    );
    for my $row (@rows) {
        my ($args, $says) = @$row;
        my ($status, $out, $err) = run_ctl(@$args);
        is $status, 2, "status of '@$args'";
        like $err, $says, "words of '@$args'";
        is $out, '', 'nothing on standard output';
    }
};

subtest 'an address that is none is wrong usage, too, and not repeated' => sub {
    local $ENV{KS_T_URL} = 'postgresql://u:x@hunter2@h/d';
    local $ENV{KS_T_EMPTY} = '';
    my @rows = (
        [['--store', 'postgresql://u:x@hunter2@h/d', 'migrate'], qr/%XX/],
        [['--store', 'mysql://root:hunter2@db/x', 'migrate'], qr/write sqlite:.* postgresql:/],
        [['--store', 'env:KS_T_URL', 'migrate'], qr/%XX/],
        [['--store', 'env:KS_T_EMPTY', 'migrate'],
         qr/env:KS_T_EMPTY names no database: put an address into it/],
        [['--store', '', 'migrate'], qr/names no database/],
        [['--store', "file:$dir/none", 'migrate'], qr/No such file/],
        [['import', 'env:KS_T_URL', 'sqlite:x'], qr/%XX/],
        [['import', 'sqlite:x', 'env:KS_T_EMPTY'], qr/names no database/],
    );
    for my $row (@rows) {
        my ($args, $says) = @$row;
        my ($status, $out, $err) = run_ctl(@$args);
        is $status, 2, "status of '@$args'";
        like $err, $says, 'says why';
        unlike "$out$err", qr/hunter2/, 'and not the password';
    }
};

subtest 'a typing error makes no database' => sub {
    my ($status, $out, $err) =
        run_ctl('--store', $store, 'stream', 'create', '--owner', 'a@b.c',
                '--title', 'T');
    is $status, 3, 'unavailable';
    like $err, qr{there is no database \Q$dir\E/k\.db.*keystonectl migrate},
        'says what to do';
    ok !-e "$dir/k.db", 'and nothing was made';
};

subtest 'migrate' => sub {
    my ($status, $out) = run_ctl('--store', $store, 'migrate');
    is $status, 0, 'applied';
    like $out, qr/^0001_init +applied$/m, 'says what';
    ($status, $out) = run_ctl("--store=$store", 'migrate');
    is $status, 0, 'again is fine';
    like $out, qr/up to date/, 'says so';
    ($status, $out) = run_ctl('--store', $store, 'migrate', '--status');
    like $out, qr/^0001_init +applied \d{4}-\d\d-\d\dT/m, 'status tells when';
    ($status, $out) = run_ctl('--store', $store, 'migrate', '--dry-run');
    like $out, qr/up to date/, 'nothing is pending';
    local $ENV{KS_T_STORE} = $store;
    write_file("$dir/address", "$store\n");
    for my $address ('env:KS_T_STORE', "file:$dir/address") {
        ($status, $out) = run_ctl('--store', $address, 'migrate');
        like $out, qr/up to date/, "--store $address";
    }
    is +(stat "$dir/k.db")[2] & 0777, 0600, 'for its owner only';
};

my ($stream, $key);

subtest 'accounts, streams, tokens' => sub {
    my @ctl = ('--store', $store);
    my ($status, $out, $err) =
        run_ctl(@ctl, qw( user create --email Ada@Example.org
                --password-stdin --json ), \"correct-horse\n");
    is $status, 0, 'an account' or diag $err;
    my $user = json($out);
    like $user->{id}, qr/^usr_\w{22}$/, 'id';
    is $user->{email}, 'ada@example.org', 'lower case';
    is $user->{role}, 'admin', 'the first is an administrator';
    unlike $out, qr/horse/, 'no password';

    ($status, $out, $err) = run_ctl(@ctl, qw( user create --email
                                    ADA@example.org --password-stdin ),
                                    \"correct-horse\n");
    is $status, 1, 'once only';
    like $err, qr/has an account already/, 'says so';
    ($status, $out, $err) = run_ctl(@ctl, qw( user create --email b@b.org
                                    --password-stdin ), \"short\n");
    is $status, 1, 'a short password is refused';
    like $err, qr/8 to 256 bytes/, 'says the rule';
    unlike $err, qr/short/, 'and not the password';
    ($status, $out) = run_ctl(@ctl, qw( user create --email b@b.org ));
    is $status, 0, 'an account without a password';
    like $out, qr/nobody can log in/, 'says what that means';

    ($status, $out) = run_ctl(@ctl, qw( stream create --owner ada@example.org
                              --title Show --visibility private --json ));
    is $status, 0, 'a stream';
    my $made = json($out);
    ($stream, $key) = @$made{qw( id stream_key )};
    like $stream, qr/^str_\w{22}$/, 'id';
    like $key, qr/^ks_pub_\w{40}$/, 'key';
    is $made->{visibility}, 'private', 'as asked for';
    ($status, $out, $err) = run_ctl(@ctl, qw( stream create --owner c@c.org
                                    --title Show ));
    is $status, 1, 'needs an owner';
    like $err, qr/user create --email c\@c\.org/, 'says how to make one';

    ($status, $out) = run_ctl(@ctl, 'token', 'create', '--stream', $stream,
                              qw( --kind play --ttl 2h --json ));
    is $status, 0, 'a token';
    my $token = json($out);
    like $token->{token}, qr/^ks_play_\w{40}$/, 'text';
    like $token->{expires_at}, qr/^\d{4}-.*Z$/, 'expires';
    ($status, $out) = run_ctl(@ctl, 'token', 'revoke', $token->{id});
    is $status, 0, 'revoked';
    unlike $out, qr/ks_play/, 'not shown again';
    ($status, $out, $err) = run_ctl(@ctl, 'token', 'revoke',
                                    'tok_0123456789abcdefghijkl');
    is $status, 1, 'an unknown one';
    ($status, $out, $err) = run_ctl(@ctl, qw( token create --stream
                                    str_0123456789abcdefghijkl --kind play ));
    is $status, 1, 'a token needs a stream';
    like $err, qr/No such stream/, 'says so';
};

subtest 'a database that cannot be used is 3 and says why' => sub {
    my ($status, $out, $err) =
        run_ctl('--store', "sqlite:$dir/none/k.db", 'migrate');
    is $status, 3, 'status';
    like $err, qr{\Q$dir\E/none does not exist}, 'names the directory';
};

sub conf {
    my ($text) = @_;
    write_file("$dir/nginx.conf", $text);
    return run_ctl('check', '-c', "$dir/nginx.conf");
}

subtest 'check' => sub {
    my $secret = secret();
    write_file("$dir/secret", "$secret\n");
    my $block = "store sqlite:$dir/k.db; jwt_secret file:$dir/secret;";
    my ($status, $out, $err) = conf("events {}\n# keystone { bad\n"
        . "keystone { zone \"keystone:8m\"; $block }\n"
        . "http { server { location ~ \"^/\\w{2}\$\" { return 200 '{'; } } }\n");
    is $status, 0, 'a sound one' or diag $out, $err;
    like $out, qr/^ok +store +sqlite:.*up to date/m, 'the store is there';
    like $out, qr/^note +srs_node/m, 'without SRS';

    ($status, $out) = conf("events {}\n\nkeystone {\n    frobnicate on;\n}\n");
    is $status, 1, 'an unknown directive';
    like $out, qr{nginx\.conf:4: .*frobnicate}, 'with its line';
    ($status, $out) = conf("keystone { store sqlite:$dir/k.db; }\n");
    is $status, 1, 'no secret';
    like $out, qr/jwt_secret/, 'says which';
    ($status, $out) = conf("keystone { jwt_secret tooshort; }\n");
    like $out, qr/at least 32/, 'a short secret';
    unlike $out, qr/tooshort/, 'is not shown';
    ($status, $out) = conf("http { keystone { $block } }\n");
    is $status, 1, 'a block at the wrong place';
    like $out, qr/no keystone block.*beside http/, 'says where it belongs';
    ($status, $out) = conf("keystone { store sqlite:$dir/none/k.db;"
                           . " jwt_secret file:$dir/secret; }\n");
    is $status, 1, 'no directory for the store';
    like $out, qr{install -d .* \Q$dir\E/none}, 'and the cure';
    my $port = free_port();
    ($status, $out) = conf("keystone { $block"
                           . " srs_node a api=127.0.0.1:$port; }\n");
    is $status, 1, 'an SRS that is away';
    like $out, qr/127\.0\.0\.1:$port: Connection refused/, 'is named';

    mkdir "$dir/conf.d";
    write_file("$dir/conf.d/one.conf", "keystone {\n$block\n}\n");
    ($status, $out, $err) = conf("include conf.d/*.conf;\nevents {}\n");
    is $status, 0, 'included files' or diag $out, $err;
    for my $row (['keystone { ', qr/a "}" is missing/],
                 ["events {}\n}\n", qr/:2: one "}" too many/],
                 ['events {} "x', qr/no closing "/],
                 ['events {} user x', qr/"user" does not end with ";"/],
                 ['include none.conf;', qr/none\.conf: cannot be read/],
                 ["include nginx.conf;\n", qr/include each other/]) {
        ($status, $out, $err) = conf($row->[0]);
        is $status, 1, "refused: $row->[0]";
        like $err, $row->[1], 'with the reason';
    }
};

subtest 'check tries Redis' => sub {
    my $secret = secret();
    my $redis = Keystone::Private->redis(requirepass => 'swordfish');
    my $url = $redis->url;
    my $check = sub {
        return conf("keystone { store sqlite:$dir/k.db; jwt_secret $secret;"
                    . " redis $_[0]; }\n");
    };
    my ($status, $out) = $check->("$url password=swordfish");
    is $status, 0, 'one that takes us';
    like $out, qr/^ok +redis +\Q$url\E takes reads and writes$/m, 'is told';
    $redis->cli('-a', 'swordfish', 'ACL', 'SETUSER', 'ann', 'on', '>trout',
                '~other:*', '+@all');
    for my $row (['', qr/wants a password/],
                 ['password=hunter2', qr/refuses user and password: check user/],
                 ['user=ann password=trout', qr/does not let this user/]) {
        ($status, $out) = $check->("$url $row->[0]");
        is $status, 1, "refused: $row->[0]";
        like $out, qr/^PROBLEM +redis +\Q$url\E: $row->[1]/m, 'with the cure';
        unlike $out, qr/hunter2|trout|swordfish/, 'and no password';
    }
    $redis->freeze;
    my $began = time;
    ($status, $out) = $check->("$url password=swordfish");
    like $out, qr/^PROBLEM +redis +\Q$url\E: does not answer/m, 'one that hangs';
    cmp_ok time - $began, '<', 4, 'is not waited for';
    $redis->stop;
    ($status, $out) = $check->("$url password=swordfish");
    like $out, qr/^PROBLEM +redis +\Q$url\E: \w/m, 'one that is away';
    ($status, $out) = $check->('env:KS_T_NOT_SET');
    is $status, 0, 'none';
    like $out, qr/^note +redis +its address is empty/m, 'is said';
};

done_testing();
