// Commands to a Redis over one connection, all in a pipeline.
//
// Nobody waits for a Redis that is not there: while there is no connection a
// command fails at once, and an answer that does not come within the time of
// one command ends the connection, because all behind it would wait, too.
// Nothing is sent again by itself: a command that failed may have been done.
#pragma once

#include "redis/link.h"
#include "rt/task.h"

#include <deque>
#include <span>
#include <string>
#include <vector>

namespace ks::redis {

using Words = std::vector<std::string>;

// Known to Redis by its SHA-1, sent whole when it is not.  Lives as long as the
// process.
class Script {
  public:
    explicit Script(std::string_view text);
    const std::string &text() const { return text_; }
    const std::string &sha() const { return sha_; }

  private:
    std::string text_;
    std::string sha_;
};

class Client : private Link::Owner, private rt::Ready {
  public:
    static constexpr size_t kMaxPending = 4000;
    static constexpr size_t kMaxUnsent = size_t{1} << 20;
    static constexpr Millis kPingEvery = 5 * kSecond; // when nothing is asked

    explicit Client(Options options);
    ~Client() override;

    void start() { link_.start(); }
    bool usable() const { return link_.up(); }
    // Grows with every connection.
    uint64_t generation() const { return generation_; }
    // Redis's clock when the present one was made, microseconds.
    int64_t opened_at() const { return link_.opened_at(); }
    Health health() const;
    std::string address() const { return link_.address(); }

    // store_unavailable: no connection, too late, or Redis says that it cannot;
    // overloaded: too much is pending; internal: it refuses this command.
    rt::Task<Result<codec::Reply>> call(Words words);
    // `args`: the keys, then the rest.
    rt::Task<Result<codec::Reply>> run(const Script &script, size_t keys,
                                       Words args);
    // Nobody waits.  False: it was not even sent.
    bool tell(Words words);

    size_t pending() const { return pending_.size(); }

  private:
    class Call;
    struct Pending {
        Call *call; // null: nobody waits any more; the reply is dropped
        Millis due;
    };
    class Deadline : public rt::Timer {
      public:
        explicit Deadline(Client &client) : client_(client) {}

      private:
        void expired() override { client_.late(); }
        Client &client_;
    };
    class Idle : public rt::Timer {
      public:
        explicit Idle(Client &client)
            : rt::Timer(rt::Hold::none), client_(client) {}

      private:
        void expired() override { client_.idle(); }
        Client &client_;
    };

    void link_up() override;
    void link_reply(codec::Reply reply) override;
    void link_down() override;
    void fire() override; // writes what this turn of the loop has asked

    // Null: it is on its way.
    const char *enqueue(const Words &words, Call *call);
    void judge(const codec::Reply &reply);
    void late();
    void idle();

    Link link_;
    std::string unsent_; // of this turn
    std::deque<Pending> pending_;
    uint64_t first_ = 0; // the number of pending_[0]
    uint64_t generation_ = 0;
    Deadline deadline_{*this};
    Idle idle_{*this};
    // What Redis says of itself while it answers.
    std::string refusal_;
    Millis refused_at_ = 0;
};

} // namespace ks::redis
