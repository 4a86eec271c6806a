#include "codec/resp.h"

#include "../support/test.h"

using ks::codec::Reply;
using ks::codec::resp_command;
using ks::codec::RespReader;
using Kind = Reply::Kind;
using namespace std::literals;

namespace {

// All replies of these bytes, fed `step` at a time.
std::vector<Reply> read(RespReader &reader, std::string_view bytes,
                        size_t step) {
    std::vector<Reply> all;
    for (size_t at = 0; at < bytes.size(); at += step) {
        reader.feed(bytes.substr(at, step));
        while (auto reply = reader.next()) {
            all.push_back(std::move(*reply));
        }
    }
    return all;
}

std::string trouble_of(std::string_view bytes) {
    RespReader reader;
    read(reader, bytes, bytes.size());
    std::string first = reader.trouble();
    read(reader, "+OK\r\n", 5); // nothing more is read
    assert_text(reader.trouble(), first);
    assert_false(reader.next().has_value());
    return first;
}

} // namespace

static void commands_are_binary_safe(void **) {
    std::string words[] = {"SET", "a\0\r\nb"s, ""};
    std::string bytes = "*3\r\n$3\r\nSET\r\n$5\r\na\0\r\nb\r\n$0\r\n\r\n"s;
    assert_true(resp_command(words) == bytes);
}

static void all_kinds_however_they_are_cut(void **) {
    std::string text =
        "+OK\r\n-NOSCRIPT No matching script.\r\n:-42\r\n$5\r\na\r\n\0b\r\n"s
        "$-1\r\n*-1\r\n*0\r\n*3\r\n$1\r\nx\r\n*2\r\n:1\r\n$-1\r\n-ERR\r\n"s
        "$0\r\n\r\n"s;
    for (size_t step : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}}) {
        RespReader reader;
        auto all = read(reader, text, step);
        assert_text(reader.trouble(), "");
        assert_int_equal(all.size(), 9);
        assert_true(all[0].kind == Kind::status && all[0].text == "OK");
        assert_true(all[1].is_error());
        assert_text(all[1].error_name(), "NOSCRIPT");
        assert_true(all[2].kind == Kind::number && all[2].number == -42);
        assert_true(all[3].as_text() == "a\r\n\0b"s);
        assert_true(all[4].kind == Kind::nil && all[5].kind == Kind::nil);
        assert_true(all[6].kind == Kind::array && all[6].items.empty());
        assert_int_equal(all[7].items.size(), 3);
        assert_int_equal(all[7].items[1].items[0].number, 1);
        assert_text(all[7].items[2].error_name(), "ERR");
        assert_true(all[8].as_text() == "");
        assert_false(all[0].as_text().has_value());
        assert_text(all[0].error_name(), "");
    }
}

static void an_error_in_a_script_has_its_name(void **) {
    const char *rows[][2] = {
        {"READONLY You can't write against a read only replica. script: x, "
         "on @user_script:1.",
         "READONLY"}, // 7.0
        {"ERR Error running script (call to f_a3): @user_script:1: "
         "@user_script: 1: -READONLY You can't write: it is a replica.",
         "READONLY"}, // 6.2, of the command's own check
        {"ERR Error running script (call to f_a3): @user_script:1: WRONGTYPE "
         "Operation against a key",
         "WRONGTYPE"},
        {"ERR Error running script (call to f_a3): broken", "ERR"},
        {"ERR Error running script (call to f_a3): @user_script:1: ", "ERR"},
        {"ERR", "ERR"},
    };
    for (const auto &[text, name] : rows) {
        Reply reply;
        reply.kind = Kind::error;
        reply.text = text;
        assert_text(reply.error_name(), name);
    }
}

static void garbage_is_told(void **) {
    assert_has(trouble_of("HTTP/1.1 400 Bad Request\r\n\r\n"), "Protocol");
    assert_has(trouble_of(":12a\r\n"), "Bad");
    assert_has(trouble_of("$-7\r\n"), "out of range");
    assert_has(trouble_of("*99999999999\r\n"), "out of range");
}

static void what_is_huge_is_refused(void **) {
    assert_text(trouble_of("*1000000000\r\n"), "a reply is too large");
    std::string nested;
    for (int i = 0; i < 3; i++) {
        nested += "*8000\r\n"; // each fits, all of them do not
    }
    assert_text(trouble_of(nested), "a reply is too large");
    assert_has(trouble_of("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
                          "*1\r\n*1\r\n"),
               "depth");
    RespReader reader;
    reader.feed("$1073741824\r\n");
    std::string chunk(64 * 1024, 'x');
    size_t fed = 0;
    while (!reader.next() && reader.trouble().empty()) {
        reader.feed(chunk);
        fed += chunk.size();
    }
    assert_text(reader.trouble(), "a reply is too large");
    assert_true(fed <= RespReader::kMaxBytes + chunk.size());
}

static void many_small_ones_are_not_huge(void **) {
    RespReader reader;
    std::string replies;
    for (int i = 0; i < 200'000; i++) {
        replies += "*2\r\n$1\r\nx\r\n:1\r\n";
    }
    assert_int_equal(read(reader, replies, 16 * 1024).size(), 200'000);
    assert_text(reader.trouble(), "");
}

static void one_may_be_left_unread(void **) {
    RespReader reader;
    reader.feed("*3\r\n$3\r\nabc\r\n*1\r\n$2\r\nx"); // ASan looks on
    assert_false(reader.next().has_value());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_binary_safe),
        cmocka_unit_test(all_kinds_however_they_are_cut),
        cmocka_unit_test(an_error_in_a_script_has_its_name),
        cmocka_unit_test(garbage_is_told),
        cmocka_unit_test(what_is_huge_is_refused),
        cmocka_unit_test(many_small_ones_are_not_huge),
        cmocka_unit_test(one_may_be_left_unread),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
