# A worker that is killed, a store that cannot be opened, a zone that is full,
# a worker's worth of state across a reload: each ends well.

use v5.30;
use warnings;
use lib 't/lib';

use HTTP::Tiny;
use Test::More;

use Keystone::Env qw( wait_for );
use Keystone::Server;

sub metric {
    my ($ks, $pattern) = @_;
    my $sum = 0;
    for (split /\n/, $ks->get('/metrics')->{body}) {
        $sum += $1 if /^$pattern\S* (\d+)/;
    }
    return $sum;
}

sub register {
    my ($ks) = @_;
    my $answer = $ks->post('/api/v1/auth/register',
        { email => 'ann@example.org', password => 'correct horse battery' });
    is $answer->{status}, 201, 'a user registers';
    return $answer->{json}{access_token};
}

{
    my $ks = Keystone::Server->new(rtmp => 0, workers => 2,
        expect => qr/exited on signal 9/)->start;
    my $token = register($ks);
    my $stream = $ks->post('/api/v1/streams', { title => 'Show' },
                           bearer => $token)->{json};
    # nginx counts a request after the client has its answer
    my $before = wait_for {
        my $n = metric($ks, 'keystone_http_requests_total');
        $n >= 2 && $n;
    };
    ok $before, 'requests are counted';

    for my $round (1 .. 3) {
        my @old = $ks->worker_pids;
        kill 'KILL', @old;
        ok wait_for(sub {
            my %old = map { $_ => 1 } @old;
            2 == grep { !$old{$_} } $ks->worker_pids;
        }), 'all workers are killed, new ones come';
        my $answer = $ks->get("/api/v1/streams/$stream->{id}",
                              bearer => $token);
        is $answer->{status}, 200, 'and serve';
    }
    ok wait_for(sub {
        metric($ks, 'keystone_http_requests_total') >= $before + 3;
    }), 'the counters are kept';

    ok $ks->reload, 'a reload';
    ok wait_for(sub {
        metric($ks, 'keystone_http_requests_total') >= $before + 4;
    }), 'keeps them as well';
    $ks->stop('kill: nginx ends well');
}

{
    my $ks = Keystone::Server->new(rtmp => 0,
        keystone => 'store sqlite:/nonexistent/keystone.db;')->start;
    my $answer = $ks->post('/api/v1/auth/register',
        { email => 'ann@example.org', password => 'correct horse battery' });
    is $answer->{status}, 503, 'no store: 503';
    is +($answer->{json} // {})->{code}, 'store_unavailable', 'its reason';
    like $answer->{headers}{'retry-after'} // '', qr/^\d+$/, 'Retry-After';
    is $ks->get('/readyz')->{status}, 503, 'not ready';
    is $ks->get('/healthz')->{status}, 200, 'but alive';
    is $ks->get('/metrics')->{status}, 200, 'and measured';
    ok $ks->logged(qr/keystone: .*nonexistent|keystone: .*store/),
        'the log says why';
    my $lines = () = $ks->log =~ /keystone:/g;
    cmp_ok $lines, '<=', 20, 'without filling up';
    $ks->stop('no store: nginx ends well');
}

{
    my $ks = Keystone::Server->new(rtmp => 0, expect => qr/^$/)->start;
    my $client = HTTP::Tiny->new(keep_alive => 1);
    my $token = register($ks);
    my $bad = 0;
    for my $i (1 .. 20000) {
        my $answer = $client->get($ks->url("/live/never_seen_$i.m3u8"));
        $bad++ if $answer->{status} != 404 && $answer->{status} != 401;
    }
    is $bad, 0, 'twenty thousand names that nobody has';
    is $ks->get('/api/v1/auth/me', bearer => $token)->{status}, 200,
        'a zone full of them serves';
    my $stream = $ks->post('/api/v1/streams', { title => 'Show' },
                           bearer => $token);
    is $stream->{status}, 201, 'and takes what is new';
    $ks->stop('full zone: nginx ends well');
}

done_testing;
