# WHEP (draft-ietf-wish-whep), line by line: each subtest is a line of the
# contract. The media server is the stand-in for SRS. Server-sent events (H-6,
# H-7, H-9) are in 620-whep-events.t.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( wait_for );
use Keystone::Server;
use Keystone::Srs qw( capture_offer has_node );

plan skip_all => 'no node in PATH' unless has_node();

my $srs = Keystone::Srs->new;
my $ks = Keystone::Server->new(rtmp => 0, http => $srs->http,
    server => $srs->server, keystone => 'rate_limit off;' . $srs->keystone);
my $ann = $ks->user('ann@example.org');
my %made = (
    show => $ks->stream('ann@example.org', visibility => 'public'),
    idle => $ks->stream('ann@example.org', visibility => 'public'),
    closed => $ks->stream('ann@example.org', visibility => 'private'),
    small => $ks->stream('ann@example.org', visibility => 'public'),
);
$ks->start;
my $owner = $ks->login($ann);

my $offer = capture_offer('whip/publish.201');
my $ask = capture_offer('whep/play.201');
my $id = $made{show}{id};

sub h { $_[0]{headers}{ $_[1] } // '' }

sub post {
    my ($path, $body, %option) = @_;
    return $ks->request('POST', "/rtc/v1/$path", body => $body, %option,
        headers => { 'content-type' => 'application/sdp',
                     %{ $option{headers} // {} } });
}

sub publish {
    my ($name) = @_;
    my $answer = post("whip/$made{$name}{id}", $offer,
                      bearer => $made{$name}{stream_key});
    is $answer->{status}, 201, "$name is published";
    ok wait_for {
        $ks->get("/api/v1/streams/$made{$name}{id}/status", bearer => $owner)
            ->{json}{status} eq 'active';
    }, '- and live';
    return h($answer, 'location');
}

sub play {
    my ($name, %option) = @_;
    return post("whep/$made{$name}{id}", $option{body} // $ask, %option);
}

sub token {
    my ($name, %field) = @_;
    return $ks->post("/api/v1/streams/$made{$name}{id}/tokens",
        { kind => 'play', %field }, bearer => $owner)->{json};
}

sub asked { return scalar grep { $_->{target} =~ m{/whep/} } $srs->offers }

publish($_) for qw( show closed small );
$ks->patch("/api/v1/streams/$made{small}{id}", { max_viewers => 1 },
           bearer => $owner);

subtest 'H-1' => sub {
    for my $way (qw( recvonly sendrecv )) {
        my $answer = play('show', body => $ask =~ s/a=recvonly/a=$way/gr);
        is $answer->{status}, 201, $way;
        like $answer->{body}, qr/^a=sendonly\r$/m, '- answer: sendonly';
        unlike $answer->{body}, qr/^a=recv/m, '- nothing else';
        $ks->delete(h($answer, 'location'));
    }
    my $before = asked();
    for my $way (qw( sendonly inactive )) {
        my $answer = play('show', body => $ask =~ s/a=recvonly/a=$way/gr);
        is $answer->{status}, 422, $way;
    }
    is asked(), $before, 'nobody asked SRS';
};

subtest 'H-2' => sub {
    my $answer = $ks->request('HEAD', "/rtc/v1/whep/$id");
    is $answer->{status}, 200, 'HEAD: 200';
    is h($answer, 'content-type'), 'application/sdp', 'application/sdp';
    is $answer->{body} // '', '', 'no body';
};

subtest 'H-3' => sub {
    my $before = asked();
    my $answer = play('idle');
    is $answer->{status}, 409, 'nobody publishes: 409';
    like h($answer, 'retry-after'), qr/^[1-9]\d*$/, 'Retry-After, in seconds';
    is $answer->{json}{code}, 'not_live', 'which of the 409s';
    is play('closed')->{status}, 401, 'a private one: 401';
    my $other = token('idle')->{token};
    is play('closed', bearer => $other)->{status}, 403,
        'with a token for another: 403';
    is post('whep/str_' . 'x' x 22, $ask)->{status}, 401,
        'an unknown one: as one that may not be seen';
    is asked(), $before, 'SRS, which would say 201, was not asked';

    my $location = publish('idle');
    my $viewer = play('idle');
    is $viewer->{status}, 201, 'published: 201';
    $ks->delete(h($viewer, 'location'));
    $ks->delete($location);
    $ks->patch("/api/v1/streams/$made{idle}{id}",
        { reconnect_window_seconds => 0 }, bearer => $owner);
    $ks->delete(publish('idle'));
    is play('idle')->{status}, 409, 'and ended: 409 again';
};

subtest 'H-4' => sub {
    for my $body ($ask, 'x', $offer, $ask =~ s/^m=video.*//msr) {
        my $answer = play('show', body => $body);
        isnt $answer->{status}, 406, "$answer->{status} is no counter-offer";
        $ks->delete(h($answer, 'location')) if $answer->{status} == 201;
    }
    my $answer = $ks->request('PATCH', "/rtc/v1/whep/$id", body => $ask,
        headers => { 'content-type' => 'application/sdp' });
    is $answer->{status}, 405, 'nor does the endpoint take answers';
};

subtest 'H-5' => sub {
    is play('show', body => $_)->{status}, 400, 'malformed' for 'x', '',
        "v=0\r\n";
    my %other = (
        401 => play('closed'), 409 => play('idle'),
        403 => play('closed', bearer => token('idle')->{token}),
        415 => play('show', headers => { 'content-type' => 'text/plain' }),
        422 => play('show', body => $offer),
        404 => post("whep/$id/a/b/c", $ask),
        413 => play('show', body => 'x' x 70000),
    );
    is $other{$_}{status}, $_, "$_ for what it means" for sort keys %other;
};

subtest 'H-8' => sub {
    my $token = token('closed');
    for my $way (["whep/$made{closed}{id}", bearer => $token->{token}],
                 ["whep/$made{closed}{id}?token=$token->{token}"])
    {
        my ($path, @more) = @$way;
        my $answer = post($path, $ask, @more);
        is $answer->{status}, 201, 'a play token, in header or address';
        my $location = h($answer, 'location');
        like $location, qr{^/rtc/v1/whep/\w+/ses_[0-9A-Za-z]{22}$},
            '- a session of its own';
        my $trickle = sub {
            $ks->request('PATCH', $location, headers => { 'content-type' =>
                'application/trickle-ice-sdpfrag' }, @_);
        };
        my ($ufrag) = $ask =~ /a=ice-ufrag:(\S+)/;
        my ($pwd) = $ask =~ /a=ice-pwd:(\S+)/;
        my $fragment = "a=ice-ufrag:$ufrag\r\na=ice-pwd:$pwd\r\n"
            . "a=end-of-candidates\r\n";
        is $trickle->(body => $fragment)->{status}, 204, '- trickle';
        is $trickle->(body => $fragment =~ s/ufrag:\S+/ufrag:neww/r)
            ->{status}, 422, '- no restart';
        my $whip = $location =~ s{/whep/}{/whip/}r;
        is $ks->delete($whip)->{status}, 404, '- not by the name of the other';
        is $ks->delete($location =~ s/$made{closed}{id}/$id/r)->{status}, 404,
            '- nor of another stream';
        is $ks->delete($location, bearer => token('idle')->{token})->{status},
            403, '- nor with a token for another';
        is $ks->delete($location)->{status}, 200, '- DELETE';
        is $ks->delete($location)->{status}, 404, '- twice';
    }
    is play('show', headers => { authorization => 'Bearer undefined' })
        ->{status}, 201, 'some send "undefined" for no token';
    is scalar(grep { $_->{type} eq 'rtc-play' } $srs->on($made{closed}{id})),
        0, 'SRS has none of these left';
};

subtest 'limits of a stream and of a token' => sub {
    my $first = play('small');
    is $first->{status}, 201, 'one viewer of one';
    my $second = play('small');
    like $second->{status}, qr/^(503|429)$/, 'one more';
    like h($second, 'retry-after'), qr/^[1-9]\d*$/, '- Retry-After';
    $ks->delete(h($first, 'location'));
    is play('small')->{status}, 201, 'when one has gone, the next';
    my $once = token('closed', single_use => JSON::PP::true())->{token};
    is play('closed', bearer => $once)->{status}, 201, 'single use: once';
    like play('closed', bearer => $once)->{status}, qr/^40[13]$/, 'no more';
    my $page = token('closed', allowed_origins => ['https://a.example'])
        ->{token};
    is play('closed', bearer => $page, headers => {
        origin => 'https://b.example' })->{status}, 403, 'another page';
    my $far = token('closed', allowed_ips => ['192.0.2.0/24'])->{token};
    is play('closed', bearer => $far)->{status}, 403, 'another address';
};

$ks->stop;
done_testing;
