# One host alone cannot reach the database; the others and Redis are well.
# Among all of them there is one publisher all the same, and it is the one that
# came last.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;

use Keystone::Env qw( rtmp_module wait_for ctl );
use Keystone::Private;
use Keystone::Proxy;
use Keystone::Rtmp qw( owner try_publish );
use Keystone::Server;

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $pg = Keystone::Private->postgres;
my $redis = Keystone::Private->redis;
my $proxy = Keystone::Proxy->new($pg->dir . '/.s.PGSQL.5432');
my $cable = "postgresql://keystone\@127.0.0.1:@{[$proxy->port]}/keystone"
    . '?sslmode=disable';
ctl($pg->url, 'migrate');

my $one = Keystone::Server->new(workers => 2, store => $pg->url,
    redis => 'redis ' . $redis->url . ';', keystone => 'rate_limit off;');
my $two = Keystone::Server->new(workers => 2, store => $pg->url,
    redis => '', keystone => "store $cable;\nredis @{[$redis->url]};\n"
    . 'rate_limit off;');
$two->{secret} = $one->{secret};
$_->start for $one, $two;

sub metric {
    my ($ks, $name) = @_;
    my ($value) = $ks->get('/metrics')->{body} =~ /^\Q$name\E (\d+)/m;
    return $value // 0;
}

ok wait_for { metric($one, 'keystone_redis_up')
              && metric($two, 'keystone_redis_up') }, 'Redis is in use';
my $owner = owner($one);
my $same = $owner->stream(title => 'Same', visibility => 'public');
my $first = $owner->stream(title => 'First', visibility => 'public',
    takeover => 'reject');

sub publish_at {
    my ($ks, $stream) = @_;
    return try_publish($ks, $stream->{stream_key});
}

sub is_live {
    my ($ks, $stream) = @_;
    return $owner->status($stream, $ks) =~ /^(connecting|active)$/;
}

my ($code, $client);
for my $stream ($same, $first) { # so that both know the keys
    for my $ks ($two, $one) {
        $client->close if $client;
        ok wait_for {
            ($code, $client) = publish_at($ks, $stream);
            $code eq 'NetStream.Publish.Start'
        }, "$stream->{title}: published while all is well";
        $client->media(5);
        ok wait_for { is_live($one, $stream) && is_live($two, $stream) },
            'and both know of it';
    }
    $client->close;
    ok wait_for { !is_live($one, $stream) && !is_live($two, $stream) }, 'over';
}

my ($begun, $holds) = publish_at($one, $first);
is $begun, 'NetStream.Publish.Start', 'who came first publishes at one';
($code, $client) = publish_at($one, $same);
is $code, 'NetStream.Publish.Start', 'and another one';
ok wait_for { is_live($two, $_) }, 'known' for $first, $same;

$proxy->mode('refuse');
ok wait_for { $two->get('/readyz')->{status} == 503 }, 'two is cut off';
is $one->get('/readyz')->{status}, 200, 'and one is not';

my ($second) = publish_at($two, $first);
is $second, 'NetStream.Publish.BadName', 'not twice';
($code, my $later) = publish_at($two, $same);
is $code, 'NetStream.Publish.Start', 'the same key takes over';
$later->media(5);
ok $client->closed(5), 'the one before it ends, at a host that is well';
ok !$holds->closed(0.2), 'nobody else does';

$proxy->mode('pass');
ok wait_for { $two->get('/readyz')->{status} == 200 }, 'two is back';
ok wait_for { is_live($one, $same) && is_live($two, $same) },
    'what it has let in is known everywhere';
ok !$later->closed(0.5), 'and goes on';
$_->close for $later, $holds;

$_->stop for $one, $two;
done_testing;
