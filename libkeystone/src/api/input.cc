#include "api/input.h"

#include "api/router.h"

#include <charconv>

namespace ks::api {

Result<codec::Json> read_body(const Call &call) {
    const std::string &body = call.request.body;
    if (body.empty()) {
        if (call.ask.route->body == Body::optional) {
            return codec::parse_json("{}");
        }
        return Error(Code::invalid_json,
                     "The body is empty: send a JSON object.");
    }
    return codec::parse_json(body);
}

QueryReader::QueryReader(std::string_view query) {
    auto parsed = codec::Query::parse(query);
    if (parsed) {
        query_ = std::move(*parsed);
    } else {
        add("", "invalid_value", parsed.error().detail);
    }
}

void QueryReader::add(std::string_view name, std::string_view code,
                      std::string detail) {
    wrong_.push_back({std::string(name), code, std::move(detail)});
}

std::optional<std::string_view> QueryReader::value(std::string_view name) {
    if (!query_) {
        return std::nullopt;
    }
    auto got = query_->get(name);
    if (!got) {
        add(name, "invalid_value", "must be given once");
        return std::nullopt;
    }
    return *got;
}

std::optional<std::string> QueryReader::text(std::string_view name,
                                             size_t max) {
    auto given = value(name);
    if (!given || given->empty()) {
        return std::nullopt;
    }
    if (given->size() > max) {
        add(name, "too_long",
            "must have at most " + std::to_string(max) + " bytes");
        return std::nullopt;
    }
    return std::string(*given);
}

std::optional<int64_t> QueryReader::integer(std::string_view name,
                                            int64_t least, int64_t most) {
    auto given = value(name);
    if (!given) {
        return std::nullopt;
    }
    int64_t number = 0;
    const char *end = given->data() + given->size();
    auto [stop, failed] = std::from_chars(given->data(), end, number);
    if (failed != std::errc() || stop != end || number < least ||
        number > most) {
        add(name, "out_of_range",
            "must be a number from " + std::to_string(least) + " to " +
                std::to_string(most));
        return std::nullopt;
    }
    return number;
}

store::PageAsk QueryReader::page() {
    store::PageAsk page;
    if (auto limit = integer("limit", 1, 100)) {
        page.limit = static_cast<int>(*limit);
    }
    if (auto given = value("cursor")) {
        auto cursor = store::Cursor::parse(*given);
        if (!cursor) {
            add("cursor", "invalid_value",
                "must be the next_cursor of an earlier answer");
        } else {
            page.after = *cursor;
        }
    }
    return page;
}

} // namespace ks::api
