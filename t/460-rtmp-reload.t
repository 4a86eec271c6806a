# What nginx does to itself while streams are live.

use v5.30;
use warnings;

use lib 't/lib';
use IO::Select;
use IO::Socket::INET;
use Test::More;

use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Private;
use Keystone::Server;
use Keystone::Rtmp qw( owner driver driver_start driver_wait
                       driver_lines );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

sub live {
    my ($ks, $stream) = @_;
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($stream->{stream_key});
    my $status = $client->status;
    $client->media(10);
    return ($client, $status->{code} // '');
}

sub status_of {
    my ($ks, $stream) = @_;
    return $ks->get("/api/v1/streams/$stream->{id}/status")->{json}{status};
}

subtest 'reload' => sub {
    my $ks = Keystone::Server->new(workers => 2, log_level => 'info');
    $ks->start;
    my $owner = owner($ks);
    my @streams = map { $owner->stream } 1 .. 8;
    my $names = $ks->dir . '/names';
    open my $out, '>', $names or die $!;
    print $out map { "$_->{stream_key}\n" } @streams;
    close $out;
    my $run = driver_start('publish', '--url', $ks->rtmp_url, '--names', $names,
        '--count', 8, '--seconds', 8, '--media', '--events');
    ok wait_for { 8 == grep { $_->{event} eq 'accepted' } driver_lines($run) },
        'eight are live';
    ok $ks->reload, 'reloaded';
    my ($late, $code) = live($ks, my $new = $owner->stream);
    is $code, 'NetStream.Publish.Start', 'one more is let in';

    # held by a worker that is on its way out
    $owner->post("/streams/$streams[$_]{id}/disable") for 0, 1;
    my ($again, $refused) = live($ks, $streams[2]);
    is $refused, 'NetStream.Publish.Start', 'a takeover from an old worker';
    my @lines = driver_wait($run);
    is $lines[-1]{accepted}, 8, 'none was refused';
    is $lines[-1]{ended_by_server}, 3, 'two are kicked there, one taken over,'
        . ' the others live on';
    is status_of($ks, $new), 'active', 'the late one still lives';
    $_->close for $late, $again;
    ok wait_for { $ks->worker_pids <= 3 }, 'the old workers are gone';
    $ks->stop;
};

subtest 'worker_shutdown_timeout' => sub {
    my $ks = Keystone::Server->new(log_level => 'info',
        main => 'worker_shutdown_timeout 1s;');
    $ks->start;
    my $stream = owner($ks)->stream(visibility => 'public');
    my ($client, $code) = live($ks, $stream);
    is $code, 'NetStream.Publish.Start', 'live';
    ok wait_for { status_of($ks, $stream) eq 'active' }, 'active';
    my $player = Keystone::Rtmp->new($ks->rtmp_port);
    $player->play($stream->{id});
    is $player->status->{code}, 'NetStream.Play.Start', 'played';
    my ($worker) = $ks->worker_pids;
    ok $ks->reload, 'reloaded';
    my $status;
    wait_for { $client->media(3); ($status = $client->status(0.1))->{code} } 6;
    like $status->{description}, qr/restarted, connect again/,
        'the encoder is told to come again';
    ok $client->closed(3), 'and closed';
    ok $player->closed(3), 'and so is the player';
    ok wait_for { !kill 0, $worker }, 'the old worker goes';
    ($client, $code) = live($ks, $stream);
    is $code, 'NetStream.Publish.Start', 'live in the new one';
    $client->close;
    $ks->stop;
};

# nginx marks all connections of the worker then, those to Redis, too.
subtest 'Redis is heard after worker_shutdown_timeout' => sub {
    my $redis = Keystone::Private->redis;
    my $ks = Keystone::Server->new(log_level => 'info',
        keystone => 'redis ' . $redis->url . ' timeout=5s;',
        main => 'worker_shutdown_timeout 1s;');
    $ks->start;
    ok wait_for { $ks->get('/metrics')->{body} =~ /^keystone_redis_up 1/m },
        'Redis is in use';
    my $stream = owner($ks)->stream;
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    my ($worker) = $ks->worker_pids;
    my $over = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ks->port) or die "connect: $!";
    print $over "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
        . "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n";
    $over->flush; # and no body
    ok $ks->reload, 'reloaded';
    my @closed = IO::Select->new($over)->can_read(15);
    is @closed, 1, 'an unfinished request is closed: the time is over';
    $client->publish($stream->{stream_key});
    is $client->status(15)->{code}, 'NetStream.Publish.Start', 'live';
    ok kill(0, $worker), 'in the old worker';
    wait_for { $client->media(3); $client->status(0.1)->{code} } 6;
    $client->close;
    ok wait_for(sub { !kill 0, $worker }, 15), 'which goes';
    unlike $ks->log, qr/does not answer/, 'Redis has answered in time';
    $ks->stop;
};

subtest 'a stop at once leaves nothing live' => sub {
    my $ks = Keystone::Server->new(log_level => 'info');
    $ks->start;
    my $stream = owner($ks)->stream;
    my ($client, $code) = live($ks, $stream);
    is $code, 'NetStream.Publish.Start', 'live';
    my ($waiting) = Keystone::Rtmp->new($ks->rtmp_port);
    $ks->signal('TERM');
    ok $client->closed(5), 'closed';
    waitpid delete $ks->{pid}, 0;
    is join('', $ks->troubles), '', 'with a clean log';
    $ks->start;
    ($client, $code) = live($ks, $stream);
    is $code, 'NetStream.Publish.Start', 'live again after the restart';
    $client->close;
    $ks->stop;
};

subtest 'a worker is killed' => sub {
    my $ks = Keystone::Server->new(log_level => 'info',
        expect => qr/exited on signal 9/);
    $ks->start;
    my $stream = owner($ks)->stream;
    my ($client, $code) = live($ks, $stream);
    is $code, 'NetStream.Publish.Start', 'live';
    my ($worker) = $ks->log =~ /(\d+)#\d+: \*\d+ keystone: publish "/;
    kill 'KILL', $worker;
    ok $client->closed(5), 'its connection is gone';
    ok wait_for {
        $ks->worker_pids && !grep { $_ == $worker } $ks->worker_pids;
    }, 'there is a new worker';
    ok wait_for {
        ($client, $code) = live($ks, $stream);
        $client->close if $code ne 'NetStream.Publish.Start';
        $code eq 'NetStream.Publish.Start';
    }, 'which lets the encoder in again';
    $client->close;
    $ks->stop;
};

done_testing;
