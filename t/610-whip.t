# WHIP (RFC 9725), line by line: each subtest is a line of the contract. The
# media server is the stand-in for SRS.

use v5.30;
use warnings;
use lib 't/lib';

use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw( time );

use Keystone::Env qw( wait_for );
use Keystone::Server;
use Keystone::Srs qw( capture_offer offer_file has_node );

plan skip_all => 'no node in PATH' unless has_node();

my $srs = Keystone::Srs->new;
my $ks = Keystone::Server->new(rtmp => 0, keystone => <<"END",
    rate_limit off;
    cors_origins https://studio.example.org;
    ice_server stun:stun.example.org:3478;
    ice_server turn:turn.example.org:3478 secret=north-wind ttl=600;
END
    http => $srs->http, server => $srs->server);
$ks->{keystone} .= $srs->keystone;
my $ann = $ks->user('ann@example.org');
my %made = map { $_ => $ks->stream('ann@example.org', title => $_) }
    qw( show other kicked );
$ks->start;

my $offer = capture_offer('whip/publish.201');
my $origin = 'https://studio.example.org';
my ($id, $key) = @{ $made{show} }{qw( id stream_key )};
my $trickle = "a=ice-ufrag:" . ($offer =~ /a=ice-ufrag:(\S+)/)[0] . "\r\n"
    . "a=ice-pwd:" . ($offer =~ /a=ice-pwd:(\S+)/)[0] . "\r\n"
    . "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    . "a=candidate:1 1 udp 2122260223 192.0.2.9 61764 typ host\r\n"
    . "a=end-of-candidates\r\n";

sub h { $_[0]{headers}{ $_[1] } // '' }

sub links {
    my ($answer) = @_;
    my $link = $answer->{headers}{link} // [];
    return ref $link ? @$link : ($link);
}

sub publish {
    my (%option) = @_;
    return $ks->request('POST', $option{path} // "/rtc/v1/whip/$id",
        body => $option{body} // $offer,
        exists $option{bearer} ? (bearer => $option{bearer}) : (bearer => $key),
        headers => { 'content-type' => 'application/sdp',
                     %{ $option{headers} // {} } });
}

sub patch_it {
    my ($location, $text, %headers) = @_;
    return $ks->request('PATCH', $location, body => $text, headers => {
        'content-type' => 'application/trickle-ice-sdpfrag', %headers });
}

sub asked { return scalar $srs->offers }

# One publisher of $id while the code runs; ended after it.
sub while_live {
    my ($code) = @_;
    my $answer = publish();
    is $answer->{status}, 201, 'published' or return diag $answer->{body};
    $code->(h($answer, 'location'), $answer);
    $ks->delete(h($answer, 'location'));
    ok $srs->gone($id), 'and gone from the media server';
}

sub problem {
    my ($answer, $status, $name) = @_;
    is $answer->{status}, $status, $name;
    is h($answer, 'content-type'), 'application/problem+json',
        '- a problem document';
    is $answer->{json}{status}, $status, '- that says so';
}

subtest 'W-1' => sub {
    my $answer = publish();
    is $answer->{status}, 201, 'created';
    is h($answer, 'content-type'), 'application/sdp', 'application/sdp';
    like $answer->{body}, qr/^v=0\r\n.*s=SRSPublishSession/s, 'an answer';
    like h($answer, 'location'), qr{/whip/\Q$id\E/}, 'Location';
    is h($answer, 'cache-control'), 'no-store', 'kept by nobody';
    $ks->delete(h($answer, 'location'));
};

subtest 'W-2' => sub {
    my $before = asked();
    for my $type ('text/plain', 'application/json', '', 'application/sdpx') {
        my $answer = publish(headers => { 'content-type' => $type });
        problem($answer, 415, "'$type'");
        is h($answer, 'accept-post'), 'application/sdp', '- Accept-Post';
    }
    is asked(), $before, 'nobody asked SRS';
    for my $type ('application/sdp; charset=utf-8', 'APPLICATION/SDP;x=y') {
        my $answer = publish(headers => { 'content-type' => $type });
        is $answer->{status}, 201, $type;
        $ks->delete(h($answer, 'location'));
    }
};

subtest 'W-3' => sub {
    my $before = asked();
    for my $bad ('', 'hello', "v=0\r\n", '{"sdp":"v=0"}', "\0" x 100,
                 $offer =~ s/^v=0/v=1/r)
    {
        problem(publish(body => $bad), 400, 'malformed');
    }
    is asked(), $before, 'nobody asked SRS';
    is_deeply [$srs->on($id)], [], 'no session is left';
    while_live(sub { pass 'and the name is free' });
};

subtest 'W-4' => sub {
    while_live(sub {
        my ($location) = @_;
        for my $path ("/rtc/v1/whip/$id", $location) {
            my ($get, $head) = map { $ks->request($_, $path) } qw( GET HEAD );
            is $get->{status}, 204, "GET $path";
            is $get->{body} // '', '', '- no content';
            is $head->{status}, 204, '- HEAD, too';
            delete $_->{headers}{date} for $get, $head;
            delete $_->{headers}{'x-request-id'} for $get, $head;
            is_deeply $head->{headers}, $get->{headers}, '- the same headers';
        }
    });
};

subtest 'W-5' => sub {
    my $answer = $ks->request('OPTIONS', "/rtc/v1/whip/$id");
    is $answer->{status}, 200, 'OPTIONS without credentials';
    is h($answer, 'accept-post'), 'application/sdp', 'Accept-Post';
};

my %preflight = (origin => $origin, 'access-control-request-method' => 'POST',
    'access-control-request-headers' => 'authorization,content-type');

subtest 'W-6' => sub {
    is scalar links($ks->request('OPTIONS', "/rtc/v1/whip/$id",
        headers => \%preflight)), 0, 'none on a preflight';
    my @plain = links($ks->request('OPTIONS', "/rtc/v1/whip/$id",
        bearer => $key));
    is scalar @plain, 2, 'on any other OPTIONS of somebody who may publish';
};

subtest 'W-7' => sub {
    for my $path ("/rtc/v1/whip/$id", "/rtc/v1/whip/$id/",
                  "/rtc/v1/whip?app=live&stream=$id",
                  "/rtc/v1/whip/?app=live&stream=$id", '/rtc/v1/whip')
    {
        my $answer = publish(path => $path);
        is $answer->{status}, 201, "POST $path is not redirected";
        $ks->delete(h($answer, 'location'));
    }
    my ($last) = reverse $srs->offers;
    ok !(grep { $_->{target} =~ m{^/rtc/v1/whip\?} } $srs->offers),
        'nor does SRS get the form that it redirects';
};

subtest 'W-8' => sub {
    my $none = Keystone::Server->new(rtmp => 0, server => $srs->server,
        keystone => 'rate_limit off; srs_node srs_z api=127.0.0.1:1;',
        http => 'upstream srs_z { server 127.0.0.1:1; }');
    $none->user('ann@example.org');
    my $stream = $none->stream('ann@example.org');
    $none->start;
    my $answer = $none->request('POST', "/rtc/v1/whip/$stream->{id}",
        body => $offer, bearer => $stream->{stream_key},
        headers => { 'content-type' => 'application/sdp' });
    problem($answer, 503, 'no node that answers');
    like h($answer, 'retry-after'), qr/^[1-9]\d*$/, '- Retry-After';
    $none->stop;
};

subtest 'W-9' => sub {
    while_live(sub {
        my ($location) = @_;
        for my $case (['PUT', "/rtc/v1/whip/$id", 'POST'],
                      ['DELETE', "/rtc/v1/whip/$id", 'POST'],
                      ['PATCH', "/rtc/v1/whip/$id", 'POST'],
                      ['POST', $location, 'DELETE'],
                      ['PUT', $location, 'DELETE'])
        {
            my ($method, $path, $allowed) = @$case;
            my $answer = $ks->request($method, $path, bearer => $key,
                body => $offer, headers => {
                    'content-type' => 'application/sdp' });
            problem($answer, 405, "$method $path");
            like h($answer, 'allow'), qr/\b$allowed\b/, '- Allow';
            unlike h($answer, 'allow'), qr/\b$method\b/, '- without it';
        }
    });
};

subtest 'W-10' => sub {
    for my $bearer (undef, 'undefined', 'nonsense', "${key}x") {
        my $answer = publish(bearer => $bearer);
        problem($answer, 401, 'bearer ' . ($bearer // '(none)'));
        like h($answer, 'www-authenticate'), qr/^Bearer realm="\w+"/,
            '- a challenge';
    }
    like h(publish(bearer => $key =~ s/.$/-/r), 'www-authenticate'),
        qr/error="invalid_token"/, 'a token that was there: which error';
    problem(publish(bearer => $made{other}{stream_key}), 403, 'another one\'s');
    is publish(path => '/rtc/v1/whip/str_' . 'x' x 22)->{status}, 403,
        'no such stream: as another one\'s';
};

subtest 'W-11' => sub {
    for my $path ("/rtc/v1/whip/$id", "/rtc/v1/whip/$id/ses_x", '/rtc/v1/whip')
    {
        my $answer = $ks->request('OPTIONS', $path, headers => \%preflight);
        is $answer->{status}, 200, $path;
        is h($answer, 'www-authenticate'), '', '- no challenge';
    }
};

subtest 'W-12' => sub {
    while_live(sub {
        my ($location) = @_;
        my $wrong = "Bearer $made{other}{stream_key}";
        is patch_it($location, $trickle, authorization => $wrong)->{status},
            403, 'PATCH with the key of another stream';
        is $ks->delete($location, bearer => "${key}x")->{status}, 401,
            'DELETE with a wrong one';
        is scalar $srs->on($id), 1, 'which ended nothing';
        is patch_it($location, $trickle, authorization => "Bearer $key")
            ->{status}, 204, 'with the right one';
        is patch_it($location, $trickle)->{status}, 204, 'without one';
        is $ks->delete($location, bearer => $key)->{status}, 200, 'DELETE';
    });
};

subtest 'W-13' => sub {
    for my $name (qw( token key )) {
        my $answer = publish(bearer => undef,
            path => "/rtc/v1/whip/$id?$name=$key");
        is $answer->{status}, 201, "?$name=";
        unlike h($answer, 'location'), qr/\Q$key\E/, '- not in Location';
        $ks->delete(h($answer, 'location'));
    }
    ok !(grep { $_->{raw} && $_->{target} =~ /\Q$key\E/ } $srs->requests),
        'nor in what SRS is asked';
    unlike $ks->log . $ks->slurp('logs/stdout'), qr/\Q$key\E/,
        'nor in the error log';
};

subtest 'W-14' => sub {
    my %seen;
    for (1 .. 5) {
        my $answer = publish();
        my ($name) = h($answer, 'location') =~ m{/ses_([0-9A-Za-z]+)$};
        cmp_ok length $name // '', '>=', 22, '22 of 62 letters: 130 bits';
        ok !$seen{$name}++, 'never twice';
        $ks->delete(h($answer, 'location'));
    }
    unlike join('', keys %seen), qr/[0-9a-f]{8}-[0-9a-f]{4}/, 'no UUID';
};

subtest 'W-15' => sub {
    while_live(sub {
        my ($location) = @_;
        is $ks->delete($location)->{status}, 200, 'DELETE: 200';
        ok $srs->gone($id, 1), 'SRS lists it no more';
        for (1 .. 2) {
            like $ks->delete($location)->{status}, qr/^(404|200)$/, 'again';
        }
        is $ks->delete("/rtc/v1/whip/$id/ses_" . 'x' x 22)->{status}, 404,
            'an unknown one';
        is $ks->delete("/rtc/v1/whip/$made{other}{id}/"
            . ($location =~ m{([^/]+)$})[0])->{status}, 404, 'of another stream';
    });
};

subtest 'W-16' => sub {
    for my $tag ('"x"', 'W/"x"', '*') {
        while_live(sub {
            is $ks->delete($_[0], headers => { 'if-match' => $tag })->{status},
                200, "If-Match: $tag";
        });
    }
};

subtest 'W-17' => sub {
    my $few = Keystone::Server->new(rtmp => 0, server => $srs->server,
        http => $srs->http, keystone => $srs->keystone
            . 'rate_limit whip 1r/m burst=1; rate_limit session 1r/m burst=1;');
    $few->user('ann@example.org');
    my $stream = $few->stream('ann@example.org');
    $few->start;
    my $post = sub {
        $few->request('POST', "/rtc/v1/whip/$stream->{id}", body => 'x',
            bearer => $stream->{stream_key},
            headers => { 'content-type' => 'application/sdp' });
    };
    my $session = "/rtc/v1/whip/$stream->{id}/ses_" . 'x' x 22;
    for my $case (['POST', $post],
                  ['PATCH', sub { $few->request('PATCH', $session) }],
                  ['DELETE', sub { $few->delete($session) }])
    {
        my ($name, $send) = @$case;
        my $answer;
        for (1 .. 4) {
            $answer = $send->();
            last if $answer->{status} == 429;
        }
        problem($answer, 429, $name);
        like h($answer, 'retry-after'), qr/^[1-9]\d*$/, '- Retry-After';
        ok h($answer, 'ratelimit'), '- RateLimit';
    }
    $few->stop;
};

subtest 'W-18' => sub {
    my $show = $made{kicked};
    my $answer = publish(path => "/rtc/v1/whip/$show->{id}",
                         bearer => $show->{stream_key});
    is $answer->{status}, 201, 'published';
    my $token = $ks->login($ann);
    my $at = time;
    my $kick = $ks->post("/api/v1/streams/$show->{id}/kick",
        { ban_seconds => 60 }, bearer => $token);
    like $kick->{status}, qr/^20/, 'kicked' or diag $kick->{body};
    ok $srs->gone($show->{id}, 2), 'its session in SRS is over';
    cmp_ok time - $at, '<', 1, 'within a second';
    is $ks->delete(h($answer, 'location'))->{status}, 404, 'and with us';
};

subtest 'W-19' => sub {
    while_live(sub {
        my ($location) = @_;
        for my $method (qw( GET HEAD OPTIONS )) {
            like $ks->request($method, $location)->{status}, qr/^2/,
                "$method is not redirected";
        }
        is patch_it($location, $trickle)->{status}, 204, 'nor is PATCH';
    });
};

subtest 'W-20' => sub {
    while_live(sub {
        my ($location) = @_;
        for my $type ('application/sdp', '', 'text/plain') {
            problem(patch_it($location, $trickle, 'content-type' => $type),
                    415, "'$type'");
        }
        for my $bad ('x', "a=candidate:1\r\n", "v=0\r\n") {
            problem(patch_it($location, $bad), 400, 'a bad fragment');
        }
        is scalar $srs->on($id), 1, 'the session is as it was';
    });
};

subtest 'W-21' => sub {
    while_live(sub {
        my ($location) = @_;
        my $before = asked();
        for my $text ($trickle, $trickle =~ s/udp/tcp/r,
                      $trickle =~ s/192\.0\.2\.9/a1b2c3.local/r,
                      $trickle =~ s/typ host/typ srflx raddr 0.0.0.0 rport 0/r)
        {
            my $answer = patch_it($location, $text);
            is $answer->{status}, 204, 'trickled';
            is $answer->{body} // '', '', '- empty';
            is h($answer, 'etag'), '', '- no ETag';
        }
        is asked(), $before, 'SRS, which is ICE-lite, was not asked';
    });
};

subtest 'W-22' => sub {
    while_live(sub {
        my ($location) = @_;
        my $restart = $trickle =~ s/ice-ufrag:\S+/ice-ufrag:neww/r
            =~ s/ice-pwd:\S+/ice-pwd:abcdefghijklmnopqrstuvwx/r;
        problem(patch_it($location, $restart), 422, 'an ICE restart');
    });
};

subtest 'W-23' => sub {
    while_live(sub {
        my ($location, $answer) = @_;
        is h($answer, 'etag'), '', 'no ETag on 201';
        for my $header (['if-match', '"other"'], ['etag', '"x"'],
                        ['if-match', '*'])
        {
            is patch_it($location, $trickle, @$header)->{status}, 204,
                "$header->[0]: $header->[1] is ignored";
        }
    });
};

subtest 'W-24' => sub {
    while_live(sub {
        my ($location) = @_;
        my $restart = $trickle =~ s/ice-ufrag:\S+/ice-ufrag:neww/r;
        is patch_it($location, $restart, 'if-match' => '*')->{status}, 422,
            'a restart that fails';
        is scalar $srs->on($id), 1, 'leaves the session in SRS';
        is patch_it($location, $trickle)->{status}, 204, 'and with us';
    });
};

subtest 'W-25' => sub {
    while_live(sub {
        my (undef, $answer) = @_;
        like $answer->{body}, qr/^a=candidate:\S+ 1 udp/m, 'candidates inside';
    });
};

subtest 'W-26' => sub {
    my $before = asked();
    for my $way (qw( recvonly inactive )) {
        problem(publish(body => $offer =~ s/a=sendonly/a=$way/gr), 422, $way);
    }
    is asked(), $before, 'nobody asked SRS';
    while_live(sub {
        like $_[1]{body}, qr/^a=recvonly\r$/m, 'the answer is recvonly';
        unlike $_[1]{body}, qr/^a=send/m, 'and nothing else';
    });
};

subtest 'W-27' => sub {
    problem(publish(body => $offer =~ s/a=group:BUNDLE[^\r]*\r\n//r), 422,
        'no BUNDLE');
    problem(publish(body => $offer =~ s/a=rtcp-mux\r\n//gr), 422,
        'no rtcp-mux');
    unlike $offer, qr/rtcp-mux-only/, 'an offer without rtcp-mux-only';
    while_live(sub {
        like $_[1]{body}, qr/^a=group:BUNDLE 0 1\r$/m, 'is fine: BUNDLE';
        like $_[1]{body}, qr/^a=rtcp-mux\r$/m, 'and rtcp-mux';
    });
};

subtest 'W-28' => sub {
    my ($video) = $offer =~ /^(m=video.*)\z/ms;
    my $second = $video =~ s/a=mid:1/a=mid:2/r;
    my $answer = publish(body => $offer =~ s/BUNDLE 0 1/BUNDLE 0 1 2/r
        . $second);
    problem($answer, 422, 'two video sections');
    my $cut = $offer =~ s/^m=video.*//msr;
    my $audio = publish(body => $cut =~ s/BUNDLE 0 1/BUNDLE 0/r);
    is $audio->{status}, 201, 'audio alone';
    is scalar(() = $audio->{body} =~ /^m=/mg), 1, 'no rejected section';
    $ks->delete(h($audio, 'location'));
};

subtest 'W-29' => sub {
    for my $setup (qw( actpass active passive )) {
        my $answer = publish(body => $offer =~ s/a=setup:\w+/a=setup:$setup/gr);
        is $answer->{status}, 201, $setup;
        $ks->delete(h($answer, 'location'));
    }
    problem(publish(body => $offer =~ s/a=setup:\w+/a=setup:holdconn/gr), 422,
        'holdconn');
    for my $name (qw( obs gstreamer ffmpeg )) {
        my $answer = publish(body => offer_file($name));
        is $answer->{status}, 201, "an offer as $name makes it"
            or diag $answer->{body};
        $ks->delete(h($answer, 'location'));
    }
};

subtest 'W-30' => sub {
    my $simulcast = $offer =~ s/(m=video.*a=sendonly\r\n)/$1a=rid:h send\r
a=rid:l send\r\na=simulcast:send h;l\r\n/sr;
    my $answer = publish(body => $simulcast);
    is $answer->{status}, 201, 'simulcast is taken';
    unlike $answer->{body}, qr/simulcast/, 'and left out of the answer';
    $ks->delete(h($answer, 'location'));
};

subtest 'W-31' => sub {
    while_live(sub {
        my @link = links($_[1]);
        is scalar @link, 2, 'one Link each';
        is $link[0], '<stun:stun.example.org:3478>; rel="ice-server"', 'STUN';
        like $link[1], qr/^<turn:turn\.example\.org:3478>; rel="ice-server"/;
        like $link[1], qr/; username="[^"]+"; credential="[^"]+"/, 'a login';
        like $link[1], qr/; credential-type="password"/, 'its type';
    });
};

subtest 'W-32' => sub {
    while_live(sub {
        for my $link (links($_[1])) {
            my ($rel) = $link =~ /rel="([^"]+)"/;
            like $rel, qr/^(ice-server$|urn:ietf:params:whip:ext:)/, $rel;
        }
    });
};

subtest 'W-33' => sub {
    my $answer = publish(bearer => undef);
    my $problem = $answer->{json};
    like $problem->{type}, qr/^urn:/, 'type';
    is $problem->{status}, 401, 'status';
    ok length($problem->{title}) && length($problem->{detail}), 'words';
    my $long = 'x' x 70000;
    problem(publish(body => $long), 413, 'too long');
};

subtest 'W-34' => sub {
    my $preflight = $ks->request('OPTIONS', "/rtc/v1/whip/$id",
        headers => \%preflight);
    my $allowed = h($preflight, 'access-control-allow-headers');
    like $allowed, qr/\b$_\b/, "allows $_"
        for 'Authorization', 'Content-Type', 'If-Match', 'ETag';
    is h($preflight, 'access-control-allow-methods'),
        'GET, HEAD, POST, PATCH, DELETE, OPTIONS', 'the methods';
    my $plain = $ks->request('OPTIONS', "/rtc/v1/whip/$id",
        headers => { origin => $origin });
    like h($plain, 'access-control-allow-methods'), qr/\bPATCH\b/,
        'the methods, where a page can read them: it may trickle';
    like h($plain, 'access-control-expose-headers'),
        qr/\bAccess-Control-Allow-Methods\b/, 'and is let to';
    my @real = map { [$_->[0], publish(%{ $_->[1] })] } (
        ['201', { headers => { origin => $origin } }],
        ['401', { headers => { origin => $origin }, bearer => undef }],
        ['400', { headers => { origin => $origin }, body => 'x' }]);
    for my $case (@real) {
        my ($name, $answer) = @$case;
        is $answer->{status}, $name, "a $name";
        is h($answer, 'access-control-allow-origin'), $origin, '- origin';
        like h($answer, 'vary'), qr/\bOrigin\b/, '- Vary';
        my $exposed = h($answer, 'access-control-expose-headers');
        like $exposed, qr/\b$_\b/, "- exposes $_" for qw( Location ETag Link
            Retry-After WWW-Authenticate Accept-Post
            Access-Control-Allow-Methods );
        is ref $answer->{headers}{'access-control-allow-origin'}, '',
            '- once: SRS\'s own are gone';
    }
    $ks->delete(h($real[0][1], 'location'));
};

$ks->stop;
done_testing;
