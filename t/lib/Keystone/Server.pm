package Keystone::Server;

# An nginx with Keystone that a test drives step by step: several workers,
# reload, kill, requests in parallel, keystonectl, logs. For what one request
# and its answer can show, Test::Keystone is shorter.
#
#     use lib 't/lib';
#     use Test::More;
#     use Keystone::Server;
#
#     my $ks = Keystone::Server->new(workers => 2);
#     my $user = $ks->user('ann@example.org');
#     my $stream = $ks->stream('ann@example.org', title => 'Show');
#     $ks->start;
#     my $answer = $ks->post('/api/v1/auth/login',
#         { email => 'ann@example.org', password => $user->{password} });
#     is $answer->{status}, 200;
#     $ks->reload;
#     $ks->stop;        # ends well: no alert, no crash, no sanitizer report
#     done_testing;
#
# new() takes, all optional:
#   workers   1            main   text at the main level
#   keystone  lines added to keystone {}; store, redis, zone and jwt_secret
#             stated there replace the default ones
#   store     an address of a database, for two servers on one; redis the line
#             of keystone {} for a Redis of the test's own ("redis ADDRESS;")
#   http      text in http {}, outside of the server
#   server    text in its server {}; the default has /api/ /live/ /healthz
#             /readyz /metrics
#   rtmp      text of the rtmp server; 0: no rtmp block. The default has an
#             application live with keystone on and HLS into media()
#   log_level warn; error_log keeps that and above
#   expect    a pattern of [alert]..[crit] lines that are no failure
#
# Everything listens on free ports of 127.0.0.1 and lives in a scratch
# directory, which stays when the test fails and KEYSTONE_KEEP is set.

use v5.30;
use warnings;

use HTTP::Tiny;
use JSON::PP ();
use POSIX qw( WNOHANG );
use Test::More ();

use Keystone::Env qw( free_port scratch secret ctl ctl_json wait_for
                      load_modules rtmp_module nginx_binary
                      store_url redis_line );

my $json = JSON::PP->new->utf8->canonical;

sub new {
    my ($class, %option) = @_;
    my $dir = scratch();
    my $self = bless {
        workers => 1, main => '', keystone => '', http => '',
        log_level => 'warn', owner => $$, %option,
        dir => $dir, port => free_port(), rtmp_port => free_port(),
        secret => secret(),
    }, $class;
    $self->{rtmp} = 0 unless rtmp_module();
    mkdir "$dir/$_" for qw( logs media media/live tmp );
    return $self;
}

sub dir { $_[0]{dir} }
sub port { $_[0]{port} }
sub rtmp_port { $_[0]{rtmp_port} }
sub secret_text { $_[0]{secret} }
sub media { "$_[0]{dir}/media" }
sub store { $_[0]{store} //= store_url("$_[0]{dir}/keystone.db") }
sub url { "http://127.0.0.1:$_[0]{port}" . ($_[1] // '') }
sub rtmp_url { "rtmp://127.0.0.1:$_[0]{rtmp_port}/live" . ($_[1] // '') }

# what is in the store

sub ctl_run {
    my ($self, @args) = @_;
    ctl($self->store, 'migrate') unless $self->{migrated}++;
    return ctl($self->store, @args);
}

# {id, email, password}
sub user {
    my ($self, $email, @more) = @_;
    my $password = 'test-' . substr secret(), 0, 20;
    my $user = $json->decode($self->ctl_run('user', 'create', '--email', $email,
        @more, '--password-stdin', '--json', \"$password\n"));
    return { id => $user->{id}, email => $email, password => $password };
}

# {id, stream_key, ...}
sub stream {
    my ($self, $owner, %field) = @_;
    my @more = map { ("--$_", $field{$_}) } sort keys %field;
    return $json->decode($self->ctl_run('stream', 'create', '--owner', $owner,
        (exists $field{title} ? () : ('--title', 'Test')), @more, '--json'));
}

# nginx

sub config {
    my ($self) = @_;
    my ($dir, $own) = @$self{qw( dir keystone )};
    my %default = (store => 'store ' . $self->store . ';',
                   redis => $self->{redis} // redis_line($self->store),
                   zone => 'zone keystone:8m;',
                   jwt_secret => "jwt_secret $self->{secret};");
    for my $name (keys %default) {
        delete $default{$name} if $own =~ /^\s*$name\s/m;
    }
    my $defaults = join "\n    ", map { $default{$_} } sort keys %default;
    my $server = $self->{server} // <<"END";
        location /api/    { keystone_api; }
        location /live/   { keystone_gate hls; root $dir/media; }
        location /healthz { keystone_health; }
        location /readyz  { keystone_health; }
        location /metrics { keystone_metrics; }
END
    my $rtmp = $self->{rtmp} // <<"END";
        application live {
            live on;
            keystone on;
            hls on;
            hls_path $dir/media/live;
            hls_fragment 1s;
            hls_playlist_length 10s;
        }
END
    # nginx-rtmp logs into the system's directory when nothing else is said.
    $rtmp = "rtmp {\n    access_log $dir/logs/rtmp.log;\n    server {\n"
        . "        listen 127.0.0.1:$self->{rtmp_port};\n"
        . "$rtmp\n} }\n" if $rtmp;
    $rtmp ||= '';
    my $user = $> == 0 ? 'user root;' : '';
    my $modules = load_modules();
    my $temp = join "\n    ", map { "${_}_temp_path $dir/tmp/$_;" }
        qw( client_body proxy fastcgi uwsgi scgi );
    return <<"END";
$modules
$user
daemon off;
worker_processes $self->{workers};
pid $dir/logs/nginx.pid;
error_log $dir/logs/error.log $self->{log_level};
env ASAN_OPTIONS;
$self->{main}

events { worker_connections 2048; }

keystone {
    $defaults
    $own
}

http {
    default_type text/plain;
    access_log $dir/logs/access.log;
    $temp
    $self->{http}

    server {
        listen 127.0.0.1:$self->{port};
$server
    }
}

$rtmp
END
}

sub write_config {
    my ($self) = @_;
    open my $out, '>', "$self->{dir}/nginx.conf" or die $!;
    print $out $self->config;
    close $out or die $!;
}

sub command {
    my ($self, @more) = @_;
    return (nginx_binary(), '-p', $self->{dir}, '-c',
            "$self->{dir}/nginx.conf", '-e', "$self->{dir}/logs/error.log",
            @more);
}

# Starts nginx and waits until its HTTP port answers.
sub start {
    my ($self) = @_;
    $self->write_config;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/logs/stdout";
        open STDERR, '>>', "$self->{dir}/logs/stdout";
        exec $self->command;
        exit 127;
    }
    $self->{pid} = $pid;
    my $up = wait_for {
        return 'gone' if waitpid($pid, WNOHANG) == $pid;
        IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                              PeerPort => $self->{port}, Timeout => 1);
    } 20;
    if (!$up || $up eq 'gone') {
        delete $self->{pid} if $up;
        die "nginx does not start:\n" . $self->log . $self->slurp('logs/stdout');
    }
    return $self;
}

# nginx -t on this configuration: (passed, what it says)
sub test_config {
    my ($self) = @_;
    $self->write_config;
    my @command = $self->command('-t');
    open my $pipe, '-|', join(' ', map { "'$_'" } @command) . ' 2>&1' or die $!;
    my $said = do { local $/; <$pipe> } // '';
    return (close $pipe, $said);
}

sub signal { kill $_[1], $_[0]{pid} }

# Process ids of the workers, oldest first.
sub worker_pids {
    my ($self) = @_;
    open my $in, '<', "/proc/$self->{pid}/task/$self->{pid}/children"
        or return;
    return split ' ', <$in> // '';
}

# A reload, done when each of the old workers has gone or is draining and new
# ones are there.
sub reload {
    my ($self) = @_;
    my %old = map { $_ => 1 } $self->worker_pids;
    $self->signal('HUP');
    return wait_for {
        my @new = grep { !$old{$_} } $self->worker_pids;
        @new >= $self->{workers};
    } 10;
}

# A graceful stop; true when all processes went within so many seconds.
sub quit {
    my ($self, $seconds) = @_;
    my $pid = delete $self->{pid} // return 1;
    kill 'QUIT', $pid;
    my $gone = wait_for { waitpid($pid, WNOHANG) == $pid } $seconds // 10;
    $self->{exit} = $?;
    if (!$gone) {
        kill 'KILL', $pid, $self->worker_pids;
        waitpid $pid, 0;
    }
    return $gone;
}

# The end of a test: it stops, and left no sign of trouble in its log.
sub stop {
    my ($self, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $gone = $self->quit;
    my @bad = $self->troubles;
    push @bad, "does not stop on QUIT\n" unless $gone;
    push @bad, "exit status $self->{exit}\n" if $gone && $self->{exit};
    return Test::More::is(join('', @bad), '',
                          $name // 'nginx ends well and its log is clean');
}

sub slurp {
    my ($self, $file) = @_;
    open my $in, '<', "$self->{dir}/$file" or return '';
    local $/;
    return <$in> // '';
}

sub log { $_[0]->slurp('logs/error.log') }
sub access_log { $_[0]->slurp('logs/access.log') }

sub troubles {
    my ($self) = @_;
    return grep {
        /\[(alert|emerg|crit)\]|exited on signal|Sanitizer|runtime error/
            && !($self->{expect} && /$self->{expect}/)
    } split /^/m, $self->log . $self->slurp('logs/stdout');
}

# True when a line like this comes into the error log in time.
sub logged {
    my ($self, $pattern, $seconds) = @_;
    return wait_for { $self->log =~ $pattern } $seconds // 5;
}

# requests

# {status, headers, body, json}; headers by lower case name. The body may be a
# string or a reference, which goes as JSON.
sub request {
    my ($self, $method, $path, %option) = @_;
    my %headers = %{ $option{headers} // {} };
    my $body = $option{body};
    if (ref $body) {
        $body = $json->encode($body);
        $headers{'content-type'} //= 'application/json';
    }
    $headers{authorization} = "Bearer $option{bearer}" if $option{bearer};
    my $client = $option{client} // HTTP::Tiny->new(
        timeout => $option{timeout} // 10, keep_alive => 0, max_redirect => 0);
    my $answer = $client->request($method, $self->url($path), {
        headers => \%headers, defined $body ? (content => $body) : () });
    $answer->{body} = $answer->{content};
    $answer->{json} = eval { $json->decode($answer->{body}) }
        if ($answer->{headers}{'content-type'} // '') =~ m{[/+]json};
    return $answer;
}

sub get { my ($self, $path, @o) = @_; $self->request('GET', $path, @o) }
sub post {
    my ($self, $path, $body, @o) = @_;
    $self->request('POST', $path, body => $body, @o);
}
sub patch {
    my ($self, $path, $body, @o) = @_;
    $self->request('PATCH', $path, body => $body, @o);
}
sub delete { my ($self, $path, @o) = @_; $self->request('DELETE', $path, @o) }

# An access token for this user().
sub login {
    my ($self, $user) = @_;
    my $answer = $self->post('/api/v1/auth/login',
        { email => $user->{email}, password => $user->{password} });
    die "login: $answer->{status} $answer->{body}"
        unless $answer->{status} == 200;
    return $answer->{json}{access_token};
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner} || !$self->{pid};
    local ($?, $!);
    $self->quit(2);
}

1;
