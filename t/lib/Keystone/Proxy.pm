package Keystone::Proxy;

# A TCP port of 127.0.0.1 in front of a server, with the troubles that a network
# and a failing server have:
#
#     my $proxy = Keystone::Proxy->new($redis->dir . '/redis.sock');
#     $proxy->mode('delay', 300);   # each piece of data 300 ms late
#     $proxy->mode('hole');         # takes connections and data, says nothing
#     $proxy->mode('garbage');      # answers bytes that mean nothing
#     $proxy->mode('refuse');       # nobody listens, connections are reset
#     $proxy->mode('cut');          # resets what there is once, then 'pass'
#     $proxy->mode('pass');
#
# mode() returns when it is so. The target is a port or the path of a socket.

use v5.30;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw( AF_UNIX SOCK_STREAM SOL_SOCKET SO_LINGER );
use Time::HiRes qw( time );

use Keystone::Env qw( free_port );

sub new {
    my ($class, $target) = @_;
    my $port = free_port();
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0
        or die "socketpair: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        close $ours;
        $SIG{PIPE} = 'IGNORE';
        $SIG{TERM} = 'DEFAULT';
        eval { _serve($theirs, $port, $target) };
        print STDERR "proxy: $@" if $@;
        require POSIX;
        POSIX::_exit(0);
    }
    close $theirs;
    my $self = bless { pid => $pid, port => $port, control => $ours,
        owner => $$ }, $class;
    return $self->mode('pass');
}

sub port { $_[0]{port} }

sub mode {
    my ($self, $mode, $ms) = @_;
    syswrite $self->{control}, "$mode " . ($ms // 0) . "\n";
    sysread $self->{control}, my $ack, 16 or die 'the proxy is gone';
    return $self;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
}

sub _listen {
    my ($port) = @_;
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
        Listen => 128, ReuseAddr => 1) // die "listen on $port: $!";
}

sub _reset {
    my ($socket) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'll', 1, 0;
    close $socket;
}

sub _serve {
    my ($control, $port, $target) = @_;
    my ($mode, $delay) = ('pass', 0);
    my $listener = _listen($port);
    my (%peer, @late);    # by file number; [when, socket, bytes]
    my $select = IO::Select->new($control, $listener);

    my $drop = sub {
        my ($socket, $hard) = @_;
        my $other = delete $peer{ fileno $socket };
        $select->remove($socket);
        delete $peer{ fileno $other } if $other && defined fileno $other;
        $select->remove($other) if $other && defined fileno $other;
        for my $one ($socket, $other) {
            next unless $one && defined fileno $one;
            $hard ? _reset($one) : close $one;
        }
    };
    my $drop_all = sub {
        for my $socket ($select->handles) {
            next if $socket == $control || ($listener && $socket == $listener);
            $drop->($socket, 1) if defined fileno $socket;
        }
        %peer = @late = ();
    };

    while (1) {
        my $wait = @late ? $late[0][0] - time : 5;
        my @ready = $wait > 0 ? $select->can_read($wait) : $select->can_read(0);
        while (@late && $late[0][0] <= time) {
            my (undef, $to, $bytes) = @{ shift @late };
            syswrite $to, $bytes if defined fileno $to;
        }
        for my $socket (@ready) {
            next unless defined fileno $socket;
            if ($socket == $control) {
                sysread($control, my $line, 64) or return;
                ($mode, $delay) = split ' ', $line;
                $drop_all->() if $mode =~ /^(cut|refuse|garbage)$/;
                if ($mode eq 'refuse') {
                    $select->remove($listener) if $listener;
                    _reset($listener) if $listener;
                    undef $listener;
                } elsif (!$listener) {
                    $listener = _listen($port);
                    $select->add($listener);
                }
                # what fell into a hole does not come out of it again
                $drop_all->() if $mode eq 'pass' && $peer{hole};
                $peer{hole} = 1 if $mode eq 'hole';
                $mode = 'pass' if $mode eq 'cut';
                syswrite $control, "ok\n";
                last;
            }
            if ($listener && $socket == $listener) {
                my $client = $listener->accept or next;
                $client->blocking(1);
                if ($mode eq 'hole' || $mode eq 'garbage') {
                    $select->add($client);
                    syswrite $client, "\x00\xffgarbage\r\n" x 20
                        if $mode eq 'garbage';
                    next;
                }
                my $server = $target =~ m{^/}
                    ? IO::Socket::UNIX->new(Peer => $target)
                    : IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                            PeerPort => $target);
                if (!$server) {
                    _reset($client);
                    next;
                }
                $peer{ fileno $client } = $server;
                $peer{ fileno $server } = $client;
                $select->add($client, $server);
                next;
            }
            my $got = sysread $socket, my $bytes, 65536;
            if (!$got) {
                $drop->($socket, !defined $got);
                next;
            }
            next if $mode eq 'hole';
            if ($mode eq 'garbage') {
                syswrite $socket, "\x00\xffgarbage\r\n" x 20;
                next;
            }
            my $to = $peer{ fileno $socket } or next;
            if ($mode eq 'delay') {
                push @late, [time + $delay / 1000, $to, $bytes];
            } else {
                syswrite $to, $bytes;
            }
        }
    }
}

1;
