// What this host tells the others of its streams.
#include "gate/hosts.h"

#include <algorithm>
#include <utility>

namespace ks::gate {

using zone::LiveRecord;

Hosts::Told Hosts::told_of(const zone::Remote &row) {
    return {row.term,       row.live.publisher,
            row.live.node,  row.live.media_at != 0,
            row.is_claim(), row.live.window_until};
}

std::vector<store::LiveRow> Hosts::news() {
    WallMs now = loop_.wall();
    std::vector<store::LiveRow> rows;
    telling_++;
    zone_.live().each(now, [&](const Id &stream, const LiveRecord &r) {
        bool waits = r.live.window_until > now;
        auto known = told_.find(stream.view());
        if (!r.host.empty()) {
            if (known != told_.end()) {
                told_.erase(known);
            }
            return;
        }
        if (known != told_.end()) {
            known->second.seen = telling_;
        }
        if (r.term == 0) {
            return;
        }
        store::LiveRow row;
        row.host = self();
        row.term = r.term;
        row.live = r.live;
        row.live.window_until = waits ? r.live.window_until : 0;
        row.window_seconds = r.window_seconds;
        row.publisher.id = r.live.publisher;
        if (row.is_claim()) { // what is in the zone is open
            row.live.started_at = now;
        }
        Told told = told_of(row);
        if (known == told_.end() || !(known->second.told == told)) {
            rows.push_back(row);
        }
    });
    for (auto it = told_.begin(); it != told_.end();) {
        const Known &known = it->second;
        if (known.seen == telling_) {
            ++it;
            continue;
        }
        if (known.told.session.empty() && known.told.window_until == 0) {
            it = told_.erase(it);
            continue;
        }
        store::LiveRow row; // it is over, and its record is gone
        row.host = self();
        row.term = known.told.term;
        row.live.stream_id = Id(it->first);
        rows.push_back(row);
        ++it;
    }
    if (rows.size() > store::LiveMap::kMaxBatch) {
        rows.resize(store::LiveMap::kMaxBatch);
    }
    for (store::LiveRow &row : rows) {
        auto session = sessions_.table().find(row.publisher.id, now);
        if (session) {
            row.publisher = *session;
        }
    }
    // The same order at all hosts, so that no two wait for each other.
    std::sort(rows.begin(), rows.end(), [](const auto &a, const auto &b) {
        return a.live.stream_id.view() < b.live.stream_id.view();
    });
    return rows;
}

rt::Task<void> Hosts::tell() {
    std::vector<store::LiveRow> rows = news();
    if (rows.empty()) {
        co_return;
    }
    drop_ended(rows);
    std::vector<store::LiveRow> sent = rows;
    auto told = co_await store_.live().tell(std::move(sent));
    sound(told.ok());
    if (!told) {
        co_return;
    }
    std::vector<Id> unheard;
    for (size_t i = 0; i < rows.size(); i++) {
        const store::LiveRow &r = rows[i];
        if (!(*told)[i]) {
            unheard.push_back(r.live.stream_id);
        }
        // Whatever becomes of what was not heard is told anew.
        told_[r.live.stream_id.str()].told = told_of(r);
    }
    if (unheard.size() < rows.size()) {
        call();
    }
    auto work = settle_unheard(std::move(unheard));
    co_await std::move(work);
}

// Another host claimed them since.
rt::Task<void> Hosts::settle_unheard(std::vector<Id> streams) {
    for (const Id &stream : streams) {
        Id id = stream;
        auto rows = co_await store_.live().one(id);
        if (rows && !rows->empty()) {
            apply(rows->front());
        }
    }
}

rt::Task<void> Hosts::count() {
    WallMs now = loop_.wall();
    Names here;
    zone_.live().each(now, [&](const Id &stream, const LiveRecord &r) {
        int32_t n = r.live.viewers - r.elsewhere;
        if (n > 0) {
            here[stream.str()] = n;
        }
    });
    std::vector<store::Audience> rows;
    for (const auto &[stream, n] : here) {
        auto known = counted_.find(stream);
        if (known == counted_.end() || known->second != n) {
            rows.push_back({Id(stream), self(), n});
        }
    }
    for (const auto &[stream, n] : counted_) {
        if (here.find(stream) == here.end()) {
            rows.push_back({Id(stream), self(), 0});
        }
    }
    auto at = rows.begin();
    while (at != rows.end()) { // all: the last ones change as often
        auto n = std::min<std::ptrdiff_t>(store::LiveMap::kMaxBatch,
                                          rows.end() - at);
        std::vector<store::Audience> some(at, at + n);
        std::vector<store::Audience> sent = some;
        auto done = co_await store_.live().count(std::move(sent));
        sound(done.ok());
        if (!done) {
            co_return;
        }
        for (const store::Audience &a : some) {
            if (a.viewers > 0) {
                counted_[a.stream.str()] = a.viewers;
            } else {
                counted_.erase(a.stream.str());
            }
        }
        at += n;
    }
}

} // namespace ks::gate
