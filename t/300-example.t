# nginx.conf.example with other ports and directories, as it stands and with its
# lines for SRS: it starts and does what it says.

use v5.30;
use warnings;
use lib 't/lib';

use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use POSIX qw( WNOHANG );
use Test::More;

use Keystone::Env qw( free_port load_modules nginx_binary root rtmp_module
                      scratch secret wait_for );
use Keystone::Srs qw( capture_offer has_node );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $json = JSON::PP->new->utf8;
my $modules = load_modules();

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
}

# The example in a directory of its own; $change->($text) is done to it first.
sub with_example {
    my ($change, $then) = @_;
    my $e = { dir => scratch(), port => free_port(), rtmp_port => free_port() };
    my $dir = $e->{dir};
    mkdir "$dir/$_" for qw( lib lib/live log );
    write_file("$dir/jwt_secret", secret() . "\n");
    my $conf = $change->(read_file(root() . '/nginx.conf.example'), $dir);
    my $replace = sub {
        my ($from, $to) = @_;
        ok $conf =~ s/$from/$to/g, "the example has $from";
    };
    my @wanted = $modules =~ m{/(ngx_\w+\.so)}g;
    my @shown = $conf =~ m{^load_module modules/(\S+);}mg;
    is "@shown", "@wanted", 'its modules, in this order';
    $conf =~ s/^load_module.*\n//mg;
    $replace->(qr{^user www-data;}m, $> == 0 ? 'user root;' : '');
    $replace->(qr{/run/nginx\.pid}, "$dir/nginx.pid");
    $replace->(qr{/var/log/nginx}, "$dir/log");
    $replace->(qr{/var/lib/keystone}, "$dir/lib");
    $replace->(qr{/etc/keystone}, $dir);
    $replace->(qr{/usr/share/keystone/web}, root() . '/web');
    $replace->(qr{listen 80;}, "listen 127.0.0.1:$e->{port};");
    $replace->(qr{listen 1935;}, "listen 127.0.0.1:$e->{rtmp_port};");
    $replace->(qr{^http \{\n}m, "http {\n" . join '', map {
        "${_}_temp_path $dir/$_;\n" } qw( client_body proxy fastcgi uwsgi scgi ));
    write_file("$dir/nginx.conf", "$modules\ndaemon off;\n$conf");

    my @command = (nginx_binary(), '-p', $dir, '-c', "$dir/nginx.conf",
                   '-e', "$dir/log/error.log");
    is system("@command -t > $dir/log/test 2>&1"), 0, 'nginx -t'
        or diag read_file("$dir/log/test");
    my $pid = fork // die $!;
    if ($pid == 0) {
        open STDERR, '>>', "$dir/log/stderr";
        exec @command;
        exit 127;
    }
    ok wait_for(sub {
        return 1 if IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                          PeerPort => $e->{port});
        return waitpid($pid, WNOHANG) == $pid ? die('nginx is gone') : 0;
    }, 10), 'it starts';
    $then->($e, HTTP::Tiny->new(timeout => 10), "http://127.0.0.1:$e->{port}");
    kill 'QUIT', $pid;
    ok wait_for(sub { waitpid($pid, WNOHANG) == $pid }, 10), 'it stops';
    unlike read_file("$dir/log/error.log"),
        qr/\[(?:alert|emerg|crit)\]|Sanitizer/, 'its log is clean';
    return $e;
}

sub post {
    my ($http, $url, $body, $bearer) = @_;
    return $http->post($url, { headers => {
        'content-type' => 'application/json',
        $bearer ? (authorization => "Bearer $bearer") : () },
        content => $json->encode($body) });
}

sub whip {
    my ($http, $url, $offer, $key) = @_;
    return $http->post($url, { headers => {
        'content-type' => 'application/sdp',
        $key ? (authorization => "Bearer $key") : () }, content => $offer });
}

my $ann = { email => 'ann@example.org', password => 'correct horse bat' };

subtest 'as it stands' => sub {
    my $e = with_example(sub { $_[0] }, sub {
        my ($e, $http, $url) = @_;
        is $http->get("$url/healthz")->{status}, 200, 'healthz';
        ok wait_for(sub { $http->get("$url/readyz")->{status} == 200 }),
            'readyz';
        like $http->get("$url/metrics")->{content}, qr/^keystone_/m, 'metrics';
        like $http->get("$url/")->{content}, qr/<html/i, 'a page';
        is post($http, "$url/api/v1/auth/register", $ann)->{status}, 201,
            'an account';
        is $http->get("$url/live/str_x.m3u8")->{status}, 401,
            'no HLS for strangers';
        is whip($http, "$url/rtc/v1/whip/x", 'v=0')->{status}, 404,
            'no WHIP without SRS';
        ok(IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $e->{rtmp_port}), 'RTMP listens');
    });
    like read_file("$e->{dir}/log/access.log"),
        qr{ GET /live/str_x.m3u8 401 .* decision=unauthorized$}m,
        'the log has the decision';
};

subtest 'what it says is to be done before' => sub {
    my ($head) = read_file(root() . '/nginx.conf.example') =~ /^(.*?)\n\n/s;
    my ($steps) = $head =~ /^((?:#   \S.*\n)+)/m;
    $steps =~ s/^#   //mg;
    my $root = scratch();
    ok $steps =~ s{ /(var|etc|usr)/}{ $root/$1/}g, 'it has steps';
    $steps =~ s/ -o www-data//g;
    is system('sh', '-ec', 'cd "$1"; eval "$2"', 'sh', root(), $steps), 0,
        'which can be done' or diag $steps;
    ok -d "$root/var/lib/keystone/live", 'where media go';
    ok -s "$root/etc/keystone/jwt_secret", 'a secret';
    ok -s "$root/usr/share/keystone/web/index.html", 'a page';
};

subtest 'with SRS' => sub {
    plan skip_all => 'no node in PATH' unless has_node();
    my $srs = Keystone::Srs->new;
    my $secret = 'hook-secret-of-the-example';
    my %port = (1985 => $srs->port, 8080 => $srs->http_port,
                19350 => free_port());
    my $change = sub {
        my ($conf, $dir) = @_;
        write_file("$dir/hook_secret", "$secret\n");
        my ($sed) = $conf =~ /sed -i '(.*?)'/ or die 'it says no sed';
        write_file("$dir/before", $conf);
        $conf = qx{sed '$sed' $dir/before};
        unlike $conf, qr/^ *#srs/m, 'its own sed switches on all';
        ok $conf =~ s/(127\.0\.0\.1):$_\b/$1:$port{$_}/g, "port $_"
            for sort keys %port;
        return $conf;
    };
    with_example($change, sub {
        my ($e, $http, $url) = @_;
        $srs->set_hooks($e->{port}, $secret);
        is post($http, "$url/api/v1/auth/register", $ann)->{status}, 201,
            'an account';
        my $login = $json->decode(post($http, "$url/api/v1/auth/login", $ann)
            ->{content});
        my $stream = $json->decode(post($http, "$url/api/v1/streams",
            { title => 'Show', visibility => 'public' },
            $login->{access_token})->{content});
        my $offer = capture_offer('whip/publish.201');
        my $whip = "$url/rtc/v1/whip/$stream->{id}";
        is whip($http, $whip, $offer)->{status}, 401, 'no WHIP for strangers';
        is whip($http, $whip, $offer, $stream->{stream_key})->{status}, 201,
            'WHIP';
        ok wait_for(sub {
            $http->get("$url/live/$stream->{id}.m3u8")->{content} =~ /^#EXTM3U/
        }, 10), 'its HLS';
        is $http->get("$url/live/str_x.m3u8")->{status}, 401,
            'none for strangers';
    });
};

done_testing;
