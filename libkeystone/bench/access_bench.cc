// authorize() on a warm cache: under 2 us, and no slower with many streams.
#include "bench.h"

#include "codec/jwt.h"
#include "gate/access.h"
#include "rt/poll_host.h"
#include "zone/zone.h"

#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace {

using namespace ks;

constexpr double kLimitNs = 2000;
constexpr size_t kZone = size_t{256} << 20;

struct Entry {
    std::string stream;
    std::string token;
};

// `count` private streams with a play token each, straight into the cache.
std::vector<Entry> fill(zone::Zone &zone, rt::Loop &loop, int count) {
    std::vector<Entry> entries;
    Millis now = loop.now();
    for (int i = 0; i < count; i++) {
        model::StreamFacts stream;
        stream.id = make_id(prefix::kStream, loop.entropy());
        stream.exists = stream.enabled = true;
        stream.visibility = model::Visibility::private_;
        stream.read_at = now;
        std::string text = make_token("ks_play_", loop.entropy());
        model::TokenFacts token;
        token.id = make_id(prefix::kToken, loop.entropy());
        token.stream_id = stream.id;
        token.exists = true;
        token.kind = model::TokenKind::play;
        token.read_at = now;
        zone.streams().put(stream.id, stream, now, now + kHour);
        zone.tokens().put(sha256(text), token, now, now + kHour);
        entries.push_back({stream.id.str(), text});
    }
    return entries;
}

double ask(const char *what, gate::Access &access,
           const std::vector<Entry> &entries) {
    size_t at = 0;
    int cold = 0;
    double took = bench::measure(what, kLimitNs, [&](int) {
        const Entry &entry = entries[at];
        at = (at + 7919) % entries.size(); // far apart in memory
        gate::Question question;
        question.stream = entry.stream;
        question.credential = entry.token;
        question.client_ip = "192.0.2.1";
        gate::Decision decision;
        cold += access.warm(question, decision) ? 0 : 1;
        bench::keep(decision);
    });
    if (cold > 0) {
        std::printf("%s: %d look-ups were not warm\n", what, cold);
        bench::missed++;
    }
    return took;
}

} // namespace

int main() {
    void *memory = mmap(nullptr, kZone, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint8_t key[16] = {1};
    if (memory == MAP_FAILED || !zone::Zone::init(memory, kZone, key)) {
        std::fprintf(stderr, "no shared memory\n");
        return 2;
    }
    zone::Zone &zone = *zone::Zone::at(memory);
    rt::PollHost host;
    rt::Loop loop(host);
    auto store = store::Store::make("sqlite:/nowhere/never-opened.db", zone);
    if (!store) {
        std::fprintf(stderr, "no store: %s\n", store.error().detail.c_str());
        return 2;
    }
    gate::Access access(**store, zone, loop);

    auto few = fill(zone, loop, 100);
    double small = ask("authorize, warm, 100 streams", access, few);
    auto many = fill(zone, loop, 20000);
    double large = ask("authorize, warm, 20000 streams", access, many);
    std::printf("%-52s %9.2f\n", "  ratio (memory is farther, nothing grows)",
                large / small);

    Secret secret("0123456789abcdefghijklmnopqrstuv-bench");
    codec::JwtSigner signer(secret, Secret());
    std::string jwt = signer.sign(make_id(prefix::kUser, loop.entropy()),
                                  make_id(prefix::kLogin, loop.entropy()),
                                  "user", loop.wall(), loop.entropy());
    WallMs now = loop.wall();
    bench::measure("access token, verified", 0, [&](int) {
        auto claims = signer.verify(jwt, now);
        bench::keep(claims);
    });
    bench::measure("SHA-256 of a token", 0, [&](int) {
        auto hash = sha256(few[0].token);
        bench::keep(hash);
    });
    return bench::missed > 0 ? 1 : 0;
}
