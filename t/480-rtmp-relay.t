# keystone_relay: what is published here plays at the stream's media server.

use v5.30;
use warnings;

use lib 't/lib';
use IO::Socket::INET;
use Test::More;
use Keystone::Env qw( rtmp_module wait_for );
use Keystone::MediaServer;
use Keystone::Rtmp qw( owner );
use Keystone::Server;

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

sub server {
    my ($nodes, %option) = @_;
    my $ks = Keystone::Server->new(log_level => 'info',
        keystone => join('', map { $_->node } @$nodes),
        rtmp => 'application live { live on; keystone on; keystone_relay on; }',
        %option);
    return $ks->start;
}

sub live {
    my ($ks, $key, $frames) = @_;
    my $encoder = Keystone::Rtmp->new($ks->rtmp_port);
    $encoder->publish($key);
    is $encoder->status->{code}, 'NetStream.Publish.Start', 'an encoder is live';
    $encoder->media($frames // 5);
    return $encoder;
}

# The first two video messages that a player of the media server gets, while
# the encoder goes on: the codec's header, then a key frame.
sub plays {
    my ($srs, $encoder, $id, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $player = $srs->player($id);
    my @video;
    wait_for(sub {
        $encoder->media(1);
        while (my $message = $player->message(0.01)) {
            push @video, unpack 'H4', $message->[1] if $message->[0] == 9;
        }
        @video >= 2;
    }, 10);
    $player->close;
    return is "@video[0, 1]", '1700 1701', $name;
}

# So many relays of the stream are at this node, in time.
sub relays {
    my ($srs, $id, $want, $seconds) = @_;
    return wait_for(sub { $srs->publishing($id) == $want }, $seconds);
}

# The node hears of the stream, in the pace of the pauses between attempts.
sub relayed_again {
    my ($srs, $encoder) = @_;
    return wait_for(sub { $encoder->media(1); scalar $srs->heard }, 15);
}

my $ticket = qr/[A-Za-z0-9_-]{22}/;

subtest 'under its public name, with a ticket and no key' => sub {
    my $srs = Keystone::MediaServer->new('srs_a')->start;
    my $ks = server([$srs]);
    my $stream = owner($ks)->stream;
    my ($id, $key) = @$stream{qw( id stream_key )};

    my $refused = Keystone::Rtmp->new($ks->rtmp_port);
    $refused->publish('ks_pub_wrong');
    is $refused->status->{code}, 'NetStream.Publish.BadName', 'a stranger';
    $refused->close;

    my $encoder = live($ks, "$id?key=$key");
    ok wait_for(sub { scalar $srs->heard }), 'the node hears of the stream';
    my @heard = $srs->heard;
    like $heard[0], qr/\A\Q$id\E\?ks=$ticket\z/, '... by its id and a ticket';
    is @heard, 1, '... and of nothing else';
    my ($shown) = $heard[0] =~ /ks=(.*)/;
    plays($srs, $encoder, $id, 'it plays there');
    my $status = $ks->get("/api/v1/streams/$id/status")->{json};
    is $status->{status}, 'active', 'and is live here';

    unlike $srs->log, qr/ks_pub_/, 'no key is sent';
    unlike $ks->log, qr/\Q$shown\E/, 'the ticket is in no log';
    unlike $ks->log, qr/ks_pub_/, 'nor is the key';
    like $ks->log, qr/keystone: relay of "\Q$id\E" to "srs_a"/,
        'the relay is';

    $encoder->close;
    ok relays($srs, $id, 0), 'it ends with its encoder';
    select undef, undef, undef, 1.5;
    is scalar(my @once = $srs->heard), 1, '... and does not come back';
    $ks->stop;
};

subtest 'a node that is down comes back' => sub {
    my $srs = Keystone::MediaServer->new('srs_a');
    my $ks = server([$srs]);
    my $stream = owner($ks)->stream;
    my ($id, $key) = @$stream{qw( id stream_key )};

    my $encoder = live($ks, $key);
    ok $ks->logged(qr/\[warn\].* relay of "\Q$id\E" to "srs_a" failed/),
        'nobody takes the stream yet, which is said';
    is $ks->get("/api/v1/streams/$id/status")->{json}{status}, 'active',
        'it is live all the same';
    $srs->start;
    ok relayed_again($srs, $encoder), 'the node is up';
    plays($srs, $encoder, $id, 'it plays there');

    $srs->stop;
    ok $ks->logged(qr/relay of "\Q$id\E" to "srs_a" was closed by it/),
        'the node is gone again';
    $encoder->media(30);
    $srs->start;
    ok relayed_again($srs, $encoder), 'and is back';
    plays($srs, $encoder, $id,
          'the headers come first, in the middle of the broadcast');
    ok !$encoder->closed(0.1), 'the encoder noticed nothing';
    unlike $ks->log, qr/ks_pub_/, 'no key in the log';

    # a publisher that goes while its node is down
    $srs->stop;
    ok $ks->logged(qr/was closed by it(?s:.*)was closed by it/), 'gone again';
    $encoder->close;
    ok $ks->logged(qr/keystone: publish ended/), 'and so is the encoder';
    $srs->start;
    select undef, undef, undef, 2.5;
    is scalar(my @none = $srs->heard), 0, 'nobody asks the node then';
    $ks->stop;
};

subtest 'a node that says nothing' => sub {
    my $srs = Keystone::MediaServer->new('srs_a');
    my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $srs->port, Listen => 5, ReuseAddr => 1) or die $!;
    my $ks = server([$srs]);
    my $stream = owner($ks)->stream;
    my $encoder = live($ks, $stream->{stream_key});
    my $first = $mute->accept;
    ok $first, 'it takes the connection, and is silent';
    ok $ks->logged(qr/to "srs_a" failed/, 8), 'that is given up';
    my $second;
    local $SIG{ALRM} = sub { die };
    eval { alarm 5; $second = $mute->accept; alarm 0 };
    ok $second, 'and tried anew';
    $encoder->close;
    $ks->stop;
};

subtest 'kicked here, gone there' => sub {
    my $srs = Keystone::MediaServer->new('srs_a')->start;
    my $ks = server([$srs], workers => 2);
    my $owner = owner($ks);
    my $stream = $owner->stream;
    my ($id, $key) = @$stream{qw( id stream_key )};

    my $encoder = live($ks, $key);
    ok relays($srs, $id, 1), 'relayed';
    $owner->post("/streams/$id/disable");
    ok relays($srs, $id, 0, 1), 'not a second after the kick';
    ok $encoder->closed(3), 'the encoder is gone, too';
    $owner->post("/streams/$id/enable");

    # taken over by whichever worker
    for my $turn (1 .. 4) {
        my $next = live($ks, $key);
        ok wait_for(sub { $next->media(1); $srs->publishing($id) == 1 }),
            "takeover $turn";
        plays($srs, $next, $id, 'the new one plays') if $turn == 4;
        $encoder->close;
        $encoder = $next;
    }
    $encoder->close;
    $ks->stop;
};

subtest 'two nodes: each stream has its own' => sub {
    my @srs = map { Keystone::MediaServer->new($_)->start } qw( srs_a srs_b );
    my $ks = server(\@srs);
    my $owner = owner($ks);
    my %place;
    for (1 .. 12) {
        my $stream = $owner->stream;
        my $id = $stream->{id};
        my $encoder = live($ks, $stream->{stream_key}, 1);
        ok wait_for(sub { grep { $_->publishing($id) } @srs }), 'relayed';
        my @there = grep { $srs[$_]->publishing($id) } 0, 1;
        is @there, 1, 'to one node';
        my $there = $place{$id} = $there[0];
        $encoder->close;
        ok relays($srs[$there], $id, 0), 'and gone again';
        $encoder = live($ks, $stream->{stream_key}, 1);
        ok relays($srs[$there], $id, 1),
            'the same one for its next broadcast';
        $encoder->close;
    }
    my %used = map { $_ => 1 } values %place;
    is keys %used, 2, 'streams are spread over both';
    $ks->stop;
};

subtest 'a node is lost: its streams go to another' => sub {
    my %srs = map { $_ => Keystone::MediaServer->new($_)->start }
        qw( srs_a srs_b );
    my $ks = server([ @srs{qw( srs_a srs_b )} ]);
    my $stream = owner($ks)->stream;
    my ($id, $key) = @$stream{qw( id stream_key )};
    my $encoder = live($ks, $key);
    ok wait_for(sub { grep { $_->publishing($id) } values %srs }), 'relayed';
    my ($home) = grep { $srs{$_}->publishing($id) } keys %srs;
    my ($other) = grep { $_ ne $home } keys %srs;

    $srs{$home}->stop;
    ok relayed_again($srs{$other}, $encoder), 'the other node has it now';
    plays($srs{$other}, $encoder, $id, 'it plays there');
    $srs{$home}->start;
    plays($srs{$other}, $encoder, $id,
          'the stream stays there when the first is back');
    ok !$srs{$home}->publishing($id), 'and there only';
    $encoder->close;
    $ks->stop;
};

subtest 'a reload' => sub {
    my $srs = Keystone::MediaServer->new('srs_a')->start;
    my $ks = server([$srs]);
    my $stream = owner($ks)->stream;
    my ($id, $key) = @$stream{qw( id stream_key )};
    my $encoder = live($ks, $key);
    ok relays($srs, $id, 1), 'relayed';
    my ($old) = $ks->worker_pids;
    ok $ks->reload, 'reloaded';
    plays($srs, $encoder, $id, 'the old worker goes on');
    $srs->stop;
    $srs->start;
    ok relayed_again($srs, $encoder),
        'and connects again when it has to';
    plays($srs, $encoder, $id, 'it plays');
    $encoder->close;
    ok wait_for(sub { !kill 0, $old }), 'the old worker goes with the encoder';
    $ks->stop;
};

subtest 'a relay is no player' => sub {
    my $srs = Keystone::MediaServer->new('srs_a')->start;
    my $ks = Keystone::Server->new(keystone => $srs->node);
    my $nowhere = $ks->url('/nowhere');
    $ks->{rtmp} = <<"END";
        application live {
            live on;
            keystone on;
            keystone_relay on;
            deny play all;
            on_play $nowhere;
        }
END
    $ks->start;
    my $stream = owner($ks)->stream;
    my $encoder = live($ks, $stream->{stream_key});
    plays($srs, $encoder, $stream->{id}, '"deny play" and on_play are not for it');
    is scalar(my @once = $srs->heard), 1, 'it is not ended by them';
    $encoder->close;
    $ks->stop;
};

subtest 'beside rtmp_auto_push and HLS' => sub {
    my $srs = Keystone::MediaServer->new('srs_a')->start;
    my $ks = Keystone::Server->new(workers => 2, log_level => 'info',
        keystone => $srs->node);
    my $dir = $ks->dir;
    $ks->{main} = "rtmp_auto_push on;\nrtmp_socket_dir $dir/tmp;\n";
    $ks->{rtmp} = <<"END";
        application live {
            live on;
            keystone on;
            keystone_relay on;
            hls on;
            hls_path $dir/media/live;
            hls_fragment 1s;
        }
END
    $ks->start;
    my $stream = owner($ks)->stream;
    my ($id, $key) = @$stream{qw( id stream_key )};
    my $encoder = live($ks, $key);
    plays($srs, $encoder, $id, 'it plays at the node');
    ok wait_for(sub { $encoder->media(5); -s "$dir/media/live/$id.m3u8" }, 10),
        'and is HLS here';
    is scalar(my @one = $srs->heard), 1, 'one worker relays';

    # once more on the same connection
    $encoder->call('closeStream', undef);
    ok relays($srs, $id, 0), 'closed by the encoder';
    $encoder->{headers} = 0;
    $encoder->publish($key);
    my $code;
    wait_for(sub { ($code = $encoder->status->{code} // '') =~ /Publish.St/ });
    is $code, 'NetStream.Publish.Start', 'published again';
    plays($srs, $encoder, $id, 'it plays again');
    $encoder->close;
    $ks->stop;
};

done_testing;
