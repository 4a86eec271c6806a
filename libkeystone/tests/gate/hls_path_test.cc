#include "gate/hls.h"

#include "../support/test.h"

using ks::gate::parse_hls_path;

namespace {

void the_forms_that_are_there(void **) {
    struct Row {
        std::string_view path;
        std::string_view stream;
        std::string_view token;
        std::string_view rest;
        bool playlist;
        bool flv;
    };
    const Row rows[] = {
        {"cam1.m3u8", "cam1", "", "cam1.m3u8", true, false},
        {"cam1-0.ts", "cam1", "", "cam1-0.ts", false, false},
        {"cam-1-1700000000123.ts", "cam-1", "", "cam-1-1700000000123.ts", false,
         false},
        {"cam1.flv", "cam1", "", "cam1.flv", false, true},
        {"cam1/index.m3u8", "cam1", "", "cam1/index.m3u8", true, false},
        {"cam1/12.ts", "cam1", "", "cam1/12.ts", false, false},
        {"t/ks_play_x/cam1.m3u8", "cam1", "ks_play_x", "cam1.m3u8", true,
         false},
        {"t/ks_play_x/cam1-3.ts", "cam1", "ks_play_x", "cam1-3.ts", false,
         false},
        {"t/tok/cam1/7.ts", "cam1", "tok", "cam1/7.ts", false, false},
        {"t.m3u8", "t", "", "t.m3u8", true, false},
    };
    for (const Row &row : rows) {
        auto p = parse_hls_path(row.path);
        assert_row(row.path, p.has_value());
        assert_text(p->stream, row.stream);
        assert_text(p->token, row.token);
        assert_text(p->rest, row.rest);
        assert_row(row.path, p->playlist == row.playlist);
        assert_row(row.path, p->flv == row.flv);
    }
}

// What is not one of the forms is never served: a file beside the segments, a
// name that climbs, one that another reader would cut elsewhere.
void the_forms_that_are_not(void **) {
    const std::string_view paths[] = {
        "",
        "cam1",
        ".m3u8",
        "cam1.mp4",
        "cam1.m3u8.bak",
        "cam1.m3u8/",
        "cam1.ts",
        "cam1-.ts",
        "cam1-x.ts",
        "-1.ts",
        "cam1-123456789012345678901.ts",
        "cam1/other.m3u8",
        "cam1/index.ts",
        "cam1/1.flv",
        "cam1/../cam2.m3u8",
        "../cam1.m3u8",
        "cam1.x.m3u8",
        "cam%31.m3u8",
        "cam 1.m3u8",
        "cam;1.m3u8",
        "cam,1.m3u8",
        "c\xc3\xa4m.m3u8",
        "a/b/c.m3u8",
        "t/",
        "t//cam1.m3u8",
        "t/tok",
        "t/tok/",
        "t/tok/t/tok/cam1.m3u8",
    };
    for (std::string_view path : paths) {
        assert_row(path, !parse_hls_path(path).has_value());
    }
    std::string longest(64, 'a');
    assert_true(parse_hls_path(longest + ".m3u8").has_value());
    assert_false(parse_hls_path(longest + "a.m3u8").has_value());
}

} // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_forms_that_are_there),
        cmocka_unit_test(the_forms_that_are_not),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
