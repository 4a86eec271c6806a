# Several SRS nodes: where streams go, what becomes of them when a node dies or
# drains, and nginx that is reloaded, upgraded or loses a worker in the middle.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( wait_for );
use Keystone::Server;
use Keystone::Srs qw( capture_offer has_node );

plan skip_all => 'no node in PATH' unless has_node();

my $secret = 'hook-secret-of-this-test';
my %srs = map { $_ => Keystone::Srs->new(name => $_) } qw( srs_a srs_b );
my $ks = Keystone::Server->new(rtmp => 0, workers => 2,
    keystone => "rate_limit off; hook_secret $secret;"
        . join('', map { $_->keystone } @srs{qw( srs_a srs_b )}),
    http => join('', map { $_->http } values %srs),
    server => $srs{srs_a}->server);
my $ann = $ks->user('ann@example.org');
my @streams = map { $ks->stream('ann@example.org', title => "s$_",
                                visibility => 'public') } 1 .. 12;
$ks->start;
$_->set_hooks($ks->port, $secret) for values %srs;
my $owner = $ks->login($ann);

my $offer = capture_offer('whip/publish.201');
my $ask = capture_offer('whep/play.201');

sub soon {
    my ($holds, $name, $seconds) = @_;
    return ok &wait_for($holds, $seconds // 12), $name;
}

sub h { $_[0]{headers}{ $_[1] } // '' }

sub offer {
    my ($what, $stream, $body, %option) = @_;
    return $ks->request('POST', "/rtc/v1/$what/$stream->{id}", body => $body,
        %option, headers => { 'content-type' => 'application/sdp' });
}

sub publish { offer('whip', $_[0], $offer, bearer => $_[0]{stream_key}) }
sub play { offer('whep', $_[0], $ask) }

sub status {
    return $ks->get("/api/v1/streams/$_[0]{id}/status", bearer => $owner)
        ->{json}{status};
}

sub node_of {
    my ($stream) = @_;
    my @on = grep {
        grep { !$_->{play} } $srs{$_}->on($stream->{id})
    } sort keys %srs;
    return "@on";
}

sub nodes {
    my %by = map { $_->{name} => $_ }
        @{ $ks->get('/api/v1/nodes', bearer => $owner)->{json}{data} };
    return \%by;
}

# placement

is $ks->get('/api/v1/nodes')->{status}, 401, 'nodes are for admins';
soon(sub { !grep { $_->{state} ne 'up' || !$_->{srs} } values %{ nodes() } },
     'both nodes are up');
is nodes()->{srs_a}{server_id}, 'srs_a', 'and known by their own names';

my %placed;
for my $stream (@streams) {
    is publish($stream)->{status}, 201, "$stream->{title} is published";
    $placed{ $stream->{id} } = node_of($stream);
}
my %count;
$count{$_}++ for values %placed;
is join(' ', sort keys %count), 'srs_a srs_b', 'streams go to both nodes';
soon(sub { !grep { status($_) ne 'active' } @streams }, 'all are live');
soon(sub {
    my $n = nodes();
    $n->{srs_a}{publishers} + $n->{srs_b}{publishers} == @streams;
}, 'and counted');

my @viewers = map { play($_) } @streams;
is join(' ', map { $_->{status} } @viewers), join(' ', (201) x @streams),
    'each has a viewer';
is join(' ', map { node_of($_) } @streams),
    join(' ', map { $placed{ $_->{id} } } @streams),
    'who lands where the publisher is';

# reload, a lost worker, an upgrade: nobody is lost

sub all_there {
    my ($name) = @_;
    soon(sub { !grep { status($_) ne 'active' } @streams }, "$name: all live");
    is scalar(map { $_->on } values %srs), 2 * @streams,
        '- SRS has kept all of them';
}

$ks->reload;
all_there('reload');
my ($worker) = $ks->worker_pids;
kill 'KILL', $worker;
soon(sub { !grep { $_ == $worker } $ks->worker_pids }, 'a worker is lost');
$ks->{expect} = qr/exited on signal 9/;
all_there('a worker less');
is $ks->delete(h($viewers[0], 'location'))->{status}, 200,
    'a viewer from before leaves';
is scalar($srs{ $placed{ $streams[0]{id} } }->on($streams[0]{id})), 1,
    '- the node has let it go';

# drain

sub on_node { my ($n) = @_; grep { $placed{ $_->{id} } eq $n } @streams }
my ($moved) = on_node('srs_a');
$ks->ctl_run('node', 'drain', 'srs_a');
soon(sub { nodes()->{srs_a}{drained} }, 'nginx feels it', 5);
is status($moved), 'active', 'what is there stays';
is play($moved)->{status}, 201, 'and is played';
my @new = map { $ks->post('/api/v1/streams', { title => "new $_" },
                          bearer => $owner)->{json} } 1 .. 6;
publish($_) for @new;
is join(' ', map { node_of($_) } @new), join(' ', ('srs_b') x @new),
    'new ones go to the other';
is publish($moved)->{status}, 201, 'a publisher who comes again';
is node_of($moved), 'srs_b', '- moves, too';
soon(sub { !$srs{srs_a}->on($moved->{id}) },
     '- its viewers are sent away from where nothing comes any more');
$ks->ctl_run('node', 'undrain', 'srs_a');
soon(sub { !nodes()->{srs_a}{drained} }, 'nginx feels it', 5);

# a node dies

my @kept = grep { $_ != $moved } on_node('srs_b');
my ($lost) = grep { $_ != $moved } on_node('srs_a');
$srs{srs_a}->control('POST', '/down');
soon(sub { nodes()->{srs_a}{state} eq 'down' }, 'srs_a is down', 5);
my $ready = $ks->get('/readyz');
is $ready->{status}, 200, 'nginx is ready all the same';
is $ready->{json}{checks}{nodes}{srs_a}{state}, 'down', 'and shows it';
like $ks->get('/metrics')->{body}, qr/^keystone_node_up\{node="srs_a"\} 0$/m,
    'so do the metrics';
ok $ks->logged(qr/node srs_a is down/), 'the log says so';
is join(' ', map { status($_) } @kept), join(' ', ('active') x @kept),
    'streams on the other node go on';
my $again = publish($lost);
is $again->{status}, 201, 'its publisher comes back' or diag $again->{body};
is node_of($lost), 'srs_b', '- to the node that is left';
soon(sub { status($lost) eq 'active' }, '- and is live');
soon(sub { nodes()->{srs_a}{publishers} == 0 },
     'sessions on the dead node are ended');
$srs{srs_a}->control('POST', '/up');
soon(sub { nodes()->{srs_a}{state} eq 'up' }, 'srs_a is back', 5);

# both are gone

$_->control('POST', '/down') for values %srs;
my $nobody = publish($new[0]);
like $nobody->{status}, qr/^50[23]$/, 'no node: refused';
like h($nobody, 'retry-after'), qr/^\d+$/, '- with Retry-After';
like $nobody->{json}{code}, qr/^upstream_/, '- and why';

$ks->stop;
done_testing;
