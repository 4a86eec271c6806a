#include "abi/c_host.h"

#include "base/bytes.h"

#include <cstdlib>
#include <cstring>

namespace ks::abi {

static_assert(rt::kRead == KS_READ && rt::kWrite == KS_WRITE);
static_assert(static_cast<int>(rt::Pool::hash) == KS_POOL_HASH);
static_assert(static_cast<int>(rt::Pool::store) == KS_POOL_STORE);
static_assert(static_cast<int>(rt::Pool::names) == KS_POOL_NAMES);
static_assert(static_cast<int>(rt::LogLevel::emerg) == KS_LOG_EMERG);
static_assert(static_cast<int>(rt::LogLevel::debug) == KS_LOG_DEBUG);

void *CHost::fd_watch(int fd, unsigned interest, rt::FdSink *sink) {
    void *watch = nullptr;
    int rc = host_.fd_watch(host_.data, fd, interest, sink, &watch);
    return rc == KS_OK ? watch : nullptr;
}

bool CHost::offload(rt::Pool pool, rt::Job *job) {
    auto run = [](void *data) { static_cast<rt::Job *>(data)->run(); };
    auto done = [](void *data) { static_cast<rt::Job *>(data)->done(); };
    return host_.offload(host_.data, static_cast<int>(pool), run, done, job) ==
           KS_OK;
}

void CHost::fill(std::span<uint8_t> out) {
    if (out.size() > pool_.size()) {
        std::abort();
    }
    if (pool_.size() - used_ < out.size()) {
        if (host_.entropy(host_.data, pool_.data(), pool_.size()) != KS_OK) {
            std::abort(); // ids and tokens must not be guessable
        }
        used_ = 0;
    }
    std::memcpy(out.data(), &pool_[used_], out.size());
    wipe(&pool_[used_], out.size()); // what was given out is known to one only
    used_ += out.size();
}

} // namespace ks::abi
