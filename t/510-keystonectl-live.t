# What keystonectl does to the database is felt by a running nginx, which it
# never talks to.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw( time );
use Keystone::Env qw( rtmp_module wait_for ctl_json );
use Keystone::Server;
use Keystone::Rtmp;

my $ks = Keystone::Server->new(workers => 2);
$ks->user('ann@example.org');
my $stream = $ks->stream('ann@example.org', visibility => 'private');
$ks->start;

sub token {
    my ($kind) = @_;
    return ctl_json($ks->store, 'token', 'create', '--stream', $stream->{id},
                    '--kind', $kind);
}

subtest 'a play token' => sub {
    my $token = token('play');
    my $path = "/live/$stream->{id}.m3u8?token=$token->{token}";
    # Known to both workers, so that it is cached.
    isnt $ks->get($path)->{status}, 401, 'is taken' for 1 .. 8;
    my $start = time;
    $ks->ctl_run('token', 'revoke', $token->{id});
    my $felt = wait_for { $ks->get($path)->{status} == 401 } 3;
    ok $felt, 'is refused when it was revoked';
    note sprintf 'revoked after %.0f ms', 1000 * (time - $start);
    is $ks->get($path)->{status}, 401, 'and stays so' for 1 .. 8;
};

subtest 'a live publisher' => sub {
    plan skip_all => 'this nginx has no RTMP' unless rtmp_module();
    my $token = token('publish');
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish("$stream->{id}?token=$token->{token}");
    is $client->status->{code}, 'NetStream.Publish.Start', 'is live';
    $client->media(30);
    $ks->ctl_run('token', 'revoke', $token->{id});
    my $status = $client->status(3);
    is $status->{level}, 'error', 'an error status';
    like $status->{description}, qr/was revoked/, 'with the reason';
    ok $client->closed(3), 'closed';
};

$ks->stop;
done_testing;
