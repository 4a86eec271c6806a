# rtmp_auto_push: what one worker lets in, the players of all workers get.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Server;
use Keystone::Rtmp qw( owner stop_process );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $ks = Keystone::Server->new(workers => 2, log_level => 'info');
my $dir = $ks->dir;
$ks->{main} = "rtmp_auto_push on;\nrtmp_socket_dir $dir/tmp;\n";
$ks->start;
my $owner = owner($ks);
my $stream = $owner->stream(visibility => 'public', takeover => 'replace');
my ($id, $key) = @$stream{qw( id stream_key )};

sub live {
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($key);
    is $client->status->{code}, 'NetStream.Publish.Start', 'live';
    $client->media(2);
    ok wait_for {
        $ks->get("/api/v1/streams/$id/status")->{json}{status} eq 'active'
    }, 'active';
    return $client;
}

sub worker {
    my ($what) = @_;
    my @pids = $ks->log =~ /(\d+)#\d+: \*\d+ keystone: $what "\Q$id\E"/g;
    return $pids[-1];
}

sub frames {
    my ($encoder, $player, $seconds) = @_;
    my $end = time + ($seconds // 5);
    while (time < $end) {
        $encoder->media(1);
        my $message = $player->message(0.04) or next;
        return 1 if $message->[0] == 9;
    }
    return 0;
}

# Players until both workers have one: the busy one is stopped for a moment.
sub players {
    my ($encoder) = @_;
    my (%player, $stopped);
    for (1 .. 2) {
        my $player = Keystone::Rtmp->new($ks->rtmp_port);
        $player->play($id);
        is $player->status->{code}, 'NetStream.Play.Start', 'a player';
        my $pid = worker('play');
        $player{$pid} = $player;
        stop_process($stopped = $pid) if $_ == 1;
    }
    kill 'CONT', $stopped;
    is keys %player, 2, 'in each worker';
    return values %player;
}

# A stranger is not passed on.

my $stranger = Keystone::Rtmp->new($ks->rtmp_port);
$stranger->publish('ks_pub_wrong');
is $stranger->status->{code}, 'NetStream.Publish.BadName', 'a stranger';
unlike $ks->log, qr/client connected ''/, 'no worker heard of it';

my $encoder = live();
ok $ks->logged(qr/client connected ''/), 'the other worker hears of a stream';
my @players = players($encoder);
ok frames($encoder, $_), 'it gets frames' for @players;

# Taken over, by an encoder in the other worker.

my %first = (worker => worker('publish'), encoder => $encoder);
my $next;
my $busy = fork // die $!;
if ($busy == 0) {
    select undef, undef, undef, 0.5;
    kill 'CONT', $first{worker};
    require POSIX;
    POSIX::_exit(0);
}
stop_process($first{worker});
$next = live();
waitpid $busy, 0;
isnt worker('publish'), $first{worker}, 'a takeover from the other worker';
is $first{encoder}->status->{code}, 'NetStream.Publish.BadName',
    'the first one is told';
$_->close for @players, $first{encoder};
@players = players($next);
ok frames($next, $_), 'players of both workers get the new one' for @players;
$_->close for @players;

# Old workers go on; new ones have their own sockets.

ok $ks->reload, 'reloaded';
my @old = grep { $_ != worker('publish') } $ks->worker_pids;
ok $next->media(20), 'the encoder goes on';
ok !$next->closed(1), 'through the reload';
$next->close;
ok wait_for { $ks->worker_pids <= 3 }, 'the old workers go';
$next = live();
@players = players($next);
ok frames($next, $_), 'players of both new workers get frames' for @players;
$_->close for @players, $next;

unlike $ks->log, qr/ks_pub_/, 'no key is passed on';
$ks->stop;
done_testing;
