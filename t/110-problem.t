# What nginx itself answers in the locations of Keystone has the shape of the
# contract, and answers of Keystone are left alone by nginx.

use lib 't/lib';
use Test::Keystone 'no_plan';

no_shuffle();
run_tests();

__DATA__

=== TEST 1: unknown path of the API
--- config
location /api/ { keystone_api; }
--- request
GET /api/v1/nothing
--- error_code: 404
--- response_headers
Content-Type: application/problem+json
--- response_body_like: ^\{.*"code":"not_found".*\}$
--- raw_response_headers_like: X-Request-Id: [A-Za-z0-9._-]{8,64}


=== TEST 2: wrong method: 405 with Allow
--- config
location /api/ { keystone_api; }
--- request
DELETE /api/v1/auth/login
--- error_code: 405
--- response_headers
Content-Type: application/problem+json
Allow: POST, OPTIONS
--- response_body_like: "code":"method_not_allowed"


=== TEST 3: HEAD has the headers of GET and no body
--- config
location /api/ { keystone_api; }
--- request
HEAD /api/v1/nothing
--- error_code: 404
--- response_headers
Content-Type: application/problem+json
--- response_body:


=== TEST 4: a body that Content-Length says is too large
--- config
location /api/ { keystone_api; }
--- more_headers
Content-Type: application/json
--- request eval
"POST /api/v1/auth/login\n" . 'x' x 70000
--- error_code: 413
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "code":"payload_too_large"
--- no_error_log
[alert]


=== TEST 5: a chunked body that is too large
--- config
location /api/ { keystone_api; }
--- raw_request eval
"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
. ("2000\r\n" . 'x' x 8192 . "\r\n") x 9 . "0\r\n\r\n"
--- error_code: 413
--- response_body_like: "code":"payload_too_large"


=== TEST 6: a larger client_max_body_size does not raise the limit
--- config
location /api/ { keystone_api; client_max_body_size 10m; }
--- more_headers
Content-Type: application/json
--- request eval
"POST /api/v1/auth/login\n" . 'x' x 70000
--- error_code: 413


=== TEST 7: a smaller one counts
--- config
location /api/ { keystone_api; client_max_body_size 1k; }
--- more_headers
Content-Type: application/json
--- request eval
"POST /api/v1/auth/login\n" . 'x' x 2000
--- error_code: 413
--- response_body_like: "code":"payload_too_large"


=== TEST 8: deny
--- config
location /api/ { keystone_api; deny all; }
--- request
GET /api/v1/live-streams
--- error_code: 403
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "status":403
--- no_error_log
[alert]


=== TEST 9: auth_basic keeps its challenge
--- config
location /metrics { keystone_metrics; auth_basic "operators"; auth_basic_user_file /dev/null; }
--- request
GET /metrics
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="operators"
Content-Type: application/problem+json
--- response_body_like: "status":401


=== TEST 10: return in the location
--- config
location /api/ { keystone_api; return 503; }
--- request
GET /api/
--- error_code: 503
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "status":503


=== TEST 11: error_page is not applied to an answer of Keystone
--- config
location /api/ { keystone_api; error_page 401 404 =200 /page; }
location /page { return 200 "page"; }
--- request
GET /api/v1/auth/me
--- error_code: 401
--- response_body_like: "code":"unauthorized"


=== TEST 12: other locations keep the pages of nginx
--- config
location /api/ { keystone_api; }
location /files/ { root /nonexistent; }
--- request
GET /files/x
--- error_code: 404
--- response_headers
Content-Type: text/html
--- error_log: No such file or directory


=== TEST 13: nginx makes no 412 of an answer to a request with If-Match
--- config
location /api/ { keystone_api; }
--- more_headers
If-Match: "something"
If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT
--- request
GET /api/v1/live-streams
--- error_code: 200


=== TEST 14: requests in a pipeline, bodies read and unread
--- config
location /api/ { keystone_api; }
location /healthz { keystone_health; }
--- raw_request eval
"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
. "POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n" . 'x' x 9000
. "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
--- ignore_response
--- error_log eval
[qr{"POST /api/v1/auth/login HTTP/1.1" 422}, qr{"POST /api/v1/streams HTTP/1.1" 401}, qr{"GET /healthz HTTP/1.1" 200}]
--- http_config
access_log logs/error.log combined;


=== TEST 15: keystone_api in an if block
--- config
location /api/ {
    keystone_api;
    if ($arg_x) { set $y 1; }
}
--- request
GET /api/v1/nothing?x=1
--- error_code: 404
--- response_body_like: "code":"not_found"


=== TEST 16: the handler is not inherited by a nested location
--- config
location /api/ {
    keystone_api;
    location /api/docs/ { return 200 "docs"; }
}
--- request
GET /api/docs/
--- response_body: docs


=== TEST 17: an internal redirect to the API
--- config
location /api/ { keystone_api; }
location /old { rewrite ^ /api/v1/nothing last; }
--- request
GET /old
--- error_code: 404
--- response_body_like: "code":"not_found"


=== TEST 18: the API as a subrequest
--- config
location /api/ { keystone_api; }
location /page { auth_request /api/v1/live-streams; return 200; }
--- request
GET /page
--- error_code: 200


=== TEST 19: metrics
--- config
location /metrics { keystone_metrics; }
--- request
GET /metrics
--- response_body_like: ^# (HELP|TYPE) keystone_


=== TEST 20: no key in what nginx logs before it knows the location
--- config
location /rtc/v1/ { keystone_gate rtc; proxy_pass http://127.0.0.1:1; }
--- request eval
"POST /rtc/v1/whip/str_x?token=ks_pub_0SECRET1\n" . ("x" x 70000)
--- error_code: 413
--- response_body_like: "code":"payload_too_large"
--- error_log
client intended to send too large body
token=ks_pub_-
--- no_error_log
0SECRET1


=== TEST 21: a key where the name of a stream belongs is not sent back
--- config
location /live/ { keystone_gate hls; root html; }
--- request
GET /live/ks_pub_0SECRET1.m3u8
--- error_code: 401
--- response_body_like: "instance":"/live/ks_pub_-.m3u8"


=== TEST 22: the API in a named location
--- config
location /api/ { try_files /nothing @api; }
location @api { keystone_api; }
--- request
GET /api/v1/live-streams
--- error_code: 200
--- response_body_like: "data":\[\]
