#include "api/urls.h"

#include "../support/test.h"

using namespace ks;
using namespace ks::api;

namespace {

codec::RequestView asked_as(std::string_view scheme, std::string_view host) {
    codec::RequestView r;
    r.scheme = scheme;
    r.add_header("Host", host);
    return r;
}

void without_configuration_it_is_what_the_client_called_us(void **) {
    conf::Config c;
    Bases b = Urls(c).bases(asked_as("http", "127.0.0.1:8080"));
    assert_text(b.whip("str_1"), "http://127.0.0.1:8080/rtc/v1/whip/str_1");
    assert_text(b.whep("str_1"), "http://127.0.0.1:8080/rtc/v1/whep/str_1");
    assert_text(b.playlist("str_1"), "http://127.0.0.1:8080/live/str_1.m3u8");
    assert_text(b.playlist("str_1", "ks_play_x"),
                "http://127.0.0.1:8080/live/t/ks_play_x/str_1.m3u8");
    assert_text(b.rtmp_url("str_1"), "rtmp://127.0.0.1/live/str_1");
    assert_text(b.srt, "srt://127.0.0.1:10080");
    assert_text(b.page("str_1"), "http://127.0.0.1:8080/#str_1");

    Bases six = Urls(c).bases(asked_as("https", "[::1]:8443"));
    assert_text(six.rtmp, "rtmp://[::1]/live");
    assert_text(Urls(c).bases(asked_as("https", "[::1]")).rtmp,
                "rtmp://[::1]/live");
}

void a_host_that_is_none_goes_nowhere(void **) {
    conf::Config c;
    for (const char *host : {"", "a b", "x'; rm -rf /", "a\"b", "h/p", "a@b"}) {
        Bases b = Urls(c).bases(asked_as("http", host));
        assert_row(host, b.web == "http://localhost");
    }
}

void configured_bases_win(void **) {
    conf::Config c;
    c.edge_base_url = "https://live.example.org";
    Bases b = Urls(c).bases(asked_as("http", "10.0.0.1:8080"));
    assert_text(b.whip("s"), "https://live.example.org/rtc/v1/whip/s");
    assert_text(b.playlist("s"), "https://live.example.org/live/s.m3u8");
    assert_text(b.rtmp_url("s"), "rtmp://live.example.org/live/s");

    c.hls_base_url = "https://cdn.example.org";
    c.rtmp_base_url = "rtmp://in.example.org:1936";
    c.srt_base_url = "srt://in.example.org:9000";
    b = Urls(c).bases(asked_as("http", "10.0.0.1:8080"));
    assert_text(b.playlist("s"), "https://cdn.example.org/live/s.m3u8");
    assert_text(b.rtmp_url("s"), "rtmp://in.example.org:1936/live/s");
    assert_text(b.srt_publish("s", "t"),
                "srt://in.example.org:9000?streamid=%23!::r=live/s,m=publish,"
                "token=t");

    c.rtmp_base_url = "rtmp://in.example.org/live"; // said with the app
    assert_text(Urls(c).bases(asked_as("http", "x")).rtmp_url("s"),
                "rtmp://in.example.org/live/s");
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(without_configuration_it_is_what_the_client_called_us),
        cmocka_unit_test(a_host_that_is_none_goes_nowhere),
        cmocka_unit_test(configured_bases_win),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
