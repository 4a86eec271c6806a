# The keystone {} block: what it takes, and that a mistake stops nginx -t with
# the place and the cure.

use lib 't/lib';
use Test::Keystone 'no_plan';

# nginx that does not start frees nothing
$ENV{ASAN_OPTIONS} .= ':detect_leaks=0' if $ENV{ASAN_OPTIONS};

$ENV{KS_T_SECRET} = Keystone::Env::secret();

my $included = Keystone::Env::scratch();
open my $out, '>', "$included/1.conf" or die $!;
print $out "registration shut;\n";
close $out or die $!;
$ENV{TEST_NGINX_INCLUDED} = $included;

# most blocks never get as far as a request
add_block_preprocessor(sub {
    my $block = shift;
    $block->set_value('config', '') unless defined $block->config;
    $block->set_value('request', 'GET /') unless defined $block->request;
});

no_shuffle();
run_tests();

__DATA__

=== TEST 1: the block with nothing but what it must have
--- config
location /healthz { keystone_health; }
--- request
GET /healthz
--- response_body_like: "status":"ok"


=== TEST 2: the block may stand behind http
--- no_keystone
--- config
location /healthz { keystone_health; }
--- post_main_config
keystone { store {{store}}; jwt_secret {{jwt_secret}}; }
--- request
GET /healthz
--- error_code: 200


=== TEST 3: the modules without the block do nothing
--- no_keystone
--- config
location /plain { return 200 "plain"; }
--- request
GET /plain
--- response_body: plain


=== TEST 4: no block, and a directive that needs it
--- no_keystone
--- config
location /api/ { keystone_api; }
--- must_die
--- error_log eval
qr/"keystone_api" needs a keystone block; add "keystone \{ \}" beside "http \{ \}" in .*nginx\.conf:\d+/


=== TEST 5: no block, and a gate
--- no_keystone
--- config
location /live/ { keystone_gate hls; }
--- must_die
--- error_log: "keystone_gate" needs a keystone block


=== TEST 6: two blocks
--- post_main_config
keystone { store {{store}}; jwt_secret {{jwt_secret}}; }
--- must_die
--- error_log: "keystone" directive is duplicate


=== TEST 7: a directive nobody knows
--- keystone
stoer sqlite:/x;
--- must_die
--- error_log eval
qr/unknown directive "stoer" in the keystone block, these are known: .*store.* in .*nginx\.conf:\d+/


=== TEST 8: a block inside the block
--- keystone
srs { }
--- must_die
--- error_log: unexpected "{"


=== TEST 9: no secret
--- no_keystone
--- main_config
keystone { store {{store}}; }
--- must_die
--- error_log: "jwt_secret" is missing or empty: make one with


=== TEST 10: a short secret, which is not repeated
--- keystone
jwt_secret hunter2hunter2;
--- must_die
--- error_log: "jwt_secret" is 14 bytes long, at least 32 are needed
--- no_error_log
hunter2


=== TEST 11: a database of another kind
--- keystone
store mysql://root:hunter2@localhost/x;
--- must_die
--- error_log: "store" is not an address of a database: write for example
--- no_error_log
hunter2


=== TEST 12: zone without a size
--- keystone
zone keystone;
--- must_die
--- error_log: invalid zone "keystone"; write a name and a size, "zone keystone:32m"


=== TEST 13: zone with a bad size
--- keystone
zone keystone:lots;
--- must_die
--- error_log: invalid size in zone "keystone:lots"; write it like "32m"


=== TEST 14: zone too small
--- keystone
zone keystone:4m;
--- must_die
--- error_log: zone "keystone:4m" is too small; give it 8m or more


=== TEST 15: zone twice
--- keystone
zone one:8m;
zone two:8m;
--- must_die
--- error_log: "zone" is duplicate


=== TEST 16: the name of a zone that is taken by another module
--- http_config
limit_req_zone $binary_remote_addr zone=taken:8m rate=1r/s;
--- keystone
zone taken:8m;
--- must_die
--- error_log: the shared memory zone "taken" is already declared


=== TEST 17: threads
--- keystone
threads hash=1 store=2 max_queue=10;
--- config
location /healthz { keystone_health; }
--- request
GET /healthz
--- error_code: 200


=== TEST 18: threads without a number
--- keystone
threads hash=many;
--- must_die
--- error_log: invalid number in "hash=many"; use one from 1 to 64


=== TEST 19: threads with an unknown parameter
--- keystone
threads redis=4;
--- must_die
--- error_log: invalid parameter "redis=4" of "threads"; use hash=, store= or max_queue=


=== TEST 20: threads, the same parameter twice
--- keystone
threads hash=1 hash=2;
--- must_die
--- error_log: "hash=2" sets a parameter of "threads" again


=== TEST 21: a thread pool with one of our names, before the block
--- main_config
thread_pool keystone_hash threads=1;
--- no_keystone
--- post_main_config
keystone { store {{store}}; jwt_secret {{jwt_secret}}; }
--- must_die
--- error_log: the thread pool "keystone_hash" is made by the keystone block; remove "thread_pool keystone_hash"


=== TEST 22: a thread pool with one of our names, after the block
--- post_main_config
thread_pool keystone_store threads=1;
--- must_die
--- error_log: duplicate thread pool "keystone_store"


=== TEST 22a: the same, of the pool that nobody sets
--- post_main_config
thread_pool keystone_names threads=1;
--- must_die
--- error_log: duplicate thread pool "keystone_names"


=== TEST 23: thread pools of other names are none of our business
--- main_config
thread_pool files threads=2;
--- http_config
aio threads=files;
--- config
location /healthz { keystone_health; }
--- request
GET /healthz
--- error_code: 200


=== TEST 24: include
--- keystone
include $TEST_NGINX_INCLUDED/*.conf;
--- must_die
--- error_log eval
qr/"registration" is "open" or "closed" in .*1\.conf:1/


=== TEST 25: keystone_gate with an unknown kind
--- config
location /live/ { keystone_gate dash; }
--- must_die
--- error_log: invalid value "dash" of "keystone_gate"; use "rtc", "hls" or "off"


=== TEST 26: two directives of Keystone in one location
--- config
location /live/ { keystone_gate hls; keystone_api; }
--- must_die
--- error_log: "keystone_api": this location has a directive of Keystone already


=== TEST 27: keystone_api outside of a location
--- http_config
keystone_api;
--- must_die
--- error_log: "keystone_api" directive is not allowed here


=== TEST 28: a secret from the environment, which workers do not get
--- no_keystone
--- main_config
keystone { store {{store}}; jwt_secret env:KS_T_SECRET; }
--- config
location /healthz { keystone_health; }
--- request
GET /healthz
--- error_code: 200


=== TEST 29: an environment variable that is not set
--- no_keystone
--- main_config
keystone { store {{store}}; jwt_secret env:KS_T_NOT_SET; }
--- must_die
--- error_log: "jwt_secret" is missing or empty


=== TEST 30: a file that is not there
--- keystone
jwt_secret file:/nonexistent/secret;
--- must_die
--- error_log: cannot read "/nonexistent/secret": No such file or directory


=== TEST 31: a gate in a location with a regular expression
--- config
location ~ ^/live/ { keystone_gate hls; }
--- must_die
--- error_log: "keystone_gate" in a location with a regular expression does not know where its paths begin

=== TEST 32: an address of PostgreSQL that is none, which is not repeated
--- keystone
store postgresql://keystone:hunter2%@localhost/x;
--- must_die
--- error_log: is none of PostgreSQL: write postgresql://USER:PASSWORD@HOST:5432/DATABASE
--- no_error_log
hunter2


=== TEST 33: nor is a password with an "@" taken for a host
--- keystone
store postgresql://keystone:hunter1@hunter2@localhost/x;
--- must_die
--- error_log: has a host that is neither a name nor an address: write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with all but letters, digits and -._~ of the password as %XX
--- no_error_log
hunter2


=== TEST 34: an unknown word behind the address, which may be a part of it
--- keystone
store host=localhost password=hunter2;
--- must_die
--- error_log: "store" takes one address, then pool=N, queue=N, timeout=TIME and pooler=transaction; an address with blanks stands in quotes
--- no_error_log
hunter2


=== TEST 35: a standby cannot be written to
--- keystone
store "host=a,b target_session_attrs=standby" pool=8;
--- must_die
--- error_log: use read-write, primary or any


=== TEST 36: a store from a variable that is not set is not a new file
--- no_keystone
--- main_config
keystone { store env:KS_T_NOT_SET; jwt_secret {{jwt_secret}}; }
--- config
--- must_die
--- error_log: "store": the environment variable KS_T_NOT_SET is not set, or empty, where nginx is started: put an address into it, sqlite:
