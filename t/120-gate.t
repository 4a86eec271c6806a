# keystone_gate hls among the other access directives, redirects, files and
# logs, while two streams are live (by WHIP, to an nginx that plays SRS).

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( free_port root wait_for );
use Keystone::Server;

sub offer {
    open my $in, '<', root() . '/t/captures/srs5/whip/publish.201.http'
        or die "capture: $!";
    local $/;
    my ($sdp) = <$in> =~ m{^(v=0\r?\n.*?)\s*^\#\#\# }ms
        or die 'no offer in the capture';
    return join '', map { "$_\r\n" } split /\r?\n/, $sdp;
}

my $srs = free_port();

my $ks = Keystone::Server->new(rtmp => 0,
    keystone => "rate_limit off; srs_node srs_a api=127.0.0.1:$srs;",
    http => <<"END", server => <<'END');
    log_format t '\$status "\$request" uri=\$uri stream=\$keystone_stream'
                 ' decision=\$keystone_decision';
    access_log logs/t.log t;
    proxy_cache_path cache keys_zone=cache:1m;
    upstream srs_a { server 127.0.0.1:$srs; }
    server {
        listen 127.0.0.1:$srs;
        default_type application/sdp;
        location /rtc/v1/whip/ {
            add_header Location "/rtc/v1/whip/?action=delete&token=t&session=s";
            return 201 "v=0";
        }
        location / { return 200 "\$request_uri"; }
    }
END
    root media;
    location /api/    { keystone_api; }
    location /rtc/v1/ {
        keystone_gate rtc;
        proxy_pass http://$keystone_node$keystone_upstream_uri;
    }

    location /live/   {
        keystone_gate hls;
        error_page 401 =200 /page;
        location ~ \.ts$ { expires 1h; }
        location /live/poster/ { keystone_gate off; }
    }
    location /page    { return 200 "page"; }

    location /alias/  { keystone_gate hls; alias media/live/; }
    location /denied/ { keystone_gate hls; deny all; }
    location /basic/  {
        keystone_gate hls;
        auth_basic x;
        auth_basic_user_file /dev/null;
    }
    location /inside/ {
        keystone_gate hls;
        satisfy any;
        allow 127.0.0.1;
        deny all;
        alias media/live/;
    }
    location /either/ {
        keystone_gate hls;
        satisfy any;
        deny all;
        alias media/live/;
    }
    location /other/  { keystone_gate hls; error_page 404 = @other; }
    location @other   { keystone_gate hls; rewrite ^/other/ /live/x.txt break; }
    location /named/  { try_files /nothing /live/$arg_file; }
    location /proxy/  { keystone_gate hls; proxy_pass http://srs_a; }
    location /dead/   { keystone_gate hls; proxy_pass http://127.0.0.1:1; }
    location /cached/ {
        keystone_gate hls;
        proxy_pass http://srs_a;
        proxy_cache cache;
        proxy_cache_key $uri;
        proxy_cache_valid 1m;
        add_header X-Cache $upstream_cache_status;
    }
END

$ks->start;

my $owner = $ks->post('/api/v1/auth/register',
    { email => 'ann@example.org', password => 'correct horse battery' })
    ->{json}{access_token};

sub live {
    my ($visibility) = @_;
    my $stream = $ks->post('/api/v1/streams',
        { title => $visibility, visibility => $visibility },
        bearer => $owner)->{json};
    my $answer = $ks->request('POST', "/rtc/v1/whip/$stream->{id}",
        body => offer(), bearer => $stream->{stream_key},
        headers => { 'content-type' => 'application/sdp' });
    is $answer->{status}, 201, "a $visibility stream is live";
    my $path = $ks->media . "/live/$stream->{id}-1.ts";
    open my $out, '>', $path or die "$path: $!";
    print $out "segment $visibility";
    close $out;
    return $stream;
}

my $show = live('private');
my $open = live('public');
my ($private, $public) = map { "$_->{id}-1.ts" } $show, $open;

my $play = $ks->post("/api/v1/streams/$show->{id}/tokens", { kind => 'play' },
                     bearer => $owner)->{json};
my $token = $play->{token};
like $token, qr/^ks_play_\w+$/, 'a play token';

for my $file (qw( x.txt poster/x.jpg )) {
    mkdir $ks->media . '/live/poster';
    open my $out, '>', $ks->media . "/live/$file" or die $!;
    print $out $file;
}

# name, path, more of the request, status, pattern of the body
my @cases = (
    ['no token', "/live/$private", {}, 401, qr/"code":"unauthorized"/],
    ['the query', "/live/$private?token=$token", {}, 200, qr/^segment priv/],
    ['bearer', "/live/$private", { bearer => $token }, 200, qr/^segment priv/],
    ['the path', "/live/t/$token/$private", {}, 200, qr/^segment priv/],
    ['a wrong one', '/live/t/ks_play_WrongWrongWrongWrongWrong/' . $private,
        {}, 401, qr/"code":"unauthorized"/],
    ['a public stream', "/live/$public", {}, 200, qr/^segment publ/],
    ['a range', "/live/$public", { headers => { range => 'bytes=2-4' } },
        206, qr/^gme$/],
    ['not modified', "/live/$public", { headers => {
        'if-modified-since' => 'Fri, 01 Jan 2100 00:00:00 GMT' } },
        200, qr/^segment/],
    ['a file that is not there', "/live/$show->{id}-99.ts?token=$token", {},
        404, qr/"status":404/],
    ['no playlist', '/live/x.txt', {}, 404, qr/"code":"not_found"/],
    ['off', '/live/poster/x.jpg', {}, 200, qr/^poster/],
    ['alias', "/alias/t/$token/$private", {}, 200, qr/^segment priv/],
    ['deny', "/denied/$public", {}, 403, qr/"status":403/],
    ['deny, with a token', "/denied/t/$token/$private", {}, 403,
        qr{"instance":"/denied/t/-/$private"}],
    ['auth_basic', "/basic/$public", {}, 401, qr/"status":401/],
    ['satisfy any: allowed', "/inside/$private", {}, 200, qr/^segment priv/],
    ['satisfy any: token', "/either/$private?token=$token", {}, 200,
        qr/^segment priv/],
    ['satisfy any: nobody', "/either/$private", {}, 401,
        qr/"code":"unauthorized"/],
    ['error_page to a gate', "/other/$private?token=$token", {}, 200,
        qr/^x\.txt$/],
    ['try_files to a gate', "/named/?file=$public", {}, 200, qr/^segment publ/],
    ['which asks', "/named/?file=$private", {}, 401,
        qr/"code":"unauthorized"/],
    ['proxy_pass', "/proxy/t/$token/$private?x=1", {}, 200,
        qr{^/proxy/$private\?x=1$}],
    ['proxy_pass with a query', "/proxy/$private?x=1&token=$token&y=2", {}, 200,
        qr{^/proxy/$private\?x=1&y=2$}],
    ['no upstream', "/dead/$public", {}, 502, qr/"status":502/],
);

for my $case (@cases) {
    my ($name, $path, $request, $status, $body) = @$case;
    my $answer = $ks->get($path, %$request);
    is $answer->{status}, $status, "$name: $status";
    like $answer->{body}, $body, "$name: the body";
    my $type = $answer->{headers}{'content-type'} // '';
    is $type, 'application/problem+json', "$name: a problem document"
        if $status >= 400;
}

sub header { return $_[0]{headers}{ $_[1] } // '' }

my $answer = $ks->get("/live/$private");
like header($answer, 'www-authenticate'), qr/^Bearer /, '401 has a challenge';
like header($answer, 'x-request-id'), qr/^[\w.-]{8,64}$/, 'and an id';
$answer = $ks->get("/basic/$public");
like header($answer, 'www-authenticate'), qr/^Basic /, 'auth_basic has its own';
$answer = $ks->get("/live/$public");
is header($answer, 'cache-control'), 'max-age=3600', 'expires works';
ok header($answer, 'etag'), 'a file has its ETag';
$answer = $ks->request('HEAD', "/live/$public");
is header($answer, 'content-length'), 14, 'HEAD of a file';
is $answer->{body} // '', '', 'has no body';
$answer = $ks->request('DELETE', "/live/$public");
is $answer->{status}, 405, 'a wrong method';
is header($answer, 'allow'), 'GET, HEAD, OPTIONS', 'says which are right';
$answer = $ks->get("/live/$public",
    headers => { origin => 'https://viewer.example.org' });
is header($answer, 'access-control-allow-origin'),
    'https://viewer.example.org', 'a page of another origin may play';

$ks->get("/cached/t/$token/$private");
my $second = $ks->post("/api/v1/streams/$show->{id}/tokens",
    { kind => 'play' }, bearer => $owner)->{json}{token};
$answer = $ks->get("/cached/t/$second/$private");
is header($answer, 'x-cache'), 'HIT', 'one cache entry for two tokens';
is $ks->get("/cached/$private")->{status}, 401, 'and none without';

my $log = $ks->slurp('logs/t.log');
like $log, qr{^200 "GET /live/t/-/$private HTTP/1.1" uri=/live/$private }m,
    'the log has no token';
like $log, qr{ uri=/live/$private stream=$show->{id} decision=allow$}m,
    'the log has the decision';
like $log, qr{^403 "GET /denied/\S+ HTTP/1.1" uri=\S+ stream=- decision=-$}m,
    'who is denied is not asked about';
like $log, qr{^401 "GET /basic/\S+ HTTP/1.1" uri=\S+ stream=- decision=-$}m,
    'nor who has no password';
like $log, qr{^401 "GET /either/.* decision=unauthorized$}m, 'who may satisfy is';

my @secret = ($token, $second, 'WrongWrong', $show->{stream_key});
for my $file (qw( logs/error.log logs/access.log logs/t.log )) {
    my $text = $ks->slurp($file);
    is scalar(grep { index($text, $_) >= 0 } @secret), 0,
        "no token in $file";
}

$ks->stop;
done_testing;
