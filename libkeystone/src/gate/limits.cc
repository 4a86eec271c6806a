#include "gate/limits.h"

#include <string>

namespace ks::gate {

namespace {

struct Default {
    std::string_view name;
    conf::RateLimit rate;
};

constexpr Default kDefaults[] = {
    {limit::kRegister, {30, kMinute, 30}}, {limit::kLogin, {60, kMinute, 30}},
    {limit::kRefresh, {120, kMinute, 60}}, {limit::kToken, {600, kMinute, 300}},
    {limit::kWhip, {600, kMinute, 300}},   {limit::kWhep, {1200, kMinute, 600}},
    {limit::kSession, {50, kSecond, 500}}, {limit::kPlay, {1200, kMinute, 600}},
    {limit::kRtmp, {600, kMinute, 300}},
};

conf::RateLimit rate_of(const conf::Config &config, std::string_view name) {
    auto found = config.rate_limits.find(name);
    if (found != config.rate_limits.end()) {
        return found->second;
    }
    for (const Default &d : kDefaults) {
        if (d.name == name) {
            return d.rate;
        }
    }
    return {};
}

zone::Rate rate_of(const conf::RateLimit &limit) {
    zone::Rate rate;
    rate.interval_us = limit.per * 1000 / limit.count;
    rate.burst = limit.burst;
    return rate;
}

} // namespace

std::optional<Limited> Limits::limit_of(std::string_view name) const {
    Limited limited;
    limited.name = name;
    limited.rate = rate_of(config_, name);
    if (config_.rate_limits_off || limited.rate.count == 0) {
        return std::nullopt;
    }
    return limited;
}

std::optional<Limited> Limits::refused(Limited limited, Millis wait) {
    if (wait == 0) {
        return std::nullopt;
    }
    zone_.counters().add(zone::Counter::rate_limited);
    limited.retry_after_s = static_cast<int>((wait + kSecond - 1) / kSecond);
    return limited;
}

std::optional<Limited> Limits::hit(std::string_view name, std::string_view who,
                                   Millis now) {
    auto limit = limit_of(name);
    if (!limit) {
        return std::nullopt;
    }
    zone::Rate rate = rate_of(limit->rate);
    Millis wait = zone_.allow(name, who, now, rate);
    if (wait == 0 && rates_ != nullptr) {
        rates_->count(name, who, rate);
    }
    return refused(*limit, wait);
}

std::optional<Limited> Limits::full(std::string_view name, std::string_view who,
                                    Millis now) {
    auto limit = limit_of(name);
    if (!limit) {
        return std::nullopt;
    }
    return refused(*limit, zone_.wait(name, who, now, rate_of(limit->rate)));
}

void add_limit_headers(const Limited &limited, codec::Response &response) {
    std::string policy;
    policy.append("\"").append(limited.name).append("\"");
    std::string state = policy;
    std::string seconds = std::to_string(limited.retry_after_s);
    policy.append(";q=").append(std::to_string(limited.rate.count));
    policy.append(";w=").append(std::to_string(limited.rate.per / kSecond));
    state.append(";r=0;t=").append(seconds);
    response.set("Retry-After", seconds);
    response.set("RateLimit-Policy", policy);
    response.set("RateLimit", state);
}

} // namespace ks::gate
