#include "sql/postgres_run.h"

#include "sql/postgres_values.h"

#include <algorithm>
#include <cstdlib>
#include <libpq-fe.h>

namespace ks::sql {

namespace {

std::string field(const pg_result *result, int code) {
    const char *text = PQresultErrorField(result, code);
    return text != nullptr ? text : "";
}

// "INSERT 0 3" and the like; a SELECT counts rows there, too.
int64_t changed_by(pg_result *result) {
    std::string_view status = PQcmdStatus(result);
    for (const char *word : {"INSERT", "UPDATE", "DELETE", "MERGE"}) {
        if (status.starts_with(word)) {
            return std::strtoll(PQcmdTuples(result), nullptr, 10);
        }
    }
    return 0;
}

} // namespace

PostgresRun::PostgresRun(Batch batch, std::string host, Millis local_timeout)
    : batch_(std::move(batch)), host_(std::move(host)),
      local_timeout_(local_timeout) {
    reads_only_ = std::all_of(batch_.begin(), batch_.end(), [](const Bound &b) {
        return b.statement->access == Access::read;
    });
}

PostgresRun::Next PostgresRun::send(pg_conn *conn, PostgresPrepared &prepared) {
    sent_.clear();
    answered_ = 0;
    bool ok = true;
    switch (step_) {
    case Step::work:
        ok = send_work(conn, prepared);
        break;
    case Step::undo:
        ok = control(conn, "ROLLBACK");
        break;
    case Step::forget:
        ok = control(conn, "DEALLOCATE ALL");
        break;
    }
    if (!ok || PQpipelineSync(conn) != 1) {
        end(lost(PQerrorMessage(conn), host_));
        return Next::done;
    }
    one_by_one(conn);
    return Next::wait;
}

bool PostgresRun::send_work(pg_conn *conn, PostgresPrepared &prepared) {
    if (transaction() && !begun_) {
        begun_ = true;
        if (!control(conn, "BEGIN")) {
            return false;
        }
        std::string limit =
            "SET LOCAL statement_timeout = " + std::to_string(local_timeout_);
        if (local_timeout_ > 0 && !control(conn, limit.c_str())) {
            return false;
        }
    }
    bool look = false;
    while (next_ < batch_.size() && !look) {
        if (!send_statement(conn, next_, prepared)) {
            return false;
        }
        look = transaction() && batch_[next_].expect == Expect::rows;
        next_++;
    }
    if (!look) {
        committed_ = true;
        return !transaction() || control(conn, "COMMIT");
    }
    return true;
}

bool PostgresRun::send_statement(pg_conn *conn, size_t index,
                                 PostgresPrepared &prepared) {
    const Statement &statement = *batch_[index].statement;
    PostgresParams params(batch_[index].params);
    if (statement.name.empty() || local_timeout_ > 0) {
        sent_.push_back({Sent::statement, index});
        return PQsendQueryParams(conn, statement.sql.data(), params.count(),
                                 params.types(), params.values(), nullptr,
                                 nullptr, 0) == 1;
    }
    std::string name(statement.name);
    bool queued = std::any_of(sent_.begin(), sent_.end(), [&](const Sent &s) {
        return s.kind == Sent::prepare &&
               batch_[s.index].statement == &statement;
    });
    if (!prepared.has(&statement) && !queued) {
        sent_.push_back({Sent::prepare, index});
        if (PQsendPrepare(conn, name.c_str(), statement.sql.data(),
                          params.count(), params.types()) != 1) {
            return false;
        }
    }
    sent_.push_back({Sent::statement, index});
    return PQsendQueryPrepared(conn, name.c_str(), params.count(),
                               params.values(), nullptr, nullptr, 0) == 1;
}

bool PostgresRun::control(pg_conn *conn, const char *sql) {
    sent_.push_back({Sent::control, 0});
    return PQsendQueryParams(conn, sql, 0, nullptr, nullptr, nullptr, nullptr,
                             0) == 1;
}

// Rows of a statement that reads come one by one, so that what is too much is
// never in memory.  To be said before its first result is asked for.
void PostgresRun::one_by_one(pg_conn *conn) {
    if (answered_ >= sent_.size()) {
        return;
    }
    const Sent &of = sent_[answered_];
    if (of.kind == Sent::statement &&
        batch_[of.index].statement->access == Access::read) {
        PQsetSingleRowMode(conn);
    }
}

PostgresRun::Next PostgresRun::take(pg_conn *conn, pg_result *result,
                                    PostgresPrepared &prepared) {
    if (result == nullptr) { // ends the results of one message
        answered_++;
        one_by_one(conn);
        return Next::wait;
    }
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        return synced(conn, prepared);
    }
    if (answered_ >= sent_.size()) {
        return Next::wait;
    }
    const Sent &of = sent_[answered_];
    if (status == PGRES_COMMAND_OK && of.kind == Sent::prepare) {
        prepared.add(batch_[of.index].statement);
    } else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
               status == PGRES_SINGLE_TUPLE) {
        take_rows(result, of);
    } else if (status != PGRES_PIPELINE_ABORTED) {
        take_failure(result);
    }
    // The server would send all of it before it hears anything else.
    return cut_ && !transaction() ? Next::done : Next::wait;
}

void PostgresRun::take_rows(const pg_result *result, const Sent &of) {
    if (of.kind != Sent::statement || failure_) {
        return;
    }
    if (outcome_.rows.size() <= of.index) {
        outcome_.rows.resize(of.index + 1);
    }
    Rows &rows = outcome_.rows[of.index];
    bool all = add_rows(result, rows);
    cut_ = cut_ || (!all && !transaction());
    if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
        return;
    }
    rows.set_changed(changed_by(const_cast<pg_result *>(result)));
    if (batch_[of.index].expect == Expect::rows && !rows.any()) {
        outcome_.stopped_at = of.index;
    }
}

void PostgresRun::take_failure(const pg_result *result) {
    if (failure_) {
        return;
    }
    std::string severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity.empty()) { // pgbouncer has the other one, in English
        severity = field(result, PG_DIAG_SEVERITY);
    }
    PostgresReport report{
        field(result, PG_DIAG_SQLSTATE), field(result, PG_DIAG_MESSAGE_PRIMARY),
        field(result, PG_DIAG_MESSAGE_DETAIL),
        field(result, PG_DIAG_TABLE_NAME), severity == "FATAL"};
    if (report.state.empty()) {
        report.message = PQresultErrorMessage(result);
    }
    failure_.emplace(judge(report, host_));
}

PostgresRun::Next PostgresRun::synced(pg_conn *conn,
                                      PostgresPrepared &prepared) {
    bool open = PQtransactionStatus(conn) != PQTRANS_IDLE;
    bool over = failure_ || !outcome_.done() || (called_off_ && !committed_);
    if (step_ == Step::work && !over) {
        return committed_ ? Next::done : Next::send;
    }
    if (step_ == Step::forget) {
        prepared.clear();
    } else if (open) {
        if (step_ == Step::undo) { // cannot be undone: away with it
            failure_.emplace(lost("a transaction does not end", host_));
            return Next::done;
        }
        step_ = Step::undo;
        return Next::send;
    }
    if (!failure_ || failure_->broken || called_off_ || tries_ >= kMaxTries) {
        return Next::done;
    }
    if (failure_->forgotten && step_ != Step::forget) {
        step_ = Step::forget;
        return Next::send;
    }
    return failure_->collided || failure_->forgotten ? again(Step::work)
                                                     : Next::done;
}

PostgresRun::Next PostgresRun::again(Step step) {
    tries_++;
    step_ = step;
    next_ = 0;
    begun_ = committed_ = false;
    outcome_ = Outcome();
    failure_.reset();
    return Next::send;
}

bool PostgresRun::may_be_done() const {
    // libpq may have handed the loss out as a result before.
    bool refused = failure_ && !failure_->broken;
    return committed_ && !reads_only_ && !refused;
}

bool PostgresRun::call_off() {
    called_off_ = true;
    return may_be_done();
}

void PostgresRun::end(PostgresFailure failure) {
    uncertain_ = may_be_done();
    if (!failure_) {
        failure_.emplace(std::move(failure));
    }
    failure_->broken = true;
}

Result<Outcome> PostgresRun::result() {
    if (failure_) {
        return std::move(failure_->error);
    }
    if (!outcome_.done()) {
        outcome_.rows.clear();
    } else {
        outcome_.rows.resize(batch_.size());
    }
    return std::move(outcome_);
}

} // namespace ks::sql
