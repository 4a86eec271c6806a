package Rows;

# What is compared, and the budgets of the design: throughput at least,
# CPU per request at most, as ratios to plain nginx.

use v5.30;
use warnings;

use Time::HiRes qw( time );
use Load;
use Servers;

# [key, what, throughput, cpu, run(server, is_keystone) -> {requests, seconds}]
# cpu and time of `run` are taken around it; {cpu_ns, ...} overrides that.
sub compared {
    my ($b) = @_;
    my $s = $b->{seconds};
    my $burst = $b->{burst};
    my $sdp = ['Content-Type: application/sdp'];
    my $post = sub {
        my ($server, $path, $offer, $lines, $headers) = @_;
        return Load::http($server->{port}, $path, method => 'POST',
            body => $offer, lines => $lines, count => $burst,
            connections => 32, status => 201, headers => [@$sdp, @$headers],
            locations => "$b->{dir}/locations");
    };
    my $delete = sub {
        my ($server) = @_;
        return Load::http($server->{port}, '{1}', method => 'DELETE',
            lines => "$b->{dir}/locations", count => $burst,
            connections => 32, any => 1);
    };
    my @key = ('Authorization: Bearer {2}');
    return (
        { key => 'whip', what => 'WHIP POST, valid token', plain => 'proxy_pass',
          throughput => .94, cpu => 1.08, after => $delete,
          run => sub { $post->($_[0], '/rtc/v1/whip/{1}', $b->{offer},
                               $b->{whip_lines}, \@key) } },
        { key => 'whip-refused', what => 'WHIP POST, refused',
          plain => 'return 401', throughput => .90, cpu => 1.15,
          run => sub {
              my ($server, $ours) = @_;
              Load::wrk($server->{port},
                  $ours ? "/rtc/v1/whip/$b->{first}{id}" : '/refused/x',
                  seconds => $s, body => $b->{offer}, refused => 1,
                  token => "$b->{first}{stream_key}x") } },
        { key => 'whep', what => 'WHEP POST, public stream',
          plain => 'proxy_pass', throughput => .95, cpu => 1.06,
          after => $delete,
          run => sub { $post->($_[0], "/rtc/v1/whep/$b->{watched}{id}",
                               $b->{play_offer}, undef, []) } },
        { key => 'hls', what => 'HLS segment, private, token in path',
          plain => 'static file', throughput => .95, cpu => 1.06,
          run => sub {
              my ($server, $ours) = @_;
              my $in = $ours ? "/live/t/$b->{play_token}" : '/live';
              Load::wrk($server->{port}, "$in/$b->{private}{id}-1.ts",
                  seconds => $s) } },
        { key => 'get-stream', what => 'GET /v1/streams/{id}',
          plain => 'return 200', throughput => .80, cpu => 1.35,
          run => sub {
              my ($server, $ours) = @_;
              Load::wrk($server->{port},
                  $ours ? "/api/v1/streams/$b->{first}{id}" : '/one',
                  seconds => $s, token => $b->{access}) } },
        { key => 'list-streams', what => 'GET /v1/streams, 20 rows',
          plain => 'return 200', throughput => .70, cpu => 1.60,
          run => sub {
              my ($server, $ours) = @_;
              Load::wrk($server->{port}, $ours ? '/api/v1/streams' : '/list',
                  seconds => $s, token => $b->{access}) } },
        { key => 'hook', what => 'SRS hook, new connection each',
          plain => 'return 200', throughput => .90, cpu => 1.12,
          run => sub {
              my ($server, $ours) = @_;
              Load::http($server->{port}, $ours
                  ? "/api/v1/hooks/on_publish?k=$b->{hook_secret}&node=srs_h"
                  : '/hook', method => 'POST', body => $b->{hook},
                  count => 4 * $burst, connections => 32,
                  headers => ['Content-Type: application/json',
                              'Connection: close']) } },
        { key => 'rtmp', what => 'RTMP connect + publish',
          plain => 'nginx-rtmp', throughput => .90, cpu => 1.15,
          run => sub { Load::rtmp($_[0]{rtmp_port}, names => $b->{rtmp_names},
              connections => 256, seconds => $s) } },
    );
}

# [key, what, limit, unit, run() -> value]: absolute, Keystone alone.
sub absolute {
    my ($b) = @_;
    return (
        { key => 'rtmp-lone', what => 'RTMP publish, a lone client (median)',
          limit => 2, unit => 'ms',
          run => sub { lone($b, $b->{keystone}) },
          plain => sub { lone($b, $b->{plain}) } },
        { key => 'argon2', what => 'p99 of GET under a storm of logins',
          limit => 2, unit => 'ms', run => sub { storm($b, 1) },
          plain => sub { storm($b, 0) } },
        { key => 'memory', what => 'memory, idle', limit => 20, unit => 'MiB',
          run => sub { fresh($b)->{memory_mib} } },
        { key => 'start', what => 'start to the first 200', limit => 40,
          unit => 'ms', run => sub { fresh($b)->{start_ms} } },
    );
}

sub lone {
    my ($b, $server) = @_;
    return Load::rtmp($server->{rtmp_port}, names => $b->{rtmp_names},
        connections => 1, seconds => $b->{seconds})->{accept_ms}{p50};
}

# 500 GETs a second beside as many logins as the machine can hash. On all
# CPUs: the hashing threads and the event loop share them as they would.
sub storm {
    my ($b, $logins) = @_;
    my $server = $b->{free};
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        exec("$Load::tools/http_load", '--port', $server->{port}, '--path',
            '/api/v1/auth/login', '--method', 'POST', '--header',
            'Content-Type: application/json', '--body', $b->{login},
            '--connections', 8, '--count', 1000000) if $logins;
        exit 0;
    }
    local $Load::cpus;
    my $got = Load::http($server->{port}, "/api/v1/streams/$b->{first}{id}",
        count => 500 * 3, rate => 500, connections => 16,
        headers => ["Authorization: Bearer $b->{access}"]);
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return $got->{ms}{p99};
}

# A server just started, with its own empty store.
sub fresh {
    my ($b) = @_;
    state $count = 0;
    my $server = $b->{start_keystone}->('fresh' . $count++, undef);
    my $client = HTTP::Tiny->new(timeout => 5);
    until ($client->get("http://127.0.0.1:$server->{port}/healthz")->{success})
    {
        die "no 200 from /healthz within 5 s\n"
            if time > $server->{started} + 5;
    }
    my $ms = (time - $server->{started}) * 1000;
    $client->get("http://127.0.0.1:$server->{port}/readyz") for 1 .. 20;
    my $mib = Servers::memory_kib($server) / 1024;
    Servers::stop($server);
    return { start_ms => $ms, memory_mib => $mib };
}

1;
