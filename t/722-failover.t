# Two PostgreSQL servers, one address with both: the primary dies, the standby
# is promoted, and Keystone finds it by itself while the show goes on.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw( time );

use Keystone::Env qw( rtmp_module wait_for ctl root free_port );
use Keystone::Private;
use Keystone::Rtmp qw( owner );
use Keystone::Server;
use Keystone::Watch;

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $first = Keystone::Private->postgres(port => 1, wal_level => 'replica',
    max_wal_senders => 4, hot_standby => 'on');
my $second = $first->standby;
ctl($first->url, 'migrate');
ok wait_for { eval { $second->psql('SELECT count(*) FROM schema_migrations') } },
    'the standby follows';

my $hosts = join ',', map { '127.0.0.1:' . $_->port } $second, $first;
my $url = "postgresql://keystone\@$hosts/keystone"
    . '?target_session_attrs=read-write&sslmode=disable';
my $ks = Keystone::Server->new(workers => 2, store => $first->url, redis => '',
    keystone => "store $url;")->start;
ok wait_for { $ks->get('/readyz')->{status} == 200 },
    'the primary is found, though the standby is named first';

my $owner = owner($ks);
my $show = $owner->stream(title => 'Show', visibility => 'public');
my $watch = Keystone::Watch->start($ks, $show);

sub create {
    return $ks->post('/api/v1/streams', { title => 'New' },
        bearer => $owner->{bearer}, timeout => 15);
}

is create()->{status}, 201, 'a write';
my $count = sub { $_[0]->psql('SELECT count(*) FROM streams') };
ok wait_for { $count->($second) == 2 }, 'reaches the standby';

$first->kill;
my $refused = create();
is $refused->{status}, 503, 'the primary is dead: a write is refused';
ok $refused->{headers}{'retry-after'}, 'with Retry-After';
ok $watch->going_on(1), 'the show goes on';

my $began = time;
$second->promote;
ok wait_for(sub { create()->{status} == 201 }, 10), 'promoted: writes go there';
diag sprintf 'fail-over took %.1f s', time - $began if $ENV{KEYSTONE_TIMES};
is $count->($second), 3, 'and nothing was lost or done twice';
ok wait_for { $ks->get('/readyz')->{status} == 200 }, 'ready again';

# A primary that hangs instead of dying, and another that takes over while
# connections to it stand.
my $third = $second->standby;
ok wait_for { eval { $count->($third) == 3 } }, 'another standby';
my $both = join ',', map { '127.0.0.1:' . $_->port } $second, $third;
$url =~ s/\@[^\/]+/\@$both/;
$ks->{keystone} = "store $url;";
$ks->write_config;
ok $ks->reload, 'named in the configuration';
is create()->{status}, 201, 'a write';
ok wait_for { $count->($third) == 4 }, 'reaches it';
$second->freeze;
$third->promote;
ok wait_for(sub { create()->{status} == 201 }, 20), 'the primary hangs: writes go on';
ok $watch->going_on(1), 'and so does the show';
$second->thaw;

my $seen = $watch->stop;
is "@{ $seen->{errors} }", '', 'who watched noticed nothing';
ok $seen->{publishing}, 'ffmpeg published to the end';
$ks->stop;

done_testing;
