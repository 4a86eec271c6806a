# HTTP/2: requests that wait, bodies, early refusals, a reset stream.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( free_port wait_for );
use Keystone::Http2;
use Keystone::Server;

my $port = free_port();

my $ks = Keystone::Server->new(rtmp => 0,
    keystone => 'rate_limit off; threads hash=1;', http => <<"END")->start;
    log_format t '\$status \$request_method \$uri \$keystone_decision';
    access_log logs/t.log t;
    server {
        listen 127.0.0.1:$port http2;
        location /api/    { keystone_api; }
        location /live/   { keystone_gate hls; root media; }
        location /rtc/v1/ { keystone_gate rtc; proxy_pass http://127.0.0.1:1; }
    }
END

my $h2 = Keystone::Http2->new($port);
my $login = '{"email":"nobody@example.org","password":"not the password"}';

sub json { return (headers => { 'content-type' => 'application/json' }, @_) }

sub ask {
    my ($method, $path, %option) = @_;
    return $h2->answer($h2->send($method, $path, %option));
}

my ($status, $body) = ask('POST', '/api/v1/auth/login', json(body => $login));
is $status, 401, 'a request that waits for a thread';
like $body, qr/"code":"invalid_credentials"/, 'its body';

my @ids = map { $h2->send('POST', '/api/v1/auth/login', json(body => $login)) }
    1 .. 10;
my @answers = map { ($h2->answer($_))[0] } @ids;
is "@answers", join(' ', (401) x 10), 'ten of them at once';

($status, $body) = ask('POST', '/rtc/v1/whip/some', open => 1,
    headers => { 'content-type' => 'application/sdp' });
is $status, 401, 'a refusal before any of the body has come';
like $body, qr/"code":"unauthorized"/, 'its body';

($status, $body) = ask('POST', '/api/v1/auth/login',
                       json(body => 'x' x 60000));
is $status, 400, 'a body of 60000 bytes, of unknown length';
like $body, qr/"code":"invalid_json"/, 'has been read';

($status, $body) = ask('POST', '/api/v1/auth/login',
                       json(body => 'x' x 70000));
is $status, 413, 'one of 70000 bytes';
like $body, qr/"code":"payload_too_large"/, 'is too large';

my $id = $h2->send('POST', '/api/v1/auth/login', json(open => 1));
$h2->data($id, substr($login, 0, 20), 0);
is +(ask('GET', '/api/v1/live-streams'))[0], 200, 'another stream meanwhile';
$h2->data($id, substr($login, 20), 1);
is +($h2->answer($id))[0], 401, 'a body in pieces';

($status, $body) = ask('HEAD', '/api/v1/nothing');
is $status, 404, 'HEAD';
is $body, '', 'has no body';

($status, $body) = ask('GET', '/live/nothing.m3u8');
like $status, qr/^40[14]$/, 'the gate of HLS';
like $body, qr/^\{"type":/, 'answers with a problem document';

@ids = map { $h2->send('POST', '/api/v1/auth/login', json(body => $login)) }
    1 .. 8;
$h2->reset($_) for @ids;
ok wait_for(sub { $ks->slurp('logs/t.log') =~ /^499 POST/m }),
    'a reset cancels a request that waits';
is +(ask('GET', '/api/v1/live-streams'))[0], 200, 'the connection goes on';

@ids = map { $h2->send('POST', '/api/v1/auth/login', json(body => $login)) }
    1 .. 8;
undef $h2;
$ks->stop('the client goes with requests open: nginx ends well');
done_testing;
