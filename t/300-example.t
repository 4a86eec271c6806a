# nginx.conf.example as it stands, with other ports and directories: it starts
# and does what it says.

use v5.30;
use warnings;
use lib 't/lib';

use HTTP::Tiny;
use IO::Socket::INET;
use POSIX qw( WNOHANG );
use Test::More;

use Keystone::Env qw( free_port load_modules nginx_binary root rtmp_module
                      scratch secret wait_for );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my ($dir, $port, $rtmp_port) = (scratch(), free_port(), free_port());
mkdir "$dir/$_" for qw( lib lib/live log );

sub write_file {
    my ($path, $text) = @_;
    open my $out, '>', $path or die "$path: $!";
    print $out $text;
    close $out or die "$path: $!";
}

write_file("$dir/jwt_secret", secret() . "\n");

my $conf = do {
    open my $in, '<', root() . '/nginx.conf.example' or die $!;
    local $/;
    <$in>;
};

sub change {
    my ($from, $to) = @_;
    ok $conf =~ s/$from/$to/g, "the example has $from";
}

my $modules = load_modules();
my @wanted = $modules =~ m{/(ngx_\w+\.so)}g;
my @shown = $conf =~ m{^load_module modules/(\S+);}mg;
is "@shown", "@wanted", 'its modules, in this order';
$conf =~ s/^load_module.*\n//mg;
change(qr{^user www-data;}m, $> == 0 ? 'user root;' : '');
change(qr{/run/nginx\.pid}, "$dir/nginx.pid");
change(qr{/var/log/nginx}, "$dir/log");
change(qr{/var/lib/keystone}, "$dir/lib");
change(qr{/etc/keystone}, $dir);
change(qr{/usr/share/keystone/web}, root() . '/web');
change(qr{listen 80;}, "listen 127.0.0.1:$port;");
change(qr{listen 1935;}, "listen 127.0.0.1:$rtmp_port;");
change(qr{^http \{\n}m, "http {\n" . join '', map {
    "${_}_temp_path $dir/$_;\n" } qw( client_body proxy fastcgi uwsgi scgi ));
write_file("$dir/nginx.conf", "$modules\ndaemon off;\n$conf");

my @command = (nginx_binary(), '-p', $dir, '-c', "$dir/nginx.conf",
               '-e', "$dir/log/error.log");
is system("@command -t > $dir/log/test 2>&1"), 0, 'nginx -t'
    or diag do { local (@ARGV, $/) = "$dir/log/test"; <> };

my $pid = fork // die $!;
if ($pid == 0) {
    open STDERR, '>>', "$dir/log/stderr";
    exec @command;
    exit 127;
}

ok wait_for(sub {
    return 1 if IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $port);
    return waitpid($pid, WNOHANG) == $pid ? die('nginx is gone') : 0;
}, 10), 'it starts';

my $http = HTTP::Tiny->new(timeout => 10);
my $url = "http://127.0.0.1:$port";

is $http->get("$url/healthz")->{status}, 200, 'healthz';
ok wait_for(sub { $http->get("$url/readyz")->{status} == 200 }), 'readyz';
like $http->get("$url/metrics")->{content}, qr/^keystone_/m, 'metrics';
like $http->get("$url/")->{content}, qr/<html/i, 'a page';

my $user = $http->post("$url/api/v1/auth/register", {
    headers => { 'content-type' => 'application/json' },
    content => '{"email":"ann@example.org","password":"correct horse bat"}' });
is $user->{status}, 201, 'an account';
is $http->post("$url/rtc/v1/whip/x", {
    headers => { 'content-type' => 'application/sdp' },
    content => 'v=0' })->{status}, 401, 'no WHIP for strangers';
is $http->get("$url/live/str_x.m3u8")->{status}, 401, 'no HLS either';
ok(IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $rtmp_port),
   'RTMP listens');

kill 'QUIT', $pid;
ok wait_for(sub { waitpid($pid, WNOHANG) == $pid }, 10), 'it stops';
my $log = do { local (@ARGV, $/) = "$dir/log/error.log"; <> } // '';
unlike $log, qr/\[(?:alert|emerg|crit)\]|Sanitizer/, 'its log is clean';
my $access = do { local (@ARGV, $/) = "$dir/log/access.log"; <> } // '';
like $access, qr{ POST /rtc/v1/whip/x 401 .* decision=unauthorized$}m,
    'the log has the decision';

done_testing;
