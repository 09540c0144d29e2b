#include "sqs/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/run_and_wait.hpp"

namespace trunkline::sqs {

using base::Errc;
using base::Result;

Registry::Registry(engine::Engine& engine, base::Loop& loop, const base::Clock& clock)
    : engine_(engine), loop_(loop), clock_(clock) {}

Result<void> Registry::open(const std::vector<engine::QueueSpec>& stored) {
  TRUNKLINE_TRY(const auto texts, engine_.list_state(std::string(kOwner)));
  for (const auto& [name, text] : texts) {
    auto definition = decode_definition(text);
    if (!definition.ok()) return definition.error().with(fmt::format("queue '{}' of the SQS API", name));
    auto queue = declare(std::move(*definition));
    if (!queue.ok()) return queue.error().with(fmt::format("queue '{}' of the SQS API", name));
    put(*queue);
  }
  for (const engine::QueueSpec& spec : stored) {
    if (!owns(spec.name) || texts.contains(spec.name.substr(engine::kSentPrefix.size()))) continue;
    TRUNKLINE_TRY(const base::QueueId id, engine_.declare(spec));
    TRUNKLINE_TRY_VOID(engine_.remove(id));
    base::log::info("a queue of the SQS API whose removal was cut short is removed", "queue", spec.name);
  }
  return {};
}

std::vector<Queue> Registry::all() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Queue> out;
  out.reserve(queues_.size());
  for (const auto& [name, queue] : queues_) out.push_back(queue);
  return out;
}

std::optional<Queue> Registry::find(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = queues_.find(name);
  if (found == queues_.end()) return std::nullopt;
  return found->second;
}

Result<Queue> Registry::create(Definition definition) {
  const std::string name = definition.name;
  if (find(name)) return {Errc::conflict, fmt::format("there is a queue '{}'", name)};
  if (all().size() >= kQueuesMax) return {Errc::overloaded, fmt::format("{} queues are the most", kQueuesMax)};
  TRUNKLINE_TRY_VOID(remove_left(name));
  definition.created = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch()).count();
  definition.modified = definition.created;
  TRUNKLINE_TRY_VOID(write(name, encode_definition(definition)));
  auto queue = declare(std::move(definition));
  if (!queue.ok()) {
    (void)write(name, std::nullopt).ok();
    return queue.error();
  }
  put(*queue);
  return queue;
}

Result<std::optional<Fault>> Registry::change(const std::string& name, const Change& change) {
  const auto queue = find(name);
  if (!queue) return {Errc::not_found, fmt::format("there is no queue '{}'", name)};
  Definition next = *queue->definition;
  if (auto fault = change(next)) return fault;
  next.modified = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch()).count();
  TRUNKLINE_TRY_VOID(write(name, encode_definition(next)));
  TRUNKLINE_TRY(const Queue changed, declare(std::move(next)));
  put(changed);
  return std::optional<Fault>();
}

Result<void> Registry::remove(const std::string& name) {
  const auto queue = find(name);
  if (!queue) return {Errc::not_found, fmt::format("there is no queue '{}'", name)};
  TRUNKLINE_TRY_VOID(write(name, std::nullopt));
  erase(name);
  left_.emplace(name, queue->id);
  return remove_left(name);
}

// Another queue takes its place: ids of queues are never used again. What is sent meanwhile may go, too, as on AWS.
Result<void> Registry::purge(const std::string& name) {
  const auto queue = find(name);
  if (!queue) return {Errc::not_found, fmt::format("there is no queue '{}'", name)};
  const base::WallTime now = clock_.wall();
  std::erase_if(purged_, [&](const auto& each) { return now - each.second >= kPurgeEvery || now < each.second; });
  if (purged_.contains(name)) return {Errc::conflict, fmt::format("'{}' was purged a moment ago", name)};
  if (const auto removed = engine_.remove(queue->id); !removed.ok() && removed.error().code != Errc::not_found)
    return removed.error();
  auto fresh = declare(*queue->definition);
  if (!fresh.ok()) {
    // Nothing may be sent to what is not there any more.
    erase(name);
    base::log::error("a queue of the SQS API was purged and cannot be made anew; it is there again after a restart",
                     "queue", name, "error", fresh.error().detail);
    return fresh.error();
  }
  put(*fresh);
  purged_.emplace(name, now);
  return {};
}

// What is left of it when this fails goes before a queue of that name begins, or at the next start.
Result<void> Registry::remove_left(const std::string& name) {
  const auto found = left_.find(name);
  if (found == left_.end()) return {};
  if (const auto removed = engine_.remove(found->second); !removed.ok() && removed.error().code != Errc::not_found)
    return removed.error();
  left_.erase(found);
  return {};
}

Result<void> Registry::write(const std::string& name, std::optional<std::string> bytes) {
  std::vector<engine::Engine::StateWrite> writes;
  writes.push_back({name, std::move(bytes)});
  return base::answer_of<Result<void>>([&](engine::DoneCallback done) {
    engine_.update_state(std::string(kOwner), std::move(writes), loop_, std::move(done));
  });
}

Result<Queue> Registry::declare(Definition definition) {
  Queue queue;
  queue.spec = queue_spec(definition);
  queue.definition = std::make_shared<const Definition>(std::move(definition));
  TRUNKLINE_TRY(queue.id, engine_.declare(queue.spec));
  return queue;
}

void Registry::put(const Queue& queue) {
  const std::scoped_lock lock(mutex_);
  queues_.insert_or_assign(queue.name(), queue);
}

void Registry::erase(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  queues_.erase(name);
}

}  // namespace trunkline::sqs
