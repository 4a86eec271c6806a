# Requests that wait for a thread (a login costs an Argon2id) when the client
# leaves, when nginx is reloaded, told to quit or terminated, and when there are
# too many of them.

use v5.30;
use warnings;
use lib 't/lib';

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

use Keystone::Env qw( wait_for );
use Keystone::Server;

my $format = 'log_format t \'$status $uri $keystone_decision\';'
    . ' access_log logs/t.log t;';
my $server = <<'END';
        location /api/    { keystone_api; }
        location /rtc/v1/ {
            keystone_gate rtc;
            proxy_pass http://$keystone_node$keystone_upstream_uri;
        }
        location /healthz { keystone_health; }
        location /status  { stub_status; access_log off; }
END

sub nginx {
    my ($keystone) = @_;
    return Keystone::Server->new(rtmp => 0, http => $format,
        server => $server, keystone => "rate_limit off;\n$keystone")->start;
}

# a login of nobody, as costly as any, on a connection of its own
sub login {
    my ($ks) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ks->port) or die "connect: $!";
    my $body = '{"email":"nobody@example.org","password":"not the password"}';
    print $socket "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
        . "Connection: close\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    $socket->flush;
    return $socket;
}

sub answer {
    my ($socket) = @_;
    my $text = '';
    my $select = IO::Select->new($socket);
    while ($select->can_read(20)) {
        my $n = sysread $socket, $text, 65536, length $text;
        last unless $n;
    }
    close $socket;
    return $text;
}

sub statuses {
    return join ' ', sort map { m{^HTTP/1.1 (\d+)} ? $1 : 'none' } @_;
}

sub active {
    my ($ks) = @_;
    return $ks->get('/status')->{body} =~ /Active connections: (\d+)/
        ? $1 : -1;
}

{
    my $ks = nginx('threads hash=1;');
    my @waiting = map { login($ks) } 1 .. 10;
    ok wait_for(sub { active($ks) == 11 }), 'ten clients wait';
    my $before = time;
    is $ks->get('/healthz')->{status}, 200, 'others do not';
    close $_ for @waiting;
    ok wait_for(sub { active($ks) == 1 }), 'no connection of them stays';
    my $left = () = $ks->slurp('logs/t.log') =~ m{^499 /api/v1/auth/login}mg;
    cmp_ok $left, '>=', 5, 'their requests were cancelled';

    my @reset = map { login($ks) } 1 .. 5;
    for my $socket (@reset) {
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        close $socket;
    }
    ok wait_for(sub { active($ks) == 1 }), 'nor of those that reset';
    is statuses(answer(login($ks))), '401', 'the next one is answered';
    $ks->stop('left alone: nginx ends well');
}

{
    my $ks = nginx('');
    my $owner = $ks->post('/api/v1/auth/register',
        { email => 'ann@example.org', password => 'correct horse battery' });
    my $key = $ks->post('/api/v1/streams', { title => 'Show' },
        bearer => $owner->{json}{access_token})->{json}{stream_key};
    for my $path ('/api/v1/auth/login', '/rtc/v1/whip') {
        my @answers;
        for my $round (1 .. 3) {
            my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                PeerPort => $ks->port) or die "connect: $!";
            my $type = $path =~ /rtc/ ? 'sdp' : 'json';
            my $chunk = "4000\r\n" . 'x' x 0x4000 . "\r\n";
            print $socket "POST $path HTTP/1.1\r\nHost: x\r\n"
                . "Content-Type: application/$type\r\nConnection: close\r\n"
                . "Authorization: Bearer $key\r\n"
                . "Transfer-Encoding: chunked\r\n\r\n", $chunk x 6,
                "0\r\n\r\n";
            $socket->flush;
            push @answers, answer($socket);
        }
        is statuses(@answers), join(' ', (413) x 3),
            "$path: a chunked body that is too large";
    }
    ok wait_for(sub { active($ks) == 1 }), 'leaves no connection open';
    $ks->stop('413: nginx ends well');
}

{
    my $ks = nginx('threads hash=1;');
    my @waiting = map { login($ks) } 1 .. 10;
    ok wait_for(sub { active($ks) == 11 }), 'ten clients wait';
    ok $ks->reload, 'a reload';
    push @waiting, login($ks);
    is statuses(map { answer($_) } @waiting), join(' ', (401) x 11),
        'all of them are answered';
    $ks->stop('reload: nginx ends well');
}

{
    my $ks = nginx('threads hash=1;');
    my @waiting = map { login($ks) } 1 .. 10;
    ok wait_for(sub { active($ks) == 11 }), 'ten clients wait';
    $ks->signal('QUIT');
    is statuses(map { answer($_) } @waiting), join(' ', (401) x 10),
        'QUIT: all of them are answered';
    $ks->stop('QUIT: nginx ends well');
}

{
    my $ks = nginx('threads hash=1;');
    my @waiting = map { login($ks) } 1 .. 10;
    ok wait_for(sub { active($ks) == 11 }), 'ten clients wait';
    $ks->signal('TERM');
    ok wait_for(sub { !$ks->worker_pids }), 'TERM: the worker goes';
    $ks->stop('TERM: nginx ends well');
}

{
    my $ks = nginx('threads hash=1 max_queue=3;');
    my @waiting = map { login($ks) } 1 .. 20;
    my @answers = map { answer($_) } @waiting;
    my @refused = grep { m{^HTTP/1.1 503} } @answers;
    cmp_ok scalar(@refused), '>=', 1, 'a full queue: some are refused';
    is scalar(grep { m{^HTTP/1.1 (?:401|503)} } @answers), 20,
        'the others are answered';
    like $refused[0] // '', qr/\r\nRetry-After: \d+\r\n/, 'with Retry-After';
    like $refused[0] // '', qr/"code":"overloaded"/, 'and the reason';
    unlike $ks->log, qr/queue overflow/, 'which is no news for the log';
    is statuses(answer(login($ks))), '401', 'later there is room';
    $ks->stop('full queue: nginx ends well');
}

done_testing;
