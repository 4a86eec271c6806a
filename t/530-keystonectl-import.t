# An installation that outgrew its machine: from a SQLite file to PostgreSQL, by
# keystonectl. Accounts, keys, tokens and history go on as they were.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;

use Keystone::Env qw( keystonectl ctl scratch wait_for rtmp_module );
use Keystone::Private;
use Keystone::Rtmp;
use Keystone::Server;

my $dir = scratch();
my $file = "sqlite:$dir/old.db";

# keystonectl ARGS: (status, all that it says)
sub run_ctl {
    my (@args) = @_;
    open my $out, '-|', join(' ', map { "'$_'" } keystonectl(), @args) . ' 2>&1'
        or die $!;
    my $said = do { local $/; <$out> } // '';
    close $out;
    return ($? >> 8, $said);
}

my $old = Keystone::Server->new(store => $file, redis => '');
my $ann = $old->user('ann@example.org');
$old->start;
my $bearer = $old->login($ann);
my @streams = map {
    $old->post('/api/v1/streams', { title => "Show $_" }, bearer => $bearer)
        ->{json}
} 1 .. 30;
my $login = $old->post('/api/v1/auth/login',
    { email => 'ann@example.org', password => $ann->{password} })->{json};
my $refresh = $login->{refresh_token};
$old->stop;

my $pg = Keystone::Private->postgres;
my $new = $pg->url;

my ($status, $said) = run_ctl('import', $file);
is $status, 2, 'one database is not enough';
like $said, qr/write keystonectl import sqlite:.* postgresql:/, 'what to write';

($status, $said) = run_ctl('import', "sqlite:$dir/none.db", $new);
is $status, 3, 'a source that is not there';
like $said, qr{there is no database .*/none\.db}, 'is named';
ok !-e "$dir/none.db", 'and not made';

($status, $said) = run_ctl('import', $file, $new);
is $status, 3, 'a target without a schema';
like $said, qr/migrate/, 'has to be migrated';

($status, $said) = run_ctl('--store', $new, qw( node list ));
is $status, 3, 'a schema that is not there: the database cannot be used';
like $said, qr/run keystonectl migrate/, 'and what to do';

($status, $said) = run_ctl('--store', $new, 'migrate', '--dry-run');
like $said, qr/0001_init +pending/, 'migrate --dry-run says what would be';
($status, $said) = run_ctl('--store', $new, 'migrate');
is $status, 0, 'migrated';
($status, $said) = run_ctl('--store', $new, 'migrate', '--status');
like $said, qr/0001_init +applied \d{4}-/, 'migrate --status says when';

# by their names: the words of a command are no place for a password
@ENV{qw( KS_T_OLD KS_T_NEW )} = ($file, $new);
($status, $said) = run_ctl('import', 'env:KS_T_OLD', 'env:KS_T_NEW');
is $status, 0, 'imported' or diag $said;
like $said, qr/^users +1$/m, 'one account';
like $said, qr/^streams +30$/m, 'its streams';

($status, $said) = run_ctl('import', $file, $new);
is $status, 1, 'not into one that is in use';
like $said, qr/has accounts already/, 'and why';

my $ks = Keystone::Server->new(store => $new, redis => '');
$ks->{secret} = $old->{secret};
$ks->start;
ok wait_for { $ks->get('/readyz')->{status} == 200 }, 'served from there';
is $ks->get('/api/v1/auth/me', bearer => $bearer)->{json}{email},
    'ann@example.org', 'who was logged in still is';
is $ks->post('/api/v1/auth/refresh', { refresh_token => $refresh })->{status},
    200, 'and stays so';
is $ks->login($ann) ? 1 : 0, 1, 'the password is the same';
my $list = $ks->get('/api/v1/streams?limit=100', bearer => $bearer)->{json};
is_deeply [ sort map { $_->{id} } @{ $list->{data} } ],
    [ sort map { $_->{id} } @streams ], 'the streams have their ids';

SKIP: {
    skip 'this nginx has no RTMP', 1 unless rtmp_module();
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($streams[7]{stream_key});
    is $client->status->{code}, 'NetStream.Publish.Start',
        'an encoder needs no other key';
    $client->close;
}
$ks->stop;

# And two processes that migrate the same empty database at once.
my $both = Keystone::Private->postgres;
my @pids = map {
    my $pid = fork // die $!;
    if ($pid == 0) {
        open STDOUT, '>', "$dir/out$_";
        open STDERR, '>&', \*STDOUT;
        exec keystonectl(), '--store', $both->url, 'migrate';
    }
    $pid;
} 1 .. 4;
my @failed = grep { waitpid($_, 0); $? } @pids;
is scalar(@failed), 0, 'four that migrate at once all succeed';
is $both->psql('SELECT count(*) FROM schema_migrations'),
    $both->psql('SELECT max(version) FROM schema_migrations'),
    'each migration was applied once';

# nginx does not serve from a schema that is not its own, and says what to do.
$both->psql(q{INSERT INTO schema_migrations VALUES (9999, '9999_future', 'x', 1)});
my $late = Keystone::Server->new(store => $both->url, redis => '')->start;
is $late->get('/readyz')->{status}, 503, 'a newer schema: not ready';
my $refused = $late->post('/api/v1/auth/register',
    { email => 'bob@example.org', password => 'a long enough pass phrase' });
is $refused->{status}, 503, 'a newer schema: refused';
ok $late->logged(qr/9999_future.*newer Keystone/), 'the log says why';
$both->psql('DELETE FROM schema_migrations');
ok $late->logged(qr/keystonectl migrate/), 'an older schema: what to do';
is $late->get('/readyz')->{status}, 503, 'an older schema: not ready';
$both->psql('SET client_min_messages = error; DROP SCHEMA public CASCADE');
$both->psql('CREATE SCHEMA public');
ctl($both->url, 'migrate');
ok wait_for(sub { $late->get('/readyz')->{status} == 200 }, 10),
    'migrated: it serves by itself';
$late->stop;

done_testing;
