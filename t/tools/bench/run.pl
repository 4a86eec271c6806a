#!/usr/bin/perl

# Keystone against plain nginx in interleaved rounds of one run, as ratios.
# Started by util/bench.sh, which says what it takes from the environment.

use v5.30;
use warnings;

use File::Temp qw( tempdir );
use FindBin;
use lib $FindBin::Bin;
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use List::Util qw( max );

use Load;
use Rows;
use Servers;

$| = 1;
$SIG{INT} = $SIG{TERM} = sub { exit 130 };

my $build = $ENV{BUILD};
my $rounds = $ENV{BENCH_ROUNDS} // 5;
my $only = $ENV{BENCH_ROWS} // '';
my $json = JSON::PP->new->canonical->pretty;
my $dir = tempdir('keystone-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $cpus = (grep { /^processor/ } do { open my $f, '<', '/proc/cpuinfo'; <$f> });
my %b = (dir => $dir, seconds => $ENV{BENCH_SECONDS} // 2,
         burst => $ENV{BENCH_BURST} // 2000);
$Load::tools = "$build/tools";
my ($server_cpu, $load_cpu) = $cpus > 1 ? ('0', '1-' . ($cpus - 1)) : ();
$Load::cpus = $load_cpu;

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    return <$file>;
}

sub spew {
    my ($path, $text) = @_;
    open my $file, '>:raw', $path or die "$path: $!\n";
    print $file $text;
    close $file;
    return $path;
}

# The recorded exchange: offer of Chromium, answer of SRS.
# A line feed that a capture lacks at its end is part of no body.
sub recorded {
    my ($name, $file) = @_;
    my $all = slurp("$FindBin::Bin/../../captures/srs5/$name.http");
    my ($offer, $answer) = $all =~
        /### request\n.*?\r\n\r\n(.*?)### response\n.*?\r\n\r\n(.*)/s
        or die "$name: no parts\n";
    return (spew("$dir/$file", $offer), $answer);
}
my $answer;
($b{play_offer}) = recorded('whep/play.201', 'play.sdp');
($b{offer}, $answer) = recorded('whip/publish.201', 'offer.sdp');
(my $quoted = $answer) =~ s/\r/\\r/g;
$quoted =~ s/\n/\\n/g;

my $http = <<"END";
    access_log off;
    client_max_body_size 64k;
    client_body_buffer_size 64k;
    default_type application/octet-stream;
    types { video/mp2t ts; application/vnd.apple.mpegurl m3u8; }
    sendfile on;
    keepalive_requests 1000000000;
END
my $temp = join '', map { "    ${_}_temp_path tmp;\n" }
    qw( client_body proxy fastcgi uwsgi scgi );
my @common = (dir => $dir, nginx => $ENV{NGINX_BINARY}, cpus => $server_cpu);

my $id_of_srs = '"code":0,"server":"srs_h","service":"bench","pid":"1"';
my $srs = Servers::start('srs', @common, cpus => $load_cpu, modules => '',
    config => sub { my ($s) = @_; <<"END" });
http {
$http$temp
    keepalive_timeout 0;
    server {
        listen 127.0.0.1:$s->{port};
        location / {
            default_type application/sdp;
            add_header Location "/rtc/v1/whip/?action=delete&token=876g88831&app=live&stream=w1&session=336i5914:5Jkk";
            if (\$request_method = DELETE) { return 200; }
            return 201 "$quoted";
        }
        location /api/ { return 404; }
    }
    # A node whose hooks are called: it has the one client that they are of.
    server {
        listen 127.0.0.1:$s->{rtmp_port};
        default_type application/json;
        location / { return 200 '{$id_of_srs}'; }
        location /api/v1/clients/ {
            return 200 '{$id_of_srs,"clients":[{"id":"bench001","url":"/live/x","name":"x","type":"fmle-publish","ip":"127.0.0.1","publish":true,"alive":1.0,"send_bytes":1,"recv_bytes":1}]}';
        }
    }
}
END

$b{hook_secret} = 'secret-of-the-benchmark';
my $rtmp_load = "load_module $ENV{RTMP_MODULE};";
$b{start_keystone} = sub {
    my ($name, $cpu) = @_;
    return Servers::start($name, @common, cpus => $cpu,
        modules => "$rtmp_load\nload_module $ENV{OBJS}/ngx_keystone_module.so;"
            . "\nload_module $ENV{OBJS}/ngx_rtmp_keystone_module.so;",
        config => sub { my ($s) = @_; <<"END" });
keystone {
    store sqlite:$s->{dir}/keystone.db;
    zone keystone:64m;
    jwt_secret file:$dir/secret;
    edge_base_url http://127.0.0.1:$s->{port};
    rtmp_base_url rtmp://127.0.0.1:$s->{rtmp_port};
    rate_limit off;
    srs_node srs_a api=127.0.0.1:$srs->{port};
    srs_node srs_h api=127.0.0.1:$srs->{rtmp_port};
    hook_secret $b{hook_secret};
}
http {
$http$temp
    upstream srs_a { server 127.0.0.1:$srs->{port}; }
    upstream srs_h { server 127.0.0.1:$srs->{port}; }
    server {
        listen 127.0.0.1:$s->{port};
        location /api/ { keystone_api; }
        location /rtc/v1/ {
            keystone_gate rtc;
            proxy_pass http://\$keystone_node\$keystone_upstream_uri;
        }
        location /live/ { keystone_gate hls; root $dir/hls; }
        location = /healthz { keystone_health; }
        location = /readyz { keystone_health; }
    }
}
rtmp {
    access_log off;
    server {
        listen 127.0.0.1:$s->{rtmp_port};
        application live { live on; keystone on; }
    }
}
END
};

# --- what the rows need: people, streams, tokens, files

spew("$dir/secret", unpack 'H*', do {
    open my $random, '<:raw', '/dev/urandom' or die $!;
    read $random, my $bytes, 32;
    $bytes;
});
mkdir "$dir/hls";
mkdir "$dir/hls/live";
my $ours = $b{keystone} = $b{start_keystone}->('keystone', $server_cpu);
my $api;    # a connection that stays

# One write a request: HTTP::Tiny's two meet a delayed ACK, 40 ms each.
sub exchange {
    my ($method, $path, $body) = @_;
    $api //= IO::Socket::INET->new(PeerAddr => '127.0.0.1', Timeout => 10,
        PeerPort => $ours->{port}) // die "no connection to Keystone\n";
    my $text = $body ? encode_json($body) : '';
    my $request = "$method /api/v1$path HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        . ($b{access} ? "Authorization: Bearer $b{access}\r\n" : '')
        . ($body ? "Content-Type: application/json\r\nContent-Length: "
               . length($text) . "\r\n" : '') . "\r\n$text";
    syswrite $api, $request;
    my $got = '';
    my ($length, $end);
    until (defined $end && length $got >= $end + $length) {
        sysread $api, $got, 65536, length $got or die "$path: no answer\n";
        next if defined $end || (my $at = index $got, "\r\n\r\n") < 0;
        $end = $at + 4;
        ($length) = substr($got, 0, $end) =~ /^content-length: *(\d+)/im;
        $length //= 0;
    }
    my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
    die "$method $path: $got\n" if $status !~ /^2/;
    return substr $got, $end, $length;
}

sub api { return decode_json(exchange(@_)) }

sub register {
    my ($email) = @_;
    delete $b{access};
    $b{access} = api('POST', '/auth/register',
        { email => $email, password => 'correct horse' })->{access_token};
}

sub new_stream {
    return api('POST', '/streams', { title => 'Bench', visibility => 'public',
                                     @_ });
}

say "bench: preparing $b{burst} streams";
register('many@example.org');
# WHIP and WHEP go to the other one.
system("$build/keystonectl", '--store', "sqlite:$ours->{dir}/keystone.db",
       'node', 'drain', 'srs_h') == 0 or die "srs_h is not drained\n";
my $drained = time + 10;
until (HTTP::Tiny->new->get("http://127.0.0.1:$ours->{port}/readyz")->{content}
           =~ /"srs_h":\{"state":"up","drained":true/) {
    die "srs_h does not drain\n" if time > $drained;
    select undef, undef, undef, 0.05;
}
my @streams = map { new_stream() } 1 .. $b{burst};
$b{whip_lines} = spew("$dir/whip.lines",
    join '', map { "$_->{id} $_->{stream_key}\n" } @streams);
my @rtmp = map { new_stream() } 1 .. 1024;
$b{rtmp_names} = spew("$dir/rtmp.names",
    join '', map { "$_->{id}?key=$_->{stream_key}\n" } @rtmp);
$b{watched} = new_stream();
$b{private} = new_stream(visibility => 'private');
$b{hooked} = new_stream();
$b{play_token} = api('POST', "/streams/$b{private}{id}/tokens",
    { kind => 'play', ttl_seconds => 86400 })->{token};
register('bench@example.org');
$b{first} = (map { new_stream() } 1 .. 20)[0];
$b{login} = spew("$dir/login.json", encode_json(
    { email => 'bench@example.org', password => 'correct horse' }));
# As SRS sends it (t/captures/srs5/hooks/on_publish.rtmp.json).
$b{hook} = spew("$dir/hook.json", encode_json({
    server_id => 'srs_h', service_id => 'bench', action => 'on_publish',
    client_id => 'bench001', ip => '127.0.0.1', vhost => '__defaultVhost__',
    app => 'live', tcUrl => 'rtmp://127.0.0.1:1935/live',
    stream => $b{hooked}{id}, param => "?key=$b{hooked}{stream_key}",
    stream_url => "/live/$b{hooked}{id}", stream_id => 'vid-bench01' }));
# The first lets it in; those that are measured find it there.
Load::http($ours->{port},
    "/api/v1/hooks/on_publish?k=$b{hook_secret}&node=srs_h", method => 'POST',
    body => $b{hook}, headers => ['Content-Type: application/json']);
my $segment = 65536;
spew("$dir/hls/live/$b{private}{id}-1.ts", "\x47" . "\0" x ($segment - 1));

# The watched stream is published by WHIP, the private one by RTMP; both stay.
Load::http($ours->{port}, "/rtc/v1/whip/$b{watched}{id}", method => 'POST',
    body => $b{offer}, status => 201, headers => [
        'Content-Type: application/sdp',
        "Authorization: Bearer $b{watched}{stream_key}"]);
my $names = spew("$dir/private.name",
    "$b{private}{id}?key=$b{private}{stream_key}\n");
my $publisher = fork // die "fork: $!\n";
if ($publisher == 0) {
    open STDOUT, '>', '/dev/null';
    exec("$build/tools/rtmp_driver", 'publish', '--url',
        "rtmp://127.0.0.1:$ours->{rtmp_port}/live", '--names', $names,
        '--seconds', 3600, '--media');
    exit 127;
}
END {
    if ($publisher) {
        my $status = $?;
        kill 'TERM', $publisher;
        waitpid $publisher, 0;
        $? = $status;
    }
}

my $one = exchange('GET', "/streams/$b{first}{id}");
my $list = exchange('GET', '/streams');
close $api;

# nginx takes no word above 4 KiB: the same bytes, put together
my $n = 0;
my $set = join '', map { "set \$part" . $n++ . " '$_';\n" }
    $list =~ /(.{1,3000})/sg;
my $parts = join '', map { "\${part$_}" } 0 .. $n - 1;

my $plain = $b{plain} = Servers::start('plain', @common, modules => $rtmp_load,
    config => sub { my ($s) = @_; <<"END" });
http {
$http$temp
    upstream srs_a { server 127.0.0.1:$srs->{port}; }
    server {
        listen 127.0.0.1:$s->{port};
        location /rtc/v1/ { proxy_pass http://srs_a; }
        location /refused/ { return 401; }
        location /live/ { root $dir/hls; }
        location = /hook {
            default_type application/json;
            return 200 '{"code":0}';
        }
        location = /one { default_type application/json; return 200 '$one'; }
        location = /list {
            default_type application/json;
            $set
            return 200 "$parts";
        }
    }
}
rtmp {
    access_log off;
    server {
        listen 127.0.0.1:$s->{rtmp_port};
        application live { live on; }
    }
}
END

# --- the rounds

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return @sorted % 2 ? $sorted[$#sorted / 2]
        : ($sorted[@sorted / 2 - 1] + $sorted[@sorted / 2]) / 2;
}

sub measure {
    my ($row, $server) = @_;
    my @before = Servers::cpu_ns($server);
    my $got = $row->{run}->($server, $server == $ours);
    my @after = Servers::cpu_ns($server);
    my ($cpu, $loop) = map { $after[$_] - $before[$_] } 0, 1;
    $row->{after}->($server) if $row->{after};
    return {
        per_second => $got->{requests} / $got->{seconds},
        cpu_us => $cpu / 1000 / max(1, $got->{requests}),
        loop_us => $loop / 1000 / max(1, $got->{requests}),
        busy => $cpu / 1e9 / $got->{seconds},
    };
}

my (@results, $failed);

sub verdict {
    my ($ok) = @_;
    $failed++ if !$ok;
    return $ok ? 'pass' : 'FAIL';
}

my $format = "%-38s %-12s %8s %8s %6s %6s %8s %8s %8s %6s %6s  %s\n";
printf $format, 'requests a second, CPU of one in us', 'plain nginx', 'plain',
    'ours', 'ratio', '>=', 'plain', 'ours', '(loop)', 'ratio', '<=', '';
for my $row (Rows::compared(\%b)) {
    next if $row->{key} !~ /$only/;
    my (@rounds, $error);
    for my $round (0 .. $rounds) {    # round 0 warms up and is not counted
        my %pair = eval {
            (plain => measure($row, $plain), ours => measure($row, $ours));
        } or do { $error = $@ || 'failed'; last };
        push @rounds, \%pair if $round;
    }
    if ($error) {
        chomp $error;
        verdict(0);
        printf "%-38s %-12s %s\n", $row->{what}, $row->{plain}, "FAIL: $error";
        push @results, { key => $row->{key}, what => $row->{what},
                         error => $error, pass => JSON::PP::false };
        next;
    }
    my $of = sub {
        my ($side, $field) = @_;
        return median(map { $_->{$side}{$field} } @rounds);
    };
    my $speed = median(map { $_->{ours}{per_second} / $_->{plain}{per_second} }
        @rounds);
    my $cpu = median(map { $_->{ours}{cpu_us} / $_->{plain}{cpu_us} } @rounds);
    my $ok = $speed >= $row->{throughput} && $cpu <= $row->{cpu};
    printf $format, $row->{what}, $row->{plain},
        (map { sprintf '%.0f', $of->($_, 'per_second') } qw( plain ours )),
        sprintf('%.2f', $speed), sprintf('%.2f', $row->{throughput}),
        (map { sprintf '%.1f', $of->($_, 'cpu_us') } qw( plain ours )),
        sprintf('(%.1f)', $of->('ours', 'loop_us')),
        sprintf('%.2f', $cpu), sprintf('%.2f', $row->{cpu}), verdict($ok);
    push @results, { (map { $_ => $row->{$_} } qw( key what plain )),
        throughput_ratio => $speed, throughput_budget => $row->{throughput},
        cpu_ratio => $cpu, cpu_budget => $row->{cpu}, rounds => \@rounds,
        pass => $ok ? JSON::PP::true : JSON::PP::false };
}

say '';
$b{free} = $ours;
if ($cpus > 1 && grep { $_->{key} =~ /$only/ && $_->{key} eq 'argon2' }
        Rows::absolute(\%b)) {
    # the same server, allowed on all CPUs from here on
    for my $pid (Servers::workers($ours)) {
        my $said = `taskset -a -c -p 0-@{[$cpus - 1]} $pid`;
        die "taskset: $said" if $?;
    }
}
for my $row (Rows::absolute(\%b)) {
    next if $row->{key} !~ /$only/;
    my $value = eval { median(map { $row->{run}->() } 1 .. 3) };
    my $error = $@;
    my $beside = $row->{plain} ? eval { $row->{plain}->() } : undef;
    my $ok = defined $value && $value <= $row->{limit};
    printf "%-38s %s, at most %s %s%s  %s\n", $row->{what},
        defined $value ? sprintf('%.2f', $value) : "no value: $error",
        $row->{limit}, $row->{unit},
        defined $beside ? sprintf(' (without: %.2f)', $beside) : '',
        verdict($ok);
    push @results, { (map { $_ => $row->{$_} } qw( key what limit unit )),
        value => $value, beside => $beside,
        pass => $ok ? JSON::PP::true : JSON::PP::false };
}

spew("$build/bench.json", $json->encode({
    rounds => $rounds, seconds => $b{seconds}, burst => $b{burst},
    cpus => $cpus, segment_bytes => $segment, rows => \@results }));
say "\nAll numbers: $build/bench.json";
my $log = join '', map { slurp("$_->{dir}/error.log") } $ours, $plain;
print "error.log says:\n", join("\n", (grep { /\[(alert|crit|emerg)\]/ }
    split /\n/, $log)[0 .. 9]), "\n" if $log =~ /\[(alert|crit|emerg)\]/;
exit($failed ? 1 : 0);
