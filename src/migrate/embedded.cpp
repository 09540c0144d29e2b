#include "migrate/embedded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <future>
#include <map>

#include "engine/fence.hpp"
#include "queue/keys.hpp"
#include "store/store.hpp"

namespace trunkline::migrate {

using base::Errc;
using base::Result;

namespace {

Result<std::vector<queue::StoredQueue>> stored_queues(queue::EmbeddedEngine& engine) {
  std::vector<queue::StoredQueue> queues;
  const auto at = engine.store().seek(handle(queue::Table::meta), "q", "r");
  for (; at->valid(); at->next()) {
    TRUNKLINE_TRY(queue::StoredQueue stored, queue::decode_queue(at->value()));
    queues.push_back(std::move(stored));
  }
  TRUNKLINE_TRY_VOID(at->status());
  return queues;
}

// Beside the commit thread, which has nothing to do: all that it was given is answered.
Result<void> write(queue::EmbeddedEngine& engine, const std::function<Result<void>(store::Batch&)>& prepare) {
  store::Batch batch;
  TRUNKLINE_TRY_VOID(prepare(batch));
  if (batch.empty()) return {};
  TRUNKLINE_TRY_VOID(engine.store().write(batch));
  return engine.store().sync();
}

}  // namespace

Result<std::vector<queue::Backlog>> EmbeddedOrigin::backlogs() const {
  TRUNKLINE_TRY(std::vector<queue::StoredQueue> stored, stored_queues(engine_));
  std::vector<queue::Backlog> all;
  for (queue::StoredQueue& each : stored) {
    TRUNKLINE_TRY(queue::Backlog backlog, queue::Backlog::open(engine_.store(), std::move(each)));
    all.push_back(std::move(backlog));
  }
  return all;
}

Result<std::vector<OriginQueue>> EmbeddedOrigin::queues() {
  TRUNKLINE_TRY(const auto all, backlogs());
  std::vector<OriginQueue> queues;
  for (const queue::Backlog& backlog : all) {
    const engine::QueueSpec& spec = backlog.queue().spec;
    queues.push_back({spec.name, spec.order, backlog.ordered(), backlog.operations(), 0});
  }
  return queues;
}

Result<void> EmbeddedOrigin::read(const Wanted& wanted, const Take& take) {
  TRUNKLINE_TRY(auto all, backlogs());
  std::map<base::QueueId, queue::Backlog*> by_id;
  for (queue::Backlog& backlog : all) by_id[backlog.queue().id] = &backlog;
  Result<void> outcome;
  const auto one = [&](const engine::Record& stored) -> Result<void> {
    OriginEvent event{std::make_shared<engine::Record>(stored), {}};
    for (const base::QueueId id : stored.routes) {
      const auto queue = by_id.find(id);
      if (queue == by_id.end()) continue;  // it was removed
      TRUNKLINE_TRY(auto at, queue->second->at(event.record));
      if (at) event.open.push_back({queue->second->queue().spec.name, std::move(*at)});
    }
    if (event.open.empty() && stored.accepted_at < wanted.settled_from) return {};
    return take(std::move(event));
  };
  TRUNKLINE_TRY_VOID(engine_.read_log({wanted.after.value + 1}, [&](const engine::Record& record) {
    outcome = one(record);
    return outcome.ok();
  }));
  return outcome;
}

Result<std::vector<engine::Quarantined>> EmbeddedOrigin::quarantine(engine::Page page) {
  std::promise<Result<std::vector<engine::Quarantined>>> answered;
  engine_.quarantine_list(
      page, loop_, [&](Result<std::vector<engine::Quarantined>> found) { answered.set_value(std::move(found)); });
  return answered.get_future().get();
}

Result<void> EmbeddedOrigin::states(const TakeState& take) {
  const auto at = engine_.store().seek(handle(queue::Table::state), {}, {});
  for (; at->valid(); at->next()) {
    const std::size_t end = at->key().find('\0');
    base::ByteReader value(at->value());
    value.u64();
    const std::string_view bytes = value.take(value.left());
    if (end == std::string_view::npos || !value.ok()) return {Errc::corrupt, "a stored state value does not decode"};
    TRUNKLINE_TRY_VOID(
        take(std::string(at->key().substr(0, end)), std::string(at->key().substr(end + 1)), std::string(bytes)));
  }
  return at->status();
}

// No queue of it moves, so that this thread is the only one that writes.
Result<void> EmbeddedDestination::begin_above(queue::EmbeddedEngine& engine, base::Sequence above) {
  bool empty = true;
  TRUNKLINE_TRY_VOID(engine.read_log({1}, [&](const engine::Record&) { return empty = false; }));
  TRUNKLINE_TRY(const auto marks, engine.list_state(engine::kFenceOwner));
  if (!empty && marks.empty()) return {Errc::conflict, "it holds events of its own: give a fresh data_dir"};
  if (engine.end() > base::Sequence{}) return {};
  return write(engine, [above](store::Batch& batch) -> Result<void> {
    batch.put(handle(queue::Table::meta), queue::kEndKey, queue::sequence_key(above));
    return {};
  });
}

Result<void> EmbeddedDestination::make_queues(queue::EmbeddedEngine& engine,
                                              const std::vector<engine::QueueSpec>& specs) {
  TRUNKLINE_TRY(const auto stored, engine.stored_queues());
  for (const engine::QueueSpec& spec : specs) {
    if (std::ranges::find(stored, spec.name, &engine::QueueSpec::name) == stored.end())
      TRUNKLINE_TRY_VOID(engine.declare(spec));
  }
  return {};
}

// Each by itself, so that each has its own time; the commit thread takes together what it finds.
std::vector<engine::PublishResult> EmbeddedDestination::publish_accepted(
    std::vector<engine::PublishItem> items, const std::vector<base::WallTime>& accepted_at) {
  using Results = std::vector<engine::PublishResult>;
  std::vector<std::future<Results>> answers;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto promise = std::make_shared<std::promise<Results>>();
    answers.push_back(promise->get_future());
    std::vector<engine::PublishItem> one;
    one.push_back(std::move(items[i]));
    clock_.set(accepted_at[i]);
    engine_.publish(std::move(one), loop_, [promise](Results results) { promise->set_value(std::move(results)); });
  }
  clock_.clear();
  Results all;
  for (std::future<Results>& answer : answers) all.push_back(answer.get().at(0));
  return all;
}

Result<void> EmbeddedDestination::declare(const std::vector<engine::QueueSpec>& specs) {
  TRUNKLINE_TRY(std::vector<queue::StoredQueue> stored, stored_queues(engine_));
  for (const engine::QueueSpec& spec : specs) {
    const auto found =
        std::ranges::find_if(stored, [&](const queue::StoredQueue& each) { return each.spec.name == spec.name; });
    if (found == stored.end()) return {Errc::not_found, fmt::format("queue {} was not made", spec.name)};
    ids_[spec.name] = found->id;
    queues_[spec.name] = *found;
  }
  return {};
}

Result<void> EmbeddedDestination::adopt(const std::string& queue, const std::vector<engine::Adopted>& events,
                                        base::Sequence through) {
  return write(engine_, [&](store::Batch& batch) {
    return queue::stage_adopted(engine_.store(), queues_.at(queue), events, through, batch);
  });
}

}  // namespace trunkline::migrate
