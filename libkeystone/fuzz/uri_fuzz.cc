#include "codec/uri.h"

#include "base/bytes.h"
#include "fuzz.h"

using namespace ks;
using namespace ks::codec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view text = fuzz::text(data, size);

    if (auto plain = percent_decode(text)) {
        fuzz::must(plain->find('\0') == std::string::npos);
        fuzz::must(*percent_decode(percent_encode(*plain)) == *plain);
    }
    if (auto query = Query::parse(text)) {
        fuzz::must(query->pairs().size() <= Query::kMaxPairs);
        for (const auto &[key, value] : query->pairs()) {
            auto found = query->get(key);
            fuzz::must(!found.ok() || **found == value);
            if (found.ok() && percent_encode(key) == key) {
                auto same = query_value(text, key);
                fuzz::must(!same || *same == value);
            }
        }
    }
    if (auto token = bearer(text)) {
        fuzz::must(!token->empty() && *token == trim(*token));
    }
    if (is_stream_name(text)) {
        fuzz::must(percent_encode(text) == text);
    }
    if (auto value = cookie(text, "k")) {
        fuzz::must(value->find(';') == std::string_view::npos);
    }
    NameAndArgs split = split_name(text);
    fuzz::must(split.name.size() + split.args.size() <= text.size());
    fuzz::must(!if_match(text, "\"1\"") || if_none_match(text, "\"1\""));
    return 0;
}
