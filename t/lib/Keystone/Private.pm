package Keystone::Private;

# A PostgreSQL or Redis of the test's own, on a unix socket or a free port,
# that it may kill, stop, starve and start again:
#
#     my $pg = Keystone::Private->postgres(max_connections => 20);
#     my $redis = Keystone::Private->redis;
#     my $ks = Keystone::Server->new(store => $pg->url,
#         keystone => 'redis ' . $redis->url . ';');
#     $redis->freeze;      # SIGSTOP: it hangs
#     $redis->thaw;
#     $pg->kill;           # SIGKILL
#     $pg->start;          # with the same data, at the same address
#     $pg->psql('SELECT 1');
#     $redis->cli('PING');
#
# port => 1 makes it listen on a TCP port. It ends with the object.
#
# What the whole suite shares instead (util/t.sh shared) is in Keystone::Env:
# store_url() and redis_lines().

use v5.30;
use warnings;

use Keystone::Env qw( root scratch free_port );

sub postgres { my $class = shift; $class->_new('postgres', @_) }
sub redis { my $class = shift; $class->_new('redis', @_) }

sub _new {
    my ($class, $kind, %setting) = @_;
    my $port = delete $setting{port} ? free_port() : 0;
    my $dir = scratch();
    chmod 0711, $dir;
    my @lines = map {
        $kind eq 'redis' ? "$_ $setting{$_}" : "$_=$setting{$_}"
    } sort keys %setting;
    my $self = bless { kind => $kind, dir => "$dir/s", keep => $dir,
        port => $port, lines => \@lines, owner => $$ }, $class;
    $self->start;
    return $self;
}

sub url { $_[0]{url} }
sub port { $_[0]{port} }
sub dir { $_[0]{dir} }

# Also again, after kill() or stop().
sub start {
    my ($self) = @_;
    open my $out, '-|', root() . '/util/private.sh', $self->{kind},
        $self->{dir}, $self->{port}, @{ $self->{lines} }
        or die "private.sh: $!";
    my $url = <$out>;
    close $out;
    die "no $self->{kind}" unless defined $url;
    chomp $url;
    $self->{url} = $url;
    return $self;
}

# A PostgreSQL that follows this one; both with port => 1.
sub standby {
    my ($self) = @_;
    my $dir = scratch();
    chmod 0711, $dir;
    my @lines = grep { !/^primary_conninfo=/ } @{ $self->{lines} };
    my $standby = bless { kind => 'postgres', dir => "$dir/s", keep => $dir,
        port => free_port(), owner => $$,
        lines => [@lines, "primary_conninfo=host=127.0.0.1 port=$self->{port}"
            . ' user=keystone'] }, ref $self;
    mkdir $standby->{dir};
    my ($bin) = sort { $b cmp $a } glob '/usr/lib/postgresql/*/bin';
    system("$bin/pg_basebackup", '-D', "$standby->{dir}/data", '-R', '-X',
        'stream', '-c', 'fast', '-h', '127.0.0.1', '-p', $self->{port}, '-U',
        'keystone') == 0 or die 'pg_basebackup failed';
    return $standby->start;
}

sub promote { $_[0]->psql('SELECT pg_promote()') }

sub pid {
    my ($self) = @_;
    open my $in, '<', "$self->{dir}/pid" or return;
    chomp(my $pid = <$in>);
    return $pid;
}

# Another setting from the next start() on.
sub set {
    my ($self, %setting) = @_;
    push @{ $self->{lines} }, map {
        $self->{kind} eq 'redis' ? "$_ $setting{$_}" : "$_=$setting{$_}"
    } sort keys %setting;
    return;
}

# PostgreSQL is a family of processes: all of them.
sub _signal {
    my ($self, $signal) = @_;
    my @pids = ($self->pid // return);
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $stat or next;
        my $line = <$in> // next;
        my ($pid, $parent) = $line =~ /^(\d+) \(.*\) \S (\d+)/ or next;
        push @pids, $pid if $parent == $pids[0];
    }
    kill $signal, @pids;
    return;
}

sub kill { $_[0]->_signal('KILL') }
sub freeze { $_[0]->_signal('STOP') }
sub thaw { $_[0]->_signal('CONT') }

sub stop {
    my ($self) = @_;
    $self->thaw;
    local ($?, $!);
    system root() . '/util/private.sh', 'stop', $self->{dir};
    return;
}

# The output of one statement, columns by '|'; another database as $db.
sub psql {
    my ($self, $sql, $db) = @_;
    my $url = $self->{url};
    $url =~ s{/keystone\b}{/$db} if defined $db;
    my $pid = open(my $out, '-|') // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', $sql, $url;
        exit 127;
    }
    local $/;
    my $text = <$out> // '';
    $text =~ s/\n+\z//;
    close $out or die "psql: $sql: $text";
    return $text;
}

sub cli {
    my ($self, @words) = @_;
    open my $out, '-|', 'redis-cli', '-s', "$self->{dir}/redis.sock", @words
        or die "redis-cli: $!";
    local $/;
    my $text = <$out> // '';
    close $out;
    $text =~ s/\n+\z//;
    return $text;
}

sub log_text {
    my ($self) = @_;
    open my $in, '<', "$self->{dir}/log" or return '';
    local $/;
    return <$in> // '';
}

sub DESTROY {
    my ($self) = @_;
    $self->stop if $self->{owner} == $$;
    return;
}

1;
