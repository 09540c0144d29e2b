// What a queue does with its dead letters and for operations: read what is on disk, then change it in one commit.
#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "queue/keys.hpp"
#include "queue/queue_walk.hpp"

namespace trunkline::queue {

using base::Errc;
using base::Error;
using base::Result;
using base::Sequence;

namespace {

constexpr store::FamilyHandle kQueue = handle(Table::queue);
constexpr std::size_t kWalkChunk = 256;
constexpr std::size_t kStepMax = 1'000;

struct Replayable {
  std::vector<Scanned> events;
  std::uint64_t passed = 0;
  Result<void> status;
};

// Those of the events that are settled: what has a row or is a dead letter comes anyway, or has its own operation.
Replayable read_replayable(const store::Store& store, base::QueueId id, event::Order order,
                           const std::vector<Sequence>& sequences) {
  Replayable result;
  for (const Sequence sequence : sequences) {
    bool held = false;
    for (const char list : {'S', 'D'}) {
      const auto known = store.get(kQueue, by_sequence_key(id, list, sequence));
      if (!known.ok()) {
        result.status = known.error();
        return result;
      }
      held = held || known->has_value();
    }
    const auto found = scanned_at(store, order, sequence);
    if (!found.ok()) {
      result.status = found.error();
      return result;
    }
    if (held || !*found) {
      ++result.passed;
    } else {
      result.events.push_back(**found);
    }
  }
  return result;
}

}  // namespace

// ---- to begin

void QueueRunner::for_dead_letters(DeadLetterAction action, engine::RedriveFilter filter, CountCallback done) {
  auto next = std::make_shared<Walk>();
  next->action = action;
  next->after = filter.sequence ? Sequence{filter.sequence->value - 1} : Sequence{};
  next->end = filter.sequence ? *filter.sequence : Sequence{~0ull - 1};
  next->filter = std::move(filter);
  next->done = std::move(done);
  begin_walk(std::move(next));
}

void QueueRunner::edit_dead_letter(Sequence sequence, std::string body, CountCallback done) {
  auto next = std::make_shared<Walk>();
  next->action = DeadLetterAction::edit;
  next->after = {sequence.value - 1};
  next->end = sequence;
  next->filter.sequence = sequence;
  next->body = std::move(body);
  next->done = std::move(done);
  begin_walk(std::move(next));
}

void QueueRunner::redrive_step(engine::RedriveStep step, engine::Engine::StepCallback done) {
  auto next = std::make_shared<Walk>();
  next->operation = step.operation;
  next->limit = std::min(step.limit, kStepMax);
  next->end = step.filter.sequence ? *step.filter.sequence : Sequence{~0ull - 1};
  next->filter = std::move(step.filter);
  next->stepped = std::move(done);
  begin_walk(std::move(next));
}

void QueueRunner::replay_step(engine::ReplayStep step, engine::Engine::StepCallback done) {
  auto next = std::make_shared<Walk>();
  next->operation = step.operation;
  next->replay = std::move(step);
  next->stepped = std::move(done);
  begin_walk(std::move(next));
}

void QueueRunner::begin_walk(std::shared_ptr<Walk> next) {
  if (!running_) return next->finish(Error{Errc::unavailable, "the queue is starting"});
  walks_.push_back(next);
  if (!walking_) walk(std::move(next));
}

void QueueRunner::walk(std::shared_ptr<Walk> current) {
  walking_ = true;
  if (current->operation.value != 0) {
    const Sequence keep_to = current->replay ? current->replay->keep_to : Sequence{};
    if (!core_->begin_operation(current->operation, current->replay.has_value(), keep_to)) {
      walking_ = false;
      std::erase(walks_, current);
      current->finish(
          Error{Errc::overloaded, "the queue remembers as many operations as it may, or this one has ended"});
      if (!walks_.empty()) walk(walks_.front());
      return;
    }
    current->after = std::max(current->after, core_->operation(current->operation)->tally.reached);
    if (current->filter.sequence && current->after < *current->filter.sequence)
      current->after = {current->filter.sequence->value - 1};
  }
  if (current->replay) {
    // What is outstanding now may have a row by the time the disk is read, but not yet there.
    std::vector<Sequence>& sequences = current->replay->sequences;
    std::erase_if(sequences, [&](Sequence sequence) { return sequence <= current->after; });
    current->passed = std::erase_if(sequences, [&](Sequence sequence) { return !core_->may_replay(sequence); });
  }
  // What was parked or skipped a moment ago must be on disk before it is read.
  waiters_.push_back([weak = weak_from_this(), epoch = epoch_, current](const Result<void>& written) {
    const auto self = weak.lock();
    if (!self || !self->running_ || self->epoch_ != epoch || !written.ok())
      return current->finish(reopened_meanwhile());
    self->read_for(current);
  });
  flush_soon();
}

void QueueRunner::read_for(const std::shared_ptr<Walk>& current) {
  context_.reads.run([weak = weak_from_this(), epoch = epoch_, current, id = id_, order = spec_.order,
                      &store = context_.store, &loop = context_.loop] {
    DeadLetterChunk chunk;
    Replayable replayable;
    if (current->replay) {
      replayable = read_replayable(store, id, order, current->replay->sequences);
      chunk.status = replayable.status;
    } else {
      const std::size_t matches = std::min<std::uint64_t>(kWalkChunk, current->limit - current->count);
      chunk = read_dead_letter_chunk(
          store, {id, order, current->after, current->end, kWalkChunk, matches, current->operation}, current->filter);
    }
    loop.post([weak, epoch, current, chunk = std::move(chunk), replayable = std::move(replayable)]() mutable {
      const auto self = weak.lock();
      if (!self || !self->running_ || self->epoch_ != epoch) return current->finish(reopened_meanwhile());
      if (!chunk.status.ok()) {
        current->finish(chunk.status.error());
        return self->end_walk(current);
      }
      if (self->has_ended(current->operation)) {
        current->finish(Error{Errc::cancelled, "the operation has ended meanwhile"});
        return self->end_walk(current);
      }
      if (current->replay) return self->apply_replay(current, replayable.events, replayable.passed);
      self->apply(current, std::move(chunk));
    });
  });
}

// ---- to change

void QueueRunner::apply(const std::shared_ptr<Walk>& current, DeadLetterChunk chunk) {
  if (current->operation.value != 0) base::failpoint::pass("operation.step");
  for (const auto& [sequence, entry] : chunk.entries) {
    bool done = false;
    switch (current->action) {
      case DeadLetterAction::redrive:
        done = core_->redrive(sequence, entry, current->operation);
        break;
      case DeadLetterAction::purge:
        done = core_->purge(sequence, entry);
        break;
      case DeadLetterAction::edit:
        done = core_->edit(sequence, entry, current->body);
        break;
    }
    if (done) ++current->count;
  }
  current->after = std::max(current->after, chunk.reached);
  if (current->operation.value != 0) {
    core_->reached(current->operation, chunk.reached, 0);
    base::failpoint::pass("operation.given");
  }
  if (!chunk.ended && current->count < current->limit) return walk(current);
  // The answer says what is on disk.
  waiters_.push_back([weak = weak_from_this(), current, ended = chunk.ended](const Result<void>& written) {
    if (!written.ok()) return current->finish(written.error());
    if (!current->stepped) return current->finish(current->count);
    base::failpoint::pass("operation.committed");
    const auto self = weak.lock();
    if (!self || !self->core_) return current->finish(Error{Errc::cancelled, "the queue is closing"});
    auto callback = std::exchange(current->stepped, {});
    callback(self->step_result(current->operation, ended));
  });
  end_walk(current);
}

void QueueRunner::apply_replay(const std::shared_ptr<Walk>& current, const std::vector<Scanned>& events,
                               std::uint64_t passed) {
  base::failpoint::pass("operation.step");
  for (const Scanned& event : events) core_->replay(current->operation, event);
  core_->reached(current->operation, current->replay->reached, passed + current->passed);
  base::failpoint::pass("operation.given");
  apply(current, DeadLetterChunk{{}, {}, true, {}});
}

void QueueRunner::end_walk(const std::shared_ptr<Walk>& current) {
  walking_ = false;
  std::erase(walks_, current);
  if (!walks_.empty()) walk(walks_.front());
  pump();
}

// ---- operations

bool QueueRunner::has_ended(base::OperationId operation) const {
  if (operation.value == 0) return false;  // of no operation
  const StoredOperation* stored = core_->operation(operation);
  return stored == nullptr || stored->closed;
}

engine::StepResult QueueRunner::step_result(base::OperationId operation, bool ended) const {
  const StoredOperation* stored = core_->operation(operation);
  return {stored == nullptr ? engine::OperationTally{} : stored->tally, ended};
}

void QueueRunner::operation_tally(base::OperationId operation, engine::Engine::StepCallback done) {
  if (!running_) return done(Error{Errc::unavailable, "the queue is starting"});
  done(step_result(operation, false));
}

void QueueRunner::end_operation(base::OperationId operation, bool forget, engine::Engine::StepCallback done) {
  if (!running_) return done(Error{Errc::unavailable, "the queue is starting"});
  const engine::StepResult result{core_->end_operation(operation, forget), true};
  waiters_.push_back([done = std::move(done), result](const Result<void>& written) mutable {
    if (!written.ok()) return done(written.error());
    done(result);
  });
  pump_later();
}

}  // namespace trunkline::queue
