# Sessions over REST: a viewer over HLS and one over WHEP are seen, kicked, and
# kept out by a ban, in whichever worker they come.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( free_port wait_for );
use Keystone::Server;
use Keystone::Srs qw( capture_offer );

my $srs = free_port();
my $ks = Keystone::Server->new(rtmp => 0, workers => 2,
    keystone => "rate_limit off; srs_node srs_a api=127.0.0.1:$srs;",
    http => <<"END", server => <<'END');
    upstream srs_a { server 127.0.0.1:$srs; }
    server {
        listen 127.0.0.1:$srs;
        default_type application/sdp;
        location /rtc/v1/ {
            add_header Location "/rtc/v1/whip/?action=delete&token=t&session=s";
            return 201 "v=0";
        }
        location / { return 404; }
    }
END
    location /api/    { keystone_api; }
    location /rtc/v1/ {
        keystone_gate rtc;
        proxy_pass http://$keystone_node$keystone_upstream_uri;
    }
    location /live/   { keystone_gate hls; root media; }
END
my $ann = $ks->user('ann@example.org');
my $show = $ks->stream('ann@example.org', title => 'Show',
                       visibility => 'public');
$ks->start;
my $owner = $ks->login($ann);
my $id = $show->{id};

sub offer {
    my ($what, $capture, %option) = @_;
    return $ks->request('POST', "/rtc/v1/$what/$id",
        body => capture_offer($capture), %option,
        headers => { 'content-type' => 'application/sdp' });
}

for my $name ("$id.m3u8", "$id-1.ts") {
    open my $out, '>', $ks->media . "/live/$name" or die $!;
    print $out $name;
    close $out;
}

sub get {
    my ($name, $player) = @_;
    return $ks->get("/live/$name", headers => { 'user-agent' => $player })
        ->{status};
}

sub sessions {
    my ($query) = @_;
    return @{ $ks->get("/api/v1/streams/$id/sessions?$query",
                       bearer => $owner)->{json}{data} };
}

is offer('whip', 'whip/publish.201', bearer => $show->{stream_key})->{status},
    201, 'a publisher';
is offer('whep', 'whep/play.201')->{status}, 201, 'a viewer over WHEP';
is get("$id.m3u8", $_), 200, "$_ over HLS" for qw( red blue );
my @seen;
ok wait_for { (@seen = sessions('state=active')) == 4 }, 'all are listed';
is join(' ', sort map { "$_->{kind}:$_->{protocol}" } @seen),
    'play:hls play:hls play:whep publish:whip', 'as what they are';

my ($red) = grep { $_->{client}{user_agent} eq 'red' } @seen;
is $ks->delete("/api/v1/sessions/$red->{id}")->{status}, 401,
    'kicked by the owner only';
is $ks->delete("/api/v1/sessions/$red->{id}", bearer => $owner)->{status},
    204, 'red is kicked';
is get("$id.m3u8", 'red'), 403, 'and gets no playlist' for 1 .. 4;
is get("$id.m3u8", 'blue'), 200, 'blue plays on' for 1 .. 4;
is $ks->get("/api/v1/sessions/$red->{id}", bearer => $owner)
    ->{json}{end_reason}, 'kicked', 'the record says why';

my ($whep) = sessions('protocol=whep&state=active');
is $ks->delete("/api/v1/sessions/$whep->{id}?ban_seconds=60",
               bearer => $owner)->{status}, 204, 'kicked with a ban';
my $again = offer('whep', 'whep/play.201');
is $again->{status}, 403, 'that address stays out';
is $again->{json}{code}, 'banned', 'which is said';
like $again->{headers}{'retry-after'}, qr/^(60|59|61)$/, 'and for how long';
is get("$id.m3u8", 'blue'), 403, 'over HLS as well';
is get("$id-1.ts", 'blue'), 403, 'down to the segment' for 1 .. 4;
is offer('whip', 'whip/publish.201', bearer => $show->{stream_key})->{status},
    201, 'its publisher may come from there';

$ks->stop;
done_testing;
