#include "queue/committer.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <future>
#include <map>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "engine/sent.hpp"
#include "queue/history.hpp"
#include "queue/keys.hpp"

namespace trunkline::queue {

using base::Errc;
using base::Error;
using base::Hash128;
using base::Result;
using base::Sequence;
using engine::PublishResult;
using engine::PublishVerdict;

namespace {

constexpr std::size_t kEnvelopeIdMax = 128;  // kept of a repeat's; EventBridge's have 36
constexpr std::string_view kRoutedKey = "nrouted";
constexpr std::string_view kNextQuarantineKey = "nquarantine";

std::string encode_routed(const std::unordered_map<base::QueueId, std::uint64_t>& routed) {
  std::string out;
  for (const auto& [queue, count] : routed) {
    base::put_varint(out, queue.value);
    base::put_varint(out, count);
  }
  return out;
}

std::size_t size_in_memory(const engine::Record& record) {
  return record.event.raw.size() + 768;
}

}  // namespace

// An item made ready on the publisher's thread, so that the commit thread only checks, numbers and stages.
struct Committer::Prepared {
  std::shared_ptr<engine::Record> record;  // null: quarantined
  std::string encoded;
  ScanEntry scan;
  std::uint32_t bytes = 0;
  base::Millis identity_window{0};  // 0: the committer's
};

struct Committer::Operation {
  Operation* next = nullptr;
  base::Loop* reply_on = nullptr;
  std::size_t bytes = 0;
  // either a publish …
  std::vector<Prepared> items;
  engine::PublishCallback published;
  std::vector<PublishResult> results;
  // … or a write
  store::Batch batch;
  WriteOptions options;
  engine::DoneCallback done;
  Result<void> outcome;

  bool is_publish() const { return static_cast<bool>(published); }
};

namespace {

// What is known of an identity.
struct Known {
  std::vector<Twin> twins;
  bool changed = false;  // by this round: to be written
};

}  // namespace

// One round of the commit thread.
struct Committer::Cycle {
  std::vector<std::unique_ptr<Operation>> operations;
  store::Batch batch;
  std::map<Hash128, Known> identities;  // every one that the round names; what is staged counts as known
  std::map<Sequence, Repeats> repeats;  // of stored events, met in this round; by the stored one
  std::shared_ptr<TailBatch> tail = std::make_shared<TailBatch>();
  std::uint64_t next_sequence = 0;
  std::uint64_t next_quarantine = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t quarantined_bytes = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t conflicts = 0;
  std::unordered_map<base::QueueId, std::uint64_t> routed;
};

Committer::Committer(store::Store& store, const base::Clock& clock, std::vector<base::Loop*> loops,
                     CommitterOptions options, Hooks hooks)
    : store_(store),
      clock_(clock),
      loops_(std::move(loops)),
      options_(options),
      hooks_(std::move(hooks)),
      quarantine_bytes_max_(options.quarantine_bytes_max) {
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  TRUNKLINE_CHECK(wake_fd_ >= 0, "no eventfd: too many open files");
}

Committer::~Committer() {
  stop();
  ::close(wake_fd_);
}

Result<void> Committer::start() {
  TRUNKLINE_TRY_VOID(read_counters());
  if (options_.runs_on != nullptr) {
    life_ = std::make_shared<Committer*>(this);
  } else {
    thread_ = std::thread([this] { run(); });
  }
  return {};
}

Result<void> Committer::read_counters() {
  TRUNKLINE_TRY(const Sequence newest, newest_sequence(store_));
  next_sequence_ = newest.value + 1;
  end_.store(newest.value, std::memory_order_release);

  TRUNKLINE_TRY(const auto last_quarantined, store_.last_key(handle(Table::quarantine)));
  TRUNKLINE_TRY(const auto next_quarantine, store_.get(handle(Table::meta), kNextQuarantineKey));
  next_quarantine_ = last_quarantined ? sequence_of(*last_quarantined).value + 1 : 1;
  if (next_quarantine) next_quarantine_ = std::max(next_quarantine_, base::ByteReader(*next_quarantine).u64());
  std::uint64_t in_quarantine = 0;
  std::uint64_t quarantine_bytes = 0;
  for (auto at = store_.seek(handle(Table::quarantine), {}, {}); at->valid(); at->next()) {
    ++in_quarantine;
    quarantine_bytes += at->value().size();
  }
  statistics_.in_quarantine.store(in_quarantine);
  statistics_.quarantine_bytes.store(quarantine_bytes);

  TRUNKLINE_TRY(const auto routed, store_.get(handle(Table::meta), kRoutedKey));
  routed_.clear();
  if (routed) {
    base::ByteReader in(*routed);
    while (in.ok() && !in.at_end()) {
      const base::QueueId queue{static_cast<std::uint32_t>(in.varint())};
      routed_[queue] = in.varint();
    }
    if (!in.ok()) return {Errc::corrupt, "the stored routing counters do not decode"};
  }
  return {};
}

void Committer::stop() {
  if (life_) {
    stopping_.store(true);
    step();
    *life_ = nullptr;
    life_.reset();
  } else if (thread_.joinable()) {
    stopping_.store(true);
    const std::uint64_t one = 1;
    (void)!::write(wake_fd_, &one, sizeof one);
    thread_.join();
  } else {
    return;
  }
  stopped_.store(true);
  for (auto& operation : take_all()) fail_operation(*operation, {Errc::cancelled, "the hub is stopping"});
}

std::optional<Errc> Committer::refusing() const {
  if (broken_.load(std::memory_order_acquire)) return disk_full_.load() ? Errc::disk_full : Errc::unavailable;
  if (over_budget_.load(std::memory_order_acquire)) return Errc::disk_full;
  return std::nullopt;
}

// ---- in from other threads

void Committer::publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done) {
  auto operation = std::make_unique<Operation>();
  operation->reply_on = &reply_on;
  operation->published = std::move(done);
  const base::WallTime now = clock_.wall();
  for (engine::PublishItem& item : items) {
    Prepared& prepared = operation->items.emplace_back();
    if (auto* entry = std::get_if<engine::PublishEntry>(&item)) {
      prepared.record = std::make_shared<engine::Record>();
      engine::Record& record = *prepared.record;
      record.accepted_at = now;
      record.source_name = std::move(entry->source_name);
      record.policy_version = entry->policy_version;
      record.routes = entry->routes;
      record.event = std::move(entry->event);
      prepared.encoded = encode_record(record);
      prepared.scan.accepted_ms = millis(now);
      prepared.scan.event_ms = millis(engine::event_time(record));
      prepared.scan.bytes = static_cast<std::uint32_t>(record.event.raw.size());
      prepared.scan.groups = group_keys(record.event);
      prepared.scan.routes = std::move(entry->routes);
      if (engine::is_sent(record)) prepared.identity_window = engine::kSentIdentityWindow;
    } else {
      prepared.encoded = encode_quarantined(std::get<engine::Quarantined>(item));
    }
    operation->bytes += prepared.encoded.size();
  }
  operation->results.resize(operation->items.size());
  std::optional<Error> refusal;
  if (const auto refused = refusing()) {
    refusal = Error{*refused, *refused == Errc::disk_full ? "the disk or its budget is full"
                                                          : "the store is being reopened after a disk error"};
  } else if (waiting_bytes_.load(std::memory_order_relaxed) > options_.waiting_bytes_max) {
    refusal = Error{Errc::overloaded, "more is waiting for the disk than its bound allows"};
  } else if (stopping_.load()) {
    refusal = Error{Errc::cancelled, "the hub is stopping"};
  }
  if (refusal) return fail_operation(*operation, *refusal);
  waiting_bytes_.fetch_add(operation->bytes, std::memory_order_relaxed);
  push(operation.release());
}

void Committer::write(store::Batch batch, WriteOptions options, base::Loop* reply_on, engine::DoneCallback done) {
  auto operation = std::make_unique<Operation>();
  operation->reply_on = reply_on;
  operation->batch = std::move(batch);
  operation->options = std::move(options);
  operation->done = std::move(done);
  push(operation.release());
}

Result<void> Committer::write_and_wait(store::Batch batch, std::function<Result<void>(store::Batch&)> prepare) {
  std::promise<Result<void>> promise;
  std::future<Result<void>> future = promise.get_future();
  write(std::move(batch), {0, std::move(prepare)}, nullptr,
        [&promise](Result<void> result) { promise.set_value(std::move(result)); });
  if (life_) step();
  return future.get();
}

void Committer::push(Operation* operation) {
  operation->next = waiting_.load(std::memory_order_relaxed);
  while (!waiting_.compare_exchange_weak(operation->next, operation, std::memory_order_seq_cst)) {
  }
  if (sleeping_.load(std::memory_order_seq_cst)) {
    const std::uint64_t one = 1;
    (void)!::write(wake_fd_, &one, sizeof one);
  }
  if (life_ && !std::exchange(stepping_, true)) {
    options_.runs_on->post([life = life_] {
      if (*life != nullptr) (*life)->step();
    });
  }
  // Either stop() takes what was pushed, or this sees that it has come too late.
  if (stopped_.load()) {
    for (auto& late : take_all()) fail_operation(*late, {Errc::cancelled, "the hub is stopping"});
  }
}

std::vector<std::unique_ptr<Committer::Operation>> Committer::take_all() {
  Operation* newest = waiting_.exchange(nullptr, std::memory_order_seq_cst);
  std::vector<std::unique_ptr<Operation>> operations;
  for (Operation* at = newest; at != nullptr; at = at->next) operations.emplace_back(at);
  std::reverse(operations.begin(), operations.end());
  return operations;
}

// ---- the thread

void Committer::wait_for_work() {
  sleeping_.store(true, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) == nullptr && !stopping_.load()) {
    pollfd waiter{wake_fd_, POLLIN, 0};
    ::poll(&waiter, 1, 1000);
  }
  sleeping_.store(false, std::memory_order_seq_cst);
  std::uint64_t drained = 0;
  (void)!::read(wake_fd_, &drained, sizeof drained);
}

void Committer::run() {
  for (;;) {
    if (waiting_.load() == nullptr && held_.empty()) {
      if (stopping_.load()) return;
      wait_for_work();
    }
    round();
    if (broken_.load()) reopen_until_it_works();
  }
}

void Committer::step() {
  stepping_ = false;
  while (!held_.empty() || waiting_.load() != nullptr) round();
  if (broken_.load() && !reopening_) reopen_later(options_.reopen_delay);
}

void Committer::reopen_later(base::Millis pause) {
  reopening_ = true;
  options_.runs_on->after(pause, [life = life_, pause] {
    Committer* self = *life;
    if (self == nullptr) return;
    self->reopening_ = false;
    if (!self->try_reopen(pause)) self->reopen_later(std::min(pause * 2, self->options_.reopen_delay_max));
  });
}

void Committer::round() {
  for (auto& operation : take_all()) held_.push_back(std::move(operation));
  if (held_.empty()) return;
  if (broken_.load()) return fail_held();
  // An operation that looks at the store goes alone, since it must see all that came before it.
  std::size_t count = 1;
  std::size_t bytes = 0;
  while (!held_.front()->options.prepare && count < held_.size() && bytes < options_.batch_bytes_max &&
         !held_[count]->options.prepare) {
    bytes += held_[count]->bytes + held_[count]->batch.bytes();
    ++count;
  }
  std::vector<std::unique_ptr<Operation>> now(
      std::make_move_iterator(held_.begin()),
      std::make_move_iterator(held_.begin() + static_cast<std::ptrdiff_t>(count)));
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
  run_cycle(std::move(now));
  if (broken_.load()) fail_held();
}

void Committer::fail_held() {
  for (auto& operation : std::exchange(held_, {})) {
    waiting_bytes_.fetch_sub(operation->bytes, std::memory_order_relaxed);
    fail_operation(*operation, {Errc::unavailable, "the store is being reopened after a disk error"});
  }
}

void Committer::run_cycle(std::vector<std::unique_ptr<Operation>> operations) {
  Cycle cycle;
  cycle.operations = std::move(operations);
  cycle.next_sequence = next_sequence_;
  cycle.next_quarantine = next_quarantine_;
  if (Result<void> found = look_up(cycle); !found.ok()) return fail(cycle, found.error());
  for (auto& operation : cycle.operations) stage(cycle, *operation);
  if (Result<void> counted = stage_repeats(cycle); !counted.ok()) return fail(cycle, counted.error());
  // In the order of their keys, which the store takes faster.
  store::Batch late;
  store::Batch& identities = base::failpoint::on("flaw.identity_after_event") ? late : cycle.batch;
  for (const auto& [identity, known] : cycle.identities) {
    if (known.changed) identities.put(handle(Table::identity), base::view(identity), encode_twins(known.twins));
  }
  if (!cycle.batch.empty()) {
    if (Result<void> written = write_and_sync(cycle); !written.ok()) return fail(cycle, written.error());
  }
  complete(cycle);
  if (!late.empty()) (void)store_.write(late).ok();
}

// All identities of the round in one read.
Result<void> Committer::look_up(Cycle& cycle) {
  std::vector<std::string_view> keys;
  std::vector<Known*> places;
  for (const auto& operation : cycle.operations) {
    for (const Prepared& item : operation->items) {
      if (!item.record) continue;
      for (const auto* identity : {&item.record->event.envelope_identity, &item.record->event.content_identity}) {
        if (!identity->has_value()) continue;
        cycle.identities.try_emplace(**identity);
      }
    }
  }
  for (auto& [identity, known] : cycle.identities) {
    keys.push_back(base::view(identity));
    places.push_back(&known);
  }
  if (keys.empty()) return {};
  TRUNKLINE_TRY(const auto values, store_.multi_get(handle(Table::identity), keys));
  const std::int64_t oldest = millis(clock_.wall()) - options_.identity_window.count();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    TRUNKLINE_TRY(std::vector<Twin> twins, decode_twins(*values[i]));
    std::erase_if(twins, [&](const Twin& twin) { return twin.accepted_ms < oldest; });
    places[i]->twins = std::move(twins);
  }
  return {};
}

void Committer::stage(Cycle& cycle, Operation& operation) {
  if (operation.is_publish()) {
    for (std::size_t i = 0; i < operation.items.size(); ++i) {
      Prepared& item = operation.items[i];
      operation.results[i] = item.record ? stage_event(cycle, item) : stage_quarantined(cycle, item);
    }
    return;
  }
  if (operation.options.epoch != 0 && operation.options.epoch != epoch()) {
    operation.outcome = Error{Errc::unavailable, "the store was reopened"};
    return;
  }
  if (operation.options.prepare) operation.outcome = operation.options.prepare(operation.batch);
  if (operation.outcome.ok()) cycle.batch.append(operation.batch);
}

PublishResult Committer::stage_event(Cycle& cycle, Prepared& item) {
  engine::Record& record = *item.record;
  const event::Event& event = record.event;
  std::optional<Sequence> twin;
  bool known = false;    // an identity is known at all
  bool differs = false;  // two identities of one event point at two events
  for (const auto* identity : {&event.envelope_identity, &event.content_identity}) {
    if (!identity->has_value()) continue;
    for (const Twin& candidate : cycle.identities[**identity].twins) {
      const bool of_sender = identity == &event.envelope_identity;
      const std::int64_t window = of_sender ? item.identity_window.count() : 0;
      if (window > 0 && candidate.accepted_ms <= item.scan.accepted_ms - window) continue;
      known = true;
      if (candidate.body_hash != event.body_hash) continue;
      differs = differs || (twin && *twin != candidate.sequence);
      twin = candidate.sequence;
    }
  }
  if (twin && !differs) {
    note_repeat(cycle, event, *twin, item.scan.accepted_ms);
    return {PublishVerdict::duplicate, twin->value, std::nullopt};
  }
  record.sequence = {cycle.next_sequence++};
  record.conflict = known;
  if (known) {
    set_conflict(item.encoded);
    ++cycle.conflicts;
    base::log::warn("an identity is known with another body, or points at two events: stored and marked", "sequence",
                    record.sequence.value, "topic", event.topic_name, "envelope_id", event.envelope_id);
  }
  for (const auto* identity : {&event.envelope_identity, &event.content_identity}) {
    if (!identity->has_value()) continue;
    Known& known_twins = cycle.identities[**identity];
    std::vector<Twin>& twins = known_twins.twins;
    twins.push_back({record.sequence, event.body_hash, item.scan.accepted_ms});
    if (twins.size() > kTwinsMax) twins.erase(twins.begin());
    known_twins.changed = true;
  }
  const std::string key = sequence_key(record.sequence);
  cycle.batch.put(handle(Table::log), key, item.encoded);
  cycle.batch.put(handle(Table::scan), key, encode_scan(item.scan));
  for (const base::QueueId queue : item.scan.routes) ++cycle.routed[queue];
  cycle.tail->bytes += size_in_memory(record);
  cycle.tail->entries.push_back({item.record, item.scan.groups});
  return {known ? PublishVerdict::conflict : PublishVerdict::accepted, record.sequence.value, std::nullopt};
}

void Committer::note_repeat(Cycle& cycle, const event::Event& event, Sequence twin, std::int64_t at_ms) {
  ++cycle.duplicates;
  Repeats& repeats = cycle.repeats[twin];
  if (repeats.count++ == 0) repeats.first_ms = at_ms;
  repeats.last_ms = at_ms;
  repeats.last_envelope_id = event.envelope_id.substr(0, kEnvelopeIdMax);
  // Published anew it has an envelope id of its own, by which it is asked for, and sent again.
  if (!event.envelope_identity) return;
  Known& known = cycle.identities[*event.envelope_identity];
  if (!known.twins.empty() || !event.content_identity) return;
  for (const Twin& candidate : cycle.identities[*event.content_identity].twins) {
    if (candidate.sequence != twin) continue;
    known.twins.push_back(candidate);
    known.changed = true;
    return;
  }
}

Result<void> Committer::stage_repeats(Cycle& cycle) {
  for (auto& [twin, repeats] : cycle.repeats) {
    TRUNKLINE_TRY(const auto before, read_repeats(store_, twin));
    if (before) {
      repeats.count += before->count;
      repeats.first_ms = before->first_ms;
    }
    cycle.batch.put(handle(Table::meta), repeats_key(twin), encode_repeats(repeats));
  }
  return {};
}

PublishResult Committer::stage_quarantined(Cycle& cycle, Prepared& item) {
  if (statistics_.quarantine_bytes.load() + cycle.quarantined_bytes + item.encoded.size() >
      quarantine_bytes_max_.load(std::memory_order_relaxed)) {
    return {PublishVerdict::failed, 0,
            Error{Errc::overloaded, "the quarantine is full: look at it, then resubmit or purge"}};
  }
  const std::uint64_t id = cycle.next_quarantine++;
  cycle.batch.put(handle(Table::quarantine), sequence_key({id}), item.encoded);
  ++cycle.quarantined;
  cycle.quarantined_bytes += item.encoded.size();
  return {PublishVerdict::quarantined, id, std::nullopt};
}

void Committer::left_quarantine(std::uint64_t count, std::uint64_t bytes, store::Batch& batch) {
  statistics_.in_quarantine.fetch_sub(std::min(count, statistics_.in_quarantine.load()));
  statistics_.quarantine_bytes.fetch_sub(std::min(bytes, statistics_.quarantine_bytes.load()));
  batch.put(handle(Table::meta), kNextQuarantineKey, sequence_key({next_quarantine_}));
}

Result<void> Committer::write_and_sync(Cycle& cycle) {
  if (!cycle.routed.empty()) {
    auto routed = routed_;
    for (const auto& [queue, count] : cycle.routed) routed[queue] += count;
    cycle.batch.put(handle(Table::meta), kRoutedKey, encode_routed(routed));
  }
  TRUNKLINE_TRY_VOID(store_.write(cycle.batch));
  if (base::failpoint::on("defect.answer_before_sync")) complete(cycle);
  base::failpoint::pass("commit.before_sync");
  if (!base::failpoint::on("defect.skip_sync")) {
    const base::MonoTime begun = clock_.mono();
    TRUNKLINE_TRY_VOID(store_.sync());
    statistics_.sync_seconds.observe(std::chrono::duration<double>(clock_.mono() - begun).count(), kSyncSeconds);
  }
  base::failpoint::pass("commit.after_sync");
  return {};
}

void Committer::complete(Cycle& cycle) {
  next_sequence_ = cycle.next_sequence;
  next_quarantine_ = cycle.next_quarantine;
  for (const auto& [queue, count] : std::exchange(cycle.routed, {})) routed_[queue] += count;
  statistics_.commits.fetch_add(1);
  statistics_.accepted.fetch_add(cycle.tail->entries.size());
  statistics_.duplicates.fetch_add(cycle.duplicates);
  statistics_.conflicts.fetch_add(cycle.conflicts);
  statistics_.quarantined.fetch_add(cycle.quarantined);
  statistics_.in_quarantine.fetch_add(cycle.quarantined);
  statistics_.quarantine_bytes.fetch_add(cycle.quarantined_bytes);
  TailBatchPtr tail;
  if (!cycle.tail->entries.empty()) {
    statistics_.batch_events.observe(static_cast<double>(cycle.tail->entries.size()), kBatchEvents);
    end_.store(next_sequence_ - 1, std::memory_order_release);
    tail = std::move(cycle.tail);
  }
  cycle.tail = std::make_shared<TailBatch>();
  std::map<base::Loop*, std::vector<std::unique_ptr<Operation>>> by_loop;
  for (auto& operation : std::exchange(cycle.operations, {})) {
    waiting_bytes_.fetch_sub(operation->bytes, std::memory_order_relaxed);
    if (operation->reply_on == nullptr) {
      operation->done(std::move(operation->outcome));
    } else {
      by_loop[operation->reply_on].push_back(std::move(operation));
    }
  }
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    const auto found = by_loop.find(loops_[i]);
    if (found == by_loop.end() && !tail) continue;
    auto operations = found == by_loop.end() ? std::vector<std::unique_ptr<Operation>>() : std::move(found->second);
    if (found != by_loop.end()) by_loop.erase(found);
    loops_[i]->post([this, i, tail, operations = std::move(operations)] {
      if (tail) hooks_.on_tail(i, tail);
      for (const auto& operation : operations) {
        if (operation->is_publish()) {
          operation->published(std::move(operation->results));
        } else if (operation->done) {
          operation->done(std::move(operation->outcome));
        }
      }
    });
  }
  TRUNKLINE_CHECK(by_loop.empty(), "an operation wants its answer on a loop the engine was not given");
}

// ---- failure

void Committer::fail_operation(Operation& operation, const Error& error) {
  if (operation.is_publish()) {
    for (PublishResult& result : operation.results) result = {PublishVerdict::failed, 0, error};
    if (operation.reply_on == nullptr) return;
    operation.reply_on->post([done = std::move(operation.published), results = std::move(operation.results)]() mutable {
      done(std::move(results));
    });
    return;
  }
  if (!operation.done) return;
  if (operation.reply_on == nullptr) return operation.done(error);
  operation.reply_on->post([done = std::move(operation.done), error]() mutable { done(error); });
}

void Committer::fail(Cycle& cycle, const Error& error) {
  base::log::error("the store failed: all waiting writes are refused, it will be closed and opened again", "error",
                   error.detail);
  statistics_.failures.fetch_add(1);
  disk_full_.store(error.code == Errc::disk_full);
  broken_.store(true, std::memory_order_release);
  for (auto& operation : cycle.operations) {
    waiting_bytes_.fetch_sub(operation->bytes, std::memory_order_relaxed);
    fail_operation(*operation, {error.code, error.detail});
  }
}

// A failed sync leaves nobody knowing what is on disk: only what can be read back after a reopen counts (DESIGN section
// 5).
void Committer::reopen_until_it_works() {
  base::Millis pause = options_.reopen_delay;
  while (!stopping_.load()) {
    pollfd waiter{wake_fd_, POLLIN, 0};
    ::poll(&waiter, 1, static_cast<int>(pause.count()));
    std::uint64_t drained = 0;
    (void)!::read(wake_fd_, &drained, sizeof drained);
    if (try_reopen(pause)) return;
    pause = std::min(pause * 2, options_.reopen_delay_max);
  }
}

bool Committer::try_reopen(base::Millis pause) {
  round();  // refuses what waits
  Result<void> opened = store_.reopen();
  // A probe that must reach the disk: a full device opens, but does not take a write.
  if (opened.ok()) opened = read_counters();
  if (opened.ok()) {
    store::Batch probe;
    std::string end;
    base::put_u64(end, next_sequence_ - 1);
    probe.put(handle(Table::meta), kEndKey, end);
    opened = store_.write(probe);
    if (opened.ok()) opened = store_.sync();
  }
  if (!opened.ok()) {
    base::log::warn("the store does not open yet", "error", opened.error().detail, "again_in", pause.count());
    return false;
  }
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  if (!hooks_.on_reopened()) return false;
  broken_.store(false, std::memory_order_release);
  statistics_.reopens.fetch_add(1);
  base::log::info("the store works again", "end", next_sequence_ - 1);
  return true;
}

}  // namespace trunkline::queue
