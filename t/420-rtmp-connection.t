# One connection, one stream: a second command, streams closed that are none,
# and what still comes after the stream was closed.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Server;
use Keystone::Rtmp qw( owner );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

my $ks = Keystone::Server->new(log_level => 'info');
$ks->start;
my $owner = owner($ks);
my @streams = map { $owner->stream(title => "Show $_") } 1 .. 3;
my @id = map { $_->{id} } @streams;
my @key = map { $_->{stream_key} } @streams;

sub state_of { $ks->get("/api/v1/streams/$_[0]/status")->{json}{status} }

# Until the server has read all that was sent: it answers in order.
sub settle {
    my ($client) = @_;
    $client->call('createStream', undef);
    return $client->result;
}

sub segments {
    my ($id) = @_;
    my $bytes = 0;
    $bytes += -s for glob $ks->media . "/live/$id-*.ts";
    return $bytes;
}

my $client = Keystone::Rtmp->new($ks->rtmp_port);
$client->publish($key[0]);
is $client->status->{code}, 'NetStream.Publish.Start', 'the first publish';
$client->media(30);
settle($client);

$client->publish($key[1]);
my $status = $client->status;
is $status->{code}, 'NetStream.Publish.BadName', 'a second one is refused';
like $status->{description}, qr/open another/, 'with what to do instead';
$client->play($id[0]);
is $client->status->{code}, 'NetStream.Play.Failed', 'and so is a play';
is state_of($id[1]), 'idle', 'the second stream has not begun';
is state_of($id[0]), 'active', 'the first one goes on';

$client->call('deleteStream', undef, 7);
settle($client);
$client->media(30);
settle($client);
is state_of($id[0]), 'active', 'a stream of another number may be deleted';

my $before = segments($id[0]);
cmp_ok $before, '>', 0, 'segments are written';

$client->call('deleteStream', undef, 1);
is $client->status->{code}, 'NetStream.Unpublish.Success', 'it ends its own';
isnt state_of($id[0]), 'active', 'the session has ended';

$before = segments($id[0]);
$client->media(100);
settle($client);
is segments($id[0]), $before, 'media after the end is not written';

# the connection may be used again, with the right to it

$client->publish($key[2]);
is $client->status->{code}, 'NetStream.Publish.Start', 'another publish';
$client->media(60);
settle($client);
is state_of($id[2]), 'active', 'is another session';
is segments($id[0]), $before, 'and does not write to the first stream';

$client->call('closeStream', undef);
is $client->status->{code}, 'NetStream.Unpublish.Success', 'closeStream';
isnt state_of($id[2]), 'active', 'ends it, too';

$client->publish('ks_pub_wrong');
is $client->status->{code}, 'NetStream.Publish.BadName', 'without: refused';
ok $client->closed(3), 'and closed';

# a refused client that does not go is closed; so is one that goes on talking

$client = Keystone::Rtmp->new($ks->rtmp_port);
$client->publish('ks_pub_wrong');
is $client->status->{code}, 'NetStream.Publish.BadName', 'refused';
$client->publish($key[0]);
ok $client->closed(3), 'a second try needs a second connection';
isnt state_of($id[0]), 'active', 'and has not begun';

$client = Keystone::Rtmp->new($ks->rtmp_port);
$client->publish('ks_pub_wrong');
my $sent = 0;
$sent++ while $sent < 400 && $client->media(1)
    && !select undef, undef, undef, 0.01;
cmp_ok $sent, '<', 400, 'who only sends is cut off';

# out of order

$client = Keystone::Rtmp->new($ks->rtmp_port, raw => 1);
$client->handshake;
$client->publish($key[0]);
ok $client->closed(3), 'publish before connect';
$client = Keystone::Rtmp->new($ks->rtmp_port, raw => 1);
$client->handshake;
$client->play($id[0]);
ok $client->closed(3), 'play before connect';

# who asks and goes at once, in any order of the two

for (1 .. 50) {
    $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($key[$_ % 3]);
    $client->media(1) if $_ % 2;
    $client->close;
}
ok wait_for { !grep { state_of($_) =~ /^(active|connecting)$/ } @id },
    'sessions end with their connections';
unlike $ks->log, qr/\Q$key[0]\E|\Q$key[1]\E|\Q$key[2]\E/, 'no key at info';

$ks->stop;
done_testing;
