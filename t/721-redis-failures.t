# design.md's failure table, the row "Redis": killed, hanging, slow, refusing,
# talking nonsense, full, emptied, while ffmpeg publishes and somebody watches.
# Everything goes on, from the store: nothing is refused, kicks and changes
# still reach the other host, limits hold on each host, and it recovers.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw( time );

use Keystone::Env qw( rtmp_module wait_for ctl );
use Keystone::Private;
use Keystone::Proxy;
use Keystone::Rtmp qw( owner try_publish );
use Keystone::Server;
use Keystone::Watch;

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $pg = Keystone::Private->postgres;
my $redis = Keystone::Private->redis(maxclients => 100);
my $proxy = Keystone::Proxy->new($redis->dir . '/redis.sock');
ctl($pg->url, 'migrate');

# Two hosts; both reach Redis through the proxy.
my $secret;
sub host {
    my $ks = Keystone::Server->new(workers => 2, store => $pg->url,
        redis => "redis 127.0.0.1:@{[$proxy->port]};",
        keystone => 'rate_limit rtmp 1000r/s burst=1000;');
    $ks->{secret} = $secret //= $ks->{secret};
    return $ks->start;
}
my ($one, $two) = (host(), host());

sub redis_is_up {
    my ($ks) = @_;
    my ($up) = $ks->get('/metrics')->{body} =~ /^keystone_redis_up (\d)/m;
    return $up;
}

ok wait_for { redis_is_up($one) && redis_is_up($two) }, 'Redis is in use';
my $owner = owner($one);
my $show = $owner->stream(title => 'Show', visibility => 'public');
my $warm = $owner->stream(title => 'Warm', visibility => 'public',
    takeover => 'reject');
my $free = $owner->stream(title => 'Free', visibility => 'public');
my $watch = Keystone::Watch->start($one, $show);

sub status_at {
    my ($ks, $stream) = @_;
    return $owner->status($stream, $ks);
}

my $number = 0;

sub goes_on {
    my ($name) = @_;
    my $began = time;
    for my $ks ($one, $two) {
        my $which = $ks == $one ? 'one' : 'two';
        my $answer = $ks->post('/api/v1/streams', { title => 'New' },
            bearer => $owner->{bearer}, timeout => 15);
        is $answer->{status}, 201, "$name: a write at $which"
            or diag $answer->{body};
        is $ks->get('/readyz')->{status}, 200, "$name: $which is ready";
        my ($code, $client) = try_publish($ks, 'ks_pub_' . 'y' x 43);
        is $code, 'NetStream.Publish.BadName',
            "$name: a stranger may not publish at $which";
    }
    # publishing at one, one publisher in all, a kick from the other
    my ($code, $client) = try_publish($one, $warm->{stream_key});
    is $code, 'NetStream.Publish.Start', "$name: publishing at one";
    $client->media(5);
    ok wait_for { status_at($two, $warm) eq 'active' }, "$name: two knows of it";
    my ($second, $other) = try_publish($two, $warm->{stream_key});
    is $second, 'NetStream.Publish.BadName', "$name: not twice";
    my $kicked = $two->patch("/api/v1/streams/$warm->{id}", { enabled => \0 },
        bearer => $owner->{bearer});
    is $kicked->{status}, 200, "$name: disabled at two";
    ok $client->closed(3), "$name: and gone at one";
    $two->patch("/api/v1/streams/$warm->{id}", { enabled => \1 },
        bearer => $owner->{bearer});
    ok wait_for { my ($back, $c) = try_publish($one, $warm->{stream_key});
                  $back eq 'NetStream.Publish.Start' },
        "$name: enabled again";
    ok $watch->going_on(1), "$name: the show goes on";
    ok wait_for { status_at($two, $warm) !~ /^(active|connecting)$/ },
        "$name: and the other has gone";
    return;
}

sub recovers {
    my ($name) = @_;
    my $began = time;
    ok wait_for(sub { redis_is_up($one) && redis_is_up($two) }, 10),
        "$name: Redis is in use again";
    diag sprintf '%s: recovered in %.1f s', $name, time - $began
        if $ENV{KEYSTONE_TIMES};
    return;
}

goes_on('all is well');

$redis->kill;
ok wait_for { !redis_is_up($one) && !redis_is_up($two) }, 'killed: noticed';
goes_on('killed');
$redis->start;
recovers('killed');
goes_on('emptied');

$redis->freeze;
goes_on('hangs');
$redis->thaw;
recovers('hangs');

$proxy->mode('refuse');
goes_on('refuses');
$proxy->mode('pass');
recovers('refuses');

$proxy->mode('hole');
goes_on('swallows');
$proxy->mode('pass');
recovers('swallows');

$proxy->mode('garbage');
goes_on('nonsense');
$proxy->mode('pass');
recovers('nonsense');

$proxy->mode('delay', 100);
goes_on('slow');
$proxy->mode('pass');
recovers('slow');

$redis->cli('CONFIG', 'SET', 'maxmemory', '1');
goes_on('full');
$redis->cli('CONFIG', 'SET', 'maxmemory', '0');
recovers('full');

$redis->cli('FLUSHALL');
$redis->cli('SCRIPT', 'FLUSH');
goes_on('flushed');

# The database hangs, and Redis knows who publishes: one publisher in all.
my ($code, $client) = try_publish($one, $warm->{stream_key});
is $code, 'NetStream.Publish.Start', 'both there: publishing at one';
$client->close;
ok wait_for { status_at($two, $warm) !~ /^(active|connecting)$/ }, 'and gone';
$pg->freeze;
($code, $client) = try_publish($one, $warm->{stream_key});
is $code, 'NetStream.Publish.Start', 'store hangs: publishing at one';
my ($second) = try_publish($two, $warm->{stream_key});
is $second, 'NetStream.Publish.BadName', 'store hangs: not twice';
$client->close;
$pg->thaw;

# Where the key takes over, the one before it ends, whoever has it.
for my $ks ($one, $two, $one) { # until both know the key
    $client->close;
    ok wait_for {
        ($code, $client) = try_publish($ks, $free->{stream_key});
        $code eq 'NetStream.Publish.Start'
    }, 'both there: publishing';
}
ok wait_for { status_at($two, $free) =~ /^(active|connecting)$/ }, 'known';
$pg->kill;
($code, my $later) = try_publish($two, $free->{stream_key});
is $code, 'NetStream.Publish.Start', 'store away: the same key takes over';
ok wait_for { $client->closed }, 'the one before it ends';
ok !$later->closed, 'and not the later one';
$later->close;
$pg->start;

my $seen = $watch->stop;
is "@{ $seen->{errors} }", '', 'who watched noticed nothing';
ok $seen->{publishing}, 'ffmpeg published to the end';
for my $ks ($one, $two) {
    my $lines = () = $ks->log =~ /keystone: redis:/gi;
    cmp_ok $lines, '<', 150, 'the log is quiet';
    $ks->stop;
}

done_testing;
