# Accounts and logins on the wire: the cookie, rotation, reuse, and that one
# worker knows what another one did.

use v5.30;
use warnings;
use lib 't/lib';

use MIME::Base64 qw( decode_base64url );
use JSON::PP ();
use Test::More;

use Keystone::Env qw( wait_for );
use Keystone::Server;

my $ks = Keystone::Server->new(rtmp => 0, workers => 2)->start;
my $auth = '/api/v1/auth';
my $me = { email => 'Ann@Example.org', password => 'correct horse' };

sub header { $_[0]{headers}{ lc $_[1] } // '' }

sub refresh { $ks->post("$auth/refresh", { refresh_token => $_[0] }) }

my $answer = $ks->post("$auth/register", { %$me, name => 'Ann' });
is $answer->{status}, 201, 'an account';
my $first = $answer->{json};
is $first->{user}{role}, 'admin', 'the first one is the administrator';
is $first->{user}{email}, 'ann@example.org', 'its address in lower case';
ok !exists $first->{user}{password_hash}, 'no hash';
is $first->{token_type}, 'Bearer', 'a bearer';
is $first->{expires_in}, 900, 'for 15 minutes';

my ($cookie, $attributes) = header($answer, 'Set-Cookie') =~ /^([^;]+);(.*)/;
is $cookie, "ks_refresh=$first->{refresh_token}", 'the cookie';
like $attributes, qr/;? ?Path=\/api\/v1\/auth(;|$)/, 'its path';
like $attributes, qr/HttpOnly/, 'HttpOnly';
like $attributes, qr/SameSite=Strict/, 'SameSite';
unlike $attributes, qr/Secure/, 'not Secure on plain http';

{
    my ($head, $claims) = map { JSON::PP::decode_json(decode_base64url($_)) }
        (split /\./, $first->{access_token})[0, 1];
    is_deeply $head, { alg => 'HS256', typ => 'at+jwt' }, 'the JWT says so';
    is $claims->{sub}, $first->{user}{id}, 'sub';
    is $claims->{aud}, 'keystone', 'aud';
    is $claims->{exp} - $claims->{iat}, 900, 'exp';
    ok $claims->{$_}, $_ for qw( iss jti );
}

$answer = $ks->post("$auth/register", $me);
is $answer->{status}, 409, 'the address is taken';
is $answer->{json}{code}, 'email_taken', 'its reason';
$answer = $ks->post("$auth/register", { email => 'bob@example.org',
                                        password => 'another horse' });
is $answer->{json}{user}{role}, 'user', 'the second one is none';
is $ks->post("$auth/register", { email => 'c@example.org',
    password => 'short' })->{json}{code}, 'weak_password', 'a short password';

# logging in

my $login = $ks->post("$auth/login", $me);
is $login->{status}, 200, 'a login';
is $ks->get("$auth/me", bearer => $login->{json}{access_token})->{json}{name},
    'Ann', 'me';
my $wrong = $ks->post("$auth/login", { %$me, password => 'wrong horse' });
my $nobody = $ks->post("$auth/login", { %$me, email => 'nobody@example.org' });
is $wrong->{status}, 401, 'a wrong password';
is $wrong->{json}{code}, 'invalid_credentials', 'its reason';
is_deeply { %{ $nobody->{json} }, request_id => 0 },
    { %{ $wrong->{json} }, request_id => 0 }, 'an unknown address looks alike';

# rotation; requests go to either worker

my $refresh = $first->{refresh_token};
for my $round (1 .. 4) {
    my $next = refresh($refresh);
    is $next->{status}, 200, "refreshed, $round";
    isnt $next->{json}{refresh_token}, $refresh, 'to another token';
    $refresh = $next->{json}{refresh_token};
}
$answer = refresh($first->{refresh_token});
is $answer->{status}, 401, 'a used one again';
is $answer->{json}{code}, 'token_revoked', 'its reason';
is refresh($refresh)->{json}{code}, 'token_revoked', 'ends the whole family';
is refresh($login->{json}{refresh_token})->{status}, 200, 'but no other login';

# by cookie

$login = $ks->post("$auth/login", $me);
($cookie) = header($login, 'Set-Cookie') =~ /^([^;]+)/;
$answer = $ks->request('POST', "$auth/refresh", headers => { cookie => $cookie });
is $answer->{status}, 200, 'refreshed by cookie';
my ($second) = header($answer, 'Set-Cookie') =~ /^([^;]+)/;
isnt $second, $cookie, 'which rotates, too';
$answer = $ks->request('POST', "$auth/refresh", headers =>
    { cookie => $second, origin => 'https://evil.test' });
is $answer->{status}, 403, 'not from a page of somebody else';
$answer = $ks->request('POST', "$auth/logout", headers => { cookie => $second });
is $answer->{status}, 204, 'logged out';
like header($answer, 'Set-Cookie'), qr/^ks_refresh=;.*Max-Age=0/,
    'the cookie goes';
is $ks->request('POST', "$auth/refresh",
    headers => { cookie => $second })->{status}, 401, 'and is good no more';

# logins, and a new password, which ends all others

my $here = $ks->post("$auth/login", $me)->{json};
my $there = $ks->post("$auth/login", $me)->{json};
$answer = $ks->get("$auth/sessions", bearer => $here->{access_token});
my @logins = @{ $answer->{json}{data} };
cmp_ok scalar @logins, '>=', 2, 'the logins';
is scalar(grep { $_->{current} } @logins), 1, 'one of them is this one';
is $ks->delete("$auth/sessions/$_->{id}", bearer => $here->{access_token})
    ->{status}, 204, 'ended from afar' for grep { !$_->{current} } @logins;
is refresh($there->{refresh_token})->{status}, 401, 'so it is over';
$there = $ks->post("$auth/login", $me)->{json};
$answer = $ks->post("$auth/password", { current_password => 'wrong horse',
    new_password => 'battery staple' }, bearer => $here->{access_token});
is $answer->{json}{code}, 'invalid_credentials', 'the old password is asked';
$answer = $ks->post("$auth/password", { current_password => $me->{password},
    new_password => 'battery staple' }, bearer => $here->{access_token});
is $answer->{status}, 204, 'a new password';
is refresh($there->{refresh_token})->{status}, 401, 'ends the other login';
is refresh($here->{refresh_token})->{status}, 200, 'and not this one';
is $ks->post("$auth/login", $me)->{status}, 401, 'the old one is wrong now';
$me->{password} = 'battery staple';

# who runs it decides whether strangers may register

$ks->{keystone} = 'registration closed;';
$ks->write_config;
ok $ks->reload, 'a reload';
# an old worker may still take a connection or two
my $tries = 0;
ok wait_for {
    $answer = $ks->post("$auth/register", { password => 'correct horse',
        email => 'd' . $tries++ . '@example.org' });
    $answer->{status} == 403;
}, 'registration is closed';
is $answer->{json}{code}, 'registration_closed', 'its reason';
is $ks->post("$auth/login", $me)->{status}, 200, 'logging in is not';

unlike $ks->log, qr/correct horse|battery|ks_refresh|eyJ/, 'no secret in the log';
$ks->stop;
done_testing;
