// What Redis speaks (RESP2): commands out, replies in, by hiredis's formatter
// and reader, which see no socket here.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisReader; // hiredis's

namespace ks::codec {

struct Reply {
    enum class Kind : uint8_t { nil, text, status, number, array, error };

    Kind kind = Kind::nil;
    std::string text; // text, status, error
    int64_t number = 0;
    std::vector<Reply> items; // array

    bool is_error() const { return kind == Kind::error; }
    // Of an error: "NOSCRIPT"; empty for what is none.
    std::string_view error_name() const;
    // Of a text; nothing for all else.
    std::optional<std::string_view> as_text() const;
};

// The command as bytes.  Binary safe.
std::string resp_command(std::span<const std::string> words);

// Takes bytes as they come.  After a failure it takes no more: where a reply
// ends is then not known.
class RespReader {
  public:
    static constexpr size_t kMaxBytes = size_t{1} << 20; // of one reply
    static constexpr size_t kMaxItems = 16 * 1024;       // in all its arrays
    static constexpr size_t kMaxDepth = 7;               // hiredis's own

    RespReader();
    ~RespReader();
    RespReader(const RespReader &) = delete;
    RespReader &operator=(const RespReader &) = delete;

    void feed(std::string_view bytes);
    // The next whole reply; nothing until more has come.
    std::optional<Reply> next();
    // Empty: all is well.
    const std::string &trouble() const { return trouble_; }

  private:
    struct Free {
        void operator()(redisReader *reader) const;
    };
    std::unique_ptr<redisReader, Free> reader_;
    size_t held_ = 0;  // bytes that came since the last whole reply
    size_t items_ = 0; // of the reply that is being read
    std::string trouble_;
};

} // namespace ks::codec
