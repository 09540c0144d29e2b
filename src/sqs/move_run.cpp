#include "sqs/move_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sqs/sending.hpp"

namespace trunkline::sqs {
namespace {

// Messages of one step: what is published with one sync. With a rate, ten steps a second.
constexpr std::size_t kStepMax = 100;
constexpr base::Millis kHold = std::chrono::seconds(10);  // of a message on its way; longer than two writes take
constexpr base::Millis kWait = std::chrono::seconds(1);   // for the first message: what is not in memory is read first
constexpr base::Millis kAgain = std::chrono::seconds(1);  // after a disk that did not answer
constexpr std::size_t kBytesMax = 4 << 20;

// AWS's words.
constexpr std::string_view kNoQueue = "AWS.SimpleQueueService.NonExistentQueue";
constexpr std::string_view kNoSource = "CouldNotDetermineMessageSource";

}  // namespace

void MoveTasks::Run::resume() {
  complete_after_ = owner_.clock_.mono() + kHold;
  step();
}

void MoveTasks::Run::step() {
  if (owner_.stopping_.load()) return;
  if (owner_.told_to_end(task_.id)) return end(MoveStatus::cancelled);
  const base::Millis now = std::chrono::duration_cast<base::Millis>(owner_.clock_.wall().time_since_epoch());
  if (now - base::Millis(task_.started_ms) > kDurationMax) return end(MoveStatus::failed, "TaskTimedOut");
  const auto queue = owner_.registry_.find(task_.source);
  if (!queue) return end(MoveStatus::failed, std::string(kNoQueue));
  const bool another = queue->id != queue_.id;  // at first, and after a purge
  queue_ = *queue;
  if (!another) return ask();
  engine().loop_of(queue_.id).post([self = shared_from_this()] { self->ask(); });
}

void MoveTasks::Run::ask() {
  engine::ReceiveLimits limits;
  limits.max_messages = task_.per_second == 0 ? kStepMax : std::clamp<std::size_t>(task_.per_second / 10, 1, kStepMax);
  limits.lease_each = true;
  limits.max_bytes = kBytesMax;
  limits.visibility_timeout = kHold;
  limits.wait = kWait;
  engine().receive(queue_.id, limits, [self = shared_from_this()](base::Result<std::vector<engine::Lease>> result) {
    self->received(std::move(result));
  });
}

void MoveTasks::Run::received(base::Result<std::vector<engine::Lease>> result) {
  if (!result.ok()) return wait(kAgain);
  std::erase_if(*result, [](const engine::Lease& lease) { return lease.messages.empty(); });
  // What was on its way at a crash is hidden for so long, and ends here only when it has been met again.
  if (result->empty()) return owner_.clock_.mono() < complete_after_ ? step() : end(MoveStatus::completed);
  const bool ends = owner_.stopping_.load() || owner_.told_to_end(task_.id);
  std::vector<engine::Lease> leases;
  std::vector<engine::PublishItem> items;
  for (engine::Lease& lease : *result) {
    auto entry = ends ? std::nullopt : entry_of(lease);
    if (!entry) {
      give_back(lease);
      continue;
    }
    items.emplace_back(std::move(*entry));
    leases.push_back(std::move(lease));
  }
  if (ends) return step();
  if (items.empty()) return end(MoveStatus::failed, failure_);
  publish(std::move(leases), std::move(items));
}

// A new message: another id, another time. What its sender has said of it stays.
std::optional<engine::PublishEntry> MoveTasks::Run::entry_of(const engine::Lease& lease) {
  const engine::Record& record = *lease.messages[0].record;
  auto sent = decode_sent(record.event.raw);
  if (!sent.ok()) {
    failure_ = "InvalidMessageContents";
    return std::nullopt;
  }
  const std::string to = task_.destination.empty() ? sent->source_queue : task_.destination;
  const auto target = owner_.registry_.find(to);
  if (!target) {
    failure_ = to.empty() ? kNoSource : kNoQueue;
    return std::nullopt;
  }
  sent->message_id.clear();
  sent->source_queue.clear();
  sent->sent_ms = 0;
  engine::PublishEntry entry = publish_entry(*target, *sent, base::Millis(0), owner_.clock_.wall());
  entry.event.envelope_identity.reset();
  entry.event.content_identity = move_identity(*target, queue_, record);
  return entry;
}

void MoveTasks::Run::publish(std::vector<engine::Lease> leases, std::vector<engine::PublishItem> items) {
  engine().publish(
      std::move(items), engine().loop_of(queue_.id),
      [self = shared_from_this(), leases = std::move(leases)](const std::vector<engine::PublishResult>& results) {
        const bool failed = std::ranges::any_of(results, [](const engine::PublishResult& result) {
          return result.verdict == engine::PublishVerdict::failed;
        });
        self->published(leases, !failed);
      });
}

void MoveTasks::Run::published(const std::vector<engine::Lease>& leases, bool all) {
  if (all) {
    task_.moved += leases.size();
    owner_.note_moved(task_.id, task_.moved);
    std::vector<engine::Engine::StateWrite> writes;
    writes.push_back({task_.id, encode_move_task(task_)});
    engine().write_state(queue_.id, std::string(kCountOwner), std::move(writes));
  }
  open_ = leases.size();
  for (const engine::Lease& lease : leases) {
    engine::MessageFate fate;
    fate.fate = all ? engine::Fate::drop : engine::Fate::release;
    fate.attempts = lease.messages[0].receive_count;
    fate.error_class = "moved";
    fate.error_detail = fmt::format("moved by task {}", task_.id);
    fate.uncounted = !all;
    const std::size_t moved = all ? leases.size() : 0;
    // A lease that has ended meanwhile comes again: its message is known there, and ends here then.
    engine().settle(queue_.id, lease.id, {fate}, [self = shared_from_this(), moved](const base::Result<void>&) {
      if (--self->open_ == 0) self->next(moved);
    });
  }
}

void MoveTasks::Run::give_back(const engine::Lease& lease) {
  engine::MessageFate back;
  back.fate = engine::Fate::release;
  back.uncounted = true;
  engine().settle(queue_.id, lease.id, {back});
}

void MoveTasks::Run::next(std::size_t moved) {
  if (!failure_.empty()) return end(MoveStatus::failed, failure_);
  if (moved == 0) return wait(kAgain);
  if (task_.per_second == 0) return step();
  const base::MonoTime now = owner_.clock_.mono();
  due_ = std::max(due_, now) + std::chrono::microseconds(moved * 1'000'000 / task_.per_second);
  wait(std::chrono::ceil<base::Millis>(due_ - now));
}

void MoveTasks::Run::wait(base::Millis duration) {
  engine().loop_of(queue_.id).after(duration, [self = shared_from_this()] { self->step(); });
}

void MoveTasks::Run::end(MoveStatus status, const std::string& failure) {
  owner_.end(task_.id, status, failure);
}

}  // namespace trunkline::sqs
