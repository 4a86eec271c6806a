# An nginx that starts with an empty memory: a new binary (USR2), or one that was
# started again after it was killed. What the nodes have goes on, is counted,
# and can be ended.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( wait_for );
use Keystone::Server;
use Keystone::Srs qw( capture_offer has_node );

plan skip_all => 'no node in PATH' unless has_node();

my $secret = 'hook-secret-of-this-test';
my $srs = Keystone::Srs->new;
# nginx takes USR2 only as a daemon
my $ks = Keystone::Server->new(rtmp => 0,
    main => 'env LSAN_OPTIONS; env UBSAN_OPTIONS;',
    keystone => "rate_limit off; hook_secret $secret;" . $srs->keystone,
    http => $srs->http, server => $srs->server);
my $ann = $ks->user('ann@example.org');
my $show = $ks->stream('ann@example.org', title => 'Show',
                       visibility => 'public');
my $file = $ks->dir . '/nginx.conf';
open my $out, '>', $file or die $!;
print $out $ks->config =~ s/^daemon off;\n//mr;
close $out or die $!;

sub soon {
    my ($holds, $name, $seconds) = @_;
    return ok &wait_for($holds, $seconds // 12), $name;
}

sub master {
    my ($pid) = $ks->slurp('logs/nginx.pid') =~ /^(\d+)$/;
    return $pid // 0;
}

sub children {
    open my $in, '<', "/proc/$_[0]/task/$_[0]/children" or return;
    return split ' ', <$in> // '';
}

my @masters;
END {
    local $?;
    kill 'TERM', grep { kill 0, $_ } @masters;
}

sub begin {
    system($ks->command) == 0 or BAIL_OUT('nginx does not start: ' . $ks->log);
    soon(sub { eval { $ks->get('/readyz')->{status} == 200 } }, 'starts');
    push @masters, master();
}

begin();
$srs->set_hooks($ks->port, $secret);
my $owner = $ks->login($ann);

sub offer {
    my ($what, $body, %option) = @_;
    return $ks->request('POST', "/rtc/v1/$what/$show->{id}", body => $body,
        %option, headers => { 'content-type' => 'application/sdp' });
}

sub status {
    return $ks->get("/api/v1/streams/$show->{id}/status", bearer => $owner)
        ->{json};
}

sub live {
    my ($viewers, $name) = @_;
    soon(sub {
        my $s = status();
        $s->{status} eq 'active' && $s->{viewer_count} == $viewers;
    }, $name) or diag explain status();
}

my $publisher = offer('whip', capture_offer('whip/publish.201'),
                      bearer => $show->{stream_key});
is $publisher->{status}, 201, 'a publisher';
soon(sub { status()->{status} eq 'active' }, 'live');
my @viewers = map { offer('whep', capture_offer('whep/play.201')) } 1 .. 3;
is $viewers[2]{status}, 201, 'three viewers';
live(3, 'counted');
# history is written behind
soon(sub {
    $ks->get('/metrics')->{body} =~ /^keystone_sessions_flushed_total (\d+)/m
        && $1 >= 4;
}, 'and in the store');

# a new binary

my $old = master();
kill 'USR2', $old;
soon(sub { master() && master() != $old }, 'a new master comes');
push @masters, master();
soon(sub { children(master()) }, 'with workers');
kill 'QUIT', $old;
soon(sub { !kill 0, $old }, 'the old one goes');
live(3, 'all of them are there');
is $ks->delete($viewers[0]{headers}{location})->{status}, 200,
    'a viewer of before leaves';
live(2, 'and is counted off');
soon(sub { scalar(grep { $_->{play} } $srs->on($show->{id})) == 2 },
     'at the node, too');

# killed, and started again; one viewer leaves meanwhile, and nobody hears of it

my $killed = master();
my @workers = children($killed);
kill 'KILL', $killed, @workers;
soon(sub { !grep { kill 0, $_ } $killed, @workers }, 'all of nginx is killed');
unlink $ks->dir . '/logs/nginx.pid';
my ($viewer) = grep { $_->{play} } $srs->on($show->{id});
$srs->drop($viewer->{client_id});
begin();
live(1, 'who is left is there');
is $ks->post("/api/v1/streams/$show->{id}/kick", undef, bearer => $owner)
    ->{status}, 204, 'the publisher of before can be kicked';
soon(sub { !grep { !$_->{play} } $srs->on($show->{id}) },
     'and is gone from the node');

my $last = master();
kill 'QUIT', $last;
soon(sub { !kill 0, $last }, 'the last one ends');
is join('', $ks->troubles), '', 'the log is clean';
done_testing;
