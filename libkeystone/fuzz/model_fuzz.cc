// Tokens, ids, addresses and lists, as strangers and owners write them.
#include "model/policy.h"

#include "base/time.h"
#include "fuzz.h"

using namespace ks;
using namespace ks::model;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view text = fuzz::text(data, size);
    // The first line is a list, the rest an address or an origin.
    std::string_view list = text.substr(0, text.find('\n'));
    std::string_view one =
        list.size() < text.size() ? text.substr(list.size() + 1) : list;

    if (ip_matches(list, one)) {
        fuzz::must(is_ip_rule(one));
        fuzz::must(ip_matches(one, one));
    }
    if (origin_matches(list, one)) {
        fuzz::must(one.find(' ') == std::string_view::npos);
    }
    if (is_ip_rule(list)) {
        fuzz::must(list.size() < 50);
    }
    if (is_origin(list)) {
        fuzz::must(origin_matches(list, list));
    }
    if (auto token = presented_token(text)) {
        fuzz::must(presented_token(*token) == token);
    }
    if (is_id(prefix::kStream, text)) {
        fuzz::must(Id::fits(text));
    }
    if (auto time = parse_rfc3339(text)) {
        fuzz::must(parse_rfc3339(rfc3339(*time)) == time);
    }
    return 0;
}
