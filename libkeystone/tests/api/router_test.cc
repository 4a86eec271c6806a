#include "api/router.h"

#include "../support/test.h"

#include <set>

using namespace ks;
using namespace ks::api;

namespace {

void the_base_follows_the_location(void **) {
    struct {
        const char *location;
        const char *uri;
        const char *mount; // nullptr: no API there
        const char *path;
    } rows[] = {
        {"/api/", "/api/v1/streams", "/api", "streams"},
        {"/api", "/api/v1/streams", "/api", "streams"},
        {"/a/b/", "/a/b/v1/streams/x", "/a/b", "streams/x"},
        {"/", "/v1/streams", "", "streams"},
        {"/v1/", "/v1/streams", "", "streams"},
        {"/v1", "/v1/streams", "", "streams"},
        {"/api/v1/", "/api/v1/streams", "/api", "streams"},
        {"/api/v1/auth/", "/api/v1/auth/login", "/api", "auth/login"},
        {"/api/v1/streams", "/api/v1/streams", "/api", "streams"},
        {"/v1/", "/v1/v1/streams", "", "v1/streams"},
        {"/api/", "/api/v1/", "/api", ""},
        {"/api/", "/api/v1", nullptr, ""},
        {"/api/", "/api/v2/streams", nullptr, ""},
        {"/api/", "/api/anything/v1/streams", nullptr, ""},
        {"/api", "/apiary/v1/streams", nullptr, ""},
        {"/", "/api/v1/streams", nullptr, ""},
        {"/api/", "/api/\r\nX:/v1/streams", nullptr, ""},
        {"/api/", "/a", nullptr, ""}, // rewritten to something shorter
        {"", "/v1/streams", "", "streams"},
        {"", "/api/v1/streams", "/api", "streams"},
        {"", "/a/v1/streams", nullptr, ""},
        {"", "/v1", nullptr, ""},
        {"", "", nullptr, ""},
        // A rewrite may put the client's text where the prefix was.
        {"/a-rather-long-prefix/", "/a\r\nX: y/v1/streams", nullptr, ""},
        {"/a-rather-long-prefix/", "/a;Domain=x/v1/str", nullptr, ""},
        {"/a-rather-long-prefix/", "/a\x7f/v1/streams", nullptr, ""},
    };
    for (const auto &row : rows) {
        std::string name = std::string(row.location) + " " + row.uri;
        codec::RequestView v;
        v.uri = row.uri;
        v.prefix_len = std::string_view(row.location).size();
        auto place = place_of(v);
        assert_row(name, place.has_value() == (row.mount != nullptr));
        if (place && row.mount != nullptr) {
            assert_row(name, place->mount == row.mount);
            assert_row(name, place->path == row.path);
        }
    }
}

void paths_and_methods_are_told_apart(void **) {
    struct {
        const char *method;
        const char *path;
        bool known;
        bool routed;
        const char *id;
        const char *allowed;
    } rows[] = {
        {"GET", "streams", true, true, "", ""},
        {"HEAD", "streams", true, true, "", ""},
        {"POST", "streams", true, true, "", ""},
        {"PUT", "streams", true, false, "", "GET, HEAD, POST, OPTIONS"},
        {"GET", "streams/str_1", true, true, "str_1", ""},
        {"POST", "streams/str_1", true, false, "str_1",
         "GET, HEAD, PATCH, DELETE, OPTIONS"},
        {"GET", "streams/str_1/status", true, true, "str_1", ""},
        {"DELETE", "streams/str_1/status", true, false, "str_1",
         "GET, HEAD, OPTIONS"},
        {"GET", "streams/", false, false, "", ""},
        {"GET", "streams/str_1/", false, false, "", ""},
        {"GET", "streams/str_1/status/x", false, false, "", ""},
        {"GET", "streams//status", false, false, "", ""},
        {"GET", "stream", false, false, "", ""},
        {"GET", "", false, false, "", ""},
        {"get", "streams", true, false, "", "GET, HEAD, POST, OPTIONS"},
        {"OPTIONS", "auth/me", true, false, "", "GET, HEAD, PATCH, OPTIONS"},
        {"HEAD", "auth/login", true, false, "", "POST, OPTIONS"},
    };
    for (const auto &row : rows) {
        std::string name = std::string(row.method) + " " + row.path;
        Match got = match(routes(), row.method, row.path);
        assert_row(name, got.path_known == row.known);
        assert_row(name, (got.route != nullptr) == row.routed);
        if (row.routed) {
            assert_row(name, got.id == row.id);
        } else if (row.known) {
            assert_row(name, got.allowed() == row.allowed);
        }
    }
}

void no_route_stands_twice(void **) {
    std::set<std::string> seen;
    for (const Route &route : routes()) {
        std::string name(route.method);
        name += ' ';
        name += route.path;
        assert_row(name, seen.insert(name).second);
        assert_row(name, route.run != nullptr);
        // Answers that are replayed are those of POST.
        assert_row(name,
                   route.replays == Replays::no || route.method == "POST");
        assert_row(name, route.body == Body::none || route.method != "GET");
    }
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_base_follows_the_location),
        cmocka_unit_test(paths_and_methods_are_told_apart),
        cmocka_unit_test(no_route_stands_twice),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
