package Keystone::MediaServer;

# A plain nginx-rtmp in the place of an SRS node, for what only a second RTMP
# server can show: what a relay says to it, and what is played from it.
#
#     my $srs = Keystone::MediaServer->new('srs_a');
#     my $ks = Keystone::Server->new(keystone => $srs->node, ...);
#     $srs->start;
#     is_deeply [ $srs->heard ], [ "str_...?ks=..." ];
#     my $player = $srs->player($id);
#     $srs->stop;       # gone, without a word to anybody; start() begins anew,
#                       # with nothing heard

use v5.30;
use warnings;

use IO::Socket::INET;

use Keystone::Env qw( free_port scratch rtmp_module nginx_binary wait_for );
use Keystone::Rtmp;

sub new {
    my ($class, $name) = @_;
    my $self = bless {
        name => $name, dir => scratch(), port => free_port(),
        api => free_port(), owner => $$,
    }, $class;
    mkdir "$self->{dir}/$_" for qw( logs tmp );
    return $self;
}

sub port { $_[0]{port} }

# for the keystone block
sub node {
    my ($self) = @_;
    return "srs_node $self->{name} api=127.0.0.1:$self->{api}"
        . " rtmp=127.0.0.1:$self->{port};\n";
}

sub config {
    my ($self) = @_;
    my $dir = $self->{dir};
    my $temp = join "\n    ", map { "${_}_temp_path $dir/tmp/$_;" }
        qw( client_body proxy fastcgi uwsgi scgi );
    my $module = rtmp_module();
    my $user = $> == 0 ? 'user root;' : '';
    return <<"END";
load_module $module;
$user
daemon off;
master_process off;
pid $dir/logs/nginx.pid;
error_log $dir/logs/error.log info;
events { }
http {
    access_log off;
    $temp
    server {
        listen 127.0.0.1:$self->{api};
        # it answers, and not as SRS does: a node of whose clients nothing is
        # known, and that is up
        location / { return 404; }
    }
}
rtmp {
    access_log off;
    server {
        listen 127.0.0.1:$self->{port};
        application live { live on; }
    }
}
END
}

sub start {
    my ($self) = @_;
    my $dir = $self->{dir};
    open my $out, '>', "$dir/nginx.conf" or die $!;
    print $out $self->config;
    close $out;
    unlink "$dir/logs/error.log";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/logs/stdout";
        open STDERR, '>>', "$dir/logs/stdout";
        exec nginx_binary(), '-p', $dir, '-c', "$dir/nginx.conf", '-e',
            "$dir/logs/error.log";
        exit 127;
    }
    $self->{pid} = $pid;
    wait_for {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                              PeerPort => $self->{port}, Timeout => 1)
    } 10 or die 'the media server does not start: ' . $self->log;
    return $self;
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub log {
    my ($self) = @_;
    open my $in, '<', "$self->{dir}/logs/error.log" or return '';
    local $/;
    return <$in> // '';
}

# What was published here, in order: "name?args".
sub heard {
    my ($self) = @_;
    return map { /publish: name='(.*?)' args='(.*?)'/ ? "$1?$2" : () }
        split /\n/, $self->log;
}

# How many clients are connected as publishers of this stream right now.
sub publishing {
    my ($self, $id) = @_;
    my %on;
    for (split /\n/, $self->log) {
        my ($connection) = /: (\*\d+) / or next;
        $on{$connection} = 1 if /publish: name='\Q$id\E'/;
        delete $on{$connection} if /disconnect|deleteStream/;
    }
    return scalar keys %on;
}

# Somebody who plays the stream here.
sub player {
    my ($self, $id) = @_;
    my $player = Keystone::Rtmp->new($self->{port});
    $player->play($id);
    return $player;
}

sub DESTROY {
    my ($self) = @_;
    $self->stop if $self->{owner} == $$;
}

1;
