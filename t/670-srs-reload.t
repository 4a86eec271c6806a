# A worker that drains for a long RTMP connection looks after no node any more:
# another one does, so that what comes after the reload becomes live.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Rtmp qw( owner );
use Keystone::Server;
use Keystone::Srs qw( capture_offer has_node );

plan skip_all => 'no node in PATH' unless has_node();
plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $secret = 'hook-secret-of-this-test';
my $srs = Keystone::Srs->new;
my $ks = Keystone::Server->new(
    keystone => "rate_limit off; hook_secret $secret;" . $srs->keystone,
    http => $srs->http, server => $srs->server);
$ks->start;
$srs->set_hooks($ks->port, $secret);
my $owner = owner($ks);
my ($held, $new) = map { $owner->stream } 1 .. 2;

my $encoder = Keystone::Rtmp->new($ks->rtmp_port);
$encoder->publish($held->{stream_key});
is $encoder->status->{code}, 'NetStream.Publish.Start', 'an encoder is live';
$encoder->media(10);

my @old = $ks->worker_pids;
ok $ks->reload, 'reload';
my %now = map { $_ => 1 } $ks->worker_pids;
ok scalar(grep { $now{$_} } @old), 'the old worker stays for the encoder';

my $answer = $ks->request('POST', "/rtc/v1/whip/$new->{id}",
    body => capture_offer('whip/publish.201'), bearer => $new->{stream_key},
    headers => { 'content-type' => 'application/sdp' });
is $answer->{status}, 201, 'a publisher after it';
my $live = wait_for {
    $ks->get("/api/v1/streams/$new->{id}/status")->{json}{status} eq 'active'
} 10;
ok $live, 'becomes live';
my ($client) = $srs->on($new->{id});
$srs->control('POST', '/lose-hooks', { events => ['on_unpublish'], times => 9 });
$srs->drop($client->{client_id});
my $gone = wait_for {
    $ks->get("/api/v1/streams/$new->{id}/status")->{json}{status} ne 'active'
} 12;
ok $gone, 'and is missed when it goes without a hook';

$encoder->close;
$ks->stop;
done_testing;
