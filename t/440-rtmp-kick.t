# A live session ends when its right to be there does, in whichever worker.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw( time );
use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Server;
use Keystone::Rtmp qw( owner driver driver_start driver_wait
                       driver_lines );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $ks = Keystone::Server->new(workers => 2, log_level => 'info');
$ks->start;
my $owner = owner($ks);

sub live {
    my ($stream) = @_;
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($stream->{stream_key});
    is $client->status->{code}, 'NetStream.Publish.Start', 'live';
    $client->media(30);
    return $client;
}

# Told and closed within a second of what `$do` does.
sub ends {
    my ($client, $reason, $do) = @_;
    my $start = time;
    $do->();
    my $status = $client->status(3);
    my $took = time - $start;
    is $status->{level}, 'error', 'an error status';
    is $status->{code}, 'NetStream.Publish.BadName', 'that an encoder shows';
    like $status->{description}, $reason, 'with the reason';
    cmp_ok $took, '<', 1, sprintf 'after %.0f ms', $took * 1000;
    ok $client->closed(3), 'closed';
}

sub refused {
    my ($key, $reason) = @_;
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($key);
    like $client->status->{description}, $reason, 'and does not get in again';
    $client->close;
}

for my $round (1 .. 3) {

    subtest "reset-key $round" => sub {
        my $stream = $owner->stream;
        my $client = live($stream);
        my $new;
        ends($client, qr/was revoked/, sub {
            $new = $owner->post("/streams/$stream->{id}/reset-key")->{json};
        });
        refused($stream->{stream_key}, qr/^\w+: /);
        live({ stream_key => $new->{stream_key} })->close;
    };

    subtest "disable $round" => sub {
        my $stream = $owner->stream;
        my $client = live($stream);
        ends($client, qr/was disabled/,
            sub { $owner->post("/streams/$stream->{id}/disable") });
        refused($stream->{stream_key}, qr/^stream_disabled: /);
        $owner->post("/streams/$stream->{id}/enable");
        live($stream)->close;
    };

    subtest "delete $round" => sub {
        my $stream = $owner->stream;
        my $client = live($stream);
        ends($client, qr/\w/,
            sub { $owner->delete("/streams/$stream->{id}") });
        refused($stream->{stream_key}, qr/^\w+: /);
    };
}

subtest 'what a kicked encoder goes on sending' => sub {
    my $stream = $owner->stream;
    my $client = live($stream);
    $owner->post("/streams/$stream->{id}/disable");
    is $client->status->{level}, 'error', 'kicked';
    my $bytes = sub {
        my $sum = 0;
        $sum += -s for glob $ks->media . "/live/$stream->{id}-*.ts";
        return $sum;
    };
    my $before = $bytes->();
    $client->media(100);
    ok $client->closed(3), 'closed';
    is $bytes->(), $before, 'is not written';
};

subtest 'takeover' => sub {
    my $stream = $owner->stream(takeover => 'reject');
    my $client = live($stream);
    refused($stream->{stream_key}, qr/^already_publishing: /);
    $client->media(1);
    ok !%{ $client->status(0.3) }, 'reject: the first one stays';
    $client->close;

    for my $policy (qw( replace same_credential )) {
        $stream = $owner->stream(takeover => $policy);
        $client = live($stream);
        for (1 .. 4) {
            my $next;
            ends($client, qr/Another encoder took over/,
                sub { $next = live($stream) });
            $client = $next;
        }
        ok wait_for { -s $ks->media . "/live/$stream->{id}.m3u8" },
            "$policy: the playlist is there";
        $client->close;
    }
};

subtest 'some of many' => sub {
    my @streams = map { $owner->stream } 1 .. 5;
    my $names = $ks->dir . '/names';
    open my $out, '>', $names or die $!;
    print $out map { "$_->{stream_key}\n" } @streams;
    close $out;
    my $run = driver_start('publish', '--url', $ks->rtmp_url, '--names', $names,
        '--count', 5, '--seconds', 6, '--media', '--events');
    ok wait_for { 5 == grep { $_->{event} eq 'accepted' } driver_lines($run) },
        'all are live';
    $owner->post("/streams/$_->{id}/disable") for @streams[0 .. 3];
    my @lines = driver_wait($run);
    is $lines[-1]{ended_by_server}, 4, 'four are kicked, one is not';
};

unlike $ks->log, qr/ks_pub_/, 'no key in the log';
$ks->stop;
done_testing;
