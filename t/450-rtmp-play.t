# Who may play over RTMP, under which name, and for how long.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Server;
use Keystone::Rtmp qw( owner );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $ks = Keystone::Server->new(log_level => 'info');
my $dir = $ks->dir;
$ks->{rtmp} = <<"END";
        access_log $dir/logs/rtmp.log;
        application live { live on; keystone on; }
END
$ks->{server} = <<'END';
        location /api/ { keystone_api; }
        location /stat { rtmp_stat all; }
END
$ks->start;
my $owner = owner($ks);

sub play {
    my ($name) = @_;
    my $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->play($name);
    return $client;
}

sub frames {
    my ($client, $count) = @_;
    my $seen = 0;
    while ($seen < $count && (my $message = $client->message(3))) {
        $seen++ if $message->[0] == 9;
    }
    return $seen;
}

sub token {
    my ($stream) = @_;
    return $owner->post("/streams/$stream->{id}/tokens",
        { kind => 'play', ttl_seconds => 600 })->{json};
}

sub viewers {
    my $answer = $owner->get("/streams/$_[0]{id}");
    return $answer->{json}{viewer_count};
}

my %stream = map { $_ => $owner->stream(visibility => $_) }
    qw( public unlisted private );
my %encoder;
for my $kind (keys %stream) {
    $encoder{$kind} = Keystone::Rtmp->new($ks->rtmp_port);
    $encoder{$kind}->publish($stream{$kind}{stream_key});
    is $encoder{$kind}->status->{code}, 'NetStream.Publish.Start',
        "$kind: live";
    $encoder{$kind}->media(2);
    ok wait_for {
        $owner->get("/streams/$stream{$kind}{id}")->{json}{status} eq 'active'
    }, "$kind: active";
}

sub send_some { $_->media(26) for values %encoder }

for my $kind (qw( public unlisted )) {
    my $player = play($stream{$kind}{id});
    is $player->status->{code}, 'NetStream.Play.Start', "$kind: plays";
    send_some();
    is frames($player, 3), 3, "$kind: with frames";
    ok wait_for { viewers($stream{$kind}) == 1 }, "$kind: one viewer";
    $player->close;
    ok wait_for { viewers($stream{$kind}) == 0 }, "$kind: who goes";
}

for my $case (
    [ 'without a token', '', qr/^\w+: / ],
    [ 'with a wrong one', '?token=ks_play_wrong', qr/^\w+: / ],
    [ 'with the stream key of another stream',
      "?token=$stream{public}{stream_key}", qr/^\w+: / ],
) {
    my ($name, $args, $reason) = @$case;
    my $player = play("$stream{private}{id}$args");
    my $status = $player->status;
    is $status->{code}, 'NetStream.Play.Failed', "private $name: refused";
    is $status->{level}, 'error', "private $name: as an error";
    like $status->{description}, $reason, "private $name: with a reason";
    ok $player->closed(3), "private $name: closed";
}

my $token = token($stream{private});
my $player = play("$stream{private}{id}?token=$token->{token}");
is $player->status->{code}, 'NetStream.Play.Start', 'private with its token';
send_some();
is frames($player, 3), 3, 'plays';

my $stat = $ks->get('/stat')->{body};
like $stat, qr/<name>\Q$stream{private}{id}\E</, 'stat has the public name';
unlike $stat, qr/ks_(pub|play)_/, 'and no token';

$owner->delete("/tokens/$token->{id}");
my $status = $player->status(3);
is $status->{code}, 'NetStream.Play.Failed', 'revoked: told';
like $status->{description}, qr/was revoked/, 'why';
ok $player->closed(3), 'and closed';
is play("$stream{private}{id}?token=$token->{token}")->status->{code},
    'NetStream.Play.Failed', 'and does not get in again';

# a player is no publisher

$player = play($stream{public}{id});
is $player->status->{code}, 'NetStream.Play.Start', 'a player';
$player->publish($stream{public}{stream_key});
is $player->status->{code}, 'NetStream.Publish.BadName', 'cannot publish, too';
$player->media(10);
send_some();
is frames($player, 3), 3, 'and goes on playing';

$_->close for $player, values %encoder;
ok wait_for { 2 <= (() = $ks->slurp('logs/rtmp.log') =~ /PLAY "live"/g) },
    'the access log has the players';
unlike $ks->slurp($_), qr/ks_(pub|play)_/, "and there is no token in $_"
    for qw( logs/rtmp.log logs/error.log );

$ks->stop;
done_testing;
