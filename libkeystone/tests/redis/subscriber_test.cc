// Listening to a channel of a Redis that says what the test wants.
#include "redis/subscriber.h"

#include "../support/redis.h"

using namespace ks;
using redis::Subscriber;
using test::FakeRedis;
using test::Words;

namespace {

struct World : test::Runner {
    FakeRedis server;
    Subscriber subscriber;
    std::vector<std::string> heard;
    std::vector<bool> changes;

    explicit World(FakeRedis::Handler handler, Millis timeout = 500)
        : server(std::move(handler)),
          subscriber(options(server.path(), timeout), "c") {
        subscriber.heard = [this](std::string_view t) {
            heard.emplace_back(t);
        };
        subscriber.changed = [this](bool up) { changes.push_back(up); };
        subscriber.start();
    }
    static redis::Options options(const std::string &path, Millis timeout) {
        redis::Options o;
        o.path = path;
        o.timeout = timeout;
        return o;
    }
};

std::string message(std::string_view channel, std::string_view text) {
    return "*3\r\n" + FakeRedis::bulk("message") + FakeRedis::bulk(channel) +
           FakeRedis::bulk(text);
}

} // namespace

static void a_channel_is_heard(void **) {
    World w([](const Words &words) {
        std::string answer = FakeRedis::hello(words);
        if (words[0] == "SUBSCRIBE") {
            answer += message("d", "hello") + message("c", "hello");
        }
        return answer;
    });
    w.until([&] { return !w.heard.empty(); });
    assert_text(w.heard[0], "hello");
    assert_int_equal(w.heard.size(), 1);
    assert_true(w.subscriber.up());
    assert_true(w.changes == (std::vector<bool>{true}));
}

static void a_channel_is_heard_again(void **) {
    std::atomic<bool> hangs = false;
    World w(
        [&](const Words &words) {
            bool silent = hangs && words[0] != "SUBSCRIBE";
            return silent ? "" : FakeRedis::hello(words);
        },
        100);
    w.until([&] { return w.subscriber.up(); });
    hangs = true;
    w.host.ahead += Subscriber::kPingEvery;
    w.until([&] { return !w.subscriber.up(); });
    hangs = false;
    w.until([&] { return w.subscriber.up(); });
    assert_true(w.changes == (std::vector<bool>{true, false, true}));
}

static void a_channel_over_a_stop_of_the_worker(void **) {
    std::atomic<bool> waits = false;
    World w(
        [&](const Words &words) {
            while (waits) {
                usleep(1000);
            }
            return FakeRedis::hello(words);
        },
        3 * kSecond);
    w.until([&] { return w.subscriber.up(); });
    size_t pings = w.server.count("PING");
    int before = w.server.answers();
    waits = true;
    w.host.ahead += Subscriber::kPingEvery;
    w.until([&] { return w.server.count("PING") > pings; });
    waits = false;
    w.stall([&] { return w.server.answers() > before; }, 3 * kSecond);
    for (int i = 0; i < 10; i++) {
        w.run(test::Runner::nap());
    }
    assert_true(w.subscriber.up());
    assert_true(w.changes == (std::vector<bool>{true}));
}

static void a_channel_that_is_refused(void **) {
    World w([](const Words &words) {
        return words[0] == "SUBSCRIBE" ? "-NOPERM no channel\r\n"
                                       : FakeRedis::hello(words);
    });
    w.until([&] { return !w.host.lines.empty(); });
    assert_has(w.host.lines[0], "channels");
    assert_false(w.subscriber.up());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_is_heard),
        cmocka_unit_test(a_channel_is_heard_again),
        cmocka_unit_test(a_channel_over_a_stop_of_the_worker),
        cmocka_unit_test(a_channel_that_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
