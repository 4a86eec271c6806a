# Streams, tokens and replays on the wire, over two workers.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Server;

my $ks = Keystone::Server->new(rtmp => 0, workers => 2);
my ($ann, $bob) = map { $ks->user("$_\@example.org") } qw( ann bob );
$ks->start;
my ($a, $b) = map { $ks->login($_) } $ann, $bob;
my $streams = '/api/v1/streams';

sub header { $_[0]{headers}{ lc $_[1] } // '' }

# the same from whichever worker: often enough to have met both
sub every {
    my ($name, $check) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @bad = grep { !$check->() } 1 .. 12;
    is scalar @bad, 0, $name;
}

my $made = $ks->post($streams, { title => 'Show', visibility => 'public' },
                     bearer => $a);
is $made->{status}, 201, 'a stream';
like $made->{json}{stream_key}, qr/^ks_pub_[0-9A-Za-z]{40}$/, 'its key';
my $at = "$streams/$made->{json}{id}";
is header($made, 'Location'), $at, 'where it is';
every 'is read by its owner, without the key', sub {
    my $got = $ks->get($at, bearer => $a);
    $got->{status} == 200 && !exists $got->{json}{stream_key};
};
every 'by nobody else', sub { $ks->get($at, bearer => $b)->{status} == 404 };
every 'nor without a login', sub { $ks->get($at)->{status} == 401 };

# conditions

my $got = $ks->get($at, bearer => $a);
my $tag = header($got, 'ETag');
like $tag, qr/^"[^"]+"$/, 'a strong ETag';
every 'not modified', sub {
    my $same = $ks->get($at, bearer => $a,
                        headers => { 'if-none-match' => $tag });
    $same->{status} == 304 && ($same->{body} // '') eq ''
        && header($same, 'ETag') eq $tag;
};
my $changed = $ks->patch($at, { title => 'Two' }, bearer => $a,
                         headers => { 'if-match' => $tag });
is $changed->{status}, 200, 'changed as it was known';
isnt header($changed, 'ETag'), $tag, 'to another ETag';
$got = $ks->patch($at, { title => 'Three' }, bearer => $a,
                  headers => { 'if-match' => $tag });
is $got->{status}, 412, 'not changed as it was';
is $got->{json}{code}, 'precondition_failed', 'its reason';
every 'a change is seen at once', sub {
    $ks->get($at, bearer => $a)->{json}{title} eq 'Two';
};
for my $title (map { "title $_" } 1 .. 6) {
    $ks->patch($at, { title => $title }, bearer => $a);
    every "also '$title'", sub {
        $ks->get($at, bearer => $a)->{json}{title} eq $title;
    };
}
is $ks->request('PATCH', $at, body => '{"description":"x"}', bearer => $a,
    headers => { 'content-type' => 'application/merge-patch+json' })->{status},
    200, 'a merge patch by its own type';

# lists

# Made within one millisecond, two of them are in the order of their ids.
sub create { $ks->post($streams, { title => $_[0] }, bearer => $b)->{json} }
sub titles { join ' ', map { $_->{title} } @_ }
sub page {
    my ($query) = @_;
    my $answer = $ks->get("$streams?$query", bearer => $b)->{json};
    return (titles(@{ $answer->{data} }), $answer->{next_cursor});
}
sub newest_first {
    return sort { $::b->{created_at} cmp $::a->{created_at}
                      || $::b->{id} cmp $::a->{id} } @_;
}
my @made = map { create("s$_") } 1 .. 7;
my @order = newest_first(@made);
my ($titles, $cursor) = page('limit=3');
is $titles, titles(@order[0 .. 2]), 'the newest come first';
my $late = create('s8');
($titles, $cursor) = page("limit=3&cursor=$cursor");
is $titles, titles(@order[3 .. 5]), 'a new one moves no page';
($titles, $cursor) = page("limit=3&cursor=$cursor");
is $titles, titles($order[6]), 'the last page';
is $cursor, undef, 'says so';
my ($first) = newest_first(@made, $late);
every 'a new stream is listed at once', sub {
    (page('limit=1'))[0] eq $first->{title};
};
is $ks->get("$streams?cursor=broken", bearer => $b)->{status}, 422,
    'a broken cursor';

# replays

my %key = (headers => { 'idempotency-key' => 'once-1' });
my $once = $ks->post($streams, { title => 'Once' }, bearer => $a, %key);
is $once->{status}, 201, 'made once';
every 'and the same answer again', sub {
    my $again = $ks->post($streams, { title => 'Once' }, bearer => $a, %key);
    $again->{status} == 201 && $again->{body} eq $once->{body}
        && header($again, 'Idempotency-Replayed') eq 'true';
};
is scalar(grep { $_->{title} eq 'Once' }
    @{ $ks->get($streams, bearer => $a)->{json}{data} }), 1, 'one stream';
$got = $ks->post($streams, { title => 'Other' }, bearer => $a, %key);
is $got->{status}, 409, 'the key with another body';
is $got->{json}{code}, 'idempotency_mismatch', 'its reason';

# key and state

$got = $ks->post("$at/reset-key", undef, bearer => $a);
is $got->{status}, 200, 'a new key';
isnt $got->{json}{stream_key}, $made->{json}{stream_key}, 'another one';
is $ks->post("$at/disable", undef, bearer => $a)->{json}{status}, 'disabled',
    'disabled';
every 'as everybody sees', sub {
    $ks->get("$at/status")->{json}{status} eq 'disabled';
};
is $ks->post("$at/enable", undef, bearer => $a)->{json}{status}, 'idle',
    'enabled';
$got = $ks->get("$at/status");
is header($got, 'Cache-Control'), 'public, max-age=1', 'a second in caches';
is_deeply $got->{json}, { live => JSON::PP::false(), status => 'idle',
    started_at => undef, viewer_count => 0 }, 'the status';
$got = $ks->get('/api/v1/live-streams');
is $got->{status}, 200, 'the directory';
is_deeply $got->{json}, { data => [], next_cursor => undef }, 'nobody is live';
like header($got, 'Cache-Control'), qr/max-age=[12]$/, 'a second in caches';
$got = $ks->get("$at/connect", bearer => $a);
like $got->{json}{rtmp}{server}, qr{^rtmp://127\.0\.0\.1.*/live$}, 'a server';
unlike $got->{body}, qr/ks_pub_[0-9A-Za-z]{40}/, 'no key to connect';

# a private stream's status

$ks->patch($at, { visibility => 'private' }, bearer => $a);
every 'nobody sees a private one', sub { $ks->get("$at/status")->{status} == 404 };
every 'its owner does', sub {
    $ks->get("$at/status", bearer => $a)->{status} == 200;
};
my $token = $ks->post("$at/tokens", { kind => 'play' }, bearer => $a)->{json};
like $token->{token}, qr/^ks_play_[0-9A-Za-z]{40}$/, 'a token';
like $token->{urls}{hls},
    qr{/live/t/\Q$token->{token}\E/\Q$made->{json}{id}\E\.m3u8$}, 'its playlist';
every 'with a token everybody does', sub {
    $ks->get("$at/status?token=$token->{token}")->{status} == 200;
};
is $ks->delete("/api/v1/tokens/$token->{id}", bearer => $b)->{status}, 404,
    'not revoked by somebody else';
is $ks->delete("/api/v1/tokens/$token->{id}", bearer => $a)->{status}, 204,
    'revoked';
every 'and then no more', sub {
    $ks->get("$at/status?token=$token->{token}")->{status} == 404;
};
$got = $ks->get("$at/tokens", bearer => $a);
ok $got->{json}{data}[0]{revoked_at}, 'the list says so';
unlike $got->{body}, qr/ks_play_[0-9A-Za-z]{40}/, 'without the token';

# the end

is $ks->delete($at, bearer => $a)->{status}, 204, 'removed';
every 'gone', sub { $ks->get($at, bearer => $a)->{status} == 404 };
is $ks->delete($at, bearer => $a)->{status}, 404, 'once only';

unlike $ks->log . $ks->access_log, qr/ks_pub_[0-9A-Za-z]{40}/,
    'no key in any log';
$ks->stop;
done_testing;
