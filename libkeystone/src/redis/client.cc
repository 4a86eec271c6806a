#include "redis/client.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace ks::redis {

using codec::Reply;

namespace {

// So long a refusal (out of memory, say) shows in health().
constexpr Millis kShowRefusal = 5 * kSecond;

constexpr const char *kAway = "Redis is away.";
constexpr const char *kFull = "Too much is asked of Redis.";

Error error_of(const Reply &reply) {
    std::string trouble = trouble_of(reply);
    if (trouble.empty()) {
        return Error(Code::internal, "Redis refuses a command: " +
                                         std::string(reply.error_name()));
    }
    return Error(Code::store_unavailable, "Redis " + trouble + '.');
}

} // namespace

Script::Script(std::string_view text) : text_(text) {
    Sha1 digest = sha1(text);
    sha_ = hex_encode(digest);
}

// The wait for one reply.
class Client::Call : public rt::Op {
  public:
    Call(Client &client, const Words &words) : client_(client), words_(words) {}
    ~Call() override {
        if (waits_) {
            client_.pending_[number_ - client_.first_].call = nullptr;
        }
    }

    bool await_ready() {
        number_ = client_.first_ + client_.pending_.size();
        const char *why = client_.enqueue(words_, this);
        waits_ = why == nullptr;
        if (!waits_) {
            Code code =
                why == kFull ? Code::overloaded : Code::store_unavailable;
            outcome_.emplace(Error(code, why));
        }
        return !waits_;
    }
    Result<Reply> await_resume() { return std::move(*outcome_); }

    void answered(Result<Reply> outcome) {
        waits_ = false;
        outcome_.emplace(std::move(outcome));
        complete();
    }

  private:
    Client &client_;
    const Words &words_;
    uint64_t number_ = 0;
    bool waits_ = false;
    std::optional<Result<Reply>> outcome_;
};

Client::Client(Options options) : link_(std::move(options), *this) {}

Client::~Client() { link_down(); }

Health Client::health() const {
    Health health = link_.health();
    if (health.usable && !refusal_.empty() &&
        rt::Loop::current().now() - refused_at_ < kShowRefusal) {
        health.trouble = refusal_;
    }
    return health;
}

rt::Task<Result<Reply>> Client::call(Words words) {
    Call wait(*this, words);
    auto reply = co_await wait;
    if (reply && reply->is_error()) {
        co_return error_of(*reply);
    }
    co_return reply;
}

rt::Task<Result<Reply>> Client::run(const Script &script, size_t keys,
                                    Words args) {
    Words words = {"EVALSHA", script.sha(), std::to_string(keys)};
    words.insert(words.end(), std::make_move_iterator(args.begin()),
                 std::make_move_iterator(args.end()));
    Call known(*this, words);
    auto reply = co_await known;
    if (reply && reply->error_name() == "NOSCRIPT") {
        words[0] = "EVAL";
        words[1] = script.text();
        Call whole(*this, words);
        reply = co_await whole;
    }
    if (reply && reply->is_error()) {
        co_return error_of(*reply);
    }
    co_return reply;
}

bool Client::tell(Words words) { return enqueue(words, nullptr) == nullptr; }

const char *Client::enqueue(const Words &words, Call *call) {
    if (!link_.up()) {
        return kAway;
    }
    if (pending_.size() >= kMaxPending ||
        unsent_.size() + link_.unsent() >= kMaxUnsent) {
        return kFull;
    }
    rt::Loop &loop = rt::Loop::current();
    unsent_ += codec::resp_command(words);
    Millis due = loop.now() + link_.options().timeout;
    pending_.push_back({call, due});
    if (!deadline_.armed()) {
        deadline_.arm_at(due);
    }
    loop.ready(*this);
    return nullptr;
}

void Client::fire() {
    if (link_.up()) {
        link_.send(unsent_);
    }
    unsent_.clear();
}

void Client::link_up() {
    generation_++;
    idle_.arm_in(kPingEvery);
}

void Client::link_reply(Reply reply) {
    idle_.arm_in(kPingEvery);
    if (pending_.empty()) {
        return link_.drop("answers what nobody asked");
    }
    Call *call = pending_.front().call;
    pending_.pop_front();
    first_++;
    if (pending_.empty()) {
        deadline_.disarm();
    } else {
        deadline_.arm_at(pending_.front().due);
    }
    judge(reply);
    if (call != nullptr) {
        call->answered(std::move(reply));
    }
}

void Client::judge(const Reply &reply) {
    if (!reply.is_error() || reply.error_name() == "NOSCRIPT") {
        return;
    }
    std::string trouble = trouble_of(reply);
    if (trouble.empty()) {
        trouble = "refuses a command: " + std::string(reply.error_name());
    }
    if (is_hopeless(reply)) {
        return link_.drop(std::move(trouble));
    }
    refusal_ = std::move(trouble);
    refused_at_ = rt::Loop::current().now();
    link_.complain(refusal_);
}

void Client::link_down() {
    deadline_.disarm();
    idle_.disarm();
    unsent_.clear();
    while (!pending_.empty()) {
        Call *call = pending_.front().call;
        pending_.pop_front();
        first_++;
        if (call != nullptr) {
            call->answered(Error(Code::store_unavailable, kAway));
        }
    }
}

void Client::late() {
    link_.catch_up();
    if (link_.up() && !pending_.empty() &&
        pending_.front().due <= rt::Loop::current().now()) {
        link_.drop("does not answer");
    }
}

void Client::idle() {
    if (pending_.empty()) {
        tell({"PING"});
    }
    idle_.arm_in(kPingEvery);
}

} // namespace ks::redis
