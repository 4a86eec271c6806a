#include "codec/fields.h"
#include "codec/json_writer.h"
#include "codec/problem.h"

#include "fuzz.h"

using namespace ks;
using namespace ks::codec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view text = fuzz::text(data, size);

    std::string quoted;
    append_json_string(quoted, text);
    if (text.find('\0') == std::string_view::npos) {
        fuzz::must(parse_json(quoted).ok());
    }
    auto json = parse_json(text);
    if (!json) {
        fuzz::must(json.error().code == Code::invalid_json);
        return 0;
    }
    std::string once = json->dump();
    auto again = parse_json(once);
    fuzz::must(again.ok() && again->dump() == once);

    FieldReader in(*json);
    in.string("t", {.min = 1, .max = 20, .required = true});
    in.integer("n", {.min = -5, .max = 5, .nullable = true});
    in.strings("l", {.max_count = 3, .max = 10});
    in.object("o", {.max_bytes = 30});
    auto errors = in.finish();
    Error error = invalid_fields(errors);
    fuzz::must(parse_json(problem(error, "/x", "r", errors)).ok());
    return 0;
}
