#include <algorithm>
#include <map>
#include <utility>

#include "aws_engine/queue_worker.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"

// Leases: pulled ones, which the table has, and the ends of all.
namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using engine::Fate;
using engine::MessageFate;

constexpr std::uint64_t kLeaseKeepSeconds = 86'400;

Error ended() {
  return {Errc::not_found, "there is no such lease (any more)"};
}

std::uint64_t random_id() {
  std::uint64_t value = 0;
  for (const char byte : base::random_bytes(8)) value = value << 8 | static_cast<std::uint8_t>(byte);
  return std::max<std::uint64_t>(value >> 1, 1);
}

}  // namespace

// Each group's first messages become a lease that is in the table before it is given out; what is beyond the limits goes
// back, uncounted.
void QueueWorker::give_pulled(const WaitingPtr& waiting, std::vector<Message> messages) {
  struct Made {
    engine::Lease lease;
    OpenLease open;
  };
  const engine::ReceiveLimits& limits = waiting->limits;
  std::vector<Made> made;
  std::vector<Message> back;
  std::map<std::string, std::size_t> lease_of;
  std::size_t bytes = 0;
  for (Message& message : messages) {
    const std::size_t size = message.leased.record->event.raw.size();
    const bool fits = bytes == 0 || bytes + size <= limits.max_bytes;
    const std::string key = fifo() || !limits.lease_each ? message.held.group : hex(message.held.sequence.value);
    auto place = lease_of.find(key);
    const std::size_t per_group = fifo() ? std::max<std::size_t>(limits.max_messages_per_group, 1) : SIZE_MAX;
    const bool room = place == lease_of.end() ? made.size() < limits.max_groups
                                              : made[place->second].open.messages.size() < per_group;
    if (!fits || !room) {
      back.push_back(std::move(message));
      continue;
    }
    bytes += size;
    if (place == lease_of.end()) {
      place = lease_of.emplace(key, made.size()).first;
      Made& fresh = made.emplace_back();
      fresh.lease.queue = queue_.id;
      fresh.lease.id = random_id();
      fresh.lease.group = {fifo() ? base::hash64(message.held.group) : message.held.sequence.value};
      fresh.open.group = message.held.group;
      // Counted from SQS's answer, since a long poll may have waited for longer than that; later than SQS's own end by the
      // answer's way here.
      const auto left = std::chrono::floor<base::Millis>(message.hidden_until - now());
      fresh.open.deadline_ms = wall_ms() + static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 0));
      fresh.lease.deadline = wall(fresh.open.deadline_ms);
    }
    Made& into = made[place->second];
    into.lease.messages.push_back(message.leased);
    into.open.messages.push_back(std::move(message));
  }
  if (!back.empty()) {
    std::vector<Held> held;
    for (const Message& message : back) held.push_back(message.held);
    MessageFate fate;
    fate.fate = Fate::release;
    fate.uncounted = true;
    settler_.settle(std::move(held), std::vector<MessageFate>(back.size(), fate), {}, [](const Result<void>&) {});
  }
  std::vector<Write> writes;
  auto leases = std::make_shared<Leases>();
  for (Made& each : made) {
    std::vector<Held> held;
    for (const Message& message : each.open.messages) held.push_back(message.held);
    Item item = lease_key(queue_.id, each.lease.id);
    item.bytes("e_held", encode_held(held)).number("e_deadline", each.open.deadline_ms);
    item.number("e_ends", wall_ms() / 1'000 + kLeaseKeepSeconds);
    writes.push_back({WriteKind::put, std::move(item), {}, {}, {}});
    leases_.emplace(each.lease.id, std::move(each.open));
    leases->push_back(std::move(each.lease));
  }
  --pulled_;
  cloud_.transact(writes, [this, waiting, leases](const Result<void>& stored) {
    if (stored.ok()) return waiting->reply(std::move(*leases));
    for (const engine::Lease& lease : *leases) leases_.erase(lease.id);
    waiting->reply(stored.error());  // the messages come again
  });
}

// A lease of a pulled queue that another process has given, or this one before it ended.
void QueueWorker::load_lease(std::uint64_t lease, base::UniqueFunction<void(Result<void>)> done) {
  if (leases_.contains(lease)) return done(Result<void>());
  if (!queue_.spec.pulled) return done(ended());
  cloud_.call(Service::dynamodb, "GetItem", get_request(cloud_.table(), lease_key(queue_.id, lease)),
              [this, lease, done = std::move(done)](Result<std::string> body) mutable {
                if (!body.ok()) return done(body.error());
                auto item = read_item(*body);
                if (!item.ok()) return done(item.error());
                if (!*item) return done(ended());
                auto held = decode_held((*item)->bytes("e_held"));
                if (!held.ok()) return done(held.error());
                OpenLease open;
                open.deadline_ms = (*item)->number("e_deadline");
                for (Held& each : *held) {
                  open.group = each.group;
                  Message message;
                  message.held = std::move(each);
                  open.messages.push_back(std::move(message));
                }
                leases_.emplace(lease, std::move(open));
                done(Result<void>());
              });
}

void QueueWorker::settle(std::uint64_t lease, std::vector<MessageFate> fates, Reply<void> reply) {
  load_lease(lease,
             [this, lease, fates = std::move(fates), reply = std::move(reply)](const Result<void>& found) mutable {
               if (!found.ok()) return reply(found.error());
               settle_open(lease, std::move(fates), std::move(reply));
             });
}

void QueueWorker::settle_open(std::uint64_t lease, std::vector<MessageFate> fates, Reply<void> reply) {
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.settling) return reply(ended());
  OpenLease& open = found->second;
  if (queue_.spec.pulled && open.deadline_ms <= wall_ms()) {
    leases_.erase(found);
    return reply(ended());
  }
  if (fates.size() != open.messages.size())
    return reply(Error{Errc::invalid, "not one fate for each message of the lease"});
  const auto cut = std::ranges::find_if(fates, [](const MessageFate& fate) { return fate.fate != Fate::delivered; });
  if (fifo() && cut != fates.end() &&
      std::any_of(cut + 1, fates.end(), [](const MessageFate& fate) { return fate.fate != Fate::release; }))
    return reply(Error{Errc::invalid, "an event would overtake one that was not delivered"});
  open.settling = true;
  std::vector<Held> held;
  for (const Message& message : open.messages) held.push_back(message.held);
  // The lane is cut: what was received for its next lease comes again behind the one that was not delivered.
  std::vector<std::string> behind;
  if (fifo() && cut != fates.end() && !queue_.spec.pulled) {
    const auto lane = lanes_.find(open.group);
    if (lane != lanes_.end()) {
      for (const Message& message : lane->second.waiting) behind.push_back(message.held.handle);
      lane->second.waiting.clear();
    }
  }
  settler_.settle(std::move(held), fates, std::move(behind),
                  [this, lease, fates, reply = std::move(reply)](const Result<void>& result) mutable {
                    settled(lease, fates);
                    reply(result);
                    serve();
                  });
}

void QueueWorker::settled(std::uint64_t lease, const std::vector<MessageFate>& fates) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return;  // the queue was closed
  const OpenLease& open = found->second;
  for (std::size_t i = 0; i < fates.size(); ++i) {
    if (fates[i].fate != Fate::delivered) continue;
    ++delivered_;
    if (const auto& record = open.messages[i].leased.record) {
      window_.delivered(std::chrono::floor<base::Millis>(cloud_.loop().clock().wall() - record->accepted_at), now());
    }
  }
  if (queue_.spec.pulled) {
    cloud_.write({WriteKind::remove, lease_key(queue_.id, lease), {}, {}, {}}, [](const Result<Item>&) {});
  } else if (const auto lane = lanes_.find(open.group); lane != lanes_.end() && fifo()) {
    lane->second.lease = 0;
    if (lane->second.waiting.empty()) {
      lanes_.erase(lane);
    } else if (std::ranges::find(ready_, open.group) == ready_.end()) {
      ready_.push_back(open.group);
    }
  } else if (lane != lanes_.end() && lane->second.waiting.empty()) {
    lanes_.erase(lane);
  }
  leases_.erase(found);
}

void QueueWorker::extend(std::uint64_t lease, base::Millis visibility, Reply<void> reply) {
  if (!queue_.spec.pulled) return reply(Error{Errc::unsupported, "only leases of pulled queues are extended"});
  load_lease(lease, [this, lease, visibility, reply = std::move(reply)](const Result<void>& found) mutable {
    if (!found.ok()) return reply(found.error());
    const auto open = leases_.find(lease);
    if (open == leases_.end() || open->second.deadline_ms <= wall_ms() || open->second.settling) return reply(ended());
    const std::int64_t seconds = whole_seconds(visibility);
    const std::uint64_t deadline = wall_ms() + static_cast<std::uint64_t>(seconds) * 1'000;
    std::vector<Cloud::Visibility> changes;
    for (const Message& message : open->second.messages) changes.push_back({message.held.handle, seconds});
    cloud_.change_visibility(
        queue_.url, std::move(changes),
        [this, lease, deadline, reply = std::move(reply)](const Result<void>& changed) mutable {
          if (!changed.ok()) return reply(changed.error().code == Errc::invalid ? ended() : changed.error());
          if (const auto now_open = leases_.find(lease); now_open != leases_.end())
            now_open->second.deadline_ms = deadline;
          Write write{WriteKind::update,
                      lease_key(queue_.id, lease),
                      "SET e_deadline = :deadline, e_ends = :ends",
                      "attribute_exists(pk)",
                      {}};
          write.values.number(":deadline", deadline).number(":ends", deadline / 1'000 + kLeaseKeepSeconds);
          cloud_.write(write, [reply = std::move(reply)](const Result<Item>& stored) mutable {
            if (stored.ok()) return reply(Result<void>());
            reply(stored.error().code == Errc::conflict ? ended() : stored.error());
          });
        });
  });
}

}  // namespace trunkline::aws_engine
