# Two nginx hosts at one PostgreSQL, and one SRS behind both: what is asked of a
# session may come to either. SRS is the stand-in; its hooks go to the second.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( wait_for );
use Keystone::Hosts;
use Keystone::Srs qw( capture_offer has_node );
use Keystone::Sse;

plan skip_all => 'no node in PATH' unless has_node();

my $secret = 'hook-secret-of-this-test';
my $srs = Keystone::Srs->new;
my $pair = Keystone::Hosts->new(rtmp => 0,
    keystone => "rate_limit off; hook_secret $secret;" . $srs->keystone,
    http => $srs->http, server => $srs->server, log_level => 'notice');
my ($a, $b) = $pair->both;
my $ann = $a->user('ann@example.org');
$_->start for $a, $b;
$srs->set_hooks($b->port, $secret);
my $owner = $b->login($ann);

my $offer = capture_offer('whip/publish.201');
my $ask = capture_offer('whep/play.201');

sub stream {
    return $b->post('/api/v1/streams', { title => 'T', visibility => 'public',
        @_ }, bearer => $owner)->{json};
}

sub h { $_[0]{headers}{ $_[1] } // '' }

sub offer {
    my ($ks, $what, $stream, $body, %option) = @_;
    return $ks->request('POST', "/rtc/v1/$what/$stream->{id}", body => $body,
        %option, headers => { 'content-type' => 'application/sdp' });
}

sub publish { offer($_[0], 'whip', $_[1], $offer, bearer => $_[1]{stream_key}) }
sub play { offer($_[0], 'whep', $_[1], $ask) }

sub status {
    my ($ks, $stream) = @_;
    return $ks->get("/api/v1/streams/$stream->{id}/status")->{json};
}

sub soon {
    my ($holds, $name, $seconds) = @_;
    return ok &wait_for($holds, $seconds // 6), $name;
}

sub is_status {
    my ($ks, $stream, $status, $name, $seconds) = @_;
    soon(sub { status($ks, $stream)->{status} eq $status }, $name, $seconds)
        or diag explain status($ks, $stream);
}

subtest 'WHIP: POST here, the hook, PATCH and DELETE there' => sub {
    my $stream = stream();
    my $made = publish($a, $stream);
    is $made->{status}, 201, 'published, the hook let it in';
    my $where = h($made, 'location');
    is_status($_, $stream, 'active', 'active') for $a, $b;
    is scalar($srs->on($stream->{id})), 1, 'SRS has it';
    # the names that SRS gave it are written behind
    soon(sub {
        $b->request('PATCH', $where, body =>
            "a=ice-ufrag:none\r\na=ice-pwd:0123456789abcdef01234567\r\n",
            headers => { 'content-type' => 'application/trickle-ice-sdpfrag' }
            )->{status} == 422;
    }, 'another ICE name is a restart, also there');
    is $b->delete($where)->{status}, 200, 'ended there';
    ok !$srs->on($stream->{id}), 'SRS has let it go';
    is $b->delete($where)->{status}, 404, 'ended for good';
    soon(sub { $a->delete($where)->{status} == 404 }, 'where it was, too');
    is_status($_, $stream, 'reconnecting', 'it may come back') for $a, $b;
};

subtest 'WHIP: one publisher' => sub {
    my $stream = stream(takeover => 'reject');
    is publish($a, $stream)->{status}, 201, 'published';
    is publish($b, $stream)->{status}, 409, 'taken';
    is scalar($srs->on($stream->{id})), 1, 'SRS was asked once';
    my $free = stream();
    is publish($a, $free)->{status}, 201, 'another one';
    my $again = publish($b, $free);
    is $again->{status}, 201, 'the same key replaces it';
    is_status($_, $free, 'active', 'and is live') for $a, $b;
    is scalar($srs->on($free->{id})), 1, 'alone';
    is $a->delete(h($again, 'location'))->{status}, 200, 'ended';
};

# What SRS calls a session, its own host writes a little later.
subtest 'WHIP: replaced at once, the hooks come to the host that has it' => sub {
    $srs->set_hooks($a->port, $secret);
    for my $round (1 .. 3) {
        my $stream = stream();
        is publish($_, $stream)->{status}, 201, 'published'
            for $a, $b, $a;
        is scalar($srs->on($stream->{id})), 1, 'alone';
        is_status($_, $stream, 'active', 'live') for $a, $b;
    }
    $srs->set_hooks($b->port, $secret);
};

subtest 'WHEP: viewers of both, and their events' => sub {
    my $stream = stream();
    is publish($a, $stream)->{status}, 201, 'published';
    is_status($b, $stream, 'active', 'known there');
    my $one = play($a, $stream);
    my $two = play($b, $stream);
    is "$one->{status} $two->{status}", '201 201', 'played at both';
    soon(sub { status($_, $stream)->{viewer_count} == 2 }, 'counted')
        for $a, $b;
    my ($events) = h($one, 'link') =~ /<([^>]+\/events)>/;
    $events //= h($one, 'location') . '/events';
    my $feed = $b->post($events, ['active', 'viewercount']);
    is $feed->{status}, 201, 'events of a session of the other host';
    for my $ks ($b, $a) {
        my $reader = Keystone::Sse->new($ks->port, h($feed, 'location'));
        is $reader->status, 200, 'read';
        is(($reader->event)[0], 'active', 'it is live');
        $reader->close;
    }
    is $b->delete(h($one, 'location'))->{status}, 200, 'the viewer leaves';
    soon(sub { status($_, $stream)->{viewer_count} == 1 }, 'counted')
        for $a, $b;
    my ($left) = grep { $_->{play} } $srs->on($stream->{id});
    $srs->drop($left->{client_id}); # the other goes without a word
    soon(sub { status($_, $stream)->{viewer_count} == 0 }, 'counted', 12)
        for $a, $b;
};

subtest 'sessions that a dead host leaves' => sub {
    my $stream = stream();
    my $made = publish($a, $stream);
    is $made->{status}, 201, 'published';
    is_status($_, $stream, 'active', 'known') for $a, $b;
    my $viewer = play($a, $stream);
    is $viewer->{status}, 201, 'played';
    $pair->kill($a);
    soon(sub { $b->log =~ /is gone; sessions taken over: [1-9]/ }, 'taken over', 8);
    is status($b, $stream)->{status}, 'active', 'it goes on';
    is scalar($srs->on($stream->{id})), 2, 'nobody was ended';
    is $b->delete(h($viewer, 'location'))->{status}, 200, 'the viewer leaves';
    is scalar($srs->on($stream->{id})), 1, 'SRS has let it go';
    is $b->delete(h($made, 'location'))->{status}, 200, 'the publisher, too';
    ok !$srs->on($stream->{id}), 'SRS has let it go';
};

$b->stop('the one that stays ends well');
done_testing;
