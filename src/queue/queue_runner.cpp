#include "queue/queue_runner.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "queue/keys.hpp"
#include "queue/queue_walk.hpp"

namespace trunkline::queue {

using base::Errc;
using base::Error;
using base::Result;
using base::Sequence;

namespace {

constexpr store::FamilyHandle kQueue = handle(Table::queue);
// A settle is on disk within 50 ms (DESIGN section 5): one flush may be under way when the next is wanted, hence well
// below.
constexpr base::Millis kFlushDelay(10);
constexpr base::Millis kMaintenance(1000);
constexpr std::size_t kSweepBuckets = 16'384;  // of lanes, a look for blockers: under a millisecond
constexpr base::Millis kErrorPause(1000);
constexpr base::Millis kStatisticsAge(50);
constexpr std::size_t kScanEntries = 16'384;  // read at once: about 1 MB; a queue that wants few waits for each read
constexpr std::size_t kTailEntries = 4096;    // looked at on the loop, which serves others, too
constexpr std::size_t kScanMatches = 1024;
constexpr std::size_t kLoadsMax = 4;  // lanes read at the same time by one queue
constexpr std::size_t kExpireChunk = 1000;
constexpr std::size_t kReceivesMax = 1000;

struct ScanResult {
  std::vector<Scanned> events;
  Sequence to;
  Result<void> status;
};

// An event without a conversation stands in its topic's group.
base::GroupKey tenant_in(const std::array<base::GroupKey, kOrders>& groups) {
  const base::GroupKey group = group_in(groups, event::Order::conversation, {});
  return group == group_in(groups, event::Order::topic, {}) ? base::GroupKey() : group;
}

Scanned scanned_of(const ScanEntry& entry, event::Order order, Sequence sequence) {
  return {sequence,          group_in(entry.groups, order, sequence),
          entry.accepted_ms, entry.bytes,
          entry.event_ms,    tenant_in(entry.groups)};
}
Scanned scanned_of(const TailEntry& entry, event::Order order) {
  const engine::Record& record = *entry.record;
  return {record.sequence,
          group_in(entry.groups, order, record.sequence),
          millis(record.accepted_at),
          static_cast<std::uint32_t>(record.event.raw.size()),
          millis(engine::event_time(record)),
          tenant_in(entry.groups)};
}

ScanResult read_scan(const store::Store& store, base::QueueId id, event::Order order, Sequence after, Sequence end) {
  ScanResult result;
  result.to = after;
  const std::string first = sequence_key({after.value + 1});
  const std::string bound = sequence_key({end.value + 1});
  std::size_t seen = 0;
  auto at = store.seek(handle(Table::scan), first, bound);
  for (; at->valid() && seen < kScanEntries && result.events.size() < kScanMatches; at->next(), ++seen) {
    const Sequence sequence = sequence_of(at->key());
    result.to = sequence;
    if (!may_route_to(at->value(), id)) continue;
    const Result<ScanEntry> entry = decode_scan(at->value());
    if (!entry.ok()) {
      result.status = entry.error();
      result.to = {sequence.value - 1};
      return result;
    }
    result.events.push_back(scanned_of(*entry, order, sequence));
  }
  result.status = at->status();
  if (result.status.ok() && !at->valid()) result.to = end;
  return result;
}

}  // namespace

Result<std::optional<Scanned>> scanned_at(const store::Store& store, event::Order order, Sequence sequence) {
  TRUNKLINE_TRY(const auto value, store.get(handle(Table::scan), sequence_key(sequence)));
  if (!value) return std::optional<Scanned>();
  TRUNKLINE_TRY(const ScanEntry entry, decode_scan(*value));
  return std::optional<Scanned>(scanned_of(entry, order, sequence));
}

Result<RestoredQueue> read_queue(const store::Store& store, base::QueueId id, const engine::QueueSpec& spec,
                                 Sequence created_after) {
  RestoredQueue restored;
  TRUNKLINE_TRY(const auto cursor, store.get(kQueue, cursor_key(id)));
  if (!cursor) {
    restored.cursor.scanned = created_after;
    return restored;
  }
  TRUNKLINE_TRY(restored.cursor, decode_cursor(*cursor));
  const std::string prefix = queue_prefix(id, 'L');
  auto at = store.seek(kQueue, prefix, prefix_end(prefix));
  for (; at->valid(); at->next()) {
    TRUNKLINE_TRY(LaneHeader header, decode_lane(at->value()));
    restored.lanes.emplace_back(base::GroupKey{base::ByteReader(at->key().substr(prefix.size())).u64()},
                                std::move(header));
  }
  TRUNKLINE_TRY_VOID(at->status());
  for (const Sequence sequence : restored.cursor.outstanding) {
    TRUNKLINE_TRY(const auto found, scanned_at(store, spec.order, sequence));
    if (!found)
      return {Errc::corrupt, fmt::format("queue {}: event {} waits but is not in the log", spec.name, sequence.value)};
    restored.outstanding.push_back(*found);
  }
  const std::string operations = queue_prefix(id, 'P');
  for (at = store.seek(kQueue, operations, prefix_end(operations)); at->valid(); at->next()) {
    RestoredQueue::Operation& operation = restored.operations.emplace_back();
    operation.id = {sequence_of(at->key()).value};
    TRUNKLINE_TRY(operation.stored, decode_operation(at->value()));
    for (const Sequence sequence : operation.stored.outstanding) {
      TRUNKLINE_TRY(const auto found, scanned_at(store, spec.order, sequence));
      if (found) operation.outstanding.push_back(*found);
    }
  }
  TRUNKLINE_TRY_VOID(at->status());
  const std::string receives = queue_prefix(id, 'V');
  for (at = store.seek(kQueue, receives, prefix_end(receives)); at->valid(); at->next()) {
    TRUNKLINE_TRY(StoredReceive receive, decode_receive(at->value()));
    restored.receives.emplace_back(sequence_of(at->key()), std::move(receive));
  }
  TRUNKLINE_TRY_VOID(at->status());
  const std::string left = queue_prefix(id, 'W');
  for (at = store.seek(kQueue, left, prefix_end(left)); at->valid(); at->next()) {
    TRUNKLINE_TRY(const LeftWindow mark, decode_left(at->value()));
    restored.left.emplace_back(base::GroupKey{base::ByteReader(at->key().substr(left.size())).u64()}, mark);
  }
  TRUNKLINE_TRY_VOID(at->status());
  return restored;
}

QueueRunner::QueueRunner(Context context, base::QueueId id, engine::QueueSpec spec, QueueCoreOptions options)
    : context_(context), id_(id), spec_(std::move(spec)), options_(options) {}

void QueueRunner::start(RestoredQueue restored, std::uint64_t routed, std::uint64_t epoch) {
  if (running_ && epoch < epoch_) return;
  core_ = std::make_unique<QueueCore>(id_, spec_, options_, core_ ? core_->next_lease() : 1);
  for (const auto& [group, left] : restored.left) core_->restore_left(group, left);
  core_->restore(restored.cursor, std::move(restored.lanes), restored.outstanding, context_.shared.end, now());
  for (const auto& [first, receive] : restored.receives) core_->restore_receive(first, receive, now());
  for (RestoredQueue::Operation& operation : restored.operations)
    core_->restore_operation(operation.id, std::move(operation.stored), operation.outstanding);
  epoch_ = epoch;
  routed_ = routed_counted_ = routed;
  running_ = true;
  set_live(core_->scanned() == context_.shared.end);
  scanning_ = flushing_ = flush_timer_ = pumping_ = paused_by_error_ = walking_ = seeking_oldest_ = expiring_ = false;
  loads_ = 0;
  ahead_.clear();
  ahead_waiting_.reset();  // those are answered by the read that is under way
  deadline_ = {};
  oldest_row_ms_.reset();
  state_.clear();
  for (engine::DoneCallback& waiter : std::exchange(waiters_, {})) waiter(reopened_meanwhile());
  for (const auto& walk : std::exchange(walks_, {})) walk->finish(reopened_meanwhile());
  pump_later();
  maintain();
}

void QueueRunner::stop() {
  running_ = false;
  for (Receive& receive : std::exchange(receives_, {})) {
    if (receive.timer != 0) context_.loop.cancel(receive.timer);
    receive.done(Error{Errc::cancelled, "the queue is closing"});
  }
  for (engine::DoneCallback& waiter : std::exchange(waiters_, {}))
    waiter(Error{Errc::cancelled, "the queue is closing"});
  for (const auto& walk : std::exchange(walks_, {})) walk->finish(Error{Errc::cancelled, "the queue is closing"});
}

void QueueRunner::drain(base::Task done) {
  if (!running_) return done();
  waiters_.push_back([done = std::move(done)](const Result<void>&) mutable { done(); });
  pump_later();
}

void QueueRunner::set_spec(engine::QueueSpec spec) {
  spec_ = std::move(spec);
  if (!core_) return;
  core_->set_spec(spec_);
  pump_later();  // a shorter event-time window may be over
}

// ---- the pump: everything that may be possible now

void QueueRunner::pump_later() {
  if (pumping_ || !running_) return;
  pumping_ = true;
  context_.loop.post(guarded([](QueueRunner& self) {
    self.pumping_ = false;
    self.pump();
  }));
}

void QueueRunner::pump() {
  core_->tick(now());
  answer_receives();
  if (!core_->wants_scan() && !core_->has_ready()) core_->spill();
  scan_more();
  load_rows();
  answer_receives();
  if (core_->dirty() || !waiters_.empty()) flush_soon();
  arm_deadline();
  publish_statistics();
}

void QueueRunner::on_event(const TailEntry& entry) {
  ++routed_;
  if (!running_ || !live_) return;
  const Sequence sequence = entry.record->sequence;
  if (!core_->wants_scan()) {
    // From here on it is behind; the scan catches up when there is room.
    core_->scanned_to({sequence.value - 1});
    return set_live(false);
  }
  core_->scan(scanned_of(entry, spec_.order), now());
  scanned_live_ = true;
}

void QueueRunner::on_end(Sequence end) {
  if (!running_) return;
  if (live_) core_->scanned_to(end);
  if (std::exchange(scanned_live_, false)) pump_later();
}

// ---- scan

void QueueRunner::set_live(bool live) {
  live_ = live;
  core_->stands_at_end(live, now());
}

void QueueRunner::scan_more() {
  if (live_ || scanning_ || paused_by_error_ || !core_->wants_scan()) return;
  if (core_->scanned() >= context_.shared.end) {
    return set_live(true);
  }
  if (context_.shared.tail.find({core_->scanned().value + 1}) != nullptr) {
    scan_tail();
  } else {
    scan_store();
  }
}

void QueueRunner::scan_tail() {
  const Now at = now();
  for (std::size_t seen = 0; seen < kTailEntries && core_->wants_scan(); ++seen) {
    const Sequence sequence{core_->scanned().value + 1};
    if (sequence > context_.shared.end) break;
    const TailEntry* entry = context_.shared.tail.find(sequence);
    if (entry == nullptr) break;
    const auto& routes = entry->record->routes;
    if (std::binary_search(routes.begin(), routes.end(), id_)) {
      core_->scan(scanned_of(*entry, spec_.order), at);
    } else {
      core_->scanned_to(sequence);
    }
  }
  set_live(core_->scanned() >= context_.shared.end);
  if (!live_ && core_->wants_scan()) pump_later();
}

void QueueRunner::scan_store() {
  scanning_ = true;
  context_.reads.run([weak = weak_from_this(), epoch = epoch_, &store = context_.store, &loop = context_.loop, id = id_,
                      order = spec_.order, after = core_->scanned(), end = context_.shared.end] {
    ScanResult result = read_scan(store, id, order, after, end);
    loop.post([weak, epoch, result = std::move(result)] {
      const auto self = weak.lock();
      if (!self || !self->running_ || self->epoch_ != epoch) return;
      self->scanning_ = false;
      for (const Scanned& event : result.events) self->core_->scan(event, self->now());
      self->core_->scanned_to(result.to);
      if (!result.status.ok()) self->read_failed("scan", result.status.error());
      self->pump();
    });
  });
}

// Nothing is guessed about bytes that cannot be read: the queue stands until they can.
void QueueRunner::read_failed(std::string_view what, const Error& error) {
  base::log::error("a queue cannot read the store; it tries again", "queue", spec_.name, "what", what, "error",
                   error.detail);
  if (paused_by_error_) return;
  paused_by_error_ = true;
  context_.loop.after(kErrorPause, guarded([](QueueRunner& self) {
                        self.paused_by_error_ = false;
                        self.pump();
                      }));
}

// ---- rows

void QueueRunner::load_rows() {
  while (loads_ < kLoadsMax && !paused_by_error_) {
    const auto load = core_->next_load();
    if (!load) return;
    ++loads_;
    context_.reads.run([weak = weak_from_this(), epoch = epoch_, &store = context_.store, &loop = context_.loop,
                        id = id_, load = *load] {
      std::vector<std::pair<Sequence, Row>> rows;
      const std::string end = prefix_end(lane_key(id, load.group).replace(4, 1, "R"));
      auto at = store.seek(kQueue, behind_row_key(id, load.group, load.after), end);
      Result<void> status;
      for (; at->valid() && rows.size() < load.limit; at->next()) {
        const Result<Row> row = decode_row(at->value());
        if (!row.ok()) {
          status = row.error();
          break;
        }
        rows.emplace_back(sequence_of(at->key()), *row);
      }
      const bool ended = status.ok() && !at->valid() && at->status().ok();
      if (status.ok()) status = at->status();
      loop.post([weak, epoch, group = load.group, rows = std::move(rows), ended, status] {
        const auto self = weak.lock();
        if (!self || !self->running_ || self->epoch_ != epoch) return;
        --self->loads_;
        self->core_->loaded(group, rows, ended);
        if (!status.ok()) self->read_failed("rows", status.error());
        self->pump();
      });
    });
  }
}

// ---- receive

void QueueRunner::receive(const engine::ReceiveLimits& limits, engine::ReceiveCallback done) {
  if (receives_.size() >= (spec_.pulled ? kReceivesMax : 1)) {
    context_.loop.post([done = std::move(done)]() mutable {
      done(Error{Errc::overloaded, "too many receives are waiting on this queue"});
    });
    return;
  }
  Receive& receive = receives_.emplace_back();
  receive.limits = limits;
  receive.done = std::move(done);
  receive.id = next_receive_++;
  const auto time_out = [id = receive.id](QueueRunner& self) {
    const auto found =
        std::find_if(self.receives_.begin(), self.receives_.end(), [&](const Receive& r) { return r.id == id; });
    if (found == self.receives_.end()) return;
    engine::ReceiveCallback callback = std::move(found->done);
    self.receives_.erase(found);
    callback(std::vector<engine::Lease>());
  };
  // Not guarded(): a receive outlives a reopened store.
  receive.timer = context_.loop.after(limits.wait, [weak = weak_from_this(), time_out] {
    if (const auto self = weak.lock()) time_out(*self);
  });
  pump_later();
}

void QueueRunner::cancel_receive() {
  for (Receive& receive : std::exchange(receives_, {})) {
    context_.loop.cancel(receive.timer);
    context_.loop.post(
        [done = std::move(receive.done)]() mutable { done(Error{Errc::cancelled, "the receive was taken back"}); });
  }
}

void QueueRunner::answer_receives() {
  while (!receives_.empty() && core_->has_ready()) {
    std::vector<LeaseDraft> drafts = core_->lease(receives_.front().limits, now());
    if (drafts.empty()) continue;  // what was ready has gone elsewhere, to the dead letters for one
    engine::ReceiveCallback done = std::move(receives_.front().done);
    context_.loop.cancel(receives_.front().timer);
    receives_.pop_front();
    hand_out(std::move(drafts), std::move(done));
  }
}

void QueueRunner::settle(std::uint64_t lease, std::vector<engine::MessageFate> fates, engine::DoneCallback done) {
  Result<void> settled =
      running_ ? core_->settle(lease, fates, now()) : Result<void>(Errc::unavailable, "the queue is starting");
  if (!settled.ok()) {
    if (done) context_.loop.post([done = std::move(done), error = settled.error()]() mutable { done(error); });
    return;
  }
  if (done) waiters_.push_back(std::move(done));
  pump_later();
}

void QueueRunner::extend(std::uint64_t lease, base::Millis visibility_timeout, engine::DoneCallback done) {
  const Result<void> extended = running_ ? core_->extend(lease, visibility_timeout, now())
                                         : Result<void>(Errc::unavailable, "the queue is starting");
  if (!extended.ok()) {
    context_.loop.post([done = std::move(done), error = extended.error()]() mutable { done(error); });
    return;
  }
  waiters_.push_back(std::move(done));
  pump_later();
}

void QueueRunner::was_delivered(Sequence sequence, std::uint64_t lease, base::UniqueFunction<void(Result<bool>)> done) {
  drain([weak = weak_from_this(), sequence, lease, done = std::move(done)]() mutable {
    const auto self = weak.lock();
    if (!self || !self->running_) return done(reopened_meanwhile());
    const Context& context = self->context_;
    context.reads.run([&store = context.store, &loop = context.loop, id = self->id_, sequence, lease,
                       done = std::move(done)]() mutable {
      Result<bool> was = read_delivered_under(store, id, sequence, lease);
      loop.post([done = std::move(done), was = std::move(was)]() mutable { done(std::move(was)); });
    });
  });
}

// ---- flush

void QueueRunner::flush_soon() {
  if (flushing_) return;
  if (!waiters_.empty()) return flush();
  if (flush_timer_) return;
  flush_timer_ = true;
  context_.loop.after(kFlushDelay, guarded([](QueueRunner& self) {
                        self.flush_timer_ = false;
                        if (!self.flushing_ && self.core_->moved()) self.flush();
                      }));
}

void QueueRunner::flush() {
  flushing_ = true;
  const std::uint64_t delta = core_->delta_id();
  store::Batch batch = core_->take_delta();
  batch.append(state_);
  state_.clear();
  context_.committer.write(std::move(batch), {epoch_, {}}, &context_.loop,
                           [weak = weak_from_this(), delta, epoch = epoch_,
                            waiters = std::exchange(waiters_, {})](Result<void> result) mutable {
                             if (const auto self = weak.lock())
                               return self->flushed(delta, epoch, result, std::move(waiters));
                             for (engine::DoneCallback& waiter : waiters)
                               waiter(Error{Errc::cancelled, "the queue is closing"});
                           });
}

void QueueRunner::flushed(std::uint64_t delta, std::uint64_t epoch, const Result<void>& result,
                          std::vector<engine::DoneCallback> waiters) {
  for (engine::DoneCallback& waiter : waiters) waiter(result);
  if (epoch != epoch_ || !running_) return;
  if (!result.ok()) {
    // Memory is ahead of the disk now; the owner starts this queue anew from what is there.
    running_ = false;
    return;
  }
  flushing_ = false;
  core_->committed(delta);
  if (base::failpoint::on("flaw.lost_wake_up")) return;
  pump();
}

// ---- time

void QueueRunner::arm_deadline() {
  const auto next = core_->next_deadline();
  if (!next || (deadline_ != base::MonoTime{} && deadline_ <= *next)) return;
  if (deadline_ != base::MonoTime{}) context_.loop.cancel(deadline_timer_);
  deadline_ = *next;
  const auto delay = std::max(base::Millis(0), std::chrono::ceil<base::Millis>(*next - context_.loop.clock().mono()));
  deadline_timer_ = context_.loop.after(delay, guarded([](QueueRunner& self) {
                                          self.deadline_ = {};
                                          self.pump();
                                        }));
}

void QueueRunner::maintain() {
  if (maintaining_) return;
  maintaining_ = true;
  context_.loop.after(kMaintenance, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->maintaining_ = false;
    self->maintain();
    if (!self->running_) return;
    if (self->core_->moved() && !self->flushing_) self->flush();
    self->ahead_.clear_unused();
    self->find_oldest_row();
    if (self->core_->sweep_blockers(kSweepBuckets)) self->name_blockers();
    const std::int64_t due = millis(self->now().wall) - self->spec_.max_wait.count();
    const auto oldest = self->statistics().oldest_waiting;
    if (oldest && millis(*oldest) < due) self->expire(due, kExpireChunk);
    self->publish_statistics();
  });
}

void QueueRunner::find_oldest_row() {
  if (core_->totals().rows == 0) {
    oldest_row_ms_.reset();
    return;
  }
  if (std::exchange(seeking_oldest_, true)) return;
  context_.reads.run([weak = weak_from_this(), epoch = epoch_, &store = context_.store, &loop = context_.loop, id = id_,
                      from = core_->oldest_row().look()] {
    const auto at = store.seek(kQueue, by_sequence_key(id, 'S', from), prefix_end(queue_prefix(id, 'S')));
    std::optional<Sequence> found;
    std::optional<std::int64_t> accepted_ms;
    if (at->valid()) {
      found = sequence_of(at->key());
      if (const auto place = decode_place(at->value()); place.ok()) accepted_ms = place->accepted_ms;
    }
    loop.post([weak, epoch, read = at->status().ok(), found, accepted_ms] {
      const auto self = weak.lock();
      if (!self || self->epoch_ != epoch) return;
      self->seeking_oldest_ = false;
      if (read) self->core_->oldest_row().found(found);
      if (accepted_ms) self->oldest_row_ms_ = accepted_ms;
    });
  });
}

// The groups' texts are in the heads' records.
void QueueRunner::name_blockers() {
  std::map<Sequence, std::string> known;
  std::vector<Sequence> wanted;
  for (const engine::Blocker& blocker : core_->blockers()) {
    const auto found = blocked_groups_.find(blocker.head);
    if (found == blocked_groups_.end()) {
      wanted.push_back(blocker.head);
    } else {
      known.insert(*found);
    }
  }
  blocked_groups_ = std::move(known);
  if (wanted.empty() || spec_.order == event::Order::none) return;
  context_.reads.run([weak = weak_from_this(), epoch = epoch_, &store = context_.store, &loop = context_.loop,
                      wanted = std::move(wanted), order = spec_.order] {
    std::map<Sequence, std::string> texts;
    for (const Sequence sequence : wanted) {
      const auto value = store.get(handle(Table::log), sequence_key(sequence));
      if (!value.ok() || !*value) continue;
      if (const auto record = decode_record(sequence, **value); record.ok())
        texts[sequence] = event::group_text(record->event, order);
    }
    loop.post([weak, epoch, texts = std::move(texts)]() mutable {
      const auto self = weak.lock();
      if (self && self->epoch_ == epoch) self->blocked_groups_.merge(texts);
    });
  });
}

void QueueRunner::expire(std::int64_t before_ms, std::size_t limit) {
  if (!running_ || expiring_ || core_->has_expired()) return;
  expiring_ = true;
  context_.reads.run([weak = weak_from_this(), epoch = epoch_, &store = context_.store, &loop = context_.loop, id = id_,
                      before_ms, limit, from = core_->oldest_row().from()] {
    std::vector<std::pair<Sequence, RowPlace>> due;
    auto at = store.seek(kQueue, by_sequence_key(id, 'S', from), prefix_end(queue_prefix(id, 'S')));
    for (; at->valid() && due.size() < limit; at->next()) {
      const auto place = decode_place(at->value());
      if (!place.ok() || place->accepted_ms >= before_ms) break;
      due.emplace_back(sequence_of(at->key()), *place);
    }
    loop.post([weak, epoch, before_ms, limit, due = std::move(due)] {
      const auto self = weak.lock();
      if (!self || !self->running_ || self->epoch_ != epoch) return;
      self->expiring_ = false;
      std::uint64_t expired = 0;
      for (const auto& [sequence, place] : due) expired += self->core_->expire_row(sequence, place) ? 1 : 0;
      expired += self->core_->expire_outstanding(before_ms, limit);
      if (expired == 0) return;
      base::log::warn("events expired", "queue", self->spec_.name, "count", expired);
      self->pump();
    });
  });
}

// ---- figures

void QueueRunner::publish_statistics() {
  const Now at = now();
  if (at.mono - snapshot_at_ < kStatisticsAge) return;
  snapshot_at_ = at.mono;
  core_->count_arrived(routed_ - std::exchange(routed_counted_, routed_), at);
  engine::QueueStatistics fresh = count();
  const std::lock_guard lock(statistics_mutex_);
  snapshot_ = fresh;
}

Result<engine::QueueStatistics> QueueRunner::statistics_now() {
  if (!core_ || !running_) return {Errc::unavailable, fmt::format("the queue of '{}' is starting", spec_.name)};
  const engine::QueueStatistics fresh = count();
  const std::lock_guard lock(statistics_mutex_);
  return snapshot_ = fresh;
}

engine::QueueStatistics QueueRunner::count() const {
  const QueueTotals& totals = core_->totals();
  engine::QueueStatistics fresh;
  const QueueCore::Replays replays = core_->replays();
  fresh.in_flight = core_->in_flight() - replays.in_flight;
  fresh.backing_off = core_->backing_off() - replays.backing_off;
  fresh.replaying = replays.waiting;
  fresh.parked = totals.parked;
  fresh.dead_letters = totals.dead_letters;
  fresh.delivered = totals.delivered;
  fresh.expired = totals.expired;
  fresh.lanes = core_->lanes();
  fresh.in_window = core_->in_window();
  fresh.late = core_->late();
  fresh.left_early = core_->left_early();
  const std::uint64_t open = routed_ > totals.settled ? routed_ - totals.settled : 0;
  const std::uint64_t elsewhere = fresh.in_flight + fresh.backing_off + fresh.parked;
  fresh.waiting = open > elsewhere ? open - elsewhere : 0;
  std::optional<std::int64_t> oldest = core_->oldest_outstanding_ms();
  if (oldest_row_ms_ && totals.rows > 0) oldest = oldest ? std::min(*oldest, *oldest_row_ms_) : *oldest_row_ms_;
  if (oldest) fresh.oldest_waiting = base::WallTime(base::Millis(*oldest));
  const base::MonoTime at = now().mono;
  fresh.minute = core_->window().minute(at);
  fresh.quarter = core_->window().quarter(at);
  fresh.blockers = core_->blockers();
  for (engine::Blocker& blocker : fresh.blockers) {
    const auto text = blocked_groups_.find(blocker.head);
    if (text != blocked_groups_.end()) blocker.group_text = text->second;
  }
  return fresh;
}

engine::QueueStatistics QueueRunner::statistics() const {
  const std::lock_guard lock(statistics_mutex_);
  return snapshot_;
}

}  // namespace trunkline::queue
