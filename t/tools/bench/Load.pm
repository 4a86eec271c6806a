package Load;

# wrk, http_load and rtmp_driver, each to a hash {requests, seconds, ...}.

use v5.30;
use warnings;

use File::Basename qw( dirname );
use JSON::PP qw( decode_json );

our ($tools, $cpus);
my $here = dirname(__FILE__);

# Runs a command on the CPUs of the load, gives its last JSON line.
sub json_of {
    my (@command) = @_;
    unshift @command, 'taskset', '-c', $cpus if defined $cpus;
    open my $pipe, '-|', @command or die "$command[0]: $!\n";
    my ($last) = reverse grep { /^\{/ } <$pipe>;
    close $pipe;
    die "@command[0 .. 3] printed no result (status $?)\n" if !$last;
    return decode_json($last);
}

sub wrk {
    my ($port, $path, %o) = @_;
    local $ENV{BENCH_REPORT} = "$here/report.lua";
    local $ENV{BENCH_BODY} = $o{body} // '';
    local $ENV{BENCH_TOKEN} = $o{token} // '';
    my @headers = !$o{body} && $o{token}
        ? ('-H', "Authorization: Bearer $o{token}") : ();
    my $got = json_of('wrk', '-t1', '-c' . ($o{connections} // 32),
        "-d$o{seconds}s", @headers, '-s',
        $o{body} ? "$here/post.lua" : "$here/report.lua",
        "http://127.0.0.1:$port$path");
    my $wanted = $o{refused} ? $got->{requests} : 0;
    die "$path: $got->{refused} of $got->{requests} answers were refusals, "
        . "$got->{broken} connections broke\n"
        if $got->{refused} != $wanted || $got->{broken};
    return $got;
}

# Counted requests; $o{status} is what each must be answered with.
sub http {
    my ($port, $path, %o) = @_;
    my @args = map { defined $o{$_} ? ("--$_", $o{$_}) : () }
        qw( method body lines count connections rate locations );
    my $got = json_of("$tools/http_load", '--port', $port, '--path', $path,
        @args, map { ('--header', $_) } @{ $o{headers} // [] });
    my $good = $got->{statuses}{ $o{status} // 200 } // 0;
    die "$path: only $good of $got->{requests} answers were "
        . ($o{status} // 200) . ': ' . JSON::PP->new->canonical->encode($got)
        . "\n" if $good != $got->{requests} && !$o{any};
    return $got;
}

sub rtmp {
    my ($port, %o) = @_;
    my $got = json_of("$tools/rtmp_driver", 'bench', '--url',
        "rtmp://127.0.0.1:$port/live", '--names', $o{names}, '--count',
        $o{connections}, '--seconds', $o{seconds}, '--quiet');
    my $bad = $got->{refused} + $got->{closed} + $got->{timeout};
    die "rtmp: $bad of $got->{connections} publishers did not get in\n"
        if $bad > $got->{accepted} / 1000;
    return { %$got, requests => $got->{accepted} };
}

1;
