#include "operation/operations.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/log.hpp"

namespace trunkline::operation {

using base::Errc;
using base::Error;
using base::OperationId;
using base::Result;

namespace {

const std::string kOwner = "operations";
constexpr std::string_view kPrefix = "operation/";
constexpr std::size_t kLookAt = 5'000;  // of the log in one step: some 20 ms of reading
constexpr std::size_t kPreviewLookAt = 20'000;
constexpr std::size_t kPreviewTypesMax = 100;
constexpr std::string_view kItself = "the hub";

std::string key_of(OperationId id) {
  return fmt::format("{}{:020}", kPrefix, id.value);
}

// What a later try may get past: the store is being reopened, the queue is starting.
bool passes(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::cancelled || error.code == Errc::timeout ||
         error.code == Errc::disk_full;
}

std::string counts(const engine::OperationTally& tally) {
  return fmt::format("{} given, {} delivered, {} failed again", tally.given, tally.delivered, tally.failed);
}

template <class Done, class Value>
void reply(base::Loop& loop, Done done, Value value) {
  loop.post([done = std::move(done), value = std::move(value)]() mutable { done(std::move(value)); });
}

}  // namespace

std::string_view name(Command command) {
  switch (command) {
    case Command::pause:
      return "pause";
    case Command::resume:
      return "resume";
    case Command::cancel:
      return "cancel";
  }
  return "unknown";
}

Operations::Operations(engine::Engine& engine, History& history, base::Loop& loop, OperationsOptions options)
    : engine_(engine),
      history_(history),
      loop_(loop),
      options_(options),
      audit_(options.audit),
      life_(std::make_shared<Life>()) {
  life_->self = this;
}

Operations::~Operations() {
  life_->self = nullptr;
}

// ---- life of the object

namespace {

// Entries beside those of other processes: their numbers begin at the time, of which a millisecond has 4,096.
std::uint64_t first_entry(base::WallTime now) {
  return static_cast<std::uint64_t>(now.time_since_epoch().count()) << 12;
}

}  // namespace

Result<void> Operations::load() {
  TRUNKLINE_TRY(auto stored, engine_.list_state(kOwner));
  const auto capabilities = engine_.capabilities();
  if (std::ranges::find(capabilities, engine::Capability::operations) == capabilities.end()) {
    // An engine that several processes share. This entry is not kept: it only lets the numbers begin there.
    AuditEntry began;
    began.id = first_entry(loop_.clock().wall());
    began.at = loop_.clock().wall();
    began.by = "trunkline";
    began.action = "worker.began";
    stored[fmt::format("{}{:020}", Audit::key_prefix, began.id)] = encode(began);
  }
  std::size_t unknown = audit_.load(stored);
  for (const auto& [key, bytes] : stored) {
    if (!key.starts_with(kPrefix)) continue;
    auto operation = decode(bytes);
    if (!operation.ok()) {
      ++unknown;
      continue;
    }
    next_ = std::max(next_, operation->id.value + 1);
    entries_[operation->id].operation = std::move(*operation);
  }
  if (unknown > 0) base::log::warn("records of operations do not decode and are left alone", "count", unknown);
  return {};
}

void Operations::run() {
  on_loop([](Operations& self) {
    self.running_ = true;
    for (auto& [id, entry] : self.entries_) {
      // Its end may not have come to the queue before the process died.
      if (!self.live(entry)) self.release(id);
    }
    self.tick();
  });
}

void Operations::stop() {
  running_ = false;
  life_->self = nullptr;
}

Operations::Entry* Operations::find(OperationId id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

// ---- start

Result<void> Operations::admit(const Request& request) const {
  std::size_t all = 0;
  std::size_t here = 0;
  for (const auto& [id, entry] : entries_) {
    if (!live(entry)) continue;
    ++all;
    if (entry.operation.request.queue == request.queue) ++here;
  }
  if (here >= options_.live_per_consumer_max || all >= options_.live_max) {
    return {Errc::overloaded, fmt::format("{} operations of '{}' and {} in all have not ended; cancel one first", here,
                                          request.consumer, all)};
  }
  return {};
}

void Operations::start(Request request, base::Loop& reply_on, Callback done) {
  on_loop([request = std::move(request), &reply_on, done = std::move(done)](Operations& self) mutable {
    if (const auto admitted = self.admit(request); !admitted.ok())
      return reply(reply_on, std::move(done), Result<Operation>(admitted.error()));
    Operation operation;
    operation.created_at = operation.changed_at = self.loop_.clock().wall();
    operation.request = std::move(request);
    if (operation.request.kind == Kind::replay) {
      const ReplayRange range = operation.request.range;
      return self.history_.range(
          range.from, range.to, self.loop_,
          self.guarded([operation = std::move(operation), &reply_on, done = std::move(done)](
                           Operations& there, Result<std::pair<base::Sequence, base::Sequence>> found) mutable {
            if (!found.ok()) return reply(reply_on, std::move(done), Result<Operation>(found.error()));
            operation.request.range.first = found->first;
            operation.request.range.last = found->second;
            if (found->first > found->second)
              return reply(reply_on, std::move(done),
                           Result<Operation>(Errc::not_found, "the log holds no event of these times (any more)"));
            there.begin(std::move(operation), reply_on, std::move(done));
          }));
    }
    // What becomes a dead letter later is not meant, above all not what fails again.
    auto& before = operation.request.filter.since_before;
    before = std::min(before.value_or(base::WallTime::max()), operation.created_at + base::Millis(1));
    const engine::RedriveFilter filter = operation.request.filter;
    const base::QueueId queue = operation.request.queue;
    self.engine_.summarize_dead_letters(
        queue, filter, self.loop_,
        self.guarded([operation = std::move(operation), &reply_on, done = std::move(done)](
                         Operations& there, Result<engine::DeadLetterSummary> summary) mutable {
          if (!summary.ok()) return reply(reply_on, std::move(done), Result<Operation>(summary.error()));
          operation.total = summary->total;
          if (summary->total == 0)
            return reply(reply_on, std::move(done), Result<Operation>(Errc::not_found, "no dead letter matches"));
          there.begin(std::move(operation), reply_on, std::move(done));
        }));
  });
}

void Operations::begin(Operation operation, base::Loop& reply_on, Callback done) {
  operation.id = {next_++};
  Entry& entry = entries_[operation.id];
  entry.operation = operation;
  entry.busy = true;
  const Request& request = operation.request;
  AuditEntry audit;
  audit.by = request.by;
  audit.action = name(request.kind);
  audit.consumer = request.consumer;
  audit.operation = operation.id;
  audit.what = describe(request);
  audit.outcome = "begun";
  save(operation, std::move(audit),
       guarded([operation, &reply_on, done = std::move(done)](Operations& self, Result<void> saved) mutable {
         if (!saved.ok()) {
           self.entries_.erase(operation.id);
           return reply(reply_on, std::move(done), Result<Operation>(saved.error()));
         }
         base::log::info("operation begins", "id", operation.id.value, "kind", name(operation.request.kind), "consumer",
                         operation.request.consumer, "by", operation.request.by);
         reply(reply_on, std::move(done), Result<Operation>(operation));
         if (Entry* there = self.find(operation.id)) there->busy = false;
         self.tick();
       }));
}

void Operations::save(const Operation& operation, std::optional<AuditEntry> audit, engine::DoneCallback done) {
  std::vector<engine::Engine::StateWrite> writes;
  writes.push_back({key_of(operation.id), encode(operation)});
  if (audit) audit_.add(std::move(*audit), loop_.clock().wall(), writes);
  prune(writes);
  engine_.update_state(kOwner, std::move(writes), loop_, std::move(done));
}

void Operations::prune(std::vector<engine::Engine::StateWrite>& writes) {
  for (auto at = entries_.begin(); at != entries_.end() && entries_.size() > options_.kept_max;) {
    if (live(at->second) || at->second.busy) {
      ++at;
      continue;
    }
    writes.push_back({key_of(at->first), std::nullopt});
    at = entries_.erase(at);
  }
}

// ---- from step to step

void Operations::arm() {
  if (armed_ || !running_) return;
  const bool wanted = std::ranges::any_of(entries_, [this](const auto& entry) {
    return live(entry.second) &&
           (entry.second.operation.state == State::running || entry.second.operation.tally.open() > 0);
  });
  if (!wanted) return;
  armed_ = true;
  loop_.after(options_.tick, guarded([](Operations& self) {
                self.armed_ = false;
                self.tick();
              }));
}

void Operations::tick() {
  if (!running_) return;
  for (auto& [id, entry] : entries_) {
    const bool wanted = entry.operation.state == State::running || entry.operation.tally.open() > 0;
    if (live(entry) && !entry.busy && wanted) poll(entry);
  }
  arm();
}

void Operations::poll(Entry& entry) {
  entry.busy = true;
  const OperationId id = entry.operation.id;
  engine_.operation_tally(
      entry.operation.request.queue, id, loop_,
      guarded([id](Operations& self, const Result<engine::StepResult>& tally) { self.advance(id, tally); }));
}

void Operations::advance(OperationId id, const Result<engine::StepResult>& tally) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  entry->busy = false;
  if (!tally.ok()) {
    if (tally.error().code == Errc::not_found)
      change(*entry, State::cancelled, "its consumer has been removed", std::string(kItself), nullptr, {});
    return;
  }
  Operation& operation = entry->operation;
  const base::MonoTime now = loop_.clock().mono();
  operation.tally = tally->tally;
  if (operation.state != State::running) return;
  if (!entry->ramp) {
    entry->ramp.emplace(RampOptions{operation.request.rate, operation.request.stop_share}, operation.tally, now);
    // Before anything is looked for: from here on the sweep leaves the history alone.
    if (operation.request.kind == Kind::replay) return give_found(id, History::Found{});
  }
  entry->ramp->observe(operation.tally, now);
  operation.rate_now = entry->ramp->rate();
  if (const auto reason = entry->ramp->stop_reason())
    return change(*entry, State::stopped, *reason, std::string(kItself), nullptr, {});
  if (entry->read_all) {
    if (operation.tally.open() == 0)
      change(*entry, State::done, counts(operation.tally), std::string(kItself), nullptr, {});
    return;
  }
  if (const std::size_t count = entry->ramp->allowance(now); count > 0) give(*entry, count);
}

void Operations::give(Entry& entry, std::size_t count) {
  entry.busy = true;
  const OperationId id = entry.operation.id;
  const Request& request = entry.operation.request;
  if (request.kind == Kind::redrive) {
    engine_.redrive_step(
        request.queue, {id, request.filter, count}, loop_,
        guarded([id](Operations& self, const Result<engine::StepResult>& step) { self.gave(id, step); }));
    return;
  }
  const base::Sequence after = std::max(entry.operation.tally.reached, base::Sequence{request.range.first.value - 1});
  history_.find(request, after, {kLookAt, count}, loop_,
                guarded([id](Operations& self, const Result<History::Found>& found) { self.give_found(id, found); }));
}

void Operations::give_found(OperationId id, const Result<History::Found>& found) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  entry->busy = false;
  if (entry->operation.state != State::running) return;
  if (!found.ok()) {
    if (!passes(found.error())) change(*entry, State::stopped, found.error().detail, std::string(kItself), nullptr, {});
    return;
  }
  entry->busy = true;
  const ReplayRange& range = entry->operation.request.range;
  engine::ReplayStep step{id, found->sequences, std::max(found->reached, base::Sequence{range.first.value - 1}),
                          range.last};
  engine_.replay_step(entry->operation.request.queue, std::move(step), loop_,
                      guarded([id](Operations& self, const Result<engine::StepResult>& done) { self.gave(id, done); }));
}

void Operations::gave(OperationId id, const Result<engine::StepResult>& step) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  entry->busy = false;
  if (!step.ok()) {
    if (!passes(step.error()) && entry->operation.state == State::running)
      change(*entry, State::stopped, step.error().detail, std::string(kItself), nullptr, {});
    return;
  }
  Operation& operation = entry->operation;
  const std::uint64_t given = step->tally.given - std::min(step->tally.given, operation.tally.given);
  operation.tally = step->tally;
  if (entry->ramp) entry->ramp->gave(given);
  entry->read_all =
      operation.request.kind == Kind::redrive ? step->ended : operation.tally.reached >= operation.request.range.last;
}

// ---- states

// Written first, then so: what is said is on disk.
void Operations::change(Entry& entry, State state, std::string reason, const std::string& by, base::Loop* reply_on,
                        Callback done) {
  entry.busy = true;
  Operation next = entry.operation;
  next.state = state;
  next.reason = std::move(reason);
  next.changed_at = loop_.clock().wall();
  AuditEntry audit;
  audit.by = by;
  audit.action = fmt::format("{}.{}", name(next.request.kind), name(state));
  audit.consumer = next.request.consumer;
  audit.operation = next.id;
  audit.what = next.reason;
  audit.outcome = counts(next.tally);
  save(next, std::move(audit),
       guarded([next, reply_on, done = std::move(done)](Operations& self, const Result<void>& saved) mutable {
         Entry* there = self.find(next.id);
         if (there == nullptr) return;
         there->busy = false;
         if (saved.ok()) {
           next.tally = there->operation.tally;
           there->operation = next;
           there->ramp.reset();
           there->read_all = false;
           if (next.state == State::stopped) {
             base::log::warn("operation stopped by itself", "id", next.id.value, "consumer", next.request.consumer,
                             "reason", next.reason);
           } else {
             base::log::info("operation", "id", next.id.value, "consumer", next.request.consumer, "state",
                             name(next.state), "reason", next.reason);
           }
           if (!self.live(*there)) self.release(next.id);
           self.tick();
         }
         if (reply_on != nullptr)
           reply(*reply_on, std::move(done), saved.ok() ? Result<Operation>(next) : Result<Operation>(saved.error()));
       }));
}

// The queue takes back what a replay has in its lanes, and forgets the tally when nothing is open; the record keeps it.
void Operations::release(OperationId id) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  engine_.end_operation(entry->operation.request.queue, id, true, loop_,
                        guarded([id](Operations& self, const Result<engine::StepResult>& ended) {
                          Entry* there = self.find(id);
                          if (there == nullptr || !ended.ok() || ended->tally.given == 0) return;
                          if (ended->tally.open() == there->operation.tally.open()) return;
                          there->operation.tally = ended->tally;
                          self.save(there->operation, std::nullopt, [](const Result<void>&) {});
                        }));
}

void Operations::command(OperationId id, Command command, std::string by, base::Loop& reply_on, Callback done) {
  on_loop([id, command, by = std::move(by), &reply_on, done = std::move(done)](Operations& self) mutable {
    Entry* entry = self.find(id);
    if (entry == nullptr)
      return reply(reply_on, std::move(done),
                   Result<Operation>(Errc::not_found, fmt::format("there is no operation {}", id.value)));
    const State state = entry->operation.state;
    const bool allowed = command == Command::cancel  ? !ended(state)
                         : command == Command::pause ? state == State::running
                                                     : state == State::paused || state == State::stopped;
    if (!allowed)
      return reply(reply_on, std::move(done),
                   Result<Operation>(Errc::conflict, fmt::format("operation {} is {}", id.value, name(state))));
    constexpr State kStates[] = {State::paused, State::running, State::cancelled};
    const State next = kStates[static_cast<std::size_t>(command)];
    self.change(*entry, next, fmt::format("by {}", by), by, &reply_on, std::move(done));
  });
}

// ---- to look at

void Operations::show(OperationId id, base::Loop& reply_on, Callback done) {
  on_loop([id, &reply_on, done = std::move(done)](Operations& self) mutable {
    const Entry* entry = self.find(id);
    if (entry == nullptr)
      return reply(reply_on, std::move(done),
                   Result<Operation>(Errc::not_found, fmt::format("there is no operation {}", id.value)));
    reply(reply_on, std::move(done), Result<Operation>(entry->operation));
  });
}

void Operations::list(std::string consumer, base::Loop& reply_on,
                      base::UniqueFunction<void(std::vector<Operation>)> done) {
  on_loop([consumer = std::move(consumer), &reply_on, done = std::move(done)](Operations& self) mutable {
    std::vector<Operation> found;
    for (auto entry = self.entries_.rbegin(); entry != self.entries_.rend(); ++entry) {
      if (consumer.empty() || entry->second.operation.request.consumer == consumer)
        found.push_back(entry->second.operation);
    }
    reply(reply_on, std::move(done), std::move(found));
  });
}

struct Operations::Preview {
  Request request;
  base::Sequence after;
  std::uint64_t looked_at = 0;
  ReplayPreview found;
  base::Loop& reply_on;
  base::UniqueFunction<void(Result<ReplayPreview>)> done;
};

void Operations::preview_replay(Request request, base::Loop& reply_on,
                                base::UniqueFunction<void(Result<ReplayPreview>)> done) {
  on_loop([request = std::move(request), &reply_on, done = std::move(done)](Operations& self) mutable {
    const ReplayRange range = request.range;
    auto preview = std::make_shared<Preview>(Preview{std::move(request), {}, 0, {}, reply_on, std::move(done)});
    self.history_.range(
        range.from, range.to, self.loop_,
        self.guarded([preview](Operations& there, Result<std::pair<base::Sequence, base::Sequence>> found) {
          if (!found.ok())
            return reply(preview->reply_on, std::move(preview->done), Result<ReplayPreview>(found.error()));
          preview->request.range.first = found->first;
          preview->request.range.last = found->second;
          preview->after = {found->first.value - 1};
          there.preview_on(preview);
        }));
  });
}

void Operations::preview_on(std::shared_ptr<Preview> preview) {
  const bool over = preview->looked_at >= options_.preview_max;
  if (over || preview->after >= preview->request.range.last) {
    preview->found.complete = !over;
    return reply(preview->reply_on, std::move(preview->done), Result<ReplayPreview>(preview->found));
  }
  history_.find(preview->request, preview->after, {kPreviewLookAt, kPreviewLookAt}, loop_,
                guarded([preview](Operations& self, Result<History::Found> found) {
                  if (!found.ok())
                    return reply(preview->reply_on, std::move(preview->done), Result<ReplayPreview>(found.error()));
                  preview->looked_at += kPreviewLookAt;
                  preview->after = std::max(found->reached, base::Sequence{preview->after.value + 1});
                  preview->found.total += found->sequences.size();
                  auto& types = preview->found.by_event_type;
                  for (const auto& [type, count] : found->types)
                    types[types.contains(type) || types.size() < kPreviewTypesMax ? type : "other"] += count;
                  self.preview_on(preview);
                }));
}

// ---- audit

void Operations::record(AuditEntry entry, base::Loop& reply_on,
                        base::UniqueFunction<void(Result<std::uint64_t>)> done) {
  on_loop([entry = std::move(entry), &reply_on, done = std::move(done)](Operations& self) mutable {
    std::vector<engine::Engine::StateWrite> writes;
    const std::uint64_t id = self.audit_.add(std::move(entry), self.loop_.clock().wall(), writes);
    self.engine_.update_state(kOwner, std::move(writes), reply_on,
                              [id, done = std::move(done)](const Result<void>& written) mutable {
                                if (!written.ok()) return done(written.error());
                                done(id);
                              });
  });
}

void Operations::set_outcome(std::uint64_t id, std::string outcome) {
  on_loop([id, outcome = std::move(outcome)](Operations& self) mutable {
    std::vector<engine::Engine::StateWrite> writes;
    self.audit_.set_outcome(id, std::move(outcome), writes);
    self.engine_.update_state(kOwner, std::move(writes), self.loop_, [](const Result<void>& written) {
      if (!written.ok()) base::log::warn("an audit entry could not be completed", "error", written.error().detail);
    });
  });
}

void Operations::audit(std::uint64_t before, std::size_t limit, std::string consumer, base::Loop& reply_on,
                       base::UniqueFunction<void(std::vector<AuditEntry>)> done) {
  on_loop([before, limit, consumer = std::move(consumer), &reply_on, done = std::move(done)](Operations& self) mutable {
    reply(reply_on, std::move(done), self.audit_.list(before, limit, consumer));
  });
}

}  // namespace trunkline::operation
