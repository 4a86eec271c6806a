# WHEP's server-sent events: feeds are made, read, ended; several workers, a
# reload, readers that leave or do not read, HTTP/2.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( free_port root wait_for );
use Keystone::Http2;
use Keystone::Server;
use Keystone::Sse;

my $srs = free_port();
my $h2_port = free_port();

my $ks = Keystone::Server->new(rtmp => 0, workers => 2,
    expect => 'exited on signal 9',
    keystone => "rate_limit off; srs_node srs_a api=127.0.0.1:$srs;",
    http => <<"END", server => <<'END');
    log_format t '\$status \$request_method \$uri';
    access_log logs/t.log t;
    upstream srs_a { server 127.0.0.1:$srs; }
    send_timeout 2s;
    server {
        listen 127.0.0.1:$srs;
        default_type application/sdp;
        location /rtc/v1/ {
            add_header Location "/rtc/v1/whip/?action=delete&token=t&session=s";
            if (\$request_method = DELETE) { return 200; }
            return 201 "v=0";
        }
    }
    server {
        listen 127.0.0.1:$h2_port http2;
        location /rtc/v1/ {
            keystone_gate rtc;
            proxy_pass http://\$keystone_node\$keystone_upstream_uri;
        }
    }
END
    location /rtc/v1/ {
        keystone_gate rtc;
        proxy_pass http://$keystone_node$keystone_upstream_uri;
    }
END

$ks->user('ann@example.org');
my $stream = $ks->stream('ann@example.org', title => 'Show');
my $id = $stream->{id};
$ks->start;

sub read_file {
    my ($path) = @_;
    open my $in, '<:raw', root() . "/$path" or die "$path: $!";
    local $/;
    return <$in>;
}

my %offer = map { $_ => read_file("libkeystone/tests/data/chromium-$_.sdp") }
    qw( whip whep );

sub header { $_[0]{headers}{ $_[1] } // '' }

# POST of an offer: the session's address
sub open_session {
    my ($what, %option) = @_;
    my $answer = $ks->request('POST', "/rtc/v1/$what/$id", body => $offer{$what},
        headers => { 'content-type' => 'application/sdp' }, %option);
    die "$what: $answer->{status} $answer->{body}"
        unless $answer->{status} == 201;
    return wantarray ? (header($answer, 'location'), $answer)
                     : header($answer, 'location');
}

sub publish { return scalar open_session('whip', bearer => $stream->{stream_key}) }

sub subscribe {
    my ($session, $types, %option) = @_;
    return $ks->request('POST', "$session/events", body => $types, headers => {
        'content-type' => 'application/json',
        origin => 'https://app.example.org', %option });
}

sub feed { header(subscribe(@_), 'location') }
sub listen_to { Keystone::Sse->new($ks->port, @_) }
sub end_of { $ks->request('DELETE', $_[0])->{status} }

sub logged {
    my ($pattern) = @_;
    return wait_for { $ks->slurp('logs/t.log') =~ $pattern };
}

my $all = '["active","inactive","viewercount","reconnect"]';
my $publisher = publish();
my ($session, $created) = open_session('whep');

# making feeds

my $link = $created->{headers}{link};
is $link, "<$session/events>; "
    . 'rel="urn:ietf:params:whep:ext:core:server-sent-events"; '
    . 'events="active,inactive,viewercount,reconnect"', 'H-6 Link on the 201';
like $session, qr{^/rtc/v1/whep/$id/ses_}, 'a session';

my $made = subscribe($session, $all);
my $feed = header($made, 'location');
is $made->{status}, 201, 'H-6 POST makes a feed';
like $feed, qr{^/rtc/v1/whep/$id/events/evs_[0-9A-Za-z]{22}$},
    'H-9 at an address that says nothing of the session';
is header($made, 'access-control-allow-origin'), 'https://app.example.org',
    'CORS on it';
like header($made, 'access-control-expose-headers'), qr/Location/, '- exposed';

for my $case (['["active","layers"]', 400, 'H-7 a type that is not offered'],
              ['["active",1]', 400, 'H-6 no name'],
              ['[]', 400, 'H-6 an empty list'], ['{}', 400, 'H-6 no list'],
              ['["act', 400, 'H-6 no JSON'], ['x' x 5000, 413, 'too long'])
{
    my $answer = subscribe($session, $case->[0]);
    is $answer->{status}, $case->[1], $case->[2];
    is header($answer, 'location'), '', '- and no feed';
}
my $type = subscribe($session, $all, 'content-type' => 'text/plain');
is $type->{status}, 415, 'H-6 another content type';
is header($type, 'accept-post'), 'application/json', '- says which';
is subscribe($session =~ s/.$/-/r, $all)->{status}, 404, 'no such session';
is subscribe($publisher, $all)->{status}, 404, 'a publisher has no events';
is subscribe($session, $all, authorization => 'Bearer ks_play_x' . 'x' x 30)
    ->{status}, 401, 'H-8 a bearer that is there is checked';
for my $method (qw( GET HEAD PUT DELETE PATCH )) {
    my $answer = $ks->request($method, "$session/events");
    is $answer->{status}, 405, "$method on events: 405";
    is header($answer, 'allow'), 'POST, OPTIONS', '- Allow';
}
for my $method (qw( POST PUT PATCH )) {
    my $answer = $ks->request($method, $feed);
    is $answer->{status}, 405, "$method on a feed: 405";
    is header($answer, 'allow'), 'GET, HEAD, DELETE, OPTIONS', '- Allow';
}
for my $path ("$session/events", $feed) {
    my $answer = $ks->request('OPTIONS', $path, headers => {
        origin => 'https://app.example.org',
        'access-control-request-method' => 'GET' });
    is $answer->{status}, 200, 'a preflight';
    like header($answer, 'access-control-allow-headers'), qr/Last-Event-ID/,
        '- Last-Event-ID';
}
my $looked = $ks->request('HEAD', $feed);
is $looked->{status}, 200, 'HEAD';
is header($looked, 'content-type'), 'text/event-stream', '- its type';

# reading

my $reader = listen_to($feed, headers => { Origin => 'https://app.example.org' });
is $reader->status, 200, 'GET';
is $reader->header('Content-Type'), 'text/event-stream', '- its type';
is $reader->header('X-Accel-Buffering'), 'no', '- not to be buffered';
is $reader->header('Cache-Control'), 'no-store', '- nor kept';
is $reader->header('Transfer-Encoding'), 'chunked', '- in chunks';
is $reader->header('Access-Control-Allow-Origin'), 'https://app.example.org',
    '- CORS';
is_deeply [($reader->event)[0, 1]], ['active', '{}'], 'H-6 first: active';
is_deeply [($reader->event)[0, 1]], ['viewercount', '{"viewercount":1}'],
    '- and how many watch';
like $reader->{retry} // '', qr/^\d{3,4}$/, '- when to come back';

my $second = open_session('whep');
is_deeply [($reader->event)[0, 1]], ['viewercount', '{"viewercount":2}'],
    'another viewer';
is end_of($second), 200, '- leaves';
is_deeply [($reader->event)[0, 1]], ['viewercount', '{"viewercount":1}'],
    '- is told';

is end_of($publisher), 200, 'the publisher stops';
my ($what, $data, $told) = $reader->event;
is $what, 'inactive', '- inactive';
like $told, qr/^i\.1$/, '- with an id';

my $quiet = feed($session, '["active","inactive"]');
my $waiting = listen_to($quiet);
is_deeply [$waiting->event(0.7)], [], 'H-6 inactive is never the first';
my $behind = listen_to($feed,
    headers => { 'Last-Event-ID' => 'a.1' });
is +($behind->event)[0], 'inactive', '- but who knew it active is told';
ok $reader->ended, 'a second reader of a feed ends the first';

$publisher = publish();
is +($waiting->event)[0], 'active', 'the publisher is back';
is +($behind->event)[0], 'active', '- every reader is told';

# limits and ends

my @more = map { subscribe($session, '["active"]') } 1 .. 3;
is join(' ', map { $_->{status} } @more), '201 201 429', 'four feeds a session';
ok header($more[2], 'retry-after'), '- Retry-After';
is end_of(header($more[0], 'location')), 200, 'H-6 DELETE';
is end_of(header($more[0], 'location')), 404, '- then 404';
is listen_to(header($more[0], 'location'))->status, 404,
    '- for a reader, too';
is end_of($quiet), 200, 'DELETE of a feed that is being read';
ok $waiting->ended, '- ends it';
is $waiting->ask("GET $session")->status, 204,
    '- and its connection serves the next request';

# a reload

my @old = $ks->worker_pids;
ok $ks->reload, 'a reload';
ok $behind->ended(3), 'ends the readers of old workers';
ok wait_for(sub {
    my %now = map { $_ => 1 } $ks->worker_pids;
    !grep { $now{$_} } @old;
}), '- which go';
for (1 .. 6) {
    my $again = listen_to($feed,
        headers => { 'Last-Event-ID' => 'a.1' });
    is $again->status, 200, 'the feed goes on in any worker';
    $behind = $again;
}
$second = open_session('whep');
is_deeply [$behind->event], ['viewercount', '{"viewercount":2}', 'a.2'],
    '- with what is new only';
end_of($second);
$behind->event;

# a worker that is killed: the feed is in shared memory

kill 'KILL', $ks->worker_pids;
ok wait_for(sub { $behind->fill(0.1); $behind->{eof} }),
    'readers of a killed worker are cut off';
$behind = listen_to($feed, headers => { 'Last-Event-ID' => 'a.1' });
is $behind->status, 200, '- and come to another one';
$second = open_session('whep');
is +($behind->event)[1], '{"viewercount":2}', '- which knows the feed';
end_of($second);
$behind->event;

# readers that leave

my $left = feed($session, $all);
my $leaver = listen_to($left);
$leaver->event;
$leaver->close;
ok logged(qr{^200 GET \Q$left\E$}m), 'a reader that left is done with';

# HTTP/2

my $h2 = Keystone::Http2->new($h2_port);
my $stream_id = $h2->send('GET', $feed);
ok $behind->ended, 'read over HTTP/2 instead';
my $seen = sub {
    my ($pattern) = @_;
    return wait_for {
        $h2->read(0.05);
        $h2->{streams}{$stream_id}{body} =~ $pattern;
    };
};
ok $seen->(qr/event: active\ndata: \{\}\n\n/), 'HTTP/2: active';
my $third = open_session('whep');
ok $seen->(qr/\{"viewercount":2\}\n\n/), '- a change';
my $other = $h2->send('GET', "/rtc/v1/whep/$id");
is +($h2->answer($other))[0], 204, '- other requests on the connection';
$h2->reset($stream_id);
my $answer = $h2->send('HEAD', $feed);
is +($h2->answer($answer))[0], 200, '- a reset stream';
end_of($third);

# one that takes nothing: a window of 40 bytes, never opened again

$h2->write(Keystone::Http2::frame(4, 0, 0, pack 'nN', 4, 40));
my $slow_feed = feed($session, $all);
my $slow = $h2->send('GET', $slow_feed);
ok wait_for(sub { $h2->read(0.05); length $h2->{streams}{$slow}{body} }),
    'a slow reader has what it takes';
ok logged(qr{^200 GET \Q$slow_feed\E$}m), '- and is dropped after a while';
$h2->read(1) until $h2->{streams}{$slow}{done};
is length $h2->{streams}{$slow}{body}, 40, '- with nothing more';
is end_of($slow_feed), 200, '- its feed is as good as before';
close $h2->{socket};

# the end of a session

my $last = listen_to($feed);
is +($last->event)[0], 'active', 'a reader';
is end_of($session), 200, 'the session ends';
ok $last->ended, 'H-6 its streams end with it';
is listen_to($feed)->status, 404, '- and are gone';

# a graceful stop with readers

$session = open_session('whep');
$last = listen_to(feed($session, $all));
$last->event;
$ks->signal('QUIT');
ok $last->ended(2), 'a worker that is to quit ends its readers';
$last->close;
$ks->stop('- and nginx ends well');
done_testing;
