#include "sqs/dead_letters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sqs/message.hpp"
#include "sqs/sending.hpp"

namespace trunkline::sqs {
namespace {

struct Moving {
  engine::Engine& engine;
  const base::Clock& clock;
  Queue queue;
  Queue target;
  std::vector<Exhausted> exhausted;
  std::function<void(bool)> done;
  std::size_t open = 0;  // settles that are not answered
  bool moved = false;
};
using MovingPtr = std::shared_ptr<Moving>;  // shared by the callbacks of its messages; all on the queue's loop

// As it was, but for what AWS changes: a FIFO queue begins its retention anew, and deduplicates by the message's id.
engine::PublishEntry moved_entry(const Moving& moving, const Exhausted& each) {
  const engine::Record& record = *each.lease.messages[0].record;
  SentMessage sent = each.message;
  if (sent.message_id.empty()) sent.message_id = message_id(moving.queue.id, record.sequence);
  sent.source_queue = moving.queue.name();
  if (moving.queue.fifo()) {
    sent.deduplication_id = sent.message_id;
    sent.sent_ms = 0;
  } else if (sent.sent_ms == 0) {
    sent.sent_ms = std::chrono::duration_cast<base::Millis>(record.accepted_at.time_since_epoch()).count();
  }
  engine::PublishEntry entry = publish_entry(moving.target, sent, base::Millis(0), moving.clock.wall());
  entry.event.envelope_identity.reset();
  entry.event.content_identity = move_identity(moving.target, moving.queue, record);
  return entry;
}

void settle_all(const MovingPtr& moving, bool moved) {
  engine::MessageFate fate;
  fate.fate = moved ? engine::Fate::drop : engine::Fate::release;
  fate.error_class = "dead_letter_queue";
  fate.error_detail = fmt::format("moved to the dead-letter queue {}", moving->target.name());
  fate.uncounted = !moved;
  moving->open = moving->exhausted.size();
  for (const Exhausted& each : moving->exhausted) {
    fate.attempts = each.lease.messages[0].receive_count;
    moving->engine.settle(moving->queue.id, each.lease.id, {fate}, [moving, moved](const base::Result<void>& settled) {
      moving->moved = moving->moved || (moved && settled.ok());
      if (--moving->open == 0) moving->done(moving->moved);
    });
  }
}

void publish_all(const MovingPtr& moving) {
  std::vector<engine::PublishItem> items;
  for (const Exhausted& each : moving->exhausted) items.emplace_back(moved_entry(*moving, each));
  moving->engine.publish(std::move(items), moving->engine.loop_of(moving->queue.id),
                         [moving](const std::vector<engine::PublishResult>& results) {
                           const bool failed = std::ranges::any_of(results, [](const engine::PublishResult& result) {
                             return result.verdict == engine::PublishVerdict::failed;
                           });
                           settle_all(moving, !failed);
                         });
}

}  // namespace

std::vector<Exhausted> take_exhausted(const Context& context, const Queue& queue, std::vector<engine::Lease>& leases) {
  std::vector<Exhausted> taken;
  if (!queue.definition) return taken;
  const auto now = context.registry.find(queue.name());
  const auto policy = now ? now->definition->redrive_policy() : std::nullopt;
  if (!policy || !context.registry.find(policy->target)) return taken;
  std::erase_if(leases, [&](engine::Lease& lease) {
    const engine::LeasedMessage& message = lease.messages[0];
    if (message.receive_count <= policy->max_receive_count) return false;
    auto sent = decode_sent(message.record->event.raw);
    if (!sent.ok()) return false;
    taken.push_back({std::move(lease), std::move(*sent)});
    return true;
  });
  return taken;
}

void move_exhausted(const Context& context, const Queue& queue, std::vector<Exhausted> exhausted,
                    std::function<void(bool moved)> done) {
  const auto now = context.registry.find(queue.name());
  const auto policy = now ? now->definition->redrive_policy() : std::nullopt;
  const auto target = policy ? context.registry.find(policy->target) : std::nullopt;
  if (!target) return done(false);  // it went just now: they come again when their time is over
  publish_all(std::make_shared<Moving>(
      Moving{context.queues.engine(), context.clock, queue, *target, std::move(exhausted), std::move(done)}));
}

}  // namespace trunkline::sqs
