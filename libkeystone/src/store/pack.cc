// Rows as bytes for the zone and for Redis: numbers as they lie in memory, texts
// with their length before them.  Another release or another kind of machine
// sees a form that is not its own and asks the database.
#include "store/cache.h"

#include "store/text.h"

#include <type_traits>

namespace ks::store {

namespace {

// Others when the fields change.
constexpr uint32_t kForm = 0x6b730001;
constexpr uint32_t kTokenForm = 0x6b740001;

class Writer {
  public:
    template <class T> void number(T n) {
        static_assert(std::is_trivially_copyable_v<T>);
        out_.append(reinterpret_cast<const char *>(&n), sizeof(n));
    }
    void text(std::string_view s) {
        number(static_cast<uint32_t>(s.size()));
        out_ += s;
    }
    std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

class Reader {
  public:
    explicit Reader(std::string_view in) : in_(in) {}

    template <class T> void number(T &n) {
        if (in_.size() < sizeof(n)) {
            bad_ = true;
            return;
        }
        std::memcpy(&n, in_.data(), sizeof(n));
        in_.remove_prefix(sizeof(n));
    }
    std::string_view text() {
        uint32_t size = 0;
        number(size);
        if (bad_ || in_.size() < size) {
            bad_ = true;
            return {};
        }
        std::string_view s = in_.substr(0, size);
        in_.remove_prefix(size);
        return s;
    }
    bool whole() const { return !bad_ && in_.empty(); }

  private:
    std::string_view in_;
    bool bad_ = false;
};

} // namespace

std::string pack(const model::Stream &s, Millis read_at) {
    Writer w;
    w.number(kForm);
    w.number(read_at);
    w.text(s.id.view());
    w.text(s.owner_id.view());
    w.text(s.title);
    w.text(s.description);
    w.number(s.visibility);
    w.number(static_cast<uint8_t>(s.enabled));
    w.number(s.takeover);
    w.number(s.max_viewers);
    w.number(s.reconnect_window_seconds);
    w.text(join(s.allowed_origins));
    w.text(s.metadata);
    w.text(s.key_prefix);
    w.number(s.key_rotated_at);
    w.number(s.last_active_at);
    w.number(s.created_at);
    w.number(s.updated_at);
    w.number(s.version);
    return w.take();
}

bool unpack(std::string_view text, model::Stream &s, Millis &read_at) {
    Reader r(text);
    uint32_t form = 0;
    uint8_t enabled = 0;
    r.number(form);
    if (form != kForm) {
        return false;
    }
    r.number(read_at);
    s.id.assign(r.text());
    s.owner_id.assign(r.text());
    s.title = r.text();
    s.description = r.text();
    r.number(s.visibility);
    r.number(enabled);
    r.number(s.takeover);
    r.number(s.max_viewers);
    r.number(s.reconnect_window_seconds);
    s.allowed_origins = split(r.text());
    s.metadata = r.text();
    s.key_prefix = r.text();
    r.number(s.key_rotated_at);
    r.number(s.last_active_at);
    r.number(s.created_at);
    r.number(s.updated_at);
    r.number(s.version);
    s.enabled = enabled != 0;
    return r.whole() && s.visibility <= model::Visibility::private_ &&
           s.takeover <= model::Takeover::replace;
}

std::string pack(const model::TokenFacts &t) {
    Writer w;
    w.number(kTokenForm);
    w.text(t.id.view());
    w.text(t.stream_id.view());
    w.number(static_cast<uint8_t>(t.stream_key));
    w.number(t.kind);
    w.number(t.max_uses);
    w.number(t.uses);
    w.number(t.expires_at);
    w.number(t.revoked_at);
    w.text(t.allowed_ips.view());
    w.text(t.allowed_origins.view());
    w.text(t.viewer_ref.view());
    return w.take();
}

bool unpack(std::string_view text, model::TokenFacts &t) {
    Reader r(text);
    uint32_t form = 0;
    uint8_t stream_key = 0;
    r.number(form);
    if (form != kTokenForm) {
        return false;
    }
    t.id.assign(r.text());
    t.stream_id.assign(r.text());
    r.number(stream_key);
    r.number(t.kind);
    r.number(t.max_uses);
    r.number(t.uses);
    r.number(t.expires_at);
    r.number(t.revoked_at);
    t.allowed_ips.assign(r.text());
    t.allowed_origins.assign(r.text());
    t.viewer_ref.assign(r.text());
    t.stream_key = stream_key != 0;
    t.exists = true;
    return r.whole() && t.kind <= model::TokenKind::play;
}

} // namespace ks::store
