# A publisher with its key is let in under the public name; nobody gets to see
# the key. A stranger is told why, before any media moves.

use v5.30;
use warnings;

use lib 't/lib';
use Test::More;
use Keystone::Env qw( rtmp_module wait_for );
use Keystone::Server;
use Keystone::Rtmp qw( owner driver ffmpeg has_ffmpeg );

plan skip_all => 'this nginx has no RTMP' unless rtmp_module();

# The loudest log, and every module that shows names: none may show a key.
my $ks = Keystone::Server->new(log_level => 'debug');
my $dir = $ks->dir;
$ks->{rtmp} = <<"END";
        access_log $dir/logs/rtmp.log;
        application live {
            live on;
            keystone on;
            hls on;
            hls_path $dir/media/live;
            hls_fragment 1s;
            hls_playlist_length 10s;
            record all;
            record_path $dir/tmp;
            exec_publish /bin/sh -c
                "echo \$name \$args \$tcurl \$pageurl >> $dir/logs/exec";
        }
END
$ks->{server} = <<'END';
        location /api/ { keystone_api; }
        location /stat { rtmp_stat all; }
END
$ks->start;

my $owner = owner($ks);
my $show = $owner->stream(title => 'Show');
my $other = $owner->stream(title => 'Other');
my ($id, $key) = @$show{qw( id stream_key )};

sub refused {
    my ($client, $reason, $name) = @_;
    my $status = $client->status;
    is $status->{code}, 'NetStream.Publish.BadName', "$name: refused";
    is $status->{level}, 'error', "$name: as an error";
    like $status->{description}, $reason, "$name: with the reason";
    ok $client->closed(3), "$name: and closed";
}

# the key as the name

my $client = Keystone::Rtmp->new($ks->rtmp_port);
$client->publish($key);
is $client->status->{code}, 'NetStream.Publish.Start', 'the key is the name';
$client->media(60);
ok wait_for { -s "$dir/media/live/$id.m3u8" }, 'a playlist by the public name';
like $ks->get('/stat')->{body}, qr/<name>\Q$id\E</, 'stat has that name';
is $ks->get("/api/v1/streams/$id/status")->{json}{status}, 'active',
    'media has made the stream active';
$client->close;
ok wait_for {
    $ks->get("/api/v1/streams/$id/status")->{json}{status} ne 'active'
}, 'it is not active when the encoder has gone';

# the key behind the name, and at places where it should not be

for my $case (
    [ 'as ?key=', "$id?key=$key" ],
    [ 'as ?token=', "$id?token=$key" ],
    [ 'as ?key= among others', "$id?a=b&key=$key&c=d" ],
) {
    my ($name, $publish) = @$case;
    $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($publish);
    is $client->status->{code}, 'NetStream.Publish.Start', "the key $name";
    $client->media(3);
    $client->close;
}

$client = Keystone::Rtmp->new($ks->rtmp_port,
    tc_url => 'rtmp://127.0.0.1:' . $ks->rtmp_port . "/live?key=$key",
    connect => { pageUrl => "http://a.example/?key=$key",
                 swfUrl => "http://b.example/?key=$key" });
$client->publish("$id?key=$key");
is $client->status->{code}, 'NetStream.Publish.Start',
    'with the key in the addresses of connect, too';
$client->media(3);
unlike $ks->get('/stat')->{body}, qr/\Q$key\E/, 'stat shows it nowhere';
$client->close;

# strangers

my %stranger = (
    'a wrong key' => [ 'ks_pub_' . 'x' x 41, qr/unauthorized: / ],
    'no key' => [ $id, qr/unauthorized: / ],
    'the key of another stream' =>
        [ "$id?key=$other->{stream_key}", qr/wrong_stream: / ],
    'an empty name' => [ '', qr/\w/ ],
    'a very long name' => [ 'y' x 200, qr/unauthorized: / ],
);
for my $name (sort keys %stranger) {
    my ($publish, $reason) = @{ $stranger{$name} };
    $client = Keystone::Rtmp->new($ks->rtmp_port);
    $client->publish($publish);
    refused($client, $reason, $name);
}

$client = Keystone::Rtmp->new($ks->rtmp_port);
$client->publish("../$id");
$client->media(30);
refused($client, qr/unauthorized: /, 'a path, and media before the answer');

$owner->post("/streams/$other->{id}/disable");
$client = Keystone::Rtmp->new($ks->rtmp_port);
$client->publish($other->{stream_key});
refused($client, qr/stream_disabled: /, 'a disabled stream');

is_deeply [ grep { !/\Q$id\E/ } glob "$dir/media/live/* $dir/tmp/*.flv" ], [],
    'nothing was written for a stranger';

SKIP: {
    skip 'no ffmpeg', 2 unless has_ffmpeg();
    my ($status, $said) = ffmpeg(qw( -re -f lavfi -i testsrc=size=64x64:rate=10
        -t 5 -c:v flv1 -f flv ), $ks->rtmp_url("/ks_pub_wrong"));
    isnt $status, 0, 'ffmpeg fails';
    like $said, qr/Server error: unauthorized: \w+/, 'and says why';
}

# a lone client does not wait for a delayed ACK, which takes 40 ms

my @waits = sort { $a <=> $b } map { $_->{ms} } grep { $_->{ms} }
    map { (driver('publish', '--url', $ks->rtmp_url, '--name', $key,
                  '--seconds', 0))[0] } 1 .. 7;
cmp_ok $waits[0], '<', 30, "connect and publish take $waits[0] ms";

# who has seen the key

ok wait_for { $ks->slurp('logs/exec') =~ /\Q$id\E/ },
    'exec got the public name';
ok wait_for { $ks->slurp('logs/rtmp.log') =~ /PUBLISH "live" "\Q$id\E"/ },
    'and so did the access log';
for my $file (qw( logs/error.log logs/rtmp.log logs/exec logs/stdout )) {
    my @lines = grep { /\Q$key\E|\Q$other->{stream_key}\E/ }
        split /^/m, $ks->slurp($file);
    is_deeply \@lines, [], "no key in $file, at debug";
}
is_deeply [ grep { /ks_pub_/ } map { glob "$dir/$_/*" } qw( media/live tmp ) ],
    [], 'nor in the name of a file';
like $ks->log, qr/\[info\].*keystone: publish "\Q$id\E", session "ses_/,
    'the log says who came';
like $ks->log, qr/\[info\].*keystone: publish refused: unauthorized/,
    'and who did not';

$ks->stop;
done_testing;
