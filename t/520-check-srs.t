# keystonectl check and SRS: a sound node and srs.conf have no complaint, each
# usual mistake has its line. SRS is the stand-in, its hooks go to a real nginx.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( free_port keystonectl root scratch );
use Keystone::Server;
use Keystone::Srs qw( has_node );

plan skip_all => 'no node in PATH' unless has_node();

delete @ENV{ grep { /^SRS_|^CANDIDATE$|^HOOK_/ } keys %ENV };

my $secret = 'hook-secret-of-this-test';
my $dir = scratch();
my $srs = Keystone::Srs->new;
my $ks = Keystone::Server->new(rtmp => 0,
    keystone => "hook_secret $secret;\n" . $srs->keystone, http => $srs->http,
    server => $srs->server);
$ks->user('ann@example.org');
$ks->start;
my $nginx_conf = $ks->dir . '/nginx.conf';
my $hook = 'http://127.0.0.1:' . $ks->port . '/api/v1/hooks/srs';
my $url = "$hook?k=$secret&node=srs_a";

sub read_file {
    my ($path) = @_;
    open my $in, '<', $path or die "$path: $!";
    local $/;
    return <$in>;
}

sub write_file {
    my ($path, $text) = @_;
    open my $out, '>', $path or die "$path: $!";
    print $out $text;
    close $out or die "$path: $!";
    return $path;
}

# Status and output of a command in this environment beside ours.
sub output_of {
    my ($env, @command) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        @ENV{ keys %$env } = values %$env;
        open STDOUT, '>', "$dir/out";
        open STDERR, '>&', \*STDOUT;
        exec @command;
        exit 127;
    }
    waitpid $pid, 0;
    return ($? >> 8, read_file("$dir/out"));
}

sub check { output_of(shift, keystonectl(), 'check', @_) }

sub problems { join '', grep { !/^(?:ok|note) / } split /^/, $_[0] }

# A complete srs.conf of the kind people write; %change replaces text in it.
sub srs_conf {
    my (@change) = @_;
    my $text = <<"END";
listen 127.0.0.1:19350; daemon off;
http_api { enabled on; listen 127.0.0.1:1985; }
http_server { enabled on; listen 127.0.0.1:8080; } # a comment; { "
rtc_server {
    enabled on; listen 8000;
    candidate 203.0.113.7;
    api_as_candidates off;
}
vhost __defaultVhost__ {
    http_hooks {
        enabled on;
        on_connect "$url"; on_close '$url';
        on_publish $url; on_unpublish $url;
        on_play $url; on_stop $url;
    }
    rtc { enabled on; rtmp_to_rtc on; rtc_to_rtmp on; }
    hls { enabled on; hls_ctx off; }
}
END
    while (my ($from, $to) = splice @change, 0, 2) {
        $text =~ s/\Q$from\E/$to/ or die "there is no $from";
    }
    return write_file("$dir/srs.conf", $text);
}

sub check_srs {
    return check({}, '-c', $nginx_conf, '--srs', srs_conf(@_));
}

# Every address of a hook is this one.
sub hooks_to {
    my ($to) = @_;
    return (qq(on_connect "$url"), qq(on_connect "$to"),
            qq(on_close '$url'), qq(on_close '$to'),
            map { ("$_ $url;", "$_ $to;") }
                qw( on_publish on_unpublish on_play on_stop ));
}

# what is right

my ($status, $out) = check_srs();
is $status, 0, 'a sound one' or diag $out;
is problems($out), '', 'and nothing to complain of';
like $out, qr/^ok +srs_node +srs_a is SRS 5\.\d+\.\d+ at 127/m, 'the version';
like $out, qr/^ok +hooks +__defaultVhost__: all six/m, 'hooks';
unlike $out, qr/$secret/, 'the secret is not shown';
my @clients = $srs->sessions;
is @clients, 0, 'SRS has nobody';

{
    my %env = (CANDIDATE => '203.0.113.7', HOOK_SECRET => $secret,
               HOOK_URL => $hook, KEYSTONECTL => keystonectl());
    my @start = (root() . '/srs/start', '--check', $nginx_conf);
    ($status, $out) = output_of(\%env, @start);
    is $status, 0, "srs/srs.conf in srs/start's environment" or diag $out;
    is problems($out), '', 'has nothing to complain of';
    unlike $out, qr/$secret/, 'nor is its secret shown';
    ($status, $out) = output_of({ %env, HOOK_SECRET => 'x' x 20 }, @start);
    is $status, 1, 'with another secret';
    like $out, qr/^PROBLEM +hooks +SRS_VHOST\w+ in the environment: k= is not/m,
        'it says where and why';
    unlike $out, qr/xxxxx/, 'without showing it';
    ($status, $out) = output_of({ %env, CANDIDATE => '' }, @start);
    is $status, 0, 'without a candidate it may be right';
    like $out, qr/^warning +candidate .*not set \(\$CANDIDATE\)/m, 'or not';
}
($status, $out) = check({}, '-c', $nginx_conf, '--srs',
                        root() . '/srs/srs.conf');
is $status, 1, 'without that environment it has no secret';
like $out, qr{srs/start --check}, 'and says how it is checked';

# each mistake: what is changed, what is said of it; a problem unless a word
# before it says otherwise

my $away = free_port();
my @mistakes = (
    ['hooks are off', ['enabled on;
        on_connect', 'enabled off; on_connect'],
        qr/hooks +\S+srs\.conf:11: vhost __defaultVhost__ has none/],
    ['two hooks are missing', ["on_play $url; on_stop $url;", ''],
        qr/hooks +\S+:10: .*does not ask Keystone at on_play, on_stop:/],
    ['a hook goes elsewhere', ["on_play $url", 'on_play http://127.0.0.1/x'],
        qr/does not ask Keystone at on_play:/],
    ['a hook of another event', ["on_play $url",
                                 'on_play ' . $url =~ s/srs\?/on_stop?/r],
        qr{on_play goes to /api/v1/hooks/on_stop, which takes another}],
    ['nobody there', [hooks_to("http://127.0.0.1:$away/api/v1/hooks/srs"
                               . "?k=$secret&node=srs_a")],
        qr{127\.0\.0\.1:$away/api/v1/hooks/srs does not answer}],
    ['a wrong path', [hooks_to($url =~ s{/api}{/ape}r)],
        qr{/ape/v1/hooks/srs answers 404}],
    ['a wrong secret', [hooks_to($url =~ s/k=/k=x/r)],
        qr/k= is not hook_secret of nginx\.conf/],
    ['no secret', [hooks_to($url =~ s/k=[^&]*&//r)], qr/has no secret/],
    ['a node there is none', [hooks_to($url =~ s/srs_a/srs_b/r)],
        qr/node=srs_b is no srs_node of nginx\.conf, these are: srs_a/],
    ['a name that DNS has to find', [hooks_to($url =~ s/127\.0\.0\.1/localhost/r)],
        qr/localhost is a name/, 'warning'],
    ['a second vhost', ['vhost __default', "vhost b { }\nvhost __default"],
        qr/hooks +\S+:9: vhost b has none/],
    ['no default vhost', ['__defaultVhost__', 'a.example.org'],
        qr/no vhost __defaultVhost__/],
    ['hls_ctx', ['hls_ctx off', 'hls_ctx on'], qr/hls +\S+:17: hls_ctx is on/],
    ['hls_ctx is on by default', ['hls_ctx off;', ''], qr/hls_ctx is on/],
    ['candidate is away', ['candidate 203.0.113.7;', ''],
        qr/candidate +\S+:4: it is not set:/, 'warning'],
    ['candidate *', ['203.0.113.7', '*'], qr/it is \*:/, 'warning'],
    ['candidate of this machine', ['203.0.113.7', '127.0.0.1'],
        qr/127\.0\.0\.1 is this machine/, 'warning'],
    ['a private candidate', ['203.0.113.7', '10.1.2.3'],
        qr/10\.1\.2\.3 is a private address: fine when/, 'warning'],
    ['api_as_candidates', ['api_as_candidates off;', ''],
        qr/rtc_server +\S+:4: api_as_candidates is on/, 'warning'],
    ['the API is off', ['http_api { enabled on', 'http_api { enabled off'],
        qr/http_api +\S+:2: it is off/],
    ['the API is open', ['127.0.0.1:1985', '1985'],
        qr/http_api +\S+:2: it listens on all .*"listen 127\.0\.0\.1:1985;"/,
        'warning'],
    ['the API has a password', ['listen 127.0.0.1:1985;',
                                'auth { enabled on; }'],
        qr/it asks for a password/],
    ['an exporter', ['daemon off;', 'exporter { enabled on; listen 9972; }'],
        qr/exporter +\S+:1: .*serves the whole API/, 'warning'],
    ['the exporter on the API', ['daemon off;',
                                 'exporter { enabled on; listen 1985; }'],
        qr/exporter .*the port of http_api, 1985/],
    ['no http_server', ['http_server {', 'nothing {'],
        qr/http_server +\S+: it is off: this node has no HLS/, 'note'],
    ['http_server is open', ['127.0.0.1:8080', '0.0.0.0:8080'],
        qr/http_server .*gives out private streams/, 'warning'],
    ['no rtc_server', ['rtc_server {', 'nothing {'],
        qr/rtc_server +\S+: it is off: no WebRTC/],
    ['WebRTC is off', ['rtc { enabled on;', 'rtc {'], qr/rtc +\S+: WebRTC is off/],
    ['no RTMP to WebRTC', ['rtmp_to_rtc on;', ''],
        qr/rtmp_to_rtc is off: what comes by RTMP/, 'note'],
    ['no WebRTC to RTMP', ['rtc_to_rtmp on', 'rtc_to_rtmp off'],
        qr/rtc_to_rtmp is off: what comes by WHIP/, 'note'],
    ['a "}" too few', ["}\nvhost", 'vhost'],
        qr/srs\.conf +\S+:\d+: the "\}" of "rtc_server" in line 4 is missing/],
    ['no semicolon', ["hls_ctx off; }\n}", "hls_ctx off }\n}"],
        qr/"hls_ctx" does not end with ";"/],
    ['a "}" too many', ['daemon off;', '}'], qr/:1: one "\}" too many/],
    ['an open quote', ['hls_ctx off', 'hls_ctx "off'], qr/no closing "/],
);

for my $mistake (@mistakes) {
    my ($name, $change, $says, $verdict) = @$mistake;
    $verdict //= 'PROBLEM';
    ($status, $out) = check_srs(@$change);
    is $status, $verdict eq 'PROBLEM' ? 1 : 0, $name or diag $out;
    my @lines = grep { $_ =~ $says } split /\n/, $out;
    is @lines, 1, 'said once' or diag $out;
    like $lines[0] // '', qr/^$verdict /, "as a $verdict";
    unlike $out, qr/$secret/, 'without the secret';
}

# the environment beats the file

($status, $out) = check({ SRS_VHOST_HLS_HLS_CTX => 'off' }, '-c', $nginx_conf,
    '--srs', srs_conf('hls_ctx off', 'hls_ctx on'));
is $status, 0, 'hls_ctx of the environment' or diag $out;
($status, $out) = check({ SRS_HTTP_API_LISTEN => ':1985' }, '-c', $nginx_conf,
    '--srs', srs_conf());
like $out, qr/^warning +http_api +SRS_HTTP_API_LISTEN in the environment: /m,
    'listen of the environment';

# without nginx.conf: the running nginx says it

($status, $out) = check({}, '--srs', srs_conf(hooks_to($url =~ s/k=/k=x/r)));
SKIP: {
    skip 'this machine has a Keystone of its own', 2
        if $out !~ /^note +configuration/;
    is $status, 1, 'a wrong secret without nginx.conf';
    like $out, qr/^PROBLEM +hooks .* answers 403: the nginx that runs/m,
        'its answer shows it';
}

# nginx.conf

sub check_nginx {
    my ($keystone, $http) = @_;
    write_file("$dir/jwt", 'j' x 40);
    return check({}, '-c', write_file("$dir/nginx.conf", <<"END"));
keystone {
    store sqlite:$dir/k.db; jwt_secret file:$dir/jwt;
    $keystone
}
http {
    $http
    server { location /rtc/v1/ {
        proxy_pass http://\$keystone_node\$keystone_upstream_uri;
    } }
}
END
}

my $node = $srs->keystone;
my ($api, $http_port) = ($srs->port, $srs->http_port);
my $upstream = "upstream srs_a { server 127.0.0.1:$api; }";
($status, $out) = check_nginx("hook_secret $secret; $node", $upstream);
is $status, 0, 'nodes of nginx.conf' or diag $out;
is problems($out), '', 'nothing to complain of';

($status, $out) = check_nginx($node, $upstream);
is $status, 0, 'without hook_secret';
like $out, qr/^warning +hook_secret +is missing.*openssl rand/m, 'the cure';
($status, $out) = check_nginx("hook_secret $secret; $node", '');
is $status, 1, 'without an upstream';
like $out, qr/write "upstream srs_a \{ server 127\.0\.0\.1:$api; \}"/,
    'the line to write';
($status, $out) = check_nginx("hook_secret $secret; $node",
    $upstream =~ s/\}/keepalive 8; }/r);
is $status, 1, 'with keepalive';
like $out, qr/nginx\.conf:7: remove keepalive from srs_a/, 'its line';

($status, $out) = check_nginx("hook_secret $secret;
    srs_node srs_a api=127.0.0.1:$away;", $upstream);
is $status, 1, 'an API that is away';
like $out, qr/srs_a: api=127\.0\.0\.1:$away: Connection refused/, 'its address';
($status, $out) = check_nginx("hook_secret $secret;
    srs_node srs_a api=127.0.0.1:@{[ $ks->port ]};", $upstream);
is $status, 1, 'an API that is something else';
like $out, qr/answers, but not as SRS's API/, 'is no SRS';
($status, $out) = check_nginx("hook_secret $secret;
    srs_node srs_a api=127.0.0.1:$api http=127.0.0.1:$http_port
        rtmp=127.0.0.1:$away;", $upstream);
is $status, 1, 'RTMP that is away';
like $out, qr/rtmp=127\.0\.0\.1:$away: Connection refused.*"listen"/,
    'its address';
unlike $out, qr/http=/, 'but HTTP is there';
($status, $out) = check_nginx("hook_secret $secret;
    srs_node srs_a api=192.0.2.1:1985;", $upstream);
like $out, qr/^warning .*192\.0\.2\.1:1985 is a public address/m,
    'an API for everybody';

# several nodes

($status, $out) = do {
    my $two = write_file("$dir/two.conf", read_file($nginx_conf)
        =~ s/(hook_secret)/srs_node srs_b api=127.0.0.1:$api; $1/r
        =~ s/(upstream srs_a )/upstream srs_b { server 127.0.0.1:$api; } $1/r);
    check({}, '-c', $two, '--srs', srs_conf(hooks_to("$hook?k=$secret")));
};
is $status, 0, 'two nodes' or diag $out;
like $out, qr/^warning +hooks .*add &node= and one of srs_b, srs_a/m,
    'want their names in the hooks';

($status, $out) = output_of({}, keystonectl(), 'check', '--srs');
is $status, 2, 'usage';

my $sessions = $srs->sessions;
is $sessions, 0, 'all this made no session';
$ks->stop;
done_testing;
