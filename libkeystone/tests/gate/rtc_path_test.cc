#include "gate/rtc_path.h"

#include "../support/test.h"

using namespace ks;
using gate::RtcPath;
using What = RtcPath::What;
using model::Action;

namespace {

Result<RtcPath> read(std::string_view uri, std::string_view query = {},
                     std::string_view prefix = "/rtc/v1/",
                     std::string_view public_path = {}) {
    codec::RequestView r;
    r.uri = uri;
    r.query = query;
    r.prefix_len = prefix.size();
    return gate::read_rtc_path(r, public_path);
}

void every_form_of_an_endpoint(void **) {
    struct Row {
        const char *uri, *query;
        Action action;
        const char *stream;
    };
    const Action publish = Action::publish;
    const Action play = Action::play;
    const Row rows[] = {
        {"/rtc/v1/whip/s", "", publish, "s"},
        {"/rtc/v1/whip/s/", "", publish, "s"},
        {"/rtc/v1/whip/s", "action=play&eip=192.0.2.1&stream=t", publish, "s"},
        {"/rtc/v1/whip/live/s", "", publish, "s"},
        {"/rtc/v1/whip/?app=live", "app=live&stream=s", publish, "s"},
        {"/rtc/v1/whip", "app=live&stream=s", publish, "s"},
        {"/rtc/v1/whip/", "stream=s&eip=192.0.2.1", publish, "s"},
        {"/rtc/v1/whip/", "stream=s&action=publish", publish, "s"},
        {"/rtc/v1/whip/", "stream=s&action=play", play, "s"},
        {"/rtc/v1/whip", "", publish, ""},
        {"/rtc/v1/whip/", "app=live", publish, ""},
        {"/rtc/v1/whep/s", "", play, "s"},
        {"/rtc/v1/whep/live/s", "", play, "s"},
        {"/rtc/v1/whep/", "app=live&stream=s", play, "s"},
        {"/rtc/v1/whep", "app=live&stream=s&action=play", play, "s"},
        {"/rtc/v1/whip-play/", "app=live&stream=s", play, "s"},
        {"/rtc/v1/whip-play/s", "", play, "s"},
    };
    for (const Row &row : rows) {
        std::string_view uri = row.uri;
        uri = uri.substr(0, uri.find('?'));
        auto path = read(uri, row.query);
        assert_row(row.uri, path.ok());
        assert_row(row.uri, path->what == What::endpoint);
        assert_row(row.uri, path->action == row.action);
        assert_text(path->stream, row.stream);
        assert_text(path->base,
                    row.action == publish ? "/rtc/v1/whip" : "/rtc/v1/whep");
    }
}

void sessions_and_feeds(void **) {
    auto session = read("/rtc/v1/whep/s/ses_1");
    assert_true(session.ok() && session->what == What::session);
    assert_text(session->session, "ses_1");
    auto events = read("/rtc/v1/whep/s/ses_1/events");
    assert_true(events.ok() && events->what == What::events);
    assert_text(events->session, "ses_1");
    auto feed = read("/rtc/v1/whep/s/events/evs_1");
    assert_true(feed.ok() && feed->what == What::feed);
    assert_text(feed->stream, "s");
    assert_text(feed->feed, "evs_1");
}

void what_is_refused_says_what_to_write(void **) {
    struct Row {
        const char *uri, *query, *says;
    };
    const Row rows[] = {
        {"/rtc/v1/", "", "whip/STREAM to publish"},
        {"/rtc/v1/WHIP/s", "", "whip/STREAM to publish"},
        {"/rtc/v1/publish/", "", "publish by WHIP at whip/STREAM"},
        {"/rtc/v1/play/", "", "play by WHEP at whep/STREAM"},
        {"/rtc/v1/whip/a.b", "", "64 letters"},
        {"/rtc/v1/whip/a;b", "", "64 letters"},
        {"/rtc/v1/whip/live/a.b", "", "64 letters"},
        {"/rtc/v1/whip/", "stream=a%2Fb", "64 letters"},
        {"/rtc/v1/whip/", "stream=a,stream=b", "64 letters"},
        {"/rtc/v1/whip/", "app=other&stream=s", "one app, \"live\""},
        {"/rtc/v1/whip/", "app=live/sub&stream=s", "one app, \"live\""},
        {"/rtc/v1/whip/", "stream=a&stream=b", "stream"},
        {"/rtc/v1/whip/", "stream=s&action=delete", "DELETE to its Location"},
        {"/rtc/v1/whep/", "stream=s&action=publish", "POST to whip"},
        {"/rtc/v1/whip/a/b/c", "", "whip/STREAM"},
        {"/rtc/v1/whip/a/b/c/d", "", "whip/STREAM"},
        {"/rtc/v1/whip/a/ses_1/events", "", "whip/STREAM"},
        {"/rtc/v1/whip/a/events/evs_1", "", "whip/STREAM"},
    };
    for (const Row &row : rows) {
        auto path = read(row.uri, row.query);
        assert_row(row.uri, !path.ok());
        assert_int_equal(path.error().code, Code::not_found);
        assert_has(path.error().detail, row.says);
    }
}

// The address that a client gets is the one it can come back to.
void behind_prefixes_and_proxies(void **) {
    struct Row {
        const char *uri, *prefix, *public_url, *base;
    };
    const Row rows[] = {
        {"/rtc/v1/whip/s", "/rtc/v1/", "", "/rtc/v1/whip"},
        {"/rtc/v1/whip/s", "/rtc/v1/", "https://h", "/rtc/v1/whip"},
        {"/media/rtc/v1/whip/s", "/media/rtc/v1/", "", "/media/rtc/v1/whip"},
        {"/media/rtc/v1/whip/s", "/media/rtc/v1/", "https://h/media",
         "/media/rtc/v1/whip"},
        {"/rtc/v1/whip/s", "/rtc/v1/", "https://h:8443/media",
         "/media/rtc/v1/whip"},
        {"/mediax/whip/s", "/mediax/", "https://h/media", "/media/mediax/whip"},
        {"/whip/s", "/", "https://h/a/b", "/a/b/whip"},
    };
    for (const Row &row : rows) {
        auto path =
            read(row.uri, "", row.prefix, gate::path_of_url(row.public_url));
        assert_row(row.uri, path.ok());
        assert_text(path->base, row.base);
    }
}

void the_bearer_comes_first(void **) {
    struct Row {
        const char *authorization, *query, *shown;
    };
    const Row rows[] = {
        {"", "", ""},
        {"Bearer abc", "token=def", "abc"},
        {"bearer abc", "", "abc"},
        {"Bearer undefined", "", ""},
        {"Bearer undefined", "token=def", "def"},
        {"Basic abc", "key=def", "def"},
        {"", "token=undefined&key=def", "def"},
        {"", "token=a&token=b", ""},
    };
    for (const Row &row : rows) {
        codec::RequestView r;
        r.query = row.query;
        r.add_header("Authorization", row.authorization);
        assert_text(gate::rtc_credential(r), row.shown);
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_an_endpoint),
        cmocka_unit_test(sessions_and_feeds),
        cmocka_unit_test(what_is_refused_says_what_to_write),
        cmocka_unit_test(behind_prefixes_and_proxies),
        cmocka_unit_test(the_bearer_comes_first),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
