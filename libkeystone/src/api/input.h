// Reading what a client sent: the query of a list, the body of a write.
#pragma once

#include "api/answer.h"
#include "codec/fields.h"
#include "codec/json_writer.h"
#include "codec/uri.h"
#include "store/page.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ks::api {

// invalid_json when it is none; an empty one is {} where a body is optional.
Result<codec::Json> read_body(const Call &call);

// Like codec::FieldReader, for the query.  Parameters that nobody asks for are
// ignored: proxies and trackers add their own.
class QueryReader {
  public:
    explicit QueryReader(std::string_view query);

    std::optional<std::string> text(std::string_view name, size_t max);
    template <class E>
    std::optional<E> choice(std::string_view name,
                            std::optional<E> (*parse)(std::string_view),
                            std::string_view allowed) {
        auto given = value(name);
        if (!given) {
            return std::nullopt;
        }
        std::optional<E> got = parse(*given);
        if (!got) {
            add(name, "invalid_value", "must be " + std::string(allowed));
        }
        return got;
    }
    std::optional<int64_t> integer(std::string_view name, int64_t least,
                                   int64_t most);
    // ?limit= and ?cursor=
    store::PageAsk page();

    const std::vector<codec::FieldError> &wrong() const { return wrong_; }

  private:
    std::optional<std::string_view> value(std::string_view name);
    void add(std::string_view name, std::string_view code, std::string detail);

    std::optional<codec::Query> query_;
    std::vector<codec::FieldError> wrong_;
};

// {"data": [...], "next_cursor": "..." | null}
template <class T, class Write>
std::string page_json(const store::Page<T> &page, Write write) {
    codec::JsonWriter out(256 + page.rows.size() * 1024);
    out.begin_object();
    out.key("data").begin_array();
    for (const T &row : page.rows) {
        write(out, row);
    }
    out.end_array();
    out.member_or_null("next_cursor",
                       page.next ? page.next->text() : std::string());
    out.end_object();
    return out.take();
}

} // namespace ks::api
