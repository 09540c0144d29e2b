// Taking quarantined input in again, reading single events, and copying the store.
#include <fmt/format.h>

#include <functional>

#include "app/hub.hpp"
#include "base/log.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

// A resubmission under way: entries are taken in one after the other, so that their order in the log is theirs in the
// list.
struct ResubmitRun {
  std::vector<api::Resubmission> entries;
  std::vector<api::ResubmitOutcome> outcomes;
  api::Hub::ResubmitCallback done;
};

}  // namespace

void Hub::resubmit(std::vector<api::Resubmission> entries, base::Loop& reply_on, ResubmitCallback done) {
  auto run = std::make_shared<ResubmitRun>();
  run->entries = std::move(entries);
  run->done = std::move(done);
  net::IoLoop& loop = io_loop(reply_on);
  // Shared by the callbacks, ended by resetting itself.
  auto next = std::make_shared<std::function<void()>>();
  const auto finish_entry = [run, next](api::ResubmitOutcome outcome) {
    run->outcomes.push_back(std::move(outcome));
    (*next)();
  };
  *next = [this, run, next, finish_entry, &loop] {
    if (run->outcomes.size() == run->entries.size()) {
      loop.post([run, next] {
        *next = nullptr;
        run->done(std::move(run->outcomes));
      });
      return;
    }
    const api::Resubmission& entry = run->entries[run->outcomes.size()];
    engine_->quarantine_list({entry.id - 1, 1}, loop, [this, run, finish_entry, &loop, id = entry.id](auto listed) {
      if (!listed.ok()) return finish_entry({id, {}, listed.error()});
      if (listed->empty() || (*listed)[0].id != id)
        return finish_entry({id, {}, Error{Errc::not_found, "not in the quarantine"}});
      const engine::Quarantined& stored = (*listed)[0];
      const auto& replacement = run->entries[run->outcomes.size()].bytes;
      source::Ingest::Decoded decoded = ingest_.load()->decode(loop, replacement ? *replacement : stored.bytes,
                                                               stored.source_name, stored.content_type, false);
      for (const engine::PublishItem& item : decoded.items) {
        if (const auto* still = std::get_if<engine::Quarantined>(&item)) {
          return finish_entry({id, {}, Error{Errc::invalid, fmt::format("{}: {}", still->reason, still->detail)}});
        }
      }
      if (decoded.items.empty()) return finish_entry({id, {}, Error{Errc::invalid, "holds no event"}});
      engine_->publish(
          std::move(decoded.items), loop, [this, finish_entry, &loop, id](std::vector<engine::PublishResult> results) {
            for (const engine::PublishResult& result : results) {
              if (result.error) return finish_entry({id, {}, *result.error});
            }
            engine_->quarantine_remove({id}, loop, [finish_entry, id, results](const Result<void>& removed) {
              if (!removed.ok()) return finish_entry({id, {}, removed.error()});
              finish_entry({id, results, std::nullopt});
            });
          });
    });
  };
  loop.post([next] { (*next)(); });
}

void Hub::read_record(base::Sequence sequence, base::Loop& reply_on, RecordCallback done) {
  if (aws_ != nullptr) return aws_->read_record(sequence, reply_on, std::move(done));
  embedded_->read_record(sequence, reply_on, std::move(done));
}

void Hub::backup(std::string directory, base::Loop& reply_on, BackupCallback done) {
  if (embedded_ == nullptr) {
    return reply_on.post([done = std::move(done)]() mutable {
      done(Error{Errc::unsupported,
                 "workers on AWS keep nothing: the table has point-in-time recovery, and on-demand "
                 "backups of DynamoDB"});
    });
  }
  embedded_->backup(std::move(directory), reply_on, [done = std::move(done)](Result<queue::BackupReport> made) mutable {
    if (!made.ok()) return done(made.error());
    base::log::info("backup made", "directory", made->directory, "end", made->end.value, "bytes", made->bytes);
    done(api::BackupInfo{std::move(made->directory), made->end, made->bytes});
  });
}

}  // namespace trunkline::app
