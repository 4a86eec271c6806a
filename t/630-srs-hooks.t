# SRS asks and tells: hooks of all protocols through nginx, the same
# authorize() behind them, and what becomes of those that never come. Two
# workers; SRS is the stand-in.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( root wait_for );
use Keystone::Server;
use Keystone::Srs qw( capture_offer has_node );

plan skip_all => 'no node in PATH' unless has_node();

my $secret = 'hook-secret-of-this-test';
my $srs = Keystone::Srs->new;
my $ks = Keystone::Server->new(rtmp => 0, workers => 2, keystone => <<"END",
    rate_limit off;
    hook_secret $secret;
    hook_secret the-next-secret-of-hooks;
END
    http => $srs->http, server => $srs->server);
$ks->{keystone} .= $srs->keystone;
my $ann = $ks->user('ann@example.org');
my $show = $ks->stream('ann@example.org', title => 'Show',
                       visibility => 'public');
my $quiet = $ks->stream('ann@example.org', title => 'Quiet',
                        visibility => 'private');
$ks->start;
$srs->set_hooks($ks->port, $secret);
my $owner = $ks->login($ann);

my $offer = capture_offer('whip/publish.201');
my $ask = capture_offer('whep/play.201');

sub h { $_[0]{headers}{ $_[1] } // '' }

sub status {
    my ($stream) = @_;
    return $ks->get("/api/v1/streams/$stream->{id}/status", bearer => $owner)
        ->{json};
}

# within the ten seconds that a sweep may take
sub soon {
    my ($holds, $name, $seconds) = @_;
    return ok &wait_for($holds, $seconds // 12), $name;
}

sub is_status {
    my ($stream, $status, $name) = @_;
    soon(sub { status($stream)->{status} eq $status }, $name)
        or diag explain status($stream);
}

sub is_viewers {
    my ($stream, $count, $name) = @_;
    soon(sub { status($stream)->{viewer_count} == $count }, $name)
        or diag explain status($stream);
}

sub offer {
    my ($what, $stream, $body, %option) = @_;
    return $ks->request('POST', "/rtc/v1/$what/$stream->{id}", body => $body,
        %option, headers => { 'content-type' => 'application/sdp' });
}

sub publish { offer('whip', $_[0], $offer, bearer => $_[0]{stream_key}) }

# who may call

my $event = { server_id => 'srs_a', service_id => 'run1', client_id => 'c1',
    action => 'on_connect', vhost => '__defaultVhost__', app => 'live' };
my $hook = '/api/v1/hooks/on_connect';
is $ks->post($hook, $event)->{status}, 403, 'a hook without the secret';
is $ks->post("$hook?k=wrong", $event)->{status}, 403, 'with a wrong one';
my $answer = $ks->post("$hook?k=$secret", $event);
is $answer->{status}, 200, 'with it';
is $answer->{body}, '{"code":0}', 'and what SRS takes for yes';
is $ks->post("$hook?k=the-next-secret-of-hooks", $event)->{status}, 200,
    'the next secret is good already';
is $ks->post("/api/v1/hooks/srs?k=$secret", $event)->{status}, 200,
    'one address for all events';
is $ks->post("/api/v1/hooks/on_play?k=$secret", $event)->{status}, 422,
    'an event at the address of another';
is $ks->post("/api/v1/hooks/on_dance?k=$secret", $event)->{status}, 404,
    'an event there is none';
is $ks->get("$hook?k=$secret")->{status}, 405, 'GET';
is $ks->post("$hook?k=$secret&node=srs_z", $event)->{status}, 403,
    'a node there is none';
is $ks->request('POST', "$hook?k=$secret", body => '{"action":',
    headers => { 'content-type' => 'application/json' })->{status}, 400,
    'no JSON';
is $ks->post("/api/v1/hooks/srs?k=$secret",
    { %$event, action => 'on_forward' })->{body},
    '{"code":0,"data":{"urls":[]}}', 'on_forward has an answer of its own';
unlike $ks->log . $ks->access_log, qr/hook-secret/, 'the secret is in no log';

# every captured hook that asks: refused, because none of them is of a stream
# that there is, by a status that SRS takes for no

my @refused;
for my $file (glob root() . '/t/captures/srs5/hooks/on_*.json') {
    my ($name) = $file =~ m{/(on_[a-z]+)\.} or next;
    next if $name =~ /notify/;
    open my $in, '<:raw', $file or die $!;
    my $body = JSON::PP->new->utf8->decode(do { local $/; <$in> })->{raw_body};
    my $status = $ks->request('POST', "/api/v1/hooks/$name?k=$secret&node=srs_a",
        body => $body, headers => { 'content-type' => 'application/json' })
        ->{status};
    my $asks = $name =~ /publish$|play$/ && $name !~ /unpublish/;
    push @refused, "$file: $status"
        if $asks ? $status !~ /^4\d\d$/
            : $name eq 'on_connect' ? $status !~ /^(200|422)$/
            : $status != 200;
}
is "@refused", '', 'each captured hook is answered as it should be';

# WebRTC: a ticket of the gate, and nothing else

my $whip = publish($show);
is $whip->{status}, 201, 'a WHIP publisher is let in by its hook';
is_status($show, 'active', 'its media make it active');
my ($client) = $srs->on($show->{id});
ok $client, 'SRS has it';
my ($call) = grep { $_->{fields}{action} eq 'on_publish' } $srs->hooks;
my $param = $call->{fields}{param};
like $param, qr/^app=live&stream=$show->{id}&ks=[\w-]{22}$/,
    'the hook saw the ticket and no key';

my $direct = $srs->api('POST', "/rtc/v1/whip/?app=live&stream=$quiet->{id}"
    . "&token=$quiet->{stream_key}");
ok !$srs->on($quiet->{id}), 'whoever asks SRS itself gets nowhere';
is status($quiet)->{status}, 'idle', 'and leaves no session';
my ($ticket) = $param =~ /(ks=.*)/;
my $stolen = $srs->client(type => 'rtc-play', stream => $show->{id},
                          param => "app=live&stream=$show->{id}&$ticket");
ok !$stolen->{allowed}, 'the ticket of a publisher does not play';

my $whep = offer('whep', $show, $ask);
is $whep->{status}, 201, 'a WHEP viewer';
is_viewers($show, 1, 'is counted');
is $ks->delete(h($whep, 'location'))->{status}, 200, 'leaves';
is_viewers($show, 0, 'is counted off');
is scalar(grep { $_->{play} } $srs->on($show->{id})), 0, 'SRS has let it go';

# RTMP and SRT straight to SRS

for my $type (qw( rtmp srt )) {
    my $no = $srs->client(type => "$type-play", stream => $quiet->{id});
    ok !$no->{allowed}, "$type: no player without a token";
    my $yes = $srs->client(type => $type eq 'rtmp' ? 'fmle-publish'
        : 'srt-publish', stream => $quiet->{id},
        param => "key=$quiet->{stream_key}");
    ok $yes->{allowed}, "$type: the key publishes" or diag explain $yes;
    $srs->control('POST', '/media',
                  { client_id => $yes->{client_id}, bytes => 5000 });
    is_status($quiet, 'active', '- is live');
    my $token = $ks->post("/api/v1/streams/$quiet->{id}/tokens",
        { kind => 'play' }, bearer => $owner)->{json};
    my $player = $srs->client(type => "$type-play", stream => $quiet->{id},
                              param => "token=$token->{token}");
    ok $player->{allowed}, '- a token plays';
    is_viewers($quiet, 1, '- is counted');
    is $ks->delete("/api/v1/tokens/$token->{id}", bearer => $owner)->{status},
        204, '- revoked';
    is_viewers($quiet, 0, '- the player has gone');
    soon(sub { !grep { $_->{play} } $srs->on($quiet->{id}) },
         '- at SRS, too');
    is $ks->post("/api/v1/streams/$quiet->{id}/kick", { ban_seconds => 60 },
        bearer => $owner)->{status}, 204, '- kicked, with a ban';
    soon(sub { !$srs->on($quiet->{id}) }, '- gone within a second', 1);
    ok !$srs->client(type => 'fmle-publish', stream => $quiet->{id},
        param => "key=$quiet->{stream_key}")->{allowed}, '- and kept out';
    my $new = $ks->post("/api/v1/streams/$quiet->{id}/reset-key", undef,
                        bearer => $owner);
    $quiet->{stream_key} = $new->{json}{stream_key};
    last if $type eq 'srt';
    $quiet = { %{ $ks->post('/api/v1/streams', { title => 'Another',
        visibility => 'private' }, bearer => $owner)->{json} } };
}

# hooks that come twice, or never

my @calls = $srs->hooks;
$srs->control('POST', '/replay', { call => $_ }) for 0 .. $#calls;
is status($show)->{status}, 'active', 'all hooks once more change nothing';
is_viewers($show, 0, 'nor the count of viewers');

$srs->control('POST', '/lose-hooks',
              { events => ['on_unpublish', 'on_stop'], times => 100 });
my $viewer = offer('whep', $show, $ask);
is $viewer->{status}, 201, 'a viewer';
is_viewers($show, 1, 'is counted');
my ($player) = grep { $_->{play} } $srs->on($show->{id});
$srs->drop($player->{client_id});
is_viewers($show, 0, 'on_stop lost: counted off within ten seconds');
$srs->drop($client->{client_id});
soon(sub { status($show)->{status} ne 'active' },
     'on_unpublish lost: not live within ten seconds');
$srs->control('POST', '/lose-hooks', { events => [], times => 0 });

# the process of SRS ends and another begins: nobody is told

is publish($show)->{status}, 201, 'publishes again';
is_status($show, 'active', 'live');
$srs->control('POST', '/restart');
soon(sub { status($show)->{status} ne 'active' },
     'SRS began anew: its sessions are over');

# connecting, and then nothing

$srs->control('POST', '/media-after', { ms => undef });
is publish($show)->{status}, 201, 'a publisher that never sends media';
is status($show)->{status}, 'connecting', 'is connecting';
is offer('whep', $show, $ask)->{status}, 409, 'and cannot be played';

is join("\n", $ks->troubles), '', 'nothing went wrong';
$ks->stop;
done_testing;
