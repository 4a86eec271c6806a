// The C side of the configuration.

#include "abi/config.h"

#include "abi/text.h"
#include "base/version.h"
#include "sql/database.h"

#include <new>

using ks::abi::str;
using ks::abi::view;
using ks::abi::write_error;

extern "C" {

const char *ks_version(void) noexcept { return ks::version(); }

ks_config_t *ks_config_create(void) noexcept {
    return new (std::nothrow) ks_config_s();
}

void ks_config_free(ks_config_t *cf) noexcept { delete cf; }

int ks_config_directive(ks_config_t *cf, const ks_str_t *words, size_t nwords,
                        char *err, size_t errlen) noexcept {
    try {
        std::vector<std::string> list;
        for (size_t i = 0; i < nwords; i++) {
            list.emplace_back(view(words[i]));
        }
        auto done = cf->config.directive(list);
        bool store = !list.empty() && list[0] == "store";
        for (std::string &word : list) {
            ks::wipe(word.data(), word.size()); // it may have been a secret
        }
        // The form of an address is the driver's to judge.
        if (done && store && !cf->config.store_url.empty()) {
            done = ks::sql::check(cf->config.store_url.reveal());
        }
        if (!done) {
            write_error(err, errlen, done.error().detail);
            return KS_ERROR;
        }
        return KS_OK;
    } catch (const std::exception &) {
        write_error(err, errlen, "not enough memory");
        return KS_ERROR;
    }
}

int ks_config_finish(ks_config_t *cf, char *err, size_t errlen) noexcept {
    try {
        auto done = cf->config.finish();
        if (!done) {
            write_error(err, errlen, done.error().detail);
            return KS_ERROR;
        }
        return KS_OK;
    } catch (const std::exception &) {
        write_error(err, errlen, "not enough memory");
        return KS_ERROR;
    }
}

int ks_config_node(const ks_config_t *cf, size_t index,
                   ks_node_t *node) noexcept {
    if (index >= cf->config.srs_nodes.size()) {
        return KS_ERROR;
    }
    const ks::conf::SrsNode &n = cf->config.srs_nodes[index];
    *node = {str(n.name), str(n.rtmp)};
    return KS_OK;
}

} // extern "C"
