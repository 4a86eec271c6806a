// Every hook that was captured from SRS 5, read; and which names pass.
#include "srs/hook.h"

#include "../support/test.h"
#include "codec/json.h"

#include <algorithm>
#include <filesystem>
#include <set>

using namespace ks;
using model::Protocol;

namespace {

std::filesystem::path captures() {
    std::filesystem::path path = __FILE__;
    return path.parent_path() / "../../../t/captures/srs5/hooks";
}

std::string raw_body(const std::string &name) {
    std::ifstream in(captures() / (name + ".json"));
    std::ostringstream text;
    text << in.rdbuf();
    auto json = codec::parse_json(text.str());
    assert_row(name, json.ok());
    return json->string("raw_body").value_or("");
}

srs::Hook hook(const std::string &name) {
    auto read = srs::read_hook(raw_body(name), std::nullopt);
    assert_row(name, read.ok());
    return *read;
}

} // namespace

static void each_capture_is_read(void **) {
    int n = 0;
    for (const auto &file : std::filesystem::directory_iterator(captures())) {
        std::string name = file.path().stem().string();
        if (!name.starts_with("on_") || name.starts_with("on_hls_notify")) {
            continue;
        }
        srs::Hook h = hook(name);
        assert_row(name, name.starts_with(srs::name(h.event)));
        n++;
    }
    assert_true(n > 40);
}

static void which_protocol_it_is(void **) {
    const std::pair<const char *, Protocol> rows[] = {
        {"on_publish.rtmp", Protocol::rtmp},
        {"on_publish.srt", Protocol::srt},
        {"on_publish.whip", Protocol::whip},
        {"on_publish.rtc-json", Protocol::whip},
        {"on_play.whep", Protocol::whep},
        {"on_play.rtc-json", Protocol::whep},
        {"on_play.http-flv", Protocol::flv},
        {"on_play.hls", Protocol::hls},
        {"on_play.rtmp", Protocol::rtmp},
        {"on_play.srt", Protocol::srt},
    };
    for (const auto &[name, protocol] : rows) {
        assert_row(name, hook(name).protocol() == protocol);
    }
    assert_true(hook("on_publish.rtc-json").needs_ticket());
    assert_true(hook("on_play.http-flv").needs_ticket());
    assert_true(hook("on_play.hls").needs_ticket());
    assert_false(hook("on_publish.rtmp").needs_ticket());
    assert_false(hook("on_play.srt").needs_ticket());
}

// Sections 1 and 4 of what SRS does with names: all but the plain ones stop.
static void only_plain_names_pass(void **) {
    const std::set<std::string> refused = {
        "on_connect.rtmp.vhost-query",
        "on_connect.rtmp.vhost-tcurl",
        "on_play.hls",
        "on_play.http-flv.vhost-by-host-header",
        "on_publish.rtc-json.vhost",
        "on_publish.rtmp.dotdot",
        "on_publish.rtmp.ext-alias",
        "on_publish.rtmp.nested-app",
        "on_publish.rtmp.slash-in-token",
        "on_publish.rtmp.vhost-query",
        "on_publish.rtmp.vhost-tcurl",
        "on_publish.srt.dotdot",
        "on_publish.srt.nested",
        "on_publish.srt.pct-encoded",
        "on_publish.srt.vhost-h",
        "on_publish.whip.app-with-slash",
        "on_publish.whip.stream-extension",
        "on_publish.whip.stream-percent-not-decoded",
        "on_publish.whip.vhost-by-host-header",
        "on_publish.whip.vhost-by-query",
    };
    for (const auto &file : std::filesystem::directory_iterator(captures())) {
        std::string name = file.path().stem().string();
        bool asks = name.starts_with("on_connect") ||
                    name.starts_with("on_publish") ||
                    name.starts_with("on_play");
        if (!asks) {
            continue;
        }
        bool passes = srs::bad_name(hook(name)).empty();
        assert_row(name, passes == (refused.count(name) == 0));
    }
}

static void what_is_no_hook(void **) {
    std::string good = raw_body("on_publish.rtmp");
    assert_true(srs::read_hook(good, srs::Event::publish).ok());
    assert_false(srs::read_hook(good, srs::Event::play).ok());
    for (const char *text : {
             "",
             "0",
             "{}",
             "[]",
             R"({"action":"on_publish"})",
             R"({"action":"on_dance","client_id":"a","service_id":"b"})",
             R"({"action":"on_publish","client_id":"../x","service_id":"b"})",
             R"({"action":"on_publish","client_id":"a/b","service_id":"b"})",
             R"({"action":"on_publish","client_id":"","service_id":"b"})",
             R"({"action":"on_publish","client_id":"1234567890123456",)"
             R"("service_id":"b"})",
             R"({"action":"on_publish","client_id":7,"service_id":"b"})",
             R"({"action":"on_publish","client_id":"a","service_id":"b",)"
             R"("server_id":"x\n2026 [alert]"})",
         }) {
        assert_row(text, !srs::read_hook(text, std::nullopt).ok());
    }
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_capture_is_read),
        cmocka_unit_test(which_protocol_it_is),
        cmocka_unit_test(only_plain_names_pass),
        cmocka_unit_test(what_is_no_hook),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
