#include "redis/subscriber.h"

namespace ks::redis {

using codec::Reply;

Subscriber::Subscriber(Options options, std::string channel)
    : channel_(std::move(channel)), link_(std::move(options), *this) {
    link_.quiet = true; // the client beside it says the same
}

void Subscriber::link_up() {
    const std::string words[] = {"SUBSCRIBE", channel_};
    link_.send(codec::resp_command(words));
    asked_ = true;
    watch_.arm_in(link_.options().timeout);
}

void Subscriber::link_reply(Reply reply) {
    asked_ = false;
    watch_.arm_in(kPingEvery);
    if (reply.is_error()) {
        std::string trouble = trouble_of(reply);
        link_.quiet = false; // the client beside it may lack no right
        return link_.drop(trouble.empty() ? "refuses SUBSCRIBE" : trouble);
    }
    if (reply.items.size() != 3) {
        return; // to PING
    }
    std::string_view what = reply.items[0].text;
    if (what == "subscribe") {
        set_up(true);
    } else if (what == "message" && reply.items[1].text == channel_ && heard) {
        heard(reply.items[2].text);
    }
}

void Subscriber::link_down() {
    watch_.disarm();
    set_up(false);
}

// A connection that is silently gone looks like one where nobody speaks.
void Subscriber::silent() {
    if (asked_) {
        link_.catch_up();
        if (asked_ && link_.up()) {
            link_.drop("does not answer");
        }
        return;
    }
    const std::string words[] = {"PING"};
    link_.send(codec::resp_command(words));
    asked_ = true;
    watch_.arm_in(link_.options().timeout);
}

void Subscriber::set_up(bool up) {
    bool news = up != up_;
    up_ = up;
    if (news && changed) {
        changed(up);
    }
}

} // namespace ks::redis
