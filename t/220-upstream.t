# WHIP through the gate to a media server that answers, refuses, is not there,
# says nothing, or closes the connection. The server is nginx and two sockets.

use v5.30;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::More;

use Keystone::Env qw( free_port root wait_for );
use Keystone::Server;

# an offer recorded from a browser
sub offer {
    open my $in, '<', root() . '/t/captures/srs5/whip/publish.201.http'
        or die "capture: $!";
    local $/;
    my ($sdp) = <$in> =~ m{^(v=0\r?\n.*?)\s*^\#\#\# }ms
        or die 'no offer in the capture';
    return join '', map { "$_\r\n" } split /\r?\n/, $sdp;
}

my $srs = free_port();
my $dead = free_port();

# accepts, reads, and then nothing
my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16)
    or die $!;

# accepts and closes without a status line, as SRS 5 does
my $closing = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16)
    or die $!;
my $closer = fork // die $!;
if ($closer == 0) {
    while (my $client = $closing->accept) {
        sysread $client, my $request, 65536;
        close $client;
    }
    exit;
}

my %node = (srs_a => $srs, srs_dead => $dead,
            srs_silent => $silent->sockport, srs_close => $closing->sockport);

sub nginx {
    my ($node, %more) = @_;
    return Keystone::Server->new(rtmp => 0,
        keystone => "rate_limit off; srs_node $node api=127.0.0.1:$node{$node};",
        http => <<"END", server => <<'END')->start;
    log_format t '\$status \$request_method \$uri \$keystone_node'
                 ' \$keystone_upstream_uri \$keystone_decision';
    access_log logs/t.log t;
    log_format srs '\$request';
    upstream $node { server 127.0.0.1:$node{$node}; }
    server {
        listen 127.0.0.1:$srs;
        access_log logs/srs.log srs;
        default_type application/sdp;
        add_header Access-Control-Allow-Origin * always;
        add_header X-Seen "\$request_method \$request_uri auth=\$http_authorization" always;
        location /rtc/v1/whip/ {
            add_header Location "/rtc/v1/whip/?action=delete&token=t0&session=s0";
            add_header Access-Control-Allow-Origin * always;
            add_header X-Seen "\$request_method \$request_uri auth=\$http_authorization" always;
            if (\$request_method = DELETE) { return 200; }
            return 201 "v=0 the answer";
        }
    }
END
        location /api/ { keystone_api; }
        location /rtc/v1/ {
            keystone_gate rtc;
            proxy_pass http://$keystone_node$keystone_upstream_uri;
            proxy_set_header Authorization "";
            proxy_read_timeout 1s;
            proxy_connect_timeout 1s;
        }
END
}

sub stream {
    my ($ks) = @_;
    my $user = $ks->post('/api/v1/auth/register',
        { email => 'ann@example.org', password => 'correct horse battery' });
    die "register: $user->{status} $user->{body}" if $user->{status} != 201;
    my $stream = $ks->post('/api/v1/streams', { title => 'Show' },
        bearer => $user->{json}{access_token});
    die "stream: $stream->{status} $stream->{body}"
        if $stream->{status} != 201;
    return $stream->{json};
}

sub publish {
    my ($ks, $stream, %more) = @_;
    return $ks->request('POST', "/rtc/v1/whip/$stream->{id}",
        body => offer(), bearer => $stream->{stream_key},
        headers => { 'content-type' => 'application/sdp',
                     origin => 'https://studio.example.org' }, %more);
}

# nginx writes the line after the client has its answer
sub logged {
    my ($ks, $line) = @_;
    return wait_for { $ks->slurp('logs/t.log') =~ $line };
}

{
    my $ks = nginx('srs_a');
    my $stream = stream($ks);
    my $answer = publish($ks, $stream);
    is $answer->{status}, 201, 'a WHIP offer is answered';
    is $answer->{body}, 'v=0 the answer', 'by the media server';
    my $location = $answer->{headers}{location} // '';
    like $location, qr{^/rtc/v1/whip/$stream->{id}/ses_\w{22}$},
        'with our Location';
    is $answer->{headers}{'access-control-allow-origin'},
        'https://studio.example.org', 'and our CORS headers';
    like $answer->{headers}{'x-seen'},
        qr{^POST /rtc/v1/whip/\?app=live&stream=$stream->{id}&ks=[\w-]{22} auth=$},
        'the media server saw no token';
    ok logged($ks, qr{^201 POST \S+ srs_a /rtc/v1/whip/\?app}m),
        'variables in the log';

    my $gone = $ks->request('DELETE', $location);
    is $gone->{status}, 200, 'DELETE';
    ok wait_for {
        $ks->slurp('logs/srs.log') =~
            m{^DELETE /rtc/v1/whip/\?action=delete&token=t0&session=s0 }m
    }, 'reaches the session of the media server';

    my $wrong = publish($ks, $stream, bearer => 'ks_pub_' . 'x' x 32);
    is $wrong->{status}, 401, 'a wrong key is refused';
    is $wrong->{headers}{'content-type'}, 'application/problem+json', '...';
    is $wrong->{json}{code}, 'unauthorized', '...';
    unlike $ks->log . $ks->access_log . $ks->slurp('logs/t.log'),
        qr/\Q$stream->{stream_key}/, 'the key is in no log';
    $ks->stop;
}

for my $case (['srs_dead', 503, 'upstream_unavailable'],
              ['srs_close', 502, 'upstream_error'],
              ['srs_silent', 504, 'upstream_timeout'])
{
    my ($node, $status, $code) = @$case;
    my $ks = nginx($node);
    my $stream = stream($ks);
    my $answer = publish($ks, $stream);
    is $answer->{status}, $status, "$node: $status";
    is $answer->{headers}{'content-type'}, 'application/problem+json',
        "$node: a problem document";
    is +($answer->{json} // {})->{code}, $code, "$node: $code";
    like $answer->{headers}{'x-request-id'} // '', qr/^[\w.-]{8,64}$/,
        "$node: with X-Request-Id";
    my $again = publish($ks, $stream);
    is $again->{status}, $status, "$node: the stream is not left occupied";
    $ks->stop("$node: nginx ends well");
}

kill 'TERM', $closer;
waitpid $closer, 0;
done_testing;
