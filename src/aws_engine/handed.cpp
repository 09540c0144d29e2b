#include <algorithm>
#include <utility>

#include "aws_engine/queue_worker.hpp"
#include "base/log.hpp"

// Messages that come from elsewhere than this worker's own receives.
namespace trunkline::aws_engine {
namespace {

using base::Result;

constexpr std::size_t kLookUpMax = 40;  // messages of which the table is asked in one call, each with its lane's gap
// Whoever has received it says how long it is hidden; a function's own time limit is below that.
constexpr base::Millis kHiddenByOthers = std::chrono::hours(12);

}  // namespace

void QueueWorker::hand(std::vector<HandedMessage> messages, std::shared_ptr<Handover> handover) {
  if (closed_ || queue_.spec.pulled) return;
  std::size_t index = 0;
  while (index < messages.size()) {
    auto batch = std::make_shared<Batch>();
    for (const std::size_t end = std::min(index + kLookUpMax, messages.size()); index < end; ++index) {
      const HandedMessage& each = messages[index];
      auto found = incoming(each.id, each.handle, each.body, each.head);
      if (!found) continue;
      found->received = each.received;
      found->message.hidden_until = now() + kHiddenByOthers;
      found->message.held.handed = {handover, index, true};
      batch->messages.push_back(std::move(*found));
    }
    if (!batch->messages.empty()) load_bodies(batch, 0);
  }
}

void QueueWorker::receive_one(std::shared_ptr<Handover> handover) {
  if (closed_ || queue_.spec.pulled) return;
  const std::int64_t visibility = std::max<std::int64_t>(whole_seconds(options_.push_visibility), 1);
  cloud_.call(Service::sqs, "ReceiveMessage", receive_request(1, 0, visibility),
              [this, handover, visibility](const Result<std::string>& answer) {
                if (!answer.ok()) {
                  base::log::warn("a queue cannot be read", "queue", queue_.spec.name, "error", answer.error().detail);
                  return;
                }
                const BatchPtr batch = read_batch(*answer, visibility);
                if (batch->messages.empty()) return;
                batch->messages.resize(1);
                handover->fates().found.store(1);
                batch->messages.front().message.held.handed = {handover, 0, false};
                load_bodies(batch, 0);
              });
}

void QueueWorker::return_handed(base::Millis hidden) {
  std::vector<Cloud::Visibility> changes;
  std::vector<HandedPlace> held;  // until SQS has been told
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    std::deque<Message>& waiting = lane->second.waiting;
    for (Message& message : waiting) {
      changes.push_back({std::move(message.held.handle), whole_seconds(hidden)});
      held.push_back(std::move(message.held.handed));
    }
    waiting.clear();
    lane = lane->second.lease == 0 ? lanes_.erase(lane) : std::next(lane);
  }
  if (changes.empty()) return;
  cloud_.prolong(queue_.url, std::move(changes), [held = std::move(held)] {});
}

}  // namespace trunkline::aws_engine
