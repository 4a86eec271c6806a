# A new binary (USR2) reads the same configuration again: values from the
# environment are still there, and requests go on.

use v5.30;
use warnings;
use lib 't/lib';

use Test::More;

use Keystone::Env qw( secret wait_for );
use Keystone::Server;

$ENV{KS_T_SECRET} = secret();

# nginx takes USR2 only as a daemon
my $ks = Keystone::Server->new(rtmp => 0,
    main => 'env LSAN_OPTIONS; env UBSAN_OPTIONS;',
    keystone => 'jwt_secret env:KS_T_SECRET;');
my $file = $ks->dir . '/nginx.conf';
open my $out, '>', $file or die $!;
print $out $ks->config =~ s/^daemon off;\n//mr;
close $out or die $!;
system($ks->command) == 0 or BAIL_OUT('nginx does not start: ' . $ks->log);
ok wait_for(sub { eval { $ks->get('/healthz')->{status} == 200 } }), 'starts';

my $token = $ks->post('/api/v1/auth/register',
    { email => 'ann@example.org', password => 'correct horse battery' })
    ->{json}{access_token};
ok $token, 'a user registers';

sub master {
    my ($pid) = $ks->slurp('logs/nginx.pid') =~ /^(\d+)$/;
    return $pid // 0;
}

my $old = master();
my $new = 0;
END {
    local $?;
    kill 'TERM', grep { $_ && kill 0, $_ } $old, $new;
}

kill 'USR2', $old;
ok wait_for(sub { master() && master() != $old }), 'a new master comes';
$new = master();
ok wait_for(sub {
    open my $in, '<', "/proc/$new/task/$new/children" or return;
    (<$in> // '') =~ /\d/;
}), 'with workers';

kill 'QUIT', $old;
ok wait_for(sub { !kill 0, $old }, 10), 'the old one goes';

my $me = $ks->get('/api/v1/auth/me', bearer => $token);
is $me->{status}, 200, 'a token of before is good: it is the same secret';

kill 'QUIT', $new;
ok wait_for(sub { !kill 0, $new }, 10), 'the new one ends as well';

is join('', $ks->troubles), '', 'the log is clean';
done_testing;
