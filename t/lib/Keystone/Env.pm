package Keystone::Env;

# What every test needs to know of its surroundings: where the build is, free
# ports on 127.0.0.1, a scratch directory, keystonectl. No nginx in here.

use v5.30;
use warnings;

use Cwd qw( abs_path );
use Exporter 'import';
use Fcntl qw( :flock );
use File::Basename qw( dirname );
use File::Spec::Functions qw( tmpdir );
use File::Temp qw( tempdir );
use IO::Socket::INET;
use JSON::PP ();

our @EXPORT_OK = qw( root objs nginx_binary rtmp_module keystonectl
                     load_modules free_port scratch secret ctl ctl_json
                     wait_for is_shared store_url redis_line );

my $root = abs_path(dirname(__FILE__) . '/../../..');

sub root { $root }

# util/t.sh sets these for each nginx it runs the tests on; without it they
# are those of `make module`.
sub objs { $ENV{KEYSTONE_OBJS} // "$root/build/nginx/system/objs" }

sub nginx_binary { $ENV{TEST_NGINX_BINARY} // '/usr/sbin/nginx' }

# nginx-rtmp's module for this nginx; undef when it has none.
sub rtmp_module {
    my $path = $ENV{KEYSTONE_RTMP_MODULE}
        // '/usr/lib/nginx/modules/ngx_rtmp_module.so';
    return -f $path && -f objs() . '/ngx_rtmp_keystone_module.so'
        ? $path : undef;
}

sub keystonectl { $ENV{KEYSTONE_CTL} // "$root/build/keystonectl" }

# The load_module lines, nginx-rtmp before ours.
sub load_modules {
    my @modules = (objs() . '/ngx_keystone_module.so');
    if (my $rtmp = rtmp_module()) {
        unshift @modules, $rtmp;
        push @modules, objs() . '/ngx_rtmp_keystone_module.so';
    }
    return join '', map { "load_module $_;\n" } @modules;
}

# A port of 127.0.0.1 nobody listens on, below those the kernel gives to
# clients, so that none takes it before the server does.
sub free_port {
    for (1 .. 200) {
        my $port = 10240 + int rand 22000;
        my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Listen => 1, ReuseAddr => 1) or next;
        return $port if is_ours($port);
    }
    die "no free port on 127.0.0.1: $!";
}

# Tests run beside one another: what one was given is no other's until it ends.
sub is_ours {
    my ($port) = @_;
    state %held;
    my $dir = tmpdir() . "/keystone-ports-$>";
    mkdir $dir;
    open my $lock, '>', "$dir/$port" or die "$dir/$port: $!";
    return if $held{$port} || !flock $lock, LOCK_EX | LOCK_NB;
    $held{$port} = $lock;
    return 1;
}

# A directory that goes away with the process, unless KEYSTONE_KEEP is set.
sub scratch {
    return tempdir('keystone-t-XXXXXX', TMPDIR => 1,
                   CLEANUP => !$ENV{KEYSTONE_KEEP});
}

sub secret {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
    read $random, my $bytes, 32;
    return unpack 'H*', $bytes;
}

# `util/t.sh shared` runs the same tests on one PostgreSQL and one Redis:
# KEYSTONE_T_POSTGRES is its address with DATABASE in place of the name, and
# KEYSTONE_T_REDIS the other's.
sub is_shared { return defined $ENV{KEYSTONE_T_POSTGRES} }

my %databases;

# The store that a test knows by this file name: that SQLite file, or a database
# of its own with the schema in it, which goes away with the process.
sub store_url {
    my ($file) = @_;
    return "sqlite:$file" unless is_shared();
    if (!$databases{$file}) {
        my $name = 't' . substr secret(), 0, 16;
        sql("CREATE DATABASE $name TEMPLATE keystone_t STRATEGY file_copy");
        $databases{$file} = { name => $name, owner => $$ };
    }
    return database_url($databases{$file}{name});
}

sub database_url {
    my ($name) = @_;
    return $ENV{KEYSTONE_T_POSTGRES} =~ s/DATABASE/$name/r;
}

sub sql {
    my ($statement) = @_;
    system('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-c', $statement,
        database_url('postgres')) == 0 or die "psql: $statement failed";
    return;
}

# The Redis beside such a store, with keys of their own; nothing when the suite
# is embedded.
sub redis_line {
    my ($store) = @_;
    return '' unless is_shared();
    my ($name) = $store =~ m{/(t[0-9a-f]{16})\?} or return '';
    return "redis $ENV{KEYSTONE_T_REDIS} prefix=$name:;";
}

END {
    local $?;
    for my $one (grep { $_->{owner} == $$ } values %databases) {
        eval { sql("DROP DATABASE $one->{name} WITH (FORCE)") };
    }
}

# keystonectl --store STORE ARGS: its output; dies with its words on failure.
# A reference as the last argument is the standard input.
sub ctl {
    my ($store, @args) = @_;
    my $input = ref $args[-1] ? ${ pop @args } : '';
    my $dir = tempdir(CLEANUP => 1);
    open my $in, '>', "$dir/in" or die $!;
    print $in $input;
    close $in;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', "$dir/in";
        open STDOUT, '>', "$dir/out";
        open STDERR, '>', "$dir/err";
        exec keystonectl(), '--store', $store, @args;
        exit 127;
    }
    waitpid $pid, 0;
    my $status = $?;
    my ($out, $err) = map {
        open my $file, '<', "$dir/$_" or die $!;
        local $/;
        <$file> // '';
    } qw( out err );
    die "keystonectl @args: status " . ($status >> 8) . ": $err$out"
        if $status != 0;
    return $out;
}

sub ctl_json { return JSON::PP::decode_json(ctl(@_, '--json')) }

# Wait until the condition is true, for so many seconds (5); its value, or ''.
sub wait_for (&;$) {
    my ($condition, $seconds) = @_;
    my $end = time + ($seconds // 5);
    while (1) {
        my $value = $condition->();
        return $value if $value;
        return '' if time > $end;
        select undef, undef, undef, 0.02;
    }
}

1;
