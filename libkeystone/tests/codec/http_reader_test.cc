#include "codec/http_reader.h"

#include "../support/test.h"

#include <string>
#include <vector>

using ks::codec::HttpReader;
using State = HttpReader::State;

namespace {

const std::string kSrs = "HTTP/1.1 201 Created\r\nConnection: Close\r\n"
                         "Content-Type: application/sdp\r\n"
                         "Location: /rtc/v1/whip/?a=b\r\n"
                         "Content-Length: 3\r\nServer: SRS\r\n\r\nv=0";

struct Read {
    State state;
    unsigned status;
    std::string body;
};

// The same whatever the pieces: whole, byte by byte, by sevens.
Read read(const std::string &text, bool end = false, size_t max = 1000) {
    std::vector<Read> all;
    for (size_t piece : {text.size() + 1, size_t{1}, size_t{7}}) {
        HttpReader reader(max);
        State state = State::more;
        for (size_t at = 0; at < text.size(); at += piece) {
            state = reader.feed(std::string_view(text).substr(at, piece));
        }
        if (end) {
            state = reader.end();
        }
        all.push_back({state, reader.status(), reader.body()});
    }
    for (const Read &r : all) {
        assert_int_equal(r.state, all[0].state);
        if (r.state == State::done) {
            assert_text(r.body, all[0].body);
        }
    }
    return all[0];
}

} // namespace

static void an_answer_of_srs(void **) {
    HttpReader reader(100);
    assert_int_equal(reader.feed(kSrs), State::done);
    assert_int_equal(reader.status(), 201);
    assert_text(reader.content_type(), "application/sdp");
    assert_text(reader.location(), "/rtc/v1/whip/?a=b");
    assert_text(reader.body(), "v=0");
    assert_text(read(kSrs).body, "v=0");
}

static void how_a_body_ends(void **) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    assert_text(read(ok + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n"
                          "A\r\n0123456789\r\n0\r\nX: y\r\n\r\n")
                    .body,
                "abc0123456789");
    assert_int_equal(read(ok + "\r\nuntil the end").state, State::more);
    assert_text(read(ok + "\r\nuntil the end", true).body, "until the end");
    assert_int_equal(read(ok + "Content-Length: 0\r\n\r\n").state, State::done);
    assert_int_equal(read("HTTP/1.1 204 No Content\r\n\r\n").state,
                     State::done);
    assert_int_equal(read(ok + "Content-Length: 5\r\n\r\nabc", true).state,
                     State::failed);
    assert_int_equal(
        read(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", true).state,
        State::failed);
}

static void what_is_no_answer(void **) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    for (const std::string &text : std::vector<std::string>{
             "220 not what you expected\r\n\r\n",
             "HTTP/2 200 OK\r\n\r\n",
             "HTTP/1.1 20 OK\r\n\r\n",
             "HTTP/1.1 2000 OK\r\n\r\n",
             "HTTP/1.1 100 Continue\r\n\r\n",
             ok + "no colon\r\n\r\n",
             ok + "Name : value\r\n\r\n",
             ok + ": value\r\n\r\n",
             ok + "Content-Length: -1\r\n\r\n",
             ok + "Content-Length: 1x\r\n\r\n",
             ok + "Content-Length: 99999999999999999999\r\n\r\n",
             ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
             ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
             ok + "Transfer-Encoding: gzip\r\n\r\n",
             ok + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
             ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
             ok + "Content-Length: 1001\r\n\r\n",
             ok + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n",
             ok + "\r\n" + std::string(1001, 'x'),
             ok + "X: " + std::string(20000, 'x'),
         }) {
        assert_row(text.substr(0, 60), read(text).state == State::failed);
    }
    assert_int_equal(read("", true).state, State::failed);
    HttpReader nothing(10);
    nothing.end();
    assert_true(nothing.silent());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_of_srs),
        cmocka_unit_test(how_a_body_ends),
        cmocka_unit_test(what_is_no_answer),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
