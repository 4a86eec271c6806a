# What SRS does that nobody would expect, and what comes of it behind Keystone:
# one subtest for each trap. SRS is the stand-in, which has them all.

use v5.30;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw( time );

use Keystone::Env qw( wait_for );
use Keystone::Server;
use Keystone::Srs qw( capture_offer has_node );

plan skip_all => 'no node in PATH' unless has_node();

my $secret = 'the-hook-secret-of-612';
my $srs = Keystone::Srs->new(vhosts => 'tenant.example.com');
my $ks = Keystone::Server->new(rtmp => 0, http => $srs->http,
    server => $srs->server . 'location /live/ {
            keystone_gate hls;
            proxy_pass http://${keystone_node}_http$keystone_upstream_uri;
            proxy_set_header Host 127.0.0.1;
        }',
    keystone => "rate_limit off; hook_secret $secret;" . $srs->keystone);
my $ann = $ks->user('ann@example.org');
my %made = map {
    $_ => $ks->stream('ann@example.org', title => $_,
                      visibility => 'public')
} qw( show other closed );
$ks->start;
$srs->set_hooks($ks->port, $secret);
my $owner = $ks->login($ann);
$ks->patch("/api/v1/streams/$made{$_}{id}", { reconnect_window_seconds => 0,
    takeover => 'reject' }, bearer => $owner) for keys %made;

my $offer = capture_offer('whip/publish.201');
my $ask = capture_offer('whep/play.201');
my ($id, $key) = @{ $made{show} }{qw( id stream_key )};

sub h { $_[0]{headers}{ $_[1] } // '' }

sub whip {
    my ($query, %option) = @_;
    my $name = delete $option{name} // 'show';
    return $ks->request('POST',
        $option{path} // "/rtc/v1/whip/$made{$name}{id}$query",
        body => $option{body} // $offer, bearer => $made{$name}{stream_key},
        timeout => 15, headers => { 'content-type' => 'application/sdp',
            %{ $option{headers} // {} } });
}

sub status {
    my ($name) = @_;
    return $ks->get("/api/v1/streams/$made{$name}{id}/status",
                    bearer => $owner)->{json}{status};
}

sub becomes {
    my ($name, $status) = @_;
    return ok(wait_for(sub { status($name) eq $status }, 12),
              "$name is $status") || diag status($name);
}

# A publisher of `show` while the code runs.
sub while_live {
    my ($code, @how) = @_;
    my $answer = whip('', @how);
    is $answer->{status}, 201, 'published' or return diag $answer->{body};
    becomes('show', 'active');
    $code->($answer);
    $ks->delete(h($answer, 'location'));
    ok $srs->gone($id), 'and gone';
    becomes('show', 'idle');
}

sub problem {
    my ($answer, $status, $name) = @_;
    is $answer->{status}, $status, $name or diag $answer->{body};
    is h($answer, 'content-type'), 'application/problem+json',
        '- a problem document';
    is h($answer, 'location'), '', '- leads nowhere';
}

sub comes { return $srs->client(app => 'live', @_) }

subtest '1.1 failures without a byte' => sub {
    my $match = 'POST /rtc/v1/whip/';
    for my $action (qw( close reset garbage )) {
        $srs->plan(match => $match, action => $action);
        problem(whip(''), 502, $action);
    }
    for my $status (200, 302, 404, 500) {
        $srs->plan(match => $match, action => 'status', status => $status,
                   body => '{"code":0}');
        problem(whip(''), 502, "a $status instead of an answer");
    }
    ok $srs->gone($id), 'none of them left anything in SRS';
    $srs->plan(match => $match, action => 'slow', ms => 9000);
    my $at = time;
    my $slow = whip('');
    problem($slow, 504, 'nothing for long');
    cmp_ok time - $at, '<', 7, '- told within 7 seconds';
    like h($slow, 'retry-after'), qr/^[1-9]\d*$/, '- Retry-After';
    while_live(sub { pass 'the name was free again' });
};

subtest '1.2 a denied WHIP session that connects by itself' => sub {
    $srs->forget;
    while_live(sub {
        my ($sent) = $srs->offers;
        like $sent->{target},
            qr{^/rtc/v1/whip/\?app=live&stream=\Q$id\E&ks=[\w-]{22}$},
            'no ice-ufrag, no ice-pwd of the client\'s, nothing but ours';
    }, path => "/rtc/v1/whip/$id?ice-ufrag=abcdefgh&ice-pwd=" . 'p' x 32
       . '&eip=192.0.2.1&candidate=192.0.2.1&encrypt=false&dtls=false'
       . '&codec=av1&action=play&vhost=tenant.example.com&domain=x'
       . '&callback=f&method=DELETE&session=x');
};

subtest '1.3 a denied WHIP session keeps the name' => sub {
    my $direct = Keystone::Srs::ask($srs->port, 'GET', '/api/v1/versions');
    is $direct->{status}, 200, 'SRS\'s own port is reached';
    for my $query ('', "&key=$key", '&ks=' . 'A' x 22) {
        my $client = $srs->client(type => 'rtc-publish', stream => $id,
            param => "app=live&stream=$id$query");
        is $client->{denied}, 'on_publish', 'no ticket: denied';
        ok $srs->gone($id, 2), '- and kicked at once';
    }
    while_live(sub { pass 'the name is free' });
};

subtest '1.4 hls_ctx' => sub {
    $ks->patch("/api/v1/streams/$made{closed}{id}",
        { visibility => 'private' }, bearer => $owner);
    my $answer = whip('', name => 'closed');
    is $answer->{status}, 201, 'a private stream';
    becomes('closed', 'active');
    my $path = "/live/$made{closed}{id}";
    $srs->forget;
    for (1 .. 2) {
        is $ks->get("$path.m3u8?hls_ctx=chosenctx1")->{status}, 401,
            'a context of one\'s own opens nothing';
        is $ks->get("$path-0.ts?hls_ctx=chosenctx1")->{status}, 401,
            'nor a segment';
    }
    is scalar $srs->files, 0, 'SRS was not asked';
    my $token = $ks->post("/api/v1/streams/$made{closed}{id}/tokens",
        { kind => 'play' }, bearer => $owner)->{json}{token};
    is $ks->get("$path.m3u8?token=$token&hls_ctx=x")->{status}, 200,
        'a token does';
    is_deeply [map { $_->{target} } $srs->files], ["$path.m3u8"],
        'neither of the two goes to SRS';
    is comes(type => 'hls-play', stream => $made{closed}{id},
        param => '?hls_ctx=x')->{denied}, 'on_play',
        'and its hook lets no HLS player in';
    $ks->delete(h($answer, 'location'));
};

subtest '1.5 names are aliases' => sub {
    while_live(sub {
        for my $alias ("$id.x", "$id.flv", "$id.") {
            for my $type (qw( fmle-publish srt-publish rtmp-play srt-play )) {
                is comes(type => $type, stream => $alias,
                    param => "?key=$key")->{allowed}, JSON::PP::false(),
                    "$type of $alias";
            }
            is whip('', path => "/rtc/v1/whip/$alias")->{status}, 404,
                "WHIP of $alias";
        }
        is scalar $srs->on($id), 1, 'the publisher is alone';
        is status('show'), 'active', 'and live';
    });
};

subtest '1.6 queries that two read differently' => sub {
    $srs->forget;
    my $other = $made{other}{id};
    for my $query ("stream=$id,stream=$other", "stream=$id;stream=$other",
                   "stream=$id&x=y=stream=$other", "stream=$id&&stream=$other",
                   "stream=$id&stream=$other", "stream=$id%2Fx",
                   "app=live;stream=$other&stream=$id")
    {
        my $answer = whip('', path => "/rtc/v1/whip/?$query");
        if ($answer->{status} == 201) {
            my ($last) = reverse $srs->offers;
            like $last->{target}, qr{\?app=live&stream=\Q$id\E&ks=[\w-]+$},
                "$query: one reading";
            $ks->delete(h($answer, 'location'));
        } else {
            like $answer->{status}, qr/^40[0134]$/, "$query: refused";
        }
        is scalar $srs->on($other), 0, '- the other name is not touched';
    }
};

subtest '1.7 ../' => sub {
    for my $case (['live/../..', 'evil'], ['live', '../../evil'],
                  ['..', $id], ['live/..', $id])
    {
        my ($app, $stream) = @$case;
        for my $type (qw( fmle-publish srt-publish )) {
            my $got = $srs->client(type => $type, app => $app,
                stream => $stream, param => "?key=$key");
            is $got->{allowed}, JSON::PP::false(), "$type $app/$stream";
        }
    }
    for my $path ("/rtc/v1/whip/..%2f$id", "/rtc/v1/whip/%2e%2e/$id",
                  "/rtc/v1/whip/?app=..&stream=$id")
    {
        like whip('', path => $path)->{status}, qr/^40[04]$/, $path;
    }
};

subtest '1.8 who loses a race for a name' => sub {
    while_live(sub {
        for my $type (qw( fmle-publish srt-publish )) {
            my $loser = comes(type => $type, stream => $id,
                              param => "?key=$key");
            is $loser->{allowed}, JSON::PP::false(), "$type: refused";
        }
        is whip('')->{status}, 409, 'WHIP: refused';
        is status('show'), 'active', 'the first goes on';
        is scalar $srs->on($id), 1, 'alone';
    });
    for my $type (qw( fmle-publish srt-publish )) {
        my $first = comes(type => $type, stream => $id, param => "?key=$key");
        is $first->{allowed}, JSON::PP::true(), "$type first";
        becomes('show', 'active');
        # a loser's last hooks, all of which SRS may send
        for my $action (qw( on_unpublish on_close )) {
            $srs->control('POST', '/hook', { action => $action,
                client_id => 'loser123', ip => '127.0.0.1', app => 'live',
                vhost => '__defaultVhost__', stream => $id, param => '',
                tcUrl => 'rtmp://127.0.0.1/live', stream_url => "/live/$id" });
        }
        is whip('')->{status}, 409, 'WHIP after it: refused';
        is status('show'), 'active', 'the first goes on';
        $srs->drop($first->{client_id});
        becomes('show', 'idle');
    }
};

subtest '1.9 no hook at the end' => sub {
    my $client = comes(type => 'fmle-publish', stream => $id,
                       param => "?key=$key");
    becomes('show', 'active');
    $srs->control('POST', '/restart');
    becomes('show', 'idle');
    while_live(sub { pass 'the new process takes it' });

    $client = comes(type => 'srt-publish', stream => $id,
                    param => "key=$key");
    becomes('show', 'active');
    $srs->control('POST', '/lose-hooks', { times => 2 });
    $srs->drop($client->{client_id});
    becomes('show', 'idle');
};

subtest '1.10 the client chooses the vhost' => sub {
    $srs->forget;
    while_live(sub {
        is(($srs->on)[0]{key}, "/live/$id", 'WHIP: the default one');
        for my $type (qw( fmle-publish rtmp-play srt-publish srt-play )) {
            my $got = comes(type => $type, stream => $id,
                vhost => 'tenant.example.com', param => "?key=$key");
            is $got->{allowed}, JSON::PP::false(), "$type in another vhost";
        }
    }, path => "/rtc/v1/whip/$id?vhost=tenant.example.com");
    $srs->forget;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $ks->port) or die $!;
    print $socket "POST /rtc/v1/whip/$id HTTP/1.1\r\nConnection: close\r\n",
        "Host: tenant.example.com\r\nAuthorization: Bearer $key\r\n",
        "Content-Type: application/sdp\r\nContent-Length: ", length $offer,
        "\r\n\r\n$offer";
    my $text = join '', <$socket>;
    like $text, qr{^HTTP/1\.1 201 }, 'with the Host of another vhost';
    is(($srs->on)[0]{key}, "/live/$id", '- the default one');
    is Keystone::Srs::header(($srs->offers)[0], 'host'), '127.0.0.1',
        '- the client\'s goes no further';
    $ks->delete($text =~ /^location: (\S+)/im);
    ok $srs->gone($id), '- and gone';
};

subtest '4 a slash in a token moves the name' => sub {
    is $srs->client(type => 'fmle-publish', app => "live/$id", stream => 'cd',
        param => '?token=ab')->{denied}, 'on_connect', 'another app: refused';
    for my $token (map { $ks->post("/api/v1/streams/$id/tokens",
            { kind => 'publish' }, bearer => $owner)->{json}{token} } 1 .. 20)
    {
        like $token, qr/^[A-Za-z0-9_-]{1,48}$/, 'ours have none' or last;
    }
};

subtest '4 nothing is decoded' => sub {
    my $encoded = $key =~ s/_/%5F/r;
    is comes(type => 'srt-publish', stream => $id =~ s/_/%5F/r,
        param => "key=$key")->{allowed}, JSON::PP::false(),
        'an encoded name is another name';
    is whip('', path => "/rtc/v1/whip/" . ($id =~ s/_/%5F/r))->{status}, 201,
        'in HTTP it is the same one';
    my ($last) = reverse $srs->offers;
    like $last->{target}, qr/stream=\Q$id\E&/, '- which SRS gets plain';
    $_->{key} eq "/live/$id" && $srs->drop($_->{client_id})
        for $srs->sessions;
    becomes('show', 'idle');
};

subtest '11.1 what is never proxied' => sub {
    $srs->forget;
    for my $path ('/rtc/v1/publish/', '/rtc/v1/play/', '/rtc/v1/',
                  '/api/v1/clients/', '/api/v1/versions', '/api/v1/raw',
                  '/api/v1/clients/x?callback=f&method=DELETE', '/console/')
    {
        isnt $ks->request($_, $path)->{status}, 200, "$_ $path"
            for qw( GET POST DELETE );
    }
    is scalar(grep { $_->{target} !~ m{^/api/v1/(versions$|clients/\?|streams/\?)} }
              $srs->requests), 0, 'SRS was asked nothing of it';
};

subtest '11.2 what SRS is asked' => sub {
    $srs->forget;
    for (1 .. 2) {
        while_live(sub { }, headers => {
            'x-forwarded-for' => '203.0.113.9, 10.0.0.1',
            'x-real-ip' => '203.0.113.8', cookie => 'a=b' });
    }
    my @sent = grep { $_->{method} eq 'POST' } $srs->offers;
    is scalar @sent, 2, 'two offers';
    isnt $sent[0]{client}, $sent[1]{client},
        'each over a connection of its own: SRS names clients after them';
    for my $sent (@sent) {
        is Keystone::Srs::header($sent, 'x-forwarded-for'), '127.0.0.1',
            'one address, the client\'s';
        is Keystone::Srs::header($sent, $_), '', "no $_"
            for qw( authorization cookie );
        is $sent->{body}, $offer, 'the offer as it was';
    }
    my %seen = map { ($_->{target} =~ /ks=(.*)/)[0] => 1 } @sent;
    is scalar keys %seen, 2, 'a ticket is never the same';
    ok !(grep { $sent[0]{raw} && $_->{target} =~ /ses_/ } @sent),
        'and says nothing of the session\'s address';
};

subtest '11.3 the end of a session is the end in SRS' => sub {
    my $odd = $offer =~ s/a=ice-ufrag:\S+/a=ice-ufrag:a+\/B/gr;
    while_live(sub {
        is $ks->delete(h($_[0], 'location'))->{status}, 200, 'DELETE';
        ok $srs->gone($id, 1), 'though the name of the session has + and /';
    }, body => $odd);
    while_live(sub {
        $srs->plan(match => 'DELETE', action => 'close', times => 2);
        is $ks->delete(h($_[0], 'location'))->{status}, 200,
            'SRS closes without a byte: ended for the client';
        ok $srs->gone($id, 12), 'and in SRS, when it can be reached';
    });
};

subtest '11.4 the hook' => sub {
    my %said = (server_id => 'srs_a', service_id => 'x', client_id => 'abcd1234',
        ip => '127.0.0.1', vhost => '__defaultVhost__', app => 'live',
        tcUrl => 'rtmp://127.0.0.1/live', stream => $id,
        param => "?key=$key", stream_url => "/live/$id",
        action => 'on_publish');
    my $hook = "/api/v1/hooks/on_publish?node=srs_a";
    isnt $ks->post($hook, \%said)->{status}, 200, 'without the secret';
    isnt $ks->post("$hook&k=${secret}x", \%said)->{status}, 200, 'a wrong one';
    for my $change ([stream_url => "/live/$made{other}{id}"],
                    [stream_url => "tenant.example.com/live/$id"],
                    [tcUrl => ''], [app => 'other'], [stream => 'x y'],
                    [param => ''])
    {
        my $answer = $ks->post("$hook&k=$secret", { %said, @$change });
        isnt $answer->{status}, 200, "$change->[0]: '$change->[1]'";
    }
    my $at = time;
    my $answer = $ks->post("$hook&k=$secret", \%said);
    is $answer->{status}, 200, 'as it should be';
    is $answer->{json}{code}, 0, '- {"code":0}';
    ok h($answer, 'content-length'), '- with its length';
    cmp_ok time - $at, '<', 1, '- within a second';
    unlike $ks->log . $ks->access_log, qr/\Q$secret\E|\Q$key\E/,
        'neither secret nor key is in a log';
    becomes('show', 'idle');
};

subtest '11.5 by client, not by name' => sub {
    $srs->control('POST', '/hook', { action => 'on_unpublish',
        client_id => 'never123', ip => '127.0.0.1', app => 'live',
        vhost => '__defaultVhost__', stream => $id, param => '',
        tcUrl => '', stream_url => "/live/$id" });
    is status('show'), 'idle', 'an end of what never began';
    my $client = comes(type => 'fmle-publish', stream => $id,
                       param => "?key=$key");
    becomes('show', 'active');
    my @calls = $srs->hooks;
    my ($on) = grep { $calls[$_]{fields}{action} eq 'on_publish'
        && $calls[$_]{fields}{client_id} eq $client->{client_id} } 0 .. $#calls;
    is $srs->control('POST', '/replay', { call => $on })->{allowed},
        JSON::PP::true(), 'the same hook again: the same answer';
    is status('show'), 'active', '- and nothing changes';
    $srs->drop($client->{client_id});
    becomes('show', 'idle');
    is $srs->control('POST', '/replay', { call => $on })->{allowed},
        JSON::PP::false(), 'late, after its end: refused';
    is status('show'), 'idle', '- and nothing begins';
};

subtest '11.7 play of what is not published' => sub {
    for my $type (qw( rtmp-play srt-play )) {
        is comes(type => $type, stream => $id)->{denied}, 'on_play',
            "$type: refused, or idle players pile up";
    }
};

$ks->stop;
done_testing;
