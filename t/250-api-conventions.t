# What holds for every resource of the API, as it is on the wire: problem
# documents, methods, bodies, CORS, request ids, both places it is mounted at.

use v5.30;
use warnings;
use lib 't/lib';

use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

use Keystone::Server;

my $page = 'https://app.example.org';
my $ks = Keystone::Server->new(rtmp => 0, workers => 2,
    keystone => "cors_origins $page http://localhost:5173;",
    server => <<'END');
        location /api/ { keystone_api; }
        location /v1/  { keystone_api; }
END
my $ann = $ks->user('ann@example.org');
$ks->start;
my $token = $ks->login($ann);
my $streams = '/api/v1/streams';

sub header { $_[0]{headers}{ lc $_[1] } // '' }

sub problem {
    my ($answer, $status, $code, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    subtest $name => sub {
        is $answer->{status}, $status, 'status';
        is header($answer, 'Content-Type'), 'application/problem+json', 'type';
        is header($answer, 'Cache-Control'), 'no-store', 'not cached';
        my $json = $answer->{json} // {};
        is $json->{code}, $code, 'code';
        is $json->{status}, $status, 'status in the body';
        ok length($json->{$_} // ''), $_ for qw( type title detail instance );
        like header($answer, 'X-Request-Id'), qr/^[A-Za-z0-9._-]{8,64}$/,
            'request id';
    };
    return;
}

# everything that is sent, byte by byte; the whole answer
sub raw {
    my ($text) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ks->port, Timeout => 5) or die "connect: $!";
    print $socket $text;
    local $/;
    return <$socket> // '';
}

# where it is

for my $base ('/api/v1', '/v1') {
    is $ks->get("$base/streams", bearer => $token)->{status}, 200,
        "the API is at $base";
    my $made = $ks->post("$base/streams", { title => 'Show' },
                         bearer => $token);
    is header($made, 'Location'), "$base/streams/$made->{json}{id}",
        'Location has the same base';
}
problem($ks->get('/api/v1/nothing'), 404, 'not_found', 'unknown path');
problem($ks->get('/api/'), 404, 'not_found', 'beside /v1');
problem($ks->get('/api/anything/v1/streams', bearer => $token), 404,
        'not_found', 'a /v1/ further behind');
for my $path ('auth/logout', 'streams') {
    my $got = raw("POST /api/%0d%0aSet-Cookie:%20x=y%0d%0aX:/v1/$path"
        . " HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n");
    my ($sent) = split /\r\n\r\n/, $got, 2;
    like $sent, qr{^HTTP/1\.\d 404 }, "line ends before /v1/$path";
    unlike $sent, qr/^(?:Set-Cookie|X):/mi, '... make no headers';
}

# methods

my $answer = $ks->request('PUT', $streams);
problem($answer, 405, 'method_not_allowed', 'wrong method');
is header($answer, 'Allow'), 'GET, HEAD, POST, OPTIONS', 'Allow';

$answer = raw("HEAD $streams HTTP/1.0\r\nHost: x\r\n"
    . "Authorization: Bearer $token\r\n\r\n");
my ($head, $body) = split /\r\n\r\n/, $answer, 2;
like $head, qr{^HTTP/1\.\d 200 }, 'HEAD where GET is';
my ($length) = $head =~ /^Content-Length: (\d+)/mi;
cmp_ok $length // 0, '>', 100, 'with the length GET would have';
is $body, '', 'and no body';

$answer = $ks->request('OPTIONS', $streams);
is $answer->{status}, 204, 'OPTIONS';
is header($answer, 'Allow'), 'GET, HEAD, POST, OPTIONS', 'says what is allowed';

# who asks

problem($ks->get($streams), 401, 'unauthorized', 'nobody');
like header($ks->get($streams), 'WWW-Authenticate'), qr/^Bearer/,
    'WWW-Authenticate';
problem($ks->get($streams, bearer => "${token}x"), 401, 'unauthorized',
        'a changed token');
{
    my (undef, $claims) = split /\./, $token;
    problem($ks->get($streams, bearer => "eyJhbGciOiJub25lIn0.$claims."), 401,
            'unauthorized', 'the header does not choose the algorithm');
}

# bodies

sub post_raw {
    my ($body, $type) = @_;
    return $ks->request('POST', $streams, body => $body, bearer => $token,
        headers => { 'content-type' => $type // 'application/json' });
}

problem(post_raw('{"title":'), 400, 'invalid_json', 'no JSON');
problem(post_raw(''), 400, 'invalid_json', 'an empty body');
problem(post_raw('title=x', 'application/x-www-form-urlencoded'), 415,
        'unsupported_media_type', 'a form');
problem(post_raw('[]'), 422, 'invalid_request', 'no object');
problem(post_raw('{"title":' . ('[' x 40) . (']' x 40) . '}'), 400,
        'invalid_json', 'too deep');
is post_raw('{"title":"x"}', 'application/json; charset=utf-8')->{status}, 201,
    'parameters of the type do not matter';

$answer = post_raw('{"visibility":"secret","max_viewers":"many","nmae":1}');
problem($answer, 422, 'invalid_request', 'much is wrong');
is_deeply [ sort map { "$_->{field} $_->{code}" } @{ $answer->{json}{errors} } ],
    [ 'max_viewers wrong_type', 'nmae unknown_member', 'title required',
      'visibility invalid_value' ], 'and all of it is said';

problem(post_raw('{"title":"x"}' . ' ' x 65536), 413, 'payload_too_large',
        'over 64 KiB');
is post_raw('{"title":"x"}' . ' ' x (65536 - 13))->{status}, 201, '64 KiB';
{
    # chunked, so that its length shows late
    my $chunk = sprintf "%x\r\n%s\r\n", 8192, ' ' x 8192;
    my $got = raw("POST $streams HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        . "Authorization: Bearer $token\r\nContent-Type: application/json\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n" . $chunk x 9 . "0\r\n\r\n");
    like $got, qr{^HTTP/1\.1 413 }, 'over 64 KiB in chunks';
    like $got, qr/"code":"payload_too_large"/, 'its reason';
    my $small = '{"title":"chunks"}';
    $got = raw("POST $streams HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        . "Authorization: Bearer $token\r\nContent-Type: application/json\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $small, $small));
    like $got, qr{^HTTP/1\.1 201 }, 'a small one in chunks';
}

# request ids

is header($ks->get($streams, headers => { 'x-request-id' => 'from-client.1' }),
          'X-Request-Id'), 'from-client.1', 'the client names its request';
isnt header($ks->get($streams, headers => { 'x-request-id' => 'no good' }),
            'X-Request-Id'), 'no good', 'unless it cannot be a name';

# CORS

$answer = $ks->request('OPTIONS', $streams, headers => { origin => $page,
    'access-control-request-method' => 'POST',
    'access-control-request-headers' => 'authorization,content-type' });
is $answer->{status}, 204, 'a preflight';
is header($answer, 'Access-Control-Allow-Origin'), $page, 'for a known page';
like header($answer, 'Access-Control-Allow-Headers'), qr/\bAuthorization\b/,
    'names Authorization';
like header($answer, 'Access-Control-Allow-Methods'), qr/\bPOST\b/, 'POST';
is header($answer, 'Access-Control-Allow-Credentials'), 'true', 'cookies';

for my $path ($streams, '/api/v1/live-streams', '/api/v1/nothing') {
    $answer = $ks->get($path, headers => { origin => $page });
    is header($answer, 'Access-Control-Allow-Origin'), $page,
        "$path may be read by the page";
    like header($answer, 'Vary'), qr/\bOrigin\b/, 'Vary';
}
for my $origin ("$page.evil.test", 'https://evil.test', 'null',
                'http://app.example.org', "$page:8443")
{
    $answer = $ks->get('/api/v1/live-streams', headers => { origin => $origin });
    is header($answer, 'Access-Control-Allow-Origin'), '', "not by $origin";
}

# hardening

is header($ks->get($streams), 'X-Content-Type-Options'), 'nosniff', 'nosniff';
for my $path ('/api/v1/streams/..%2f..%2fetc', '/api/v1/streams/%00',
              '/api/v1//streams//x')
{
    cmp_ok $ks->get($path, bearer => $token)->{status}, '>=', 400, $path;
}

# one connection for many

{
    my $client = HTTP::Tiny->new(keep_alive => 1, timeout => 10);
    my @status = map { $ks->get($streams, bearer => $token,
                                client => $client)->{status} } 1 .. 20;
    is "@status", join(' ', (200) x 20), '20 requests on one connection';
}

$ks->stop;
done_testing;
