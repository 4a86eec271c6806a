# Two nginx hosts at one PostgreSQL and one Redis: what one counts, reads and
# changes, the other feels.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( wait_for );
use Keystone::Hosts;

my $pair = Keystone::Hosts->new(redis => 1, rtmp => 0,
    keystone => 'rate_limit login 5r/m burst=9;');
my ($a, $b) = $pair->both;
my $ann = $a->user('ann@example.org');
my $stream = $a->stream('ann@example.org', title => 'First',
                        visibility => 'public');
my $path = "/api/v1/streams/$stream->{id}";
$_->start for $a, $b;

sub metric {
    my ($ks, $name) = @_;
    my ($value) = $ks->get('/metrics')->{body} =~ /^\Q$name\E (\d+)/m;
    return $value // 0;
}

sub redis_is_up { return metric($_[0], 'keystone_redis_up') }

my $token;

sub title {
    return $_[0]->get($path, bearer => $token)->{json}{title} // '';
}

sub login {
    my ($ks, $who) = @_;
    return $ks->post('/api/v1/auth/login',
        { email => $who, password => 'wrong' })->{status};
}

ok wait_for { redis_is_up($a) && redis_is_up($b) }, 'Redis is in use';

$token = $a->login($ann);

# the second level of the cache
is title($a), 'First', 'read at one host';
ok wait_for { $pair->redis->cli('HEXISTS', "ks:s:$stream->{id}", 'v') }, 'kept';
is title($b), 'First', 'read at the other';
is metric($b, 'keystone_cache_lookups_total'
    . '{kind="stream",tier="redis",outcome="hit"}'), 1, 'from Redis';
is metric($b, 'keystone_cache_lookups_total'
    . '{kind="stream",tier="store",outcome="hit"}'), 0, 'not from the database';

# changes
is $a->patch($path, { title => 'Second' }, bearer => $token)->{status}, 200,
    'changed';
is title($a), 'Second', 'seen at once';
ok wait_for { title($b) eq 'Second' }, 'and at the other host';
is $b->patch($path, { title => 'Third' }, bearer => $token)->{status}, 200,
    'changed there';
ok wait_for { title($a) eq 'Third' }, 'and seen here';

# limits: of both hosts together, until one is let in no more
my $who = 'nobody@example.org';
my $in = 0;
for my $try (1 .. 30) {
    my $ks = $try % 2 ? $a : $b;
    $in++ if login($ks, $who) == 401;
}
cmp_ok $in, '<', 20, 'the limit is not one for each host';
cmp_ok $in, '>=', 10, 'and not less than it says';
ok wait_for { login($a, $who) == 429 && login($b, $who) == 429 },
    'used up at both';
unlike $pair->redis->cli('KEYS', '*'), qr/example/, 'nobody is named in Redis';

# without Redis
$pair->redis->kill;
ok wait_for { !redis_is_up($a) && !redis_is_up($b) }, 'Redis is gone';
is $a->patch($path, { title => 'Fourth' }, bearer => $token)->{status}, 200,
    'changed all the same';
ok wait_for { title($b) eq 'Fourth' }, 'and seen';
my $ready = $a->get('/readyz');
is $ready->{status}, 200, 'ready';
is $ready->{json}{checks}{redis}{state}, 'down', 'and says what is missing';
$pair->redis->start;
ok wait_for { redis_is_up($a) && redis_is_up($b) }, 'Redis is back';
is $a->get('/readyz')->{json}{checks}{redis}{state}, 'up', 'says so, too';

unlike $a->log . $b->log, qr/hunter2/, 'no secret in the log';
$_->stop for $a, $b;

done_testing;
