#include "queue/embedded_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <limits>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "queue/disk_guard.hpp"
#include "queue/keys.hpp"
#include "queue/listing.hpp"
#include "queue/queue_runner.hpp"
#include "queue/read_pool.hpp"
#include "queue/state.hpp"

namespace trunkline::queue {

using base::Errc;
using base::Error;
using base::QueueId;
using base::Result;
using base::Sequence;

namespace {

constexpr std::string_view kNextQueueKey = "nqueue";
constexpr base::Millis kLoopWithin = std::chrono::seconds(5);  // a loop answers what it holds in memory
constexpr std::size_t kStateBytesMax = 64 << 10;

std::string queue_spec_key(const std::string& name) {
  return "q" + name;
}

template <class Callback>
void refuse(base::Loop& reply_on, Callback done, Error error) {
  reply_on.post([done = std::move(done), error = std::move(error)]() mutable { done(std::move(error)); });
}

std::function<bool(std::string_view, std::string_view)> identity_expired(const base::Clock& clock,
                                                                         base::Millis window) {
  return [&clock, window](std::string_view, std::string_view value) {
    const auto twins = decode_twins(value);
    if (!twins.ok()) return false;  // never delete what is not understood
    return twins->back().accepted_ms < (clock.wall() - window).time_since_epoch().count();
  };
}

}  // namespace

struct EmbeddedEngine::Impl {
  Impl(EmbeddedOptions given, std::vector<base::Loop*> given_loops, const base::Clock& given_clock)
      : options(std::move(given)), loops(std::move(given_loops)), clock(given_clock) {}

  struct LoopPart {
    explicit LoopPart(std::size_t tail_bytes_max) : shared(tail_bytes_max) {}
    LoopShared shared;
    std::unordered_map<QueueId, std::shared_ptr<QueueRunner>> runners;  // loop thread only
    std::shared_ptr<const Observer> observer;  // loop thread only; shared, since it may end itself while it runs
  };
  struct Registered {
    StoredQueue stored;
    std::shared_ptr<QueueRunner> runner;
    std::size_t loop = 0;
  };

  Result<void> open();
  Result<void> open_store();
  void on_tail(std::size_t loop, const TailBatchPtr& batch);
  bool expire_some(std::size_t count);
  bool rebuild();
  Result<bool> is_stored(const StoredQueue& queue) const;
  void forget(const Registered& registered);
  Result<void> start_runner(const Registered& registered, std::uint64_t routed);
  Result<QueueId> create(const engine::QueueSpec& spec);
  Result<StoredQueue> take_over(StoredQueue stored, const engine::QueueSpec& spec);
  bool end();  // false: it has ended before
  std::optional<Registered> find(QueueId queue) const;
  std::vector<QueueId> stored_queue_ids() const;

  // Runs `function` with the queue's runner on its loop; without one, answers on `reply_on`.
  template <class Function, class Callback>
  void on_runner(QueueId queue, base::Loop& reply_on, Callback done, Function function) {
    const auto registered = find(queue);
    if (!registered) return refuse(reply_on, std::move(done), {Errc::not_found, "no such queue"});
    loops[registered->loop]->post([runner = registered->runner, done = std::move(done),
                                   function = std::move(function)]() mutable { function(*runner, std::move(done)); });
  }

  // A callback of a runner, which comes on the queue's loop, brought to the asker's.
  template <class Value>
  static base::UniqueFunction<void(Result<Value>)> back_to(base::Loop& reply_on,
                                                           base::UniqueFunction<void(Result<Value>)> done) {
    return [&reply_on, done = std::move(done)](Result<Value> result) mutable {
      reply_on.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
    };
  }

  void for_dead_letters(QueueRunner::DeadLetterAction action, QueueId queue, engine::RedriveFilter filter,
                        base::Loop& reply_on, QueueRunner::CountCallback done) {
    on_runner(queue, reply_on, std::move(done),
              [action, filter = std::move(filter), &reply_on](QueueRunner& runner,
                                                              QueueRunner::CountCallback callback) mutable {
                runner.for_dead_letters(
                    action, std::move(filter),
                    [&reply_on, callback = std::move(callback)](const Result<std::uint64_t>& result) mutable {
                      reply_on.post([callback = std::move(callback), result]() mutable { callback(result); });
                    });
              });
  }

  EmbeddedOptions options;
  const std::vector<base::Loop*> loops;
  const base::Clock& clock;
  std::vector<std::unique_ptr<LoopPart>> parts;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<ReadPool> reads;
  std::unique_ptr<Committer> committer;
  std::unique_ptr<DiskGuard> guard;
  std::unique_ptr<Backup> backups;
  mutable std::shared_mutex mutex;  // guards the registry; taken for writing only when queues are made or removed
  std::unordered_map<QueueId, Registered> registry;
  bool stopped = false;
};

// ---- open and rebuild

Result<void> EmbeddedEngine::Impl::open_store() {
  store::Options store_options;
  store_options.directory = options.directory;
  store_options.families = families(identity_expired(clock, options.committer.identity_window));
  store_options.memory_budget = options.memory_budget;
  store_options.write_buffer_bytes = options.write_buffer_bytes;
  store_options.format_version = kFormatVersion;
  store_options.file_system = options.file_system;
  store_options.compacts = options.steps.commits == nullptr;
  store_options.spare_log_bytes = spare_log_bytes(options.disk_budget);
  TRUNKLINE_TRY(store, store::Store::open(std::move(store_options)));
  return {};
}

Result<void> EmbeddedEngine::Impl::open() {
  TRUNKLINE_TRY_VOID(open_store());
  reads = std::make_unique<ReadPool>(options.read_threads, options.steps.reads);
  for (std::size_t i = 0; i < loops.size(); ++i) parts.push_back(std::make_unique<LoopPart>(options.tail_bytes_max));
  Committer::Hooks hooks;
  hooks.on_tail = [this](std::size_t loop, const TailBatchPtr& batch) { on_tail(loop, batch); };
  hooks.on_reopened = [this] { return rebuild(); };
  options.committer.runs_on = options.steps.commits;
  committer = std::make_unique<Committer>(*store, clock, loops, options.committer, std::move(hooks));
  TRUNKLINE_TRY_VOID(committer->start());
  for (const auto& part : parts) part->shared.end = committer->end();
  backups = std::make_unique<Backup>(*store, [this] { return committer->end(); });
  DiskGuardOptions guard_options;
  guard_options.retain = options.retain;
  guard_options.disk_budget = options.disk_budget;
  guard_options.min_free = options.min_free;
  guard_options.interval = options.sweep_interval;
  guard_options.runs_on = options.steps.guard;
  DiskGuard::Hooks guard_hooks;
  guard_hooks.queues = [this] { return stored_queue_ids(); };
  guard_hooks.expire_some = [this](std::size_t count) { return expire_some(count); };
  guard_hooks.at_rest = [this] {
    for (std::size_t i = 0; i < loops.size(); ++i)
      loops[i]->post([part = parts[i].get()] { part->shared.tail.clear(); });
  };
  guard = std::make_unique<DiskGuard>(*store, *committer, clock, guard_options, std::move(guard_hooks));
  return {};
}

// Guard's thread.
bool EmbeddedEngine::Impl::expire_some(std::size_t count) {
  std::vector<std::shared_ptr<QueueRunner>> expiring;
  const std::shared_lock lock(mutex);
  for (const auto& [id, registered] : registry) {
    if (registered.stored.spec.on_full == engine::OnFull::expire) expiring.push_back(registered.runner);
  }
  for (const auto& runner : expiring) {
    runner->loop().post([runner, count] { runner->expire(std::numeric_limits<std::int64_t>::max(), count); });
  }
  return !expiring.empty();
}

void EmbeddedEngine::Impl::on_tail(std::size_t loop, const TailBatchPtr& batch) {
  LoopPart& part = *parts[loop];
  part.shared.tail.push(batch);
  for (const TailEntry& entry : batch->entries) {
    for (const QueueId queue : entry.record->routes) {
      if (const auto found = part.runners.find(queue); found != part.runners.end()) found->second->on_event(entry);
    }
  }
  part.shared.end = batch->last();
  for (const auto& [id, runner] : part.runners) runner->on_end(part.shared.end);
  if (const auto observer = part.observer) (*observer)(*batch);
}

// Commit thread, after a reopen: every queue's memory is made anew from what is on disk.
bool EmbeddedEngine::Impl::rebuild() {
  std::vector<Registered> all;
  {
    const std::shared_lock lock(mutex);
    for (const auto& [id, registered] : registry) all.push_back(registered);
  }
  std::vector<RestoredQueue> restored;
  for (auto at = all.begin(); at != all.end();) {
    const Registered& registered = *at;
    const auto stored = is_stored(registered.stored);
    if (!stored.ok()) {
      base::log::error("a queue cannot be read back", "queue", registered.stored.spec.name, "error",
                       stored.error().detail);
      return false;
    }
    if (!*stored) {
      base::log::info("a queue whose removal was answered with an error is removed", "queue",
                      registered.stored.spec.name);
      forget(registered);
      at = all.erase(at);
      continue;
    }
    ++at;
    auto queue = read_queue(*store, registered.stored.id, registered.stored.spec, registered.stored.created_after);
    if (!queue.ok()) {
      base::log::error("a queue cannot be read back", "queue", registered.stored.spec.name, "error",
                       queue.error().detail);
      return false;
    }
    restored.push_back(std::move(*queue));
  }
  const Sequence end = committer->end();
  for (std::size_t i = 0; i < loops.size(); ++i) {
    loops[i]->post([part = parts[i].get(), end] {
      part->shared.tail.clear();
      part->shared.end = end;
    });
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto routed = committer->routed().find(all[i].stored.id);
    loops[all[i].loop]->post([runner = all[i].runner, queue = std::move(restored[i]), epoch = committer->epoch(),
                              count = routed == committer->routed().end() ? 0 : routed->second]() mutable {
      runner->start(std::move(queue), count, epoch);
    });
  }
  return true;
}

// After a failed write a removal may be on disk all the same; its queue must not begin anew with all there ever was.
Result<bool> EmbeddedEngine::Impl::is_stored(const StoredQueue& queue) const {
  TRUNKLINE_TRY(const auto known, store->get(handle(Table::meta), queue_spec_key(queue.spec.name)));
  if (!known) return false;
  TRUNKLINE_TRY(const StoredQueue now, decode_queue(*known));
  return now.id == queue.id;
}

void EmbeddedEngine::Impl::forget(const Registered& registered) {
  {
    const std::unique_lock lock(mutex);
    registry.erase(registered.stored.id);
  }
  loops[registered.loop]->post([part = parts[registered.loop].get(), runner = registered.runner] {
    runner->stop();
    part->runners.erase(runner->id());
  });
}

// ---- queues

Result<QueueId> EmbeddedEngine::Impl::create(const engine::QueueSpec& spec) {
  if (spec.name.empty() || spec.name.size() > 100) return {Errc::invalid, "a queue's name has 1 to 100 characters"};
  Registered registered;
  std::uint64_t routed = 0;
  Result<void> written = committer->write_and_wait({}, [&](store::Batch& batch) -> Result<void> {
    TRUNKLINE_TRY(const auto known, store->get(handle(Table::meta), queue_spec_key(spec.name)));
    if (known) {
      TRUNKLINE_TRY(StoredQueue stored, decode_queue(*known));
      TRUNKLINE_TRY(registered.stored, take_over(std::move(stored), spec));
    } else {
      if (const std::shared_lock lock(mutex); registry.size() >= options.queues_max)
        return {Errc::overloaded, fmt::format("{} queues are the most", options.queues_max)};
      TRUNKLINE_TRY(const auto next, store->get(handle(Table::meta), kNextQueueKey));
      const std::uint64_t id = next ? base::ByteReader(*next).u64() : 1;
      registered.stored = {{static_cast<std::uint32_t>(id)}, committer->end(), spec};
      batch.put(handle(Table::meta), kNextQueueKey, sequence_key({id + 1}));
      CursorRecord cursor;
      cursor.scanned = registered.stored.created_after;
      if (spec.event_time_window.count() > 0) cursor.ordered = cursor.scanned.value;
      batch.put(handle(Table::queue), cursor_key(registered.stored.id), encode_cursor(cursor));
    }
    batch.put(handle(Table::meta), queue_spec_key(spec.name), encode_queue(registered.stored));
    const auto found = committer->routed().find(registered.stored.id);
    if (found != committer->routed().end()) routed = found->second;
    return {};
  });
  if (!written.ok()) return written.error();
  const QueueId id = registered.stored.id;
  {
    const std::unique_lock lock(mutex);
    if (const auto found = registry.find(id); found != registry.end()) {
      found->second.stored = registered.stored;
      loops[found->second.loop]->post([runner = found->second.runner, spec] { runner->set_spec(spec); });
      return id;
    }
    if (registry.size() >= options.queues_max)
      return {Errc::overloaded, fmt::format("{} queues are the most", options.queues_max)};
    registered.loop = id.value % loops.size();
    registered.runner = std::make_shared<QueueRunner>(
        QueueRunner::Context{*loops[registered.loop], *store, *committer, *reads, parts[registered.loop]->shared}, id,
        spec, options.queue);
    registry[id] = registered;
  }
  if (const Result<void> started = start_runner(registered, routed); !started.ok()) {
    // Without an entry the next declare() reads it again; with one that never began it would look empty for good.
    const std::unique_lock lock(mutex);
    registry.erase(id);
    return started.error();
  }
  return id;
}

Result<StoredQueue> EmbeddedEngine::Impl::take_over(StoredQueue stored, const engine::QueueSpec& spec) {
  if (stored.spec.order != spec.order) {
    TRUNKLINE_TRY(const RestoredQueue now, read_queue(*store, stored.id, stored.spec, stored.created_after));
    if (!now.lanes.empty() || !now.outstanding.empty() || now.cursor.totals.dead_letters > 0 ||
        now.cursor.scanned < committer->end()) {
      return {
          Errc::conflict,
          fmt::format("queue {} holds events in the order '{}': let it drain, or remove it, before its order changes",
                      spec.name, event::name(stored.spec.order))};
    }
  }
  stored.spec = spec;
  return stored;
}

Result<void> EmbeddedEngine::Impl::start_runner(const Registered& registered, std::uint64_t routed) {
  // Taken before the reading: the store may be reopened in between, and then the reopening starts the runner, too.
  const std::uint64_t epoch = committer->epoch();
  TRUNKLINE_TRY(RestoredQueue restored,
                read_queue(*store, registered.stored.id, registered.stored.spec, registered.stored.created_after));
  loops[registered.loop]->post([part = parts[registered.loop].get(), runner = registered.runner,
                                restored = std::move(restored), routed, epoch]() mutable {
    part->runners[runner->id()] = runner;
    runner->start(std::move(restored), routed, epoch);
  });
  return {};
}

std::optional<EmbeddedEngine::Impl::Registered> EmbeddedEngine::Impl::find(QueueId queue) const {
  const std::shared_lock lock(mutex);
  const auto found = registry.find(queue);
  if (found == registry.end()) return std::nullopt;
  return found->second;
}

// Every queue on disk holds its events, whether the configuration of this run names it or not.
std::vector<QueueId> EmbeddedEngine::Impl::stored_queue_ids() const {
  std::vector<QueueId> ids;
  for (auto at = store->seek(handle(Table::meta), "q", "r"); at->valid(); at->next()) {
    if (const auto stored = decode_queue(at->value()); stored.ok()) ids.push_back(stored->id);
  }
  return ids;
}

bool EmbeddedEngine::Impl::end() {
  if (std::exchange(stopped, true)) return false;
  backups->stop();
  guard.reset();
  committer->stop();
  reads->stop();
  return true;
}

// ---- the port

EmbeddedEngine::EmbeddedEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedEngine::~EmbeddedEngine() {
  stop();
}

Result<std::unique_ptr<EmbeddedEngine>> EmbeddedEngine::open(EmbeddedOptions options, std::vector<base::Loop*> loops,
                                                             const base::Clock& clock) {
  TRUNKLINE_CHECK(!loops.empty(), "an engine needs a loop");
  auto impl = std::make_unique<Impl>(std::move(options), std::move(loops), clock);
  TRUNKLINE_TRY_VOID(impl->open());
  return std::unique_ptr<EmbeddedEngine>(new EmbeddedEngine(std::move(impl)));
}

void EmbeddedEngine::abandon() {
  impl_->end();
}

void EmbeddedEngine::stop() {
  if (!impl_->end()) return;
  // Then a stopped data directory does not depend on its write-ahead log. Bounded by the size of the memtables.
  if (const auto flushed = impl_->store->flush(); !flushed.ok()) {
    base::log::warn("memory could not be flushed at the stop; the write-ahead log holds it", "error",
                    flushed.error().detail);
  }
}

std::vector<engine::Capability> EmbeddedEngine::capabilities() const {
  using engine::Capability;
  return {Capability::lanes_in_engine, Capability::park,       Capability::event_time_window,
          Capability::state,           Capability::quarantine, Capability::operations};
}

Result<QueueId> EmbeddedEngine::declare(const engine::QueueSpec& spec) {
  return impl_->create(spec);
}

Result<void> EmbeddedEngine::remove(QueueId queue) {
  const auto registered = impl_->find(queue);
  if (!registered) return {Errc::not_found, "no such queue"};
  store::Batch batch;
  const std::string first = queue_prefix(queue, '\0');
  batch.remove_range(handle(Table::queue), first, queue_prefix({queue.value + 1}, '\0'));
  batch.remove(handle(Table::meta), queue_spec_key(registered->stored.spec.name));
  TRUNKLINE_TRY_VOID(impl_->committer->write_and_wait(
      std::move(batch), [this, queue](store::Batch&) { return impl_->committer->forget_routed(queue); }));
  impl_->forget(*registered);
  return {};
}

base::Loop& EmbeddedEngine::loop_of(QueueId queue) {
  return *impl_->loops[queue.value % impl_->loops.size()];
}

void EmbeddedEngine::publish(std::vector<engine::PublishItem> items, base::Loop& reply_on,
                             engine::PublishCallback done) {
  impl_->committer->publish(std::move(items), reply_on, std::move(done));
}

void EmbeddedEngine::receive(QueueId queue, const engine::ReceiveLimits& limits, engine::ReceiveCallback done) {
  impl_->on_runner(
      queue, loop_of(queue), std::move(done),
      [limits](QueueRunner& runner, engine::ReceiveCallback callback) { runner.receive(limits, std::move(callback)); });
}

void EmbeddedEngine::cancel_receive(QueueId queue) {
  if (const auto registered = impl_->find(queue)) {
    impl_->loops[registered->loop]->post([runner = registered->runner] { runner->cancel_receive(); });
  }
}

void EmbeddedEngine::settle(QueueId queue, std::uint64_t lease, std::vector<engine::MessageFate> fates,
                            engine::DoneCallback done) {
  if (!done) done = [](const Result<void>&) {};
  impl_->on_runner(queue, loop_of(queue), std::move(done),
                   [lease, fates = std::move(fates)](QueueRunner& runner, engine::DoneCallback callback) mutable {
                     runner.settle(lease, std::move(fates), std::move(callback));
                   });
}

void EmbeddedEngine::extend(QueueId queue, std::uint64_t lease, base::Millis visibility_timeout,
                            engine::DoneCallback done) {
  impl_->on_runner(queue, loop_of(queue), std::move(done),
                   [lease, visibility_timeout](QueueRunner& runner, engine::DoneCallback callback) {
                     runner.extend(lease, visibility_timeout, std::move(callback));
                   });
}

void EmbeddedEngine::was_delivered(QueueId queue, Sequence sequence, std::uint64_t lease,
                                   base::UniqueFunction<void(Result<bool>)> done) {
  using Callback = base::UniqueFunction<void(Result<bool>)>;
  impl_->on_runner(queue, loop_of(queue), std::move(done), [sequence, lease](QueueRunner& runner, Callback callback) {
    runner.was_delivered(sequence, lease, std::move(callback));
  });
}

engine::QueueStatistics EmbeddedEngine::statistics(QueueId queue) {
  const auto registered = impl_->find(queue);
  return registered ? registered->runner->statistics() : engine::QueueStatistics{};
}

void EmbeddedEngine::dead_letters(QueueId queue, engine::Page page, base::Loop& reply_on,
                                  base::UniqueFunction<void(Result<std::vector<engine::DeadLetter>>)> done) {
  const auto registered = impl_->find(queue);
  if (!registered) return refuse(reply_on, std::move(done), {Errc::not_found, "no such queue"});
  impl_->reads->run([&store = *impl_->store, queue, page, order = registered->stored.spec.order, &reply_on,
                     done = std::move(done)]() mutable {
    reply_on.post([result = read_dead_letters(store, queue, order, page), done = std::move(done)]() mutable {
      done(std::move(result));
    });
  });
}

void EmbeddedEngine::redrive(QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                             base::UniqueFunction<void(Result<std::uint64_t>)> done) {
  impl_->for_dead_letters(QueueRunner::DeadLetterAction::redrive, queue, std::move(filter), reply_on, std::move(done));
}

void EmbeddedEngine::purge_dead_letters(QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                                        base::UniqueFunction<void(Result<std::uint64_t>)> done) {
  impl_->for_dead_letters(QueueRunner::DeadLetterAction::purge, queue, std::move(filter), reply_on, std::move(done));
}

// ---- operations

void EmbeddedEngine::edit_dead_letter(QueueId queue, Sequence sequence, std::string body, base::Loop& reply_on,
                                      engine::DoneCallback done) {
  auto counted = [done = std::move(done)](const Result<std::uint64_t>& count) mutable {
    if (!count.ok()) return done(count.error());
    if (*count == 0) return done(Error{Errc::not_found, "no such dead letter"});
    done({});
  };
  impl_->on_runner(
      queue, reply_on, Impl::back_to(reply_on, base::UniqueFunction<void(Result<std::uint64_t>)>(std::move(counted))),
      [sequence, body = std::move(body)](QueueRunner& runner, QueueRunner::CountCallback callback) mutable {
        runner.edit_dead_letter(sequence, std::move(body), std::move(callback));
      });
}

void EmbeddedEngine::summarize_dead_letters(QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                                            base::UniqueFunction<void(Result<engine::DeadLetterSummary>)> done) {
  const auto registered = impl_->find(queue);
  if (!registered) return refuse(reply_on, std::move(done), {Errc::not_found, "no such queue"});
  impl_->reads->run([&store = *impl_->store, &clock = impl_->clock, queue, order = registered->stored.spec.order,
                     filter = std::move(filter), done = Impl::back_to(reply_on, std::move(done))]() mutable {
    done(queue::summarize_dead_letters(store, queue, order, filter, clock.wall()));
  });
}

void EmbeddedEngine::redrive_step(QueueId queue, engine::RedriveStep step, base::Loop& reply_on, StepCallback done) {
  impl_->on_runner(queue, reply_on, Impl::back_to(reply_on, std::move(done)),
                   [step = std::move(step)](QueueRunner& runner, StepCallback callback) mutable {
                     runner.redrive_step(std::move(step), std::move(callback));
                   });
}

void EmbeddedEngine::replay_step(QueueId queue, engine::ReplayStep step, base::Loop& reply_on, StepCallback done) {
  impl_->on_runner(queue, reply_on, Impl::back_to(reply_on, std::move(done)),
                   [step = std::move(step)](QueueRunner& runner, StepCallback callback) mutable {
                     runner.replay_step(std::move(step), std::move(callback));
                   });
}

void EmbeddedEngine::operation_tally(QueueId queue, base::OperationId operation, base::Loop& reply_on,
                                     StepCallback done) {
  impl_->on_runner(queue, reply_on, Impl::back_to(reply_on, std::move(done)),
                   [operation](QueueRunner& runner, StepCallback callback) {
                     runner.operation_tally(operation, std::move(callback));
                   });
}

void EmbeddedEngine::end_operation(QueueId queue, base::OperationId operation, bool forget, base::Loop& reply_on,
                                   StepCallback done) {
  impl_->on_runner(queue, reply_on, Impl::back_to(reply_on, std::move(done)),
                   [operation, forget](QueueRunner& runner, StepCallback callback) {
                     runner.end_operation(operation, forget, std::move(callback));
                   });
}

void EmbeddedEngine::update_state(const std::string& owner, std::vector<StateWrite> writes, base::Loop& reply_on,
                                  engine::DoneCallback done) {
  store::Batch batch;
  for (const StateWrite& write : writes) {
    if (write.bytes && write.bytes->size() > kStateBytesMax)
      return refuse(reply_on, std::move(done), {Errc::too_large, "a state value has at most 64 KiB"});
    stage_state(batch, owner, write);
  }
  impl_->committer->write(std::move(batch), {}, &reply_on, std::move(done));
}

void EmbeddedEngine::quarantine_list(engine::Page page, base::Loop& reply_on,
                                     base::UniqueFunction<void(Result<std::vector<engine::Quarantined>>)> done) {
  impl_->reads->run([&store = *impl_->store, page, &reply_on, done = std::move(done)]() mutable {
    reply_on.post(
        [result = read_quarantine(store, page), done = std::move(done)]() mutable { done(std::move(result)); });
  });
}

void EmbeddedEngine::quarantine_remove(std::vector<std::uint64_t> ids, base::Loop& reply_on,
                                       engine::DoneCallback done) {
  impl_->committer->write({},
                          {0,
                           [impl = impl_.get(), ids = std::move(ids)](store::Batch& batch) -> Result<void> {
                             std::uint64_t removed = 0;
                             std::uint64_t bytes = 0;
                             for (const std::uint64_t id : ids) {
                               TRUNKLINE_TRY(const auto known,
                                             impl->store->get(handle(Table::quarantine), sequence_key({id})));
                               if (!known) continue;
                               batch.remove(handle(Table::quarantine), sequence_key({id}));
                               ++removed;
                               bytes += known->size();
                             }
                             impl->committer->left_quarantine(removed, bytes, batch);
                             return {};
                           }},
                          &reply_on, std::move(done));
}

Result<std::optional<engine::Engine::StateValue>> EmbeddedEngine::get_state(const std::string& owner,
                                                                            const std::string& key) {
  TRUNKLINE_TRY(const auto stored, impl_->store->get(handle(Table::state), state_key(owner, key)));
  if (!stored) return std::optional<StateValue>();
  base::ByteReader in(*stored);
  StateValue value;
  value.version = in.u64();
  value.bytes = in.take(in.left());
  if (!in.ok()) return {Errc::corrupt, "a stored state value does not decode"};
  return std::optional<StateValue>(std::move(value));
}

void EmbeddedEngine::put_state(const std::string& owner, const std::string& key, std::uint64_t version,
                               std::string bytes, base::Loop& reply_on, engine::DoneCallback done) {
  if (bytes.size() > kStateBytesMax)
    return refuse(reply_on, std::move(done), {Errc::too_large, "a state value has at most 64 KiB"});
  impl_->committer->write({},
                          {0,
                           [this, owner, key, version, bytes = std::move(bytes)](store::Batch& batch) -> Result<void> {
                             TRUNKLINE_TRY(const auto now, get_state(owner, key));
                             if ((now ? now->version : 0) != version) return {Errc::conflict, "the state has moved on"};
                             std::string value;
                             base::put_u64(value, version + 1);
                             value += bytes;
                             batch.put(handle(Table::state), state_key(owner, key), value);
                             return {};
                           }},
                          &reply_on, std::move(done));
}

Result<std::map<std::string, std::string>> EmbeddedEngine::list_state(const std::string& owner) {
  const std::string first = state_key(owner, {});
  std::map<std::string, std::string> found;
  auto at = impl_->store->seek(handle(Table::state), first, prefix_end(first));
  for (; at->valid(); at->next()) {
    base::ByteReader in(at->value());
    in.u64();
    const std::string_view bytes = in.take(in.left());
    if (!in.ok()) return {Errc::corrupt, "a stored state value does not decode"};
    found.emplace(at->key().substr(first.size()), bytes);
  }
  TRUNKLINE_TRY_VOID(at->status());
  return found;
}

Result<void> EmbeddedEngine::remove_state(const std::string& owner) {
  const std::string first = state_key(owner, {});
  {
    // Most owners have none, and a range that is removed costs every read that crosses it.
    const auto at = impl_->store->seek(handle(Table::state), first, prefix_end(first));
    if (!at->valid()) return at->status();
  }
  store::Batch batch;
  batch.remove_range(handle(Table::state), first, prefix_end(first));
  return impl_->committer->write_and_wait(std::move(batch));
}

void EmbeddedEngine::write_state(QueueId queue, const std::string& owner, std::vector<StateWrite> writes) {
  store::Batch batch;
  for (const StateWrite& write : writes) {
    if (!write.bytes || write.bytes->size() <= kStateBytesMax) stage_state(batch, owner, write);
  }
  if (const auto registered = impl_->find(queue)) {
    impl_->loops[registered->loop]->post(
        [runner = registered->runner, batch = std::move(batch)] { runner->write_state(batch); });
  }
}

const CommitStatistics& EmbeddedEngine::commit_statistics() const {
  return impl_->committer->statistics();
}
std::optional<Errc> EmbeddedEngine::refusing() const {
  return impl_->committer->refusing();
}
store::Store::Usage EmbeddedEngine::usage() const {
  return impl_->guard->usage();
}
Sequence EmbeddedEngine::end() const {
  return impl_->committer->end();
}
Result<engine::QueueStatistics> EmbeddedEngine::statistics_now(QueueId queue) {
  const auto registered = impl_->find(queue);
  if (!registered) return {Errc::not_found, "no such queue"};
  // Behind every publish of before on the commit thread, and then behind what that has posted to the loop: the round
  // that answers the second write has begun after the first one's had posted everything.
  for (int round = 0; round < 2; ++round) TRUNKLINE_TRY_VOID(impl_->committer->write_and_wait({}));
  // Shared with the loop, which may come to it after the time has passed.
  auto now = std::make_shared<Result<engine::QueueStatistics>>(Error{Errc::unavailable, ""});
  const bool answered = base::run_and_wait(*impl_->loops[registered->loop], kLoopWithin,
                                           [runner = registered->runner, now](base::Task done) {
                                             *now = runner->statistics_now();
                                             done();
                                           });
  if (!answered) return {Errc::unavailable, "the queue's loop does not answer"};
  return *now;
}

Result<Standing> EmbeddedEngine::standing(QueueId queue, const engine::Record& record) {
  const auto registered = impl_->find(queue);
  if (!registered) return {Errc::not_found, "no such queue"};
  const base::GroupKey group = group_in(group_keys(record.event), registered->stored.spec.order, record.sequence);
  // Shared with the loop; where it does not answer the disk's word holds.
  auto place = std::make_shared<std::optional<QueueCore::Place>>();
  const bool heard =
      base::run_and_wait(*impl_->loops[registered->loop], kLoopWithin,
                         [runner = registered->runner, group, sequence = record.sequence, place](base::Task done) {
                           *place = runner->place(group, sequence);
                           done();
                         });
  TRUNKLINE_TRY(Standing standing, read_standing(*impl_->store, queue, group, record.sequence));
  if (heard && *place) take_place(standing, **place);
  return standing;
}

void EmbeddedEngine::drain(base::Millis within) {
  // Shared with the loops, which may answer after the time has passed; destroyed tasks answer by letting go.
  auto promise = std::make_shared<std::promise<void>>();
  std::shared_ptr<void> all(nullptr, [promise](void*) { promise->set_value(); });
  {
    const std::shared_lock lock(impl_->mutex);
    for (const auto& [id, registered] : impl_->registry)
      impl_->loops[registered.loop]->post([runner = registered.runner, all] { runner->drain([all] {}); });
  }
  all.reset();
  promise->get_future().wait_for(within);
}

// Times of acceptance grow with the sequence, so that a search by halves finds the place.
Result<Sequence> EmbeddedEngine::first_accepted(base::WallTime from) {
  const Sequence end = impl_->committer->end();
  std::uint64_t low = 1;
  std::uint64_t high = end.value + 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto at = impl_->store->seek(handle(Table::scan), sequence_key({middle}), sequence_key({high}));
    TRUNKLINE_TRY_VOID(at->status());
    if (!at->valid()) {
      high = middle;  // nothing is left between
      continue;
    }
    TRUNKLINE_TRY(const ScanEntry entry, decode_scan(at->value()));
    if (entry.accepted_ms < millis(from)) {
      low = sequence_of(at->key()).value + 1;
    } else {
      high = middle;
    }
  }
  return Sequence{low};
}

Result<void> EmbeddedEngine::read_log(Sequence first, const std::function<bool(const engine::Record&)>& take) {
  auto at = impl_->store->seek(handle(Table::log), sequence_key(first), {});
  for (; at->valid(); at->next()) {
    const Sequence sequence{base::ByteReader(at->key()).u64()};
    TRUNKLINE_TRY(const engine::Record record, decode_record(sequence, at->value()));
    if (!take(record)) return {};
  }
  return at->status();
}
void EmbeddedEngine::set_limits(base::Millis retain, std::uint64_t disk_budget, std::uint64_t quarantine_bytes_max) {
  impl_->guard->set_limits(retain, disk_budget);
  impl_->committer->set_quarantine_bytes_max(quarantine_bytes_max);
}
void EmbeddedEngine::observe(base::Loop& loop, Observer observer) {
  const auto found = std::ranges::find(impl_->loops, &loop);
  TRUNKLINE_CHECK(found != impl_->loops.end() && loop.here(), "observed on a loop of the engine's own");
  impl_->parts[static_cast<std::size_t>(found - impl_->loops.begin())]->observer =
      observer ? std::make_shared<const Observer>(std::move(observer)) : nullptr;
}
store::Store& EmbeddedEngine::store() {
  return *impl_->store;
}

void EmbeddedEngine::read_record(Sequence sequence, base::Loop& reply_on,
                                 base::UniqueFunction<void(Result<engine::RecordPtr>)> done) {
  impl_->reads->run([&store = *impl_->store, sequence, &reply_on, done = std::move(done)]() mutable {
    const auto read = [&]() -> Result<engine::RecordPtr> {
      TRUNKLINE_TRY(const auto value, store.get(handle(Table::log), sequence_key(sequence)));
      if (!value) return engine::RecordPtr();
      TRUNKLINE_TRY(engine::Record record, decode_record(sequence, *value));
      return engine::RecordPtr(std::make_shared<engine::Record>(std::move(record)));
    };
    reply_on.post([result = read(), done = std::move(done)]() mutable { done(std::move(result)); });
  });
}

void EmbeddedEngine::backup(std::string directory, base::Loop& reply_on, Backup::Callback done) {
  impl_->backups->start(std::move(directory), reply_on, std::move(done));
}

Result<std::vector<engine::QueueSpec>> EmbeddedEngine::stored_queues() const {
  std::vector<engine::QueueSpec> specs;
  auto at = impl_->store->seek(handle(Table::meta), "q", "r");
  for (; at->valid(); at->next()) {
    TRUNKLINE_TRY(StoredQueue stored, decode_queue(at->value()));
    specs.push_back(std::move(stored.spec));
  }
  TRUNKLINE_TRY_VOID(at->status());
  return specs;
}

}  // namespace trunkline::queue
