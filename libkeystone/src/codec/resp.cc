#include "codec/resp.h"

#include <algorithm>
#include <hiredis/hiredis.h>
#include <new>

namespace ks::codec {

namespace {

// Called by hiredis, which knows no exceptions: null means "no memory".
// A part belongs to its parent, the root to whoever takes it.
Reply *place(const redisReadTask *task) noexcept {
    if (task->parent != nullptr) {
        auto *parent = static_cast<Reply *>(task->parent->obj);
        auto at = static_cast<size_t>(task->idx);
        return at < parent->items.size() ? &parent->items[at] : nullptr;
    }
    return new (std::nothrow) Reply();
}

template <class Fn> void *make(const redisReadTask *task, Fn fill) noexcept {
    Reply *reply = place(task);
    try {
        if (reply != nullptr && fill(*reply)) {
            return reply;
        }
    } catch (const std::bad_alloc &) {
        // told as null
    }
    if (task->parent == nullptr) {
        delete reply;
    }
    return nullptr;
}

Reply::Kind kind_of(int type) {
    switch (type) {
    case REDIS_REPLY_ERROR:
        return Reply::Kind::error;
    case REDIS_REPLY_STATUS:
        return Reply::Kind::status;
    default:
        return Reply::Kind::text;
    }
}

void *create_text(const redisReadTask *task, char *text, size_t len) {
    return make(task, [&](Reply &reply) {
        reply.kind = kind_of(task->type);
        reply.text.assign(text, len);
        return true;
    });
}

// hiredis names a size before any item has come: what it costs is bounded here.
void *create_array(const redisReadTask *task, int elements) {
    return make(task, [&](Reply &reply) {
        auto &items = *static_cast<size_t *>(task->privdata);
        auto count = static_cast<size_t>(std::max(elements, 0));
        if (count > RespReader::kMaxItems - items) {
            return false;
        }
        items += count;
        reply.kind = Reply::Kind::array;
        reply.items.resize(count);
        return true;
    });
}

void *create_number(const redisReadTask *task, long long number) {
    return make(task, [&](Reply &reply) {
        reply.kind = Reply::Kind::number;
        reply.number = number;
        return true;
    });
}

void *create_nil(const redisReadTask *task) {
    return make(task, [](Reply &) { return true; });
}

void free_reply(void *reply) { delete static_cast<Reply *>(reply); }

redisReplyObjectFunctions kFunctions = {create_text, create_array,
                                        create_number, create_nil, free_reply};

} // namespace

std::string_view Reply::error_name() const {
    if (!is_error()) {
        return {};
    }
    // Redis before 7 tells of an error in a script in words of its own (6.2,
    // src/scripting.c): "ERR Error running script (call to f_SHA):
    // @user_script:1: @user_script: 1: -READONLY You can't write ..."
    std::string_view rest = text;
    if (rest.starts_with("ERR Error running script ")) {
        constexpr std::string_view kPlace = "@user_script:";
        size_t at = rest.rfind(kPlace);
        size_t end = at == rest.npos ? at : rest.find(": ", at + kPlace.size());
        size_t name = rest.find_first_not_of(":- ", end);
        rest.remove_prefix(end == rest.npos || name == rest.npos ? 0 : name);
    }
    return rest.substr(0, rest.find(' '));
}

std::optional<std::string_view> Reply::as_text() const {
    if (kind != Kind::text) {
        return std::nullopt;
    }
    return text;
}

std::string resp_command(std::span<const std::string> words) {
    std::vector<const char *> texts;
    std::vector<size_t> lengths;
    for (const std::string &word : words) {
        texts.push_back(word.data());
        lengths.push_back(word.size());
    }
    char *bytes = nullptr;
    int len = redisFormatCommandArgv(&bytes, static_cast<int>(words.size()),
                                     texts.data(), lengths.data());
    if (len < 0) {
        throw std::bad_alloc();
    }
    std::unique_ptr<char, void (*)(char *)> owned(bytes, redisFreeCommand);
    return std::string(bytes, static_cast<size_t>(len));
}

RespReader::RespReader()
    : reader_(redisReaderCreateWithFunctions(&kFunctions)) {
    if (reader_ == nullptr) {
        throw std::bad_alloc();
    }
    reader_->privdata = &items_;
}

RespReader::~RespReader() = default;

void RespReader::Free::operator()(redisReader *reader) const {
    redisReaderFree(reader);
}

void RespReader::feed(std::string_view bytes) {
    if (!trouble_.empty() || bytes.empty()) {
        return;
    }
    held_ += bytes.size();
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) !=
        REDIS_OK) {
        trouble_ = reader_->errstr;
    }
}

std::optional<Reply> RespReader::next() {
    if (!trouble_.empty()) {
        return std::nullopt;
    }
    void *got = nullptr;
    if (redisReaderGetReply(reader_.get(), &got) != REDIS_OK) {
        trouble_ = reader_->err == REDIS_ERR_OOM ? "a reply is too large"
                                                 : reader_->errstr;
        return std::nullopt;
    }
    if (got == nullptr) {
        if (held_ > kMaxBytes) {
            trouble_ = "a reply is too large";
        }
        return std::nullopt;
    }
    items_ = 0;
    held_ = reader_->len - reader_->pos;
    std::unique_ptr<Reply> reply(static_cast<Reply *>(got));
    return std::move(*reply);
}

} // namespace ks::codec
