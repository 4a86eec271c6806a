package Servers;

# The nginx under comparison: one plain, one with Keystone, and the fast fake
# SRS behind both. Each on ports of its own on 127.0.0.1, in the foreground of
# a child of ours, ended by its id.

use v5.30;
use warnings;

use File::Path qw( make_path );
use IO::Socket::INET;
use Time::HiRes qw( time sleep );

my @started;

# tests its own process: a forked child must not end what it did not start
my $owner = $$;
END {
    if ($$ == $owner) {
        my $status = $?;
        stop($_) for reverse @{ [@started] };
        $? = $status;
    }
}

sub free_port {
    state %given;
    for (1 .. 200) {
        my $port = 10240 + int rand 22000;
        next if $given{$port}++;
        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
            Listen => 1, ReuseAddr => 1) and return $port;
    }
    die "no free port on 127.0.0.1\n";
}

# {pid, port, rtmp_port, dir}; cpus: a list for taskset, or undef for all
sub start {
    my ($name, %o) = @_;
    my $dir = "$o{dir}/$name";
    make_path("$dir/tmp");
    my %self = (name => $name, dir => $dir, port => free_port(),
                rtmp_port => free_port(), config => $o{config},
                nginx => $o{nginx}, cpus => $o{cpus});
    my $user = $> == 0 ? 'user root;' : '';
    my $text = $o{config}->(\%self);
    open my $conf, '>', "$dir/nginx.conf" or die "$dir: $!\n";
    print $conf <<"END";
$o{modules}
$user
worker_processes @{[ $o{workers} // 1 ]};
daemon off;
pid $dir/nginx.pid;
error_log $dir/error.log warn;
worker_rlimit_nofile 16384;
events { worker_connections 4096; }
$text
END
    close $conf;
    return launch(\%self);
}

sub launch {
    my ($self) = @_;
    my @command = ($self->{nginx}, '-e', "$self->{dir}/error.log", '-p',
                   $self->{dir}, '-c', "$self->{dir}/nginx.conf");
    unshift @command, 'taskset', '-c', $self->{cpus} if defined $self->{cpus};
    $self->{started} = time;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        exec @command or die "$command[0]: $!\n";
    }
    $self->{pid} = $pid;
    push @started, $self;
    my $end = time + 10;
    until (IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{port})) {
        die "nginx '$self->{name}' does not listen, see $self->{dir}\n"
            . `tail -n 20 $self->{dir}/error.log`
            if time > $end || waitpid($pid, 1) == $pid;
        sleep .001;
    }
    return $self;
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    @started = grep { $_ != $self } @started;
    kill 'TERM', $pid;
    for (1 .. 500) {
        return if waitpid($pid, 1) != 0;
        sleep .01;
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub workers {
    my ($self) = @_;
    my $path = "/proc/$self->{pid}/task/$self->{pid}/children";
    open my $file, '<', $path or die "$path: $!\n";
    return split ' ', <$file> // '';
}

# Nanoseconds of CPU of all workers: of all their threads, and of the event
# loops alone. From schedstat: /proc/PID/stat counts in ticks of 10 ms.
sub cpu_ns {
    my ($self) = @_;
    my ($all, $loop) = (0, 0);
    for my $pid (workers($self)) {
        for my $path (glob "/proc/$pid/task/*/schedstat") {
            open my $file, '<', $path or next;
            my ($ns) = split ' ', <$file>;
            $all += $ns;
            $loop += $ns if $path =~ m{/task/$pid/};
        }
    }
    return ($all, $loop);
}

# Resident memory of master and workers in KiB, shared pages counted once.
sub memory_kib {
    my ($self) = @_;
    my $sum = 0;
    for my $pid ($self->{pid}, workers($self)) {
        open my $file, '<', "/proc/$pid/smaps_rollup" or next;
        $sum += (map { /^Pss:\s+(\d+)/ } <$file>)[0] // 0;
    }
    return $sum;
}

1;
