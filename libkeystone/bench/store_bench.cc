// The store: what is cached costs no I/O, and what a trip to SQLite costs.
#include "bench.h"

#include "rt/poll_host.h"
#include "store/store.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using namespace ks;

constexpr double kCachedNs = 1000;
constexpr double kRowNs = 3000;
constexpr size_t kZone = size_t{32} << 20;

struct World {
    rt::PollHost host;
    rt::Loop loop{host};

    template <class T> T run(rt::Task<T> task) {
        if (!task.start()) {
            host.run(loop, [&] { return task.done(); });
        }
        return task.take();
    }
};

model::Session session(int i, WallMs seen) {
    model::Session s;
    s.id = Id("ses_" + std::to_string(i));
    s.stream_id = Id("str_x");
    s.started_at = seen;
    s.seen_at = seen;
    return s;
}

void cached(World &w, store::Store &store, const Id &stream,
            const Sha256 &hash) {
    bool ok = w.run(store.streams().get(stream)).ok() &&
              w.run(store.tokens().facts(hash)).ok();
    bench::measure("stream facts from the zone", kCachedNs, [&](int) {
        model::StreamFacts facts;
        ok = store.streams().facts_cached(stream, facts) && ok;
    });
    bench::measure("token facts from the zone", kCachedNs, [&](int) {
        model::TokenFacts facts;
        ok = store.tokens().facts_cached(hash, facts) && ok;
    });
    bench::measure("stream row from the zone", kRowNs, [&](int) {
        model::Stream row;
        ok = store.streams().cached(stream, row) && ok;
    });
    bench::missed += ok ? 0 : 1;
}

void trips(World &w, store::Store &store, const Id &user, const Id &stream) {
    bool ok = true;
    bench::measure(
        "user by id, from SQLite", 0,
        [&](int) { ok = w.run(store.users().by_id(user)).ok() && ok; }, 500, 5);
    bench::measure(
        "stream patched and announced", 0,
        [&](int) {
            store::StreamPatch patch;
            patch.title = "Another";
            ok = w.run(store.streams().patch(stream, patch)).ok() && ok;
        },
        200, 5);
    bench::measure(
        "250 sessions written", 0,
        [&](int i) {
            std::vector<model::Session> rows;
            rows.reserve(250);
            for (int n = 0; n < 250; n++) {
                rows.push_back(session(n, i));
            }
            ok = w.run(store.sessions().write(std::move(rows))).ok() && ok;
        },
        20, 5);
    bench::missed += ok ? 0 : 1;
}

int run(const std::string &dir) {
    World w;
    void *memory = std::aligned_alloc(4096, kZone);
    uint8_t key[16] = {1};
    if (!zone::Zone::init(memory, kZone, key).ok()) {
        return 1;
    }
    auto store =
        store::Store::make("sqlite:" + dir + "/k.db", *zone::Zone::at(memory));
    store::NewUser wanted;
    wanted.email = "a@example.org";
    auto user = w.run((*store)->users().create(wanted));
    model::Stream show;
    show.title = "Show";
    show.owner_id = user.ok() ? user->id : Id();
    auto stream = w.run((*store)->streams().create(show));
    if (!stream) {
        return 1;
    }
    cached(w, **store, stream->stream.id, sha256(stream->key.reveal()));
    trips(w, **store, user->id, stream->stream.id);
    store->reset();
    std::free(memory);
    return bench::missed == 0 ? 0 : 1;
}

} // namespace

int main() {
    std::string dir = std::filesystem::temp_directory_path() / "ks-XXXXXX";
    if (mkdtemp(dir.data()) == nullptr) {
        return 1;
    }
    int status = run(dir);
    std::filesystem::remove_all(dir);
    return status;
}
