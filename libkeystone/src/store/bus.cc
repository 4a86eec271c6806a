#include "store/bus.h"

namespace ks::store {

namespace {

// "1 SENDER KIND PAYLOAD"; another version is another's.
constexpr std::string_view kVersion = "1";

// Cuts the first word off; empty when there is none.
std::string_view word(std::string_view &text) {
    size_t blank = text.find(' ');
    if (blank == text.npos) {
        return {};
    }
    std::string_view first = text.substr(0, blank);
    text.remove_prefix(blank + 1);
    return first;
}

} // namespace

void Bus::use(Id self, std::function<void(std::string)> send) {
    self_ = self;
    send_ = std::move(send);
}

void Bus::publish(std::string_view kind, std::string_view payload) {
    if (!up_ || payload.size() > kMaxPayload) {
        return;
    }
    std::string text(kVersion);
    text.append(" ").append(self_.view());
    text.append(" ").append(kind);
    text.append(" ").append(payload);
    send_(std::move(text));
}

void Bus::on(std::string_view kind, Handler handler) {
    handlers_[std::string(kind)].push_back(std::move(handler));
}

void Bus::set_up(bool up) {
    bool news = up && !up_;
    up_ = up;
    if (news && gap) {
        gap();
    }
}

void Bus::heard(std::string_view message) {
    if (word(message) != kVersion || message.size() > 2 * kMaxPayload) {
        return;
    }
    std::string_view sender = word(message);
    std::string_view kind = word(message);
    auto found = handlers_.find(kind);
    if (sender.empty() || self_ == sender || found == handlers_.end() ||
        message.size() > kMaxPayload) {
        return;
    }
    for (const Handler &handler : found->second) {
        handler(message);
    }
}

} // namespace ks::store
