// The ETag of a stream: "v<version>-<hash of the text>".  The hash is for GET:
// it moves with all that is shown, viewers and status too.  The version is for
// PATCH and DELETE: it moves with what people change, and nothing else there
// may spoil their If-Match.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ks::api {

std::string make_etag(int64_t version, std::string_view body);

// The value of an If-Match header.
class IfMatch {
  public:
    explicit IfMatch(std::string_view header);

    // Names nothing that was ever ours: 412 whatever the version is.
    bool hopeless() const { return given_ && !any_ && versions_.empty(); }
    // The version that a change is to be bound to; nothing: to none.
    // `believed`: what the version is said to be, perhaps not quite fresh.
    std::optional<int64_t> version(int64_t believed) const;

  private:
    bool given_;
    bool any_ = false;
    std::vector<int64_t> versions_;
};

} // namespace ks::api
