# A publisher that waits for its answer: the client goes, nginx quits, the
# answer does not come.
#
# What makes it wait: another encoder holds the stream in a worker that has
# been stopped (SIGSTOP), and the new one is let in when that one has gone.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Server;
use Keystone::Rtmp qw( owner stop_process );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

sub server {
    my (%option) = @_;
    my $ks = Keystone::Server->new(workers => 2, log_level => 'info',
                                   %option);
    $ks->start;
    my $stream = owner($ks)->stream(takeover => 'replace');
    return ($ks, $stream);
}

# The worker of the newest publisher, from the log.
sub worker_of {
    my ($ks, $id) = @_;
    my @pids = $ks->log =~ /(\d+)#\d+: \*\d+ keystone: publish "\Q$id\E"/g;
    return $pids[-1];
}

# (the client that holds it, the one that waits, the stopped worker)
sub suspended {
    my ($ks, $stream) = @_;
    my $holder = Keystone::Rtmp->new($ks->rtmp_port);
    $holder->publish($stream->{stream_key});
    is $holder->status->{code}, 'NetStream.Publish.Start', 'one holds it';
    $holder->media(5);
    my $pid = worker_of($ks, $stream->{id});
    stop_process($pid);
    my $waiter = Keystone::Rtmp->new($ks->rtmp_port);
    $waiter->publish($stream->{stream_key});
    $waiter->media(5);
    ok !%{ $waiter->status(0.5) }, 'the other waits';
    return ($holder, $waiter, $pid);
}

subtest 'the answer comes' => sub {
    my ($ks, $stream) = server();
    my ($holder, $waiter, $pid) = suspended($ks, $stream);
    kill 'CONT', $pid;
    is $waiter->status->{code}, 'NetStream.Publish.Start', 'it is let in';
    my $status = $holder->status;
    is $status->{code}, 'NetStream.Publish.BadName', 'the first one is told';
    like $status->{description}, qr/Another encoder took over/, 'why';
    ok $holder->closed(3), 'and closed';
    $waiter->media(60);
    ok wait_for { -s $ks->media . "/live/$stream->{id}.m3u8" }, 'it streams';
    $waiter->close;
    $ks->stop;
};

subtest 'the client goes' => sub {
    my ($ks, $stream) = server();
    my ($holder, $waiter, $pid) = suspended($ks, $stream);
    $waiter->publish($stream->{stream_key});
    is $waiter->status->{code}, 'NetStream.Publish.BadName',
        'a second publish meanwhile is refused';
    $waiter->close;
    select undef, undef, undef, 0.2;
    kill 'CONT', $pid;
    $holder->closed(5);
    my $again = Keystone::Rtmp->new($ks->rtmp_port);
    $again->publish($stream->{stream_key});
    is $again->status->{code}, 'NetStream.Publish.Start', 'the stream is free';
    $again->close;
    $ks->stop;
};

subtest 'nginx quits' => sub {
    my ($ks, $stream) = server();
    my ($holder, $waiter, $pid) = suspended($ks, $stream);
    $ks->signal('QUIT');
    ok !%{ $waiter->status(0.5) }, 'the other still waits';
    kill 'CONT', $pid;
    is $waiter->status->{code}, 'NetStream.Publish.Start', 'and gets in';
    $waiter->media(5);
    $waiter->close;
    $holder->close;
    $ks->stop;
};

subtest 'nginx is told to stop at once' => sub {
    my ($ks, $stream) = server();
    my ($holder, $waiter, $pid) = suspended($ks, $stream);
    $ks->signal('TERM');
    ok $waiter->closed(5), 'the connection is closed';
    kill 'CONT', $pid;
    ok $holder->closed(5), 'and the other one';
    $ks->stop;
};

subtest 'the answer does not come in time' => sub {
    my ($ks, $stream) = server(
        rtmp => 'application live { live on; keystone on;'
            . ' keystone_timeout 700ms; }');
    my ($holder, $waiter, $pid) = suspended($ks, $stream);
    my $status = $waiter->status(2);
    is $status->{code}, 'NetStream.Publish.BadName', 'refused';
    like $status->{description}, qr/try again/, 'and told to come again';
    ok $waiter->closed(3), 'closed';
    like $ks->log, qr/\[warn\].*no decision within "keystone_timeout"/,
        'the log names the directive';
    kill 'CONT', $pid;
    $holder->close;
    $ks->stop;
};

subtest 'more comes than a waiting client may send' => sub {
    my ($ks, $stream) = server();
    my ($holder, $waiter, $pid) = suspended($ks, $stream);
    my $sent = 0;
    $sent++ while $sent < 300
        && $waiter->send_message(6, 1, 9, "\x27\1\0\0\0" . "x" x 60000);
    ok $waiter->closed(3), 'closed';
    cmp_ok $sent * 60000, '<', 16_000_000, 'before it has sent much';
    kill 'CONT', $pid;
    $holder->close;
    $ks->stop;
};

done_testing;
