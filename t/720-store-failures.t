# design.md's failure table, the row "store": a PostgreSQL that is killed, hangs,
# is slow, refuses, talks nonsense, has no connections left or fails over, while
# ffmpeg publishes and somebody watches. What is live goes on, nothing is wrongly
# allowed, every refusal has its status and Retry-After, the log is quiet, and it
# recovers by itself.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw( time );

use Keystone::Env qw( rtmp_module wait_for ctl );
use Keystone::Private;
use Keystone::Proxy;
use Keystone::Rtmp qw( owner try_publish has_ffmpeg );
use Keystone::Server;
use Keystone::Watch;

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $pg = Keystone::Private->postgres(max_connections => 30);
my $proxy = Keystone::Proxy->new($pg->dir . '/.s.PGSQL.5432');
my $direct = $pg->url;
ctl($direct, 'migrate');

my $url = "postgresql://keystone\@127.0.0.1:@{[$proxy->port]}/keystone"
    . '?sslmode=disable';
my $ks = Keystone::Server->new(workers => 2, store => $direct, redis => '',
    keystone => "store $url pool=2;\nrate_limit off;")->start;
ok wait_for { $ks->get('/readyz')->{status} == 200 }, 'ready at the start';

my $owner = owner($ks);
my $show = $owner->stream(title => 'Show', visibility => 'public');
my $warm = $owner->stream(title => 'Warm', visibility => 'public');
my $watch = Keystone::Watch->start($ks, $show);

sub publishes {
    my ($stream) = @_;
    my ($code, $client) = try_publish($ks, $stream->{stream_key});
    $client->close;
    wait_for { status_of($stream) ne 'live' && !is_live($stream) };
    return $code;
}

sub status_of {
    my ($stream) = @_;
    return $owner->status($stream, $ks);
}

sub is_live { status_of($_[0]) =~ /^(connecting|active)$/ }

# A token nobody has, of the right form: never let in, whatever is broken.
sub stranger {
    my ($code, $client) = try_publish($ks,
        'ks_pub_' . join '', map { chr 97 + rand 26 } 1 .. 43);
    $client->close;
    return $code;
}

sub create {
    my $answer = $ks->post('/api/v1/streams', { title => 'New' },
        bearer => $owner->{bearer}, timeout => 15);
    return $answer;
}

sub complaints { return scalar(() = $ks->log =~ /\] .*keystone: database:/g) }

# What is true while nothing can be asked of the store.
sub away {
    my ($name, %with) = @_;
    my $began = time;
    my $lines = complaints();
    ok wait_for(sub { $ks->get('/readyz')->{status} == 503 }, 15), "$name: not ready";
    is $ks->get('/healthz')->{status}, 200, "$name: but alive";

    my $answer = create();
    is $answer->{status}, 503, "$name: a write is refused";
    is $answer->{json}{code}, 'store_unavailable', "$name: with its reason";
    like $answer->{headers}{'retry-after'} // '', qr/^[1-9]\d*$/,
        "$name: and when to try again";

    is publishes($warm), 'NetStream.Publish.Start',
        "$name: who is known may publish";
    is stranger(), 'NetStream.Publish.BadName', "$name: a stranger may not";
    my $cold = $ks->get('/live/t/ks_play_' . 'x' x 43 . "/$show->{id}.m3u8",
        timeout => 15);
    ok $cold->{status} == 401 || ($cold->{status} == 503
        && $cold->{headers}{'retry-after'}), "$name: nor watch"
        or diag "$cold->{status} $cold->{content}";
    is status_of($show), 'active', "$name: the status is known";
    ok $watch->going_on(2), "$name: the show goes on";
    # one line a second and worker, and one more for each end
    my $most = 2 * (time - $began + 2);
    cmp_ok complaints() - $lines, '<=', $most, "$name: the log is quiet";
    return;
}

sub recovers {
    my ($name) = @_;
    my $began = time;
    my $back = wait_for { create()->{status} == 201 } 15;
    my $took = time - $began;
    ok $back, "$name: writes work again";
    diag sprintf '%s: recovered in %.1f s', $name, $took if $ENV{KEYSTONE_TIMES};
    ok wait_for { $ks->get('/readyz')->{status} == 200 }, "$name: ready again";
    is publishes($warm), 'NetStream.Publish.Start', "$name: publishing works";
    is stranger(), 'NetStream.Publish.BadName', "$name: a stranger stays out";
    ok $watch->going_on(1), "$name: and the show goes on";
    return;
}

is publishes($warm), 'NetStream.Publish.Start', 'all is well: publishing';
is create()->{status}, 201, 'all is well: a write';

$pg->kill;
away('killed');
$pg->start;
recovers('killed');

$pg->freeze;
away('hangs');
$pg->thaw;
recovers('hangs');

$proxy->mode('refuse');
away('refuses');
$proxy->mode('pass');
recovers('refuses');

$proxy->mode('hole');
away('swallows');
$proxy->mode('pass');
recovers('swallows');

$proxy->mode('garbage');
away('nonsense');
$proxy->mode('pass');
recovers('nonsense');

# Slow is not down: what is asked is answered.
$proxy->mode('delay', 150);
is create()->{status}, 201, 'slow: a write is done';
is $ks->get('/readyz')->{status}, 200, 'slow: ready';
is publishes($warm), 'NetStream.Publish.Start', 'slow: publishing works';
is stranger(), 'NetStream.Publish.BadName', 'slow: a stranger stays out';
ok $watch->going_on(1), 'slow: the show goes on';
$proxy->mode('pass');
recovers('slow');

# Others have all connections, those that were ours, too.
$SIG{PIPE} = 'IGNORE';
$proxy->mode('refuse');
my @hogs;
for (1 .. 40) {
    open my $hog, '|-', "exec psql -Xq '$direct' > /dev/null 2>&1" or last;
    $hog->autoflush(1);
    print $hog "SELECT 1;\n";
    push @hogs, $hog;
}
wait_for { $pg->log_text =~ /sorry, too many clients|remaining connection/ };
$proxy->mode('pass');
away('no connections');
ok $ks->logged(qr/too many|remaining connection/i), 'no connections: the log names it'
    or diag $ks->log;
close $_ for @hogs;
recovers('no connections');

# a reload in the middle of it all
$pg->freeze;
ok $ks->reload, 'hangs: nginx reloads';
ok $watch->going_on(1), 'hangs: and the show goes on';
$pg->thaw;
recovers('reload');

my $seen = $watch->stop;
is "@{ $seen->{errors} }", '', 'who watched noticed nothing';
ok $seen->{publishing}, 'ffmpeg published to the end';
unlike $ks->log, qr/hunter2|ks_pub_/, 'the log holds no secret';
$ks->stop;

done_testing;
