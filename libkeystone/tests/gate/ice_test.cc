#include "gate/ice.h"

#include "../support/test.h"

using namespace ks;

namespace {

constexpr WallMs kNow = 1'700'000'000'999;

conf::Config config(const std::vector<std::vector<std::string>> &servers) {
    conf::Config c;
    for (std::vector<std::string> words : servers) {
        words.insert(words.begin(), "ice_server");
        assert_true(c.directive(words).ok());
    }
    return c;
}

std::vector<std::string> links(const conf::Config &c, bool credentials) {
    codec::Response response;
    gate::add_ice_servers(c, credentials, "str_7", kNow, response);
    std::vector<std::string> found;
    for (const codec::Response::Header &h : response.headers) {
        assert_text(h.name, "Link");
        found.push_back(h.value);
    }
    return found;
}

// printf %s 1700003600:str_7 |
//     openssl dgst -sha1 -hmac 'north wind' -binary | base64
void a_login_is_made_from_the_shared_secret(void **) {
    conf::Config c =
        config({{"turn:turn.example.org:3478", "secret=north wind"}});
    gate::TurnLogin login = gate::turn_login(c.ice_servers[0], "str_7", kNow);
    assert_text(login.username, "1700003600:str_7");
    assert_text(login.credential, "1D7yCcsM8tpwX174RyAigONKDZY=");
    // another second, another login
    login = gate::turn_login(c.ice_servers[0], "str_7", kNow + 1);
    assert_text(login.username, "1700003601:str_7");
    assert_true(login.credential != "1D7yCcsM8tpwX174RyAigONKDZY=");
}

void one_header_for_each_server(void **) {
    conf::Config c =
        config({{"stun:stun.example.org:3478"},
                {"turn:turn.example.org:3478", "username=u", "credential=c"},
                {"turn:turn.example.org:3478?transport=tcp",
                 "secret=north wind", "ttl=3600"}});
    auto all = links(c, true);
    assert_int_equal(all.size(), 3);
    assert_text(all[0], "<stun:stun.example.org:3478>; rel=\"ice-server\"");
    assert_text(all[1], "<turn:turn.example.org:3478>; rel=\"ice-server\"; "
                        "username=\"u\"; credential=\"c\"; "
                        "credential-type=\"password\"");
    assert_text(all[2], "<turn:turn.example.org:3478?transport=tcp>; "
                        "rel=\"ice-server\"; username=\"1700003600:str_7\"; "
                        "credential=\"1D7yCcsM8tpwX174RyAigONKDZY=\"; "
                        "credential-type=\"password\"");
}

void a_stranger_is_told_of_stun_only(void **) {
    conf::Config c =
        config({{"turn:turn.example.org:3478", "username=u", "credential=c"},
                {"stun:stun.example.org:3478"},
                {"turn:turn.example.org:3478", "secret=north wind"}});
    auto few = links(c, false);
    assert_int_equal(few.size(), 1);
    assert_has(few[0], "stun:");
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_login_is_made_from_the_shared_secret),
        cmocka_unit_test(one_header_for_each_server),
        cmocka_unit_test(a_stranger_is_told_of_stun_only),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
