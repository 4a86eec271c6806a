// authorize(): the facts gathered for decide(), from shared memory when they
// are there.  Every protocol asks here; nobody else decides.
#pragma once

#include "model/policy.h"
#include "rt/task.h"
#include "store/store.h"

#include <string>
#include <string_view>

namespace ks::gate {

// Who asks for what.  Views: see OwnedQuestion for what may wait.
struct Question {
    model::Action action = model::Action::play;
    model::Protocol protocol = model::Protocol::hls;
    std::string_view stream;     // its id; empty: the token names it
    std::string_view credential; // as presented, may be junk; empty: none
    std::string_view client_ip;
    std::string_view origin;
    bool in_session = false;
    bool again = false; // asked before of the same arrival; see confirm()
};

struct Decision {
    model::Verdict verdict;
    model::StreamFacts stream;
    model::TokenFacts token;
    Id publisher;     // that was there when this was decided; may be replaced
    int64_t term = 0; // of the claim that it had, among hosts
    Fixed<31> node;   // SRS node that has the live stream, if one has

    bool allowed() const { return verdict.allowed(); }
};

class Access {
  public:
    Access(store::Store &store, zone::Zone &zone, rt::Loop &loop)
        : store_(store), zone_(zone), loop_(loop) {}

    // From shared memory alone; false when a fact is missing there.
    bool warm(const Question &question, Decision &decision);

    // The same, asking the store for what is missing.  The question's text is
    // copied before anything waits.
    rt::Task<Decision> authorize(Question question);

    // Once more for who was let in and then had to wait for something: nobody
    // ends a session that is not there yet when its token is revoked.  What it
    // says is true in the step in which it is awaited.
    rt::Task<model::Verdict> confirm(Question question);

    // Counts one use of a token that allows so many: only success spends it.
    rt::Task<Result<void>> spend(model::TokenFacts token);
    // Gives it back: what it was taken for did not come about.  Belongs to the
    // worker, not to the request.
    void unspend(const model::TokenFacts &token);

  private:
    // With decision.stream and decision.token filled in.
    void judge(const Question &question, bool has_credential,
               Decision &decision);
    // Without them.
    void refuse(const Question &question, const Error &error,
                Decision &decision);

    rt::Task<void> give_back(Id token);

    store::Store &store_;
    zone::Zone &zone_;
    rt::Loop &loop_;
};

// What a refusal tells the person who was refused.
std::string explain(Code code, std::string_view stream);

} // namespace ks::gate
