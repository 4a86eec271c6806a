# HLS and FLV of SRS behind nginx's cache, configured as docs/deployment-srs.md
# says: what viewers cost SRS, and that the cache opens nothing to nobody.

use v5.30;
use warnings;
use lib 't/lib';

use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw( time );

use Keystone::Env qw( root wait_for );
use Keystone::Server;
use Keystone::Srs qw( capture_offer has_node );

plan skip_all => 'no node in PATH' unless has_node();

my $load = ($ENV{BUILD} // root() . '/build') . '/tools/http_load';
plan skip_all => 'no http_load: make -C t/tools' unless -x $load;

# The location of the documentation, and the cache's line.
sub documented {
    my ($pattern) = @_;
    my ($text) = Keystone::Srs::read_file('docs/deployment-srs.md') =~ $pattern
        or die "docs/deployment-srs.md lacks $pattern";
    return $text;
}

my $location = documented(qr/^( {8}location \/live\/ \{.*?^ {8}\})/ms);
my $cache = documented(qr/^\s+(proxy_cache_path .*?;)/ms);
$cache =~ s{/var/cache/nginx/live}{cache};

my $secret = 'hooks-of-640-and-nobody-else';
my $srs = Keystone::Srs->new(hls_fragment_ms => 1000);
my $ks = Keystone::Server->new(rtmp => 0, workers => 3,
    keystone => "rate_limit off; hook_secret $secret;" . $srs->keystone,
    http => $srs->http . $cache, server => $srs->server . $location);
my $ann = $ks->user('ann@example.org');
my $public = $ks->stream('ann@example.org', visibility => 'public');
my $private = $ks->stream('ann@example.org', visibility => 'private');
my $never = $ks->stream('ann@example.org', visibility => 'public');
$ks->start;
$srs->set_hooks($ks->port, $secret);
my $owner = $ks->login($ann);

for my $stream ($public, $private) {
    my $answer = $ks->request('POST', "/rtc/v1/whip/$stream->{id}",
        body => capture_offer('whip/publish.201'),
        bearer => $stream->{stream_key},
        headers => { 'content-type' => 'application/sdp' });
    is $answer->{status}, 201, 'published' or BAIL_OUT $answer->{body};
    ok wait_for {
        $ks->get("/api/v1/streams/$stream->{id}/status", bearer => $owner)
            ->{json}{status} eq 'active';
    }, '- and live';
}

sub token {
    my ($stream) = @_;
    return $ks->post("/api/v1/streams/$stream->{id}/tokens",
        { kind => 'play' }, bearer => $owner)->{json};
}

# The numbers of the segments that a playlist names.
sub segments { return $_[0]{body} =~ /-(\d+)\.ts/g }

sub counts {
    my %count;
    $count{ $_->{target} }++ for $srs->files;
    return \%count;
}

# So many requests of so many clients at once: {status => times}.
sub crowd {
    my ($path, %option) = @_;
    my @command = ($load, '--port', $ks->port, '--path', $path, '--count',
        $option{count} // 1000, '--connections', 200);
    push @command, '--lines', $option{lines} if $option{lines};
    open my $pipe, '-|', @command or die "http_load: $!";
    my $said = JSON::PP::decode_json(do { local $/; <$pipe> });
    close $pipe;
    return $said;
}

sub by_status {
    my ($said) = @_;
    return $said->{statuses} // $said->{status};
}

my $playlist = $ks->get("/live/$public->{id}.m3u8");
is $playlist->{status}, 200, 'the playlist';
is $playlist->{headers}{'content-type'}, 'application/vnd.apple.mpegurl',
    '- its type';
unlike $playlist->{body}, qr/hls_ctx|ks=/, '- plain';

subtest 'a thousand viewers cost one request a segment' => sub {
    $srs->forget;
    my $started = time;
    my ($segment) = segments($playlist);
    my $said = crowd("/live/$public->{id}-$segment.ts");
    is_deeply by_status($said), { 200 => 1000 }, 'all get the segment'
        or diag explain $said;
    is counts()->{"/live/$public->{id}-$segment.ts"}, 1, 'SRS gave it once';

    $said = crowd("/live/$public->{id}.m3u8");
    is_deeply by_status($said), { 200 => 1000 }, 'all get the playlist';
    my $seconds = time - $started;
    cmp_ok counts()->{"/live/$public->{id}.m3u8"} // 0, '<=', $seconds + 2,
        'SRS gave it once a second at most';
};

subtest 'the playlist moves on' => sub {
    my ($first) = segments($ks->get("/live/$public->{id}.m3u8"));
    ok wait_for {
        (segments($ks->get("/live/$public->{id}.m3u8")))[0] > $first;
    }, 'a newer one comes';
};

subtest 'a private stream' => sub {
    $srs->forget;
    my @tokens = map { token($private) } 1 .. 40;
    open my $lines, '>', $ks->dir . '/tokens' or die $!;
    print $lines "$_->{token}\n" for @tokens;
    close $lines;
    my $good = $tokens[0]{token};

    my $answer = $ks->get("/live/t/$good/$private->{id}.m3u8");
    is $answer->{status}, 200, 'with a token in the path';
    my ($segment) = segments($answer);
    my $file = "$private->{id}-$segment.ts";
    my $said = crowd("/live/t/{1}/$file", lines => $ks->dir . '/tokens');
    is_deeply by_status($said), { 200 => 1000 }, 'a thousand with 40 tokens'
        or diag explain $said;
    is counts()->{"/live/$file"}, 1, 'cost one request';

    for my $name ($file, "$private->{id}.m3u8") {
        is $ks->get("/live/$name")->{status}, 401, "$name: none, 401";
        is $ks->get("/live/t/ks_play_" . 'x' x 32 . "/$name")->{status}, 401,
            '- a wrong one, 401';
        is $ks->get("/live/$name?token=" . token($public)->{token})->{status},
            403, '- of another stream, 403';
        is $ks->get("/live/$name?token=$good")->{status}, 200,
            '- in the query, 200';
        is $ks->get("/live/$name", bearer => $good)->{status}, 200,
            '- as bearer, 200';
    }

    $ks->delete("/api/v1/tokens/$tokens[0]{id}", bearer => $owner);
    ok wait_for {
        $ks->get("/live/t/$good/$file")->{status} == 401;
    }, 'a revoked one opens nothing that is in the cache';
    is $ks->get("/live/t/$tokens[1]{token}/$file")->{status}, 200,
        'others go on';
    my @seen = map { $_->{target} } $srs->files;
    ok !(grep { /ks_|token|\?/ } @seen), 'no token came to SRS'
        or diag explain \@seen;
    ok !(grep { Keystone::Srs::header($_, 'authorization') } $srs->files),
        'not in a header either';
};

subtest 'what is not there' => sub {
    $srs->forget;
    is $ks->get("/live/$never->{id}.m3u8")->{status}, 404, 'not live';
    is $ks->get("/live/$never->{id}-0.ts")->{status}, 404, 'nor its segments';
    is scalar $srs->files, 0, 'SRS was not asked';
    crowd("/live/$public->{id}-999999.ts", count => 100);
    cmp_ok counts()->{"/live/$public->{id}-999999.ts"} // 0, '<=', 3,
        'what SRS has not is kept for a moment, too';
    for my $path ("/live/../api/v1/clients/", "/live/$public->{id}.mp4",
                  '/live/x/y/z.ts')
    {
        like $ks->get($path)->{status}, qr/^40/, "$path: refused";
    }
};

# Reads what comes on this path until there is this much; the socket.
sub flv {
    my ($path, $bytes, $port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port // $ks->port) or die $!;
    print $socket "GET $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    my $in = '';
    while (length $in < $bytes && IO::Select->new($socket)->can_read(5)) {
        sysread $socket, $in, 65536, length $in or last;
    }
    return ($socket, $in);
}

subtest 'FLV passes' => sub {
    my ($socket, $in) = flv("/live/$public->{id}.flv", 3000);
    like $in, qr{^HTTP/1\.1 200 .*^content-type: video/x-flv}ims, 'it comes';
    like $in, qr/\r\n\r\n.*FLV\x01\x05/s, '- from the beginning';
    ok wait_for {
        grep { $_->{type} eq 'flv-play' } $srs->on($public->{id});
    }, '- as a client of SRS';
    close $socket;
    ok wait_for {
        !grep { $_->{type} eq 'flv-play' } $srs->on($public->{id});
    }, 'it ends with its viewer';

    my ($none, $refused) = flv("/live/$private->{id}.flv", 1);
    like $refused, qr{^HTTP/1\.1 401 }, 'a private one: 401';
    my $token = token($private);
    my ($paid, $got) = flv("/live/t/$token->{token}/$private->{id}.flv", 3000);
    like $got, qr{^HTTP/1\.1 200 }, 'with a token: it comes';
    ok !(grep { /ks_/ } map { $_->{target} // $_->{param} } $srs->files,
         $srs->sessions), 'which SRS has not seen';
    my ($direct, $nothing) = flv("/live/$private->{id}.flv", 1,
                                 $srs->http_port);
    is $nothing, '', 'from SRS\'s own port: nothing';
};

$ks->stop;
done_testing;
