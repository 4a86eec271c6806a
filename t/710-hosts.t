# Two nginx hosts at one PostgreSQL act as one: RTMP.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Hosts;
use Keystone::Rtmp;

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $pair = Keystone::Hosts->new;
my ($a, $b) = $pair->both;
my $ann = $a->user('ann@example.org');
$_->start for $a, $b;
my $owner = $b->login($ann);

sub stream {
    my (%field) = @_;
    return $b->post('/api/v1/streams', { title => 'T', visibility => 'public',
        %field }, bearer => $owner)->{json};
}

sub publish {
    my ($ks, $key) = @_;
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($key);
    my $code = $client->status->{code} // '';
    $client->media(30) if $code eq 'NetStream.Publish.Start';
    return ($client, $code);
}

sub live {
    my ($ks, $key) = @_;
    my ($client, $code) = publish($ks, $key);
    is $code, 'NetStream.Publish.Start', 'published';
    return $client;
}

sub refused {
    my ($ks, $key, $why) = @_;
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($key);
    my $status = $client->status;
    is $status->{code}, 'NetStream.Publish.BadName', 'refused';
    like $status->{description}, $why, 'for a reason';
    $client->close;
}

sub status {
    my ($ks, $stream) = @_;
    return $ks->get("/api/v1/streams/$stream->{id}/status")->{json}{status};
}

sub is_status {
    my ($ks, $stream, $status, $name, $seconds) = @_;
    ok &wait_for(sub { status($ks, $stream) eq $status }, $seconds // 5), $name
        or diag status($ks, $stream);
}

sub sessions {
    my ($ks, $stream) = @_;
    return @{ $ks->get("/api/v1/streams/$stream->{id}/sessions?state=active",
        bearer => $owner)->{json}{data} };
}

subtest 'what is live at one is live at the other' => sub {
    my $stream = stream();
    my $client = live($a, $stream->{stream_key});
    is_status($b, $stream, 'active', 'active at the other');
    ok wait_for(sub {
        grep { $_->{id} eq $stream->{id} }
            @{ $b->get('/api/v1/live-streams')->{json}{data} };
    }), 'in its directory';
    ok wait_for(sub { sessions($b, $stream) == 1 }), 'its session is listed';
    $client->close;
    is_status($b, $stream, 'reconnecting', 'the window is open there, too');
    my $again = live($b, $stream->{stream_key});
    is_status($a, $stream, 'active', 'the encoder comes back elsewhere');
    $again->close;
};

subtest 'one publisher among all hosts' => sub {
    my $stream = stream(takeover => 'reject');
    my $client = live($a, $stream->{stream_key});
    refused($b, $stream->{stream_key}, qr/^already_publishing: /);
    $client->media(10);
    ok !$client->closed(0.2), 'the first goes on';
    $client->close;

    my $other = stream();
    my $first = live($a, $other->{stream_key});
    my $second = live($b, $other->{stream_key});
    like $first->status(3)->{description} // '', qr/took over/,
        'the same key takes it over';
    ok $first->closed(3), 'and the first is gone';
    is_status($a, $other, 'active', 'live where it was');
    $second->close;
};

subtest 'ended from the other host' => sub {
    my $stream = stream();
    my $client = live($a, $stream->{stream_key});
    is_status($b, $stream, 'active', 'known there');
    my $session = wait_for(sub { (sessions($b, $stream))[0] });
    is $b->delete("/api/v1/sessions/$session->{id}", bearer => $owner)
        ->{status}, 204, 'kicked';
    ok $client->closed(3), 'gone';
    is $b->get("/api/v1/streams/$stream->{id}/status")->{json}{status}, 'idle',
        'idle';

    $client = live($a, $stream->{stream_key});
    is_status($b, $stream, 'active', 'live again');
    is $b->post("/api/v1/streams/$stream->{id}/kick", { ban_seconds => 60 },
        bearer => $owner)->{status}, 204, 'kicked, and kept out';
    ok $client->closed(3), 'gone';
    refused($b, $stream->{stream_key}, qr/^banned: /);
    ok wait_for(sub { (publish($a, $stream->{stream_key}))[1] =~ /BadName/ }),
        'where it was, too';

    my $more = stream();
    $client = live($a, $more->{stream_key});
    is $b->post("/api/v1/streams/$more->{id}/disable", {}, bearer => $owner)
        ->{status}, 200, 'disabled';
    ok $client->closed(3), 'gone';
};

subtest 'a host ends in good order' => sub {
    my $stream = stream(takeover => 'reject', reconnect_window_seconds => 0);
    my $client = live($b, $stream->{stream_key});
    is_status($a, $stream, 'active', 'known');
    my $more = stream();
    $client->close;
    is_status($a, $stream, 'idle', 'over');
    $b->stop('it ends');
    unlike $b->log, qr/were not told/, 'and says so';
    ok wait_for(sub { $pair->ask('SELECT COUNT(*) FROM hosts') == 1 }, 5),
        'the other knows';
    $b->start;
    is_status($b, $more, 'idle', 'another one in its place');
    ok wait_for(sub { $pair->ask('SELECT COUNT(*) FROM hosts') == 2 }, 5),
        'they are two again';
};

subtest 'a host dies' => sub {
    my $stream = stream(takeover => 'reject', reconnect_window_seconds => 0);
    my $client = live($a, $stream->{stream_key});
    is_status($b, $stream, 'active', 'live at the one that will die');
    $pair->kill($a);
    is_status($b, $stream, 'idle', 'the other is sure of it at once', 8);
    my $again = live($b, $stream->{stream_key});
    is_status($b, $stream, 'active', 'the stream goes on there');
    $again->close;
};

$b->stop('the one that stays ends well');
done_testing;
