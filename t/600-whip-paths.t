# WHIP and WHEP line by line (RFC 9725, draft-ietf-wish-whep), in all the forms
# that clients of SRS have. The media server is an nginx that says 201.

use v5.30;
use warnings;
use lib 't/lib';

use IO::Select;
use IO::Socket::INET;
use Test::More;

use Keystone::Env qw( free_port root wait_for );
use Keystone::Server;

my $srs = free_port();

my $ks = Keystone::Server->new(rtmp => 0, keystone => <<"END",
    rate_limit off;
    srs_node srs_a api=127.0.0.1:$srs;
    edge_base_url https://live.example.org/edge;
    ice_server stun:stun.example.org:3478;
    ice_server turn:turn.example.org:3478 secret=north-wind ttl=600;
END
    http => <<"END", server => <<'END');
    log_format t '\$status \$request_method \$uri \$upstream_addr'
                 ' \$keystone_upstream_uri';
    access_log logs/t.log t;
    upstream srs_a { server 127.0.0.1:$srs; }
    server {
        listen 127.0.0.1:$srs;
        default_type application/sdp;
        add_header Access-Control-Allow-Origin *;
        location /rtc/v1/ {
            add_header Location "/rtc/v1/whip/?action=delete&token=t&session=s:EsAw";
            add_header ETag '"of-srs"';
            add_header Access-Control-Allow-Origin *;
            if (\$request_method = DELETE) { return 200; }
            return 201 "v=0 \$request_uri";
        }
    }
END
    location /api/ { keystone_api; }
    location /edge/rtc/v1/ {
        keystone_gate rtc;
        proxy_pass http://$keystone_node$keystone_upstream_uri;
    }
    location /rtc/v1/ {
        keystone_gate rtc;
        proxy_pass http://$keystone_node$keystone_upstream_uri;
    }
    location /other/rtc/ {
        keystone_gate rtc;
        proxy_pass http://$keystone_node$keystone_upstream_uri;
    }
END

$ks->user('ann@example.org');
my $stream = $ks->stream('ann@example.org', title => 'Show');
my $private = $ks->stream('ann@example.org', title => 'Closed',
                          visibility => 'private');
my $never = $ks->stream('ann@example.org', title => 'Never');
my $idle = $ks->stream('ann@example.org', title => 'Idle');
$ks->start;

my ($id, $key) = @$stream{qw( id stream_key )};

sub read_file {
    my ($path) = @_;
    open my $in, '<:raw', root() . "/$path" or die "$path: $!";
    local $/;
    return <$in>;
}

my $offer = read_file('libkeystone/tests/data/chromium-whip.sdp');
my $ask = read_file('libkeystone/tests/data/chromium-whep.sdp');
my $fragment = read_file('libkeystone/tests/data/trickle.sdpfrag');

# A request to /rtc/v1/...; sends an offer unless told otherwise.
sub rtc {
    my ($method, $path, %option) = @_;
    my %headers = %{ $option{headers} // {} };
    if ($method eq 'POST') {
        $headers{'content-type'} //= 'application/sdp';
        $option{body} //= $path =~ /^wh(?:ep|ip-play)/ ? $ask : $offer;
    }
    $path = "/rtc/v1/$path" unless $path =~ m{^/};
    return $ks->request($method, $path, %option, headers => \%headers);
}

sub publish { rtc('POST', $_[0], bearer => $key, @_[1 .. $#_]) }

sub trickle {
    my ($location, $text, %option) = @_;
    return rtc('PATCH', $location, body => $text, %option, headers => {
        'content-type' => 'application/trickle-ice-sdpfrag',
        %{ $option{headers} // {} } });
}

sub header { $_[0]{headers}{ $_[1] } // '' }

sub links {
    my ($answer) = @_;
    my $link = $answer->{headers}{link} // [];
    return ref $link ? @$link : ($link);
}

sub end_of { is rtc('DELETE', header($_[0], 'location'))->{status}, 200, $_[1] }

# what one request, written by hand, is answered with
sub raw {
    my ($request) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ks->port) or die $!;
    $request =~ s/(?<!\r)\n/\r\n/g;
    print $socket $request;
    my $in = '';
    while (IO::Select->new($socket)->can_read(5)) {
        sysread $socket, $in, 65536, length $in or last;
        last if $in =~ /\r\n\r\n/;
    }
    return $in;
}

# the forms of an endpoint

for my $form ("whip/$id", "whip/$id/", "whip/live/$id",
              "whip/?app=live&stream=$id", "whip?app=live&stream=$id",
              "whip/?stream=$id&eip=192.0.2.1&action=publish",
              "whip/$id?action=play&candidate=192.0.2.1&dtls=false", 'whip',
              'whip/', '/other/rtc/whip/live/' . $id,
              "/edge/rtc/v1/whip/$id")
{
    my $answer = publish($form);
    is $answer->{status}, 201, "POST $form";
    like $answer->{body},
        qr{^v=0 /rtc/v1/whip/\?app=live&stream=$id&ks=[\w-]{22}$},
        '- goes to SRS as one and the same';
    my $prefix = $form =~ m{^/other} ? '/edge/other/rtc' : '/edge/rtc/v1';
    my $location = header($answer, 'location');
    like $location, qr{^\Q$prefix\E/whip/$id/ses_[0-9A-Za-z]{22}$},
        '- its Location is as it is seen from outside';
    $location =~ s{^/edge/other}{/other};
    is rtc('DELETE', $location)->{status}, 200, '- and ends it';
}

my $live = publish("whip/$id");
my $session = header($live, 'location');
for my $form ("whep/$id", "whep/live/$id", "whep/?app=live&stream=$id",
              "whip-play/?app=live&stream=$id", "whip-play/$id",
              "whip/?app=live&stream=$id&action=play")
{
    my $answer = rtc('POST', $form, body => $ask);
    is $answer->{status}, 201, "POST $form";
    like $answer->{body},
        qr{^v=0 /rtc/v1/whep/\?app=live&stream=$id&ks=[\w-]{22}$}, '- plays';
    like header($answer, 'location'), qr{^/edge/rtc/v1/whep/$id/ses_},
        '- is a WHEP session';
    end_of($answer, '- ends');
}

for my $case (['publish/', qr/publish by WHIP at whip\/STREAM/],
              ['play/', qr/play by WHEP at whep\/STREAM/],
              ["whip/?app=other&stream=$id", qr/one app, \\"live\\"/],
              ["whip/?stream=$id&stream=x", qr/stream/],
              ["whip/?stream=$id&action=delete", qr/DELETE to its Location/],
              ["whip/$id.x", qr/64 letters/], ["WHIP/$id", qr/whip\/STREAM/],
              ["whip/$id/a/b", qr/whip\/STREAM/])
{
    my ($path, $says) = @$case;
    my $answer = publish($path);
    is $answer->{status}, 404, "POST $path: 404";
    is header($answer, 'content-type'), 'application/problem+json',
        '- a problem document';
    like $answer->{body}, $says, '- says what to write';
}

# WHIP

is $live->{status}, 201, 'W-1 POST of an offer';
is header($live, 'content-type'), 'application/sdp', 'W-1 an answer';
is header($live, 'etag'), '', 'W-23 no ETag: there is no restart';

for my $type ('application/json', '', 'text/plain') {
    my $answer = publish("whip/$id", headers => { 'content-type' => $type });
    is $answer->{status}, 415, "W-2 content type '$type'";
    is header($answer, 'accept-post'), 'application/sdp', 'W-2 what it takes';
}
for my $sdp ('', 'hello', "v=0\r\n") {
    is publish("whip/$idle->{id}", bearer => $idle->{stream_key},
               body => $sdp)->{status}, 400, 'W-3 malformed';
}
for my $path ("whip/$id", $session) {
    for my $method (qw( GET HEAD )) {
        my $answer = rtc($method, $path);
        is $answer->{status}, 204, "W-4 $method";
        is $answer->{body} // '', '', 'W-4 no content';
    }
}

my $options = rtc('OPTIONS', "whip/$id");
is $options->{status}, 200, 'W-5 OPTIONS';
is header($options, 'accept-post'), 'application/sdp', 'W-5 Accept-Post';
is join("\n", links($options)), '<stun:stun.example.org:3478>; rel="ice-server"',
    'W-6 OPTIONS of a stranger: no TURN server';
my @known = links(rtc('OPTIONS', "whip/$idle->{id}",
                      bearer => $idle->{stream_key}));
is scalar @known, 2, 'W-6 OPTIONS with a token';
my %preflight = (origin => 'https://studio.example.org',
                 'access-control-request-method' => 'POST',
                 'access-control-request-headers' => 'authorization');
for my $path ("whip/$id", "whip/$private->{id}", $session, 'nothing') {
    my $answer = rtc('OPTIONS', $path, headers => \%preflight);
    is $answer->{status}, 200, "W-11 preflight of $path";
    is scalar links($answer), 0, 'W-6 no Link on it';
    is header($answer, 'www-authenticate'), '', 'W-11 no challenge';
    like header($answer, 'access-control-allow-headers'),
        qr/Authorization.*Content-Type.*If-Match/, 'W-34 headers by name';
    is header($answer, 'access-control-allow-methods'),
        'GET, HEAD, POST, PATCH, DELETE, OPTIONS', 'W-34 methods';
}

my $bare = rtc('POST', "whip?stream=$idle->{id}", bearer => $idle->{stream_key});
is $bare->{status}, 201, 'W-7 no redirect to the form with a slash';
end_of($bare, '- ends');
for my $case (['PUT', "whip/$id", qr/^GET, HEAD, POST, OPTIONS$/],
              ['DELETE', "whip/$id", qr/POST/], ['PATCH', "whip/$id", qr/POST/],
              ['POST', $session, qr/PATCH, DELETE/],
              ['PUT', $session, qr/PATCH, DELETE/])
{
    my $answer = rtc($case->[0], $case->[1], bearer => $key);
    is $answer->{status}, 405, "W-9 $case->[0] $case->[1]";
    like header($answer, 'allow'), $case->[2], 'W-9 Allow';
}

for my $bearer ('', 'undefined', 'ks_pub_' . 'x' x 32) {
    my $answer = rtc('POST', "whip/$idle->{id}", bearer => $bearer);
    is $answer->{status}, 401, "W-10 bearer '$bearer'";
    my $error = $bearer =~ /^ks/ ? ', error="invalid_token"' : '';
    is header($answer, 'www-authenticate'), "Bearer realm=\"keystone\"$error",
        'W-10 WWW-Authenticate';
}
is rtc('POST', "whip/$idle->{id}", bearer => $key)->{status}, 403,
    'W-10 a key of another stream';
for my $query ("token=$key", "key=$key") {
    is rtc('POST', "whip/$id?$query", body => '')->{status}, 400,
        'W-13 the token in the address';
}

is trickle($session, $fragment, bearer => 'ks_pub_' . 'x' x 32)->{status},
    401, 'W-12 a bearer that is there is checked';
is trickle($session, $fragment, bearer => $key)->{status}, 204, 'W-12 with';
my $trickled = trickle($session, $fragment);
is $trickled->{status}, 204, 'W-21 trickle, without a bearer';
is $trickled->{body} // '', '', 'W-21 empty';
is header($trickled, 'etag'), '', 'W-21 no ETag';
is trickle($session, $fragment =~ s/typ host/typ host tcptype active/r)
    ->{status}, 204, 'W-21 candidates that mean nothing here are dropped';
is trickle($session, $fragment, headers => { etag => '"x"', 'if-match' => '"y"' })
    ->{status}, 204, 'W-23 If-Match is ignored';
is rtc('PATCH', $session, body => $fragment, headers => {
    'content-type' => 'application/sdp' })->{status}, 415, 'W-20 another type';
is trickle($session, 'x')->{status}, 400, 'W-20 a bad fragment';
is trickle($session, $fragment =~ s/EsAw/OTHR/gr)->{status}, 422,
    'W-22 an ICE restart';
is rtc('GET', $session)->{status}, 204, 'W-24 does not end the session';

for my $case (['recvonly', $offer =~ s/a=sendonly/a=recvonly/gr, 'W-26'],
              ['inactive', $offer =~ s/a=sendonly/a=inactive/gr, 'W-26'],
              ['no BUNDLE', $offer =~ s/a=group:BUNDLE.*\r\n//r, 'W-27'],
              ['a setup nobody knows', $offer =~ s/a=setup:\w+/a=setup:x/gr,
                  'W-29'])
{
    my $answer = publish("whip/$id", body => $case->[1]);
    is $answer->{status}, 422, "$case->[2] $case->[0]";
}
for my $setup (qw( actpass active passive )) {
    my $answer = publish("whip/$idle->{id}", bearer => $idle->{stream_key},
        body => $offer =~ s/a=setup:\w+/a=setup:$setup/gr);
    is $answer->{status}, 201, "W-29 setup:$setup";
    end_of($answer, '- ends');
}

my @link = links($live);
is scalar @link, 2, 'W-31 one Link for each server';
like $link[1], qr{^<turn:turn\.example\.org:3478>;[ ]rel="ice-server";
    [ ]username="(\d+):$id";[ ]credential="[\w+/]{27}=";
    [ ]credential-type="password"$}x, 'W-31 with a login of its own';
my ($until) = $link[1] =~ /username="(\d+):/;
cmp_ok abs($until - time - 600), '<', 30, 'W-31 for ten minutes';
unlike $ks->log . $ks->slurp('logs/t.log'), qr/north-wind/, '- not in a log';

my $cors = publish("whip/$idle->{id}", bearer => $idle->{stream_key},
    headers => { origin => 'https://studio.example.org' });
is header($cors, 'access-control-allow-origin'), 'https://studio.example.org',
    'W-34 CORS on the 201';
like header($cors, 'vary'), qr/Origin/, 'W-34 Vary';
for my $name (qw( Location ETag Link Retry-After WWW-Authenticate Accept-Post
                  Access-Control-Allow-Methods ))
{
    like header($cors, 'access-control-expose-headers'), qr/\b\Q$name\E\b/,
        "W-34 exposes $name";
}
end_of($cors, '- ends');

# lengths

my $head = "POST /rtc/v1/whip/$id HTTP/1.1\nHost: x\nConnection: close\n"
    . "Authorization: Bearer $key\nContent-Type: application/sdp\n";
like raw("$head\n"), qr{^HTTP/1.1 411 }, '411 without a length';
like raw("${head}Content-Length: 5\n\nhello"), qr{^HTTP/1.1 400 }, 'with one';
like raw("${head}Transfer-Encoding: chunked\n\n5\nhello\n0\n\n"),
    qr{^HTTP/1.1 400 }, 'a chunked offer is read';
like raw("${head}Content-Length: 70000\n\n"), qr{^HTTP/1.1 413 }, 'too long';

# WHEP

my $player = rtc('POST', "whep/$id");
is $player->{status}, 201, 'H-1 recvonly';
is rtc('POST', "whep/$id", body => $offer)->{status}, 422, 'H-1 sendonly: 422';
my $whep_head = rtc('HEAD', "whep/$id");
is $whep_head->{status}, 200, 'H-2 HEAD';
is header($whep_head, 'content-type'), 'application/sdp', 'H-2 its type';
is $whep_head->{body} // '', '', 'H-2 no body';
my $not_live = rtc('POST', "whep/$never->{id}");
is $not_live->{status}, 409, 'H-3 not live';
like header($not_live, 'retry-after'), qr/^[1-9]\d*$/, 'H-3 Retry-After';
is $not_live->{json}{code}, 'not_live', 'H-3 says so';
is rtc('POST', 'whep/str_' . 'x' x 22)->{status}, 401,
    'H-3 no such stream: as one that may not be seen';
is rtc('POST', "whep/$private->{id}")->{status}, 401, 'H-3 private';
is rtc('POST', "whep/$id", headers => { authorization => 'Bearer undefined' })
    ->{status}, 201, 'H-8 "undefined" is no token: a public stream plays';
is rtc('POST', "whep/$id", body => 'x')->{status}, 400,
    'H-5 400 for malformed SDP only';
end_of($player, 'H-8 DELETE');
is rtc('DELETE', header($player, 'location'))->{status}, 404, '- twice';

# ends

is rtc('DELETE', $session, headers => { 'if-match' => '"other"' })->{status},
    200, 'W-15 DELETE, W-16 whatever If-Match says';
ok wait_for(sub { $ks->slurp('logs/t.log') =~ /DELETE \Q$session\E/ }),
    'W-19 at the address that was given';
is rtc('DELETE', $session)->{status}, 404, 'W-15 twice: 404';
is rtc('DELETE', $session =~ s/.$/-/r)->{status}, 404, 'W-14 no other opens it';

ok wait_for(sub { $ks->slurp('logs/t.log') =~ /^404 DELETE \S+-/m }), 'logged';
unlike $ks->slurp('logs/t.log'), qr/^4\d\d .*127\.0\.0\.1:$srs/m,
    'what is refused asks SRS nothing';

$ks->stop;
done_testing;
