#include "sqs/move_tasks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "sqs/move_run.hpp"

namespace trunkline::sqs {

using base::Errc;
using base::Result;

namespace {

constexpr std::array<std::string_view, 5> kNames = {"RUNNING", "COMPLETED", "CANCELLING", "CANCELLED", "FAILED"};

std::int64_t number_at(const json::Value& object, std::string_view name) {
  const auto found = object.find(name);
  return found ? std::max<std::int64_t>(0, found->integer().value_or(0)) : 0;
}

}  // namespace

std::string_view name(MoveStatus status) {
  return kNames[static_cast<std::size_t>(status)];
}

std::string encode_move_task(const MoveTask& task) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("id", task.id).member("source", task.source).member("destination", task.destination);
  writer.member("perSecond", static_cast<std::uint64_t>(task.per_second)).member("status", name(task.status));
  writer.member("moved", task.moved).member("toMove", task.to_move).member("failure", task.failure);
  writer.member("started", task.started_ms).end_object();
  return out;
}

Result<MoveTask> decode_move_task(const std::string& text) {
  const base::Error corrupt{Errc::corrupt, "a stored task of the SQS API does not decode"};
  json::Document document;
  const auto root = document.parse(text, 4);
  if (!root.ok()) return corrupt;
  MoveTask task;
  task.id = root->string_at("id");
  task.source = root->string_at("source");
  task.destination = root->string_at("destination");
  task.failure = root->string_at("failure");
  task.per_second = static_cast<std::uint32_t>(std::min<std::int64_t>(number_at(*root, "perSecond"), 1'000'000));
  task.moved = static_cast<std::uint64_t>(number_at(*root, "moved"));
  task.to_move = static_cast<std::uint64_t>(number_at(*root, "toMove"));
  task.started_ms = number_at(*root, "started");
  const auto status = std::ranges::find(kNames, root->string_at("status"));
  if (task.id.empty() || task.source.empty() || status == kNames.end()) return corrupt;
  task.status = static_cast<MoveStatus>(status - kNames.begin());
  return task;
}

MoveTasks::MoveTasks(Queues& queues, Registry& registry, const base::Clock& clock)
    : queues_(queues), registry_(registry), clock_(clock) {}

Result<void> MoveTasks::open() {
  engine::Engine& engine = queues_.engine();
  TRUNKLINE_TRY(const auto texts, engine.list_state(std::string(kOwner)));
  TRUNKLINE_TRY(const auto counts, engine.list_state(std::string(kCountOwner)));
  std::vector<MoveTask> tasks;
  for (const auto& [id, text] : texts) {
    TRUNKLINE_TRY(MoveTask task, decode_move_task(text));
    if (const auto count = counts.find(id); count != counts.end()) {
      TRUNKLINE_TRY(const MoveTask counted, decode_move_task(count->second));
      task.moved = std::max(task.moved, counted.moved);
    }
    tasks.push_back(std::move(task));
  }
  std::ranges::sort(tasks, std::greater<>(), &MoveTask::started_ms);
  for (MoveTask& task : tasks) {
    // It was told to end, and has.
    if (task.status == MoveStatus::cancelling) task.status = MoveStatus::cancelled;
    const std::scoped_lock lock(mutex_);
    sources_[task.source].push_back(task);
  }
  for (const MoveTask& task : tasks) {
    if (task.status == MoveStatus::running) std::make_shared<Run>(*this, task)->resume();
  }
  forget_old();
  return {};
}

Result<MoveTask> MoveTasks::start(MoveTask task) {
  task.started_ms = std::chrono::duration_cast<base::Millis>(clock_.wall().time_since_epoch()).count();
  {
    const std::scoped_lock lock(mutex_);
    std::size_t active = 0;
    for (const auto& [source, tasks] : sources_) {
      const auto running = static_cast<std::size_t>(std::ranges::count_if(tasks, &MoveTask::active));
      if (running > 0 && source == task.source) return {Errc::conflict, "one of this source is active"};
      active += running;
    }
    if (active >= kActiveMax) return {Errc::overloaded, fmt::format("{} active tasks are the most", kActiveMax)};
    // Two of one source within a millisecond would be in no order.
    if (const Source& others = sources_[task.source]; !others.empty())
      task.started_ms = std::max(task.started_ms, others.front().started_ms + 1);
  }
  TRUNKLINE_TRY_VOID(write(task));
  {
    const std::scoped_lock lock(mutex_);
    sources_[task.source].push_front(task);
  }
  forget_old();
  std::make_shared<Run>(*this, task)->step();
  return task;
}

Result<MoveTask> MoveTasks::cancel(const std::string& id) {
  MoveTask task;
  {
    const std::scoped_lock lock(mutex_);
    MoveTask* found = at(id);
    if (found == nullptr || !found->active()) return {Errc::not_found, "there is no such task, or it is at its end"};
    found->status = MoveStatus::cancelling;
    task = *found;
  }
  // On disk before it is answered: a task that was told to end does not go on after a crash.
  TRUNKLINE_TRY_VOID(write(task));
  return task;
}

std::optional<MoveTask> MoveTasks::find(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [source, tasks] : sources_) {
    const auto found = std::ranges::find(tasks, id, &MoveTask::id);
    if (found != tasks.end()) return *found;
  }
  return std::nullopt;
}

std::vector<MoveTask> MoveTasks::list(const std::string& source, std::size_t most) const {
  std::vector<MoveTask> out;
  const auto queue = registry_.find(source);
  if (!queue) return out;
  const std::scoped_lock lock(mutex_);
  const auto found = sources_.find(source);
  if (found == sources_.end()) return out;
  for (const MoveTask& task : found->second) {
    if (out.size() < most && task.started_ms / 1'000 >= queue->definition->created) out.push_back(task);
  }
  return out;
}

void MoveTasks::stop() {
  stopping_.store(true);
}

MoveTask* MoveTasks::at(const std::string& id) {
  for (auto& [source, tasks] : sources_) {
    const auto found = std::ranges::find(tasks, id, &MoveTask::id);
    if (found != tasks.end()) return &*found;
  }
  return nullptr;
}

// Those of queues that are gone, and of each other one all but the newest.
void MoveTasks::forget_old() {
  std::vector<engine::Engine::StateWrite> writes;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [source, tasks] : sources_) {
      const std::size_t keep = registry_.find(source) ? kPerSourceMax : 0;
      for (; tasks.size() > keep && !tasks.back().active(); tasks.pop_back())
        writes.push_back({tasks.back().id, std::nullopt});
    }
    std::erase_if(sources_, [](const auto& each) { return each.second.empty(); });
  }
  if (writes.empty()) return;
  engine::Engine& engine = queues_.engine();
  // What fails here is forgotten another time.
  for (const std::string_view owner : {kOwner, kCountOwner})
    engine.update_state(std::string(owner), writes, engine.loop_of({}), [](const Result<void>&) {});
}

Result<void> MoveTasks::write(const MoveTask& task) {
  std::vector<engine::Engine::StateWrite> writes;
  writes.push_back({task.id, encode_move_task(task)});
  engine::Engine& engine = queues_.engine();
  return base::answer_of<Result<void>>([&](engine::DoneCallback done) {
    engine.update_state(std::string(kOwner), std::move(writes), engine.loop_of({}), std::move(done));
  });
}

bool MoveTasks::told_to_end(const std::string& id) const {
  const auto task = find(id);
  return !task || task->status == MoveStatus::cancelling;
}

void MoveTasks::note_moved(const std::string& id, std::uint64_t moved) {
  const std::scoped_lock lock(mutex_);
  if (MoveTask* task = at(id)) task->moved = moved;
}

void MoveTasks::end(const std::string& id, MoveStatus status, const std::string& failure) {
  MoveTask task;
  {
    const std::scoped_lock lock(mutex_);
    MoveTask* found = at(id);
    if (found == nullptr) return;
    const bool cancelled = found->status == MoveStatus::cancelling;
    found->status = cancelled ? MoveStatus::cancelled : status;
    found->failure = cancelled ? std::string() : failure;
    task = *found;
  }
  base::log::info("a task that moves messages of the SQS API has ended", "queue", task.source, "status",
                  name(task.status), "moved", task.moved, "failure", task.failure);
  std::vector<engine::Engine::StateWrite> writes;
  writes.push_back({id, encode_move_task(task)});
  engine::Engine& engine = queues_.engine();
  // Where that fails it goes on after the next start, and ends again.
  engine.update_state(std::string(kOwner), std::move(writes), engine.loop_of({}), [](const Result<void>&) {});
}

}  // namespace trunkline::sqs
