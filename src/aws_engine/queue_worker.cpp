#include "aws_engine/queue_worker.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "aws_engine/records.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Millis;
using base::Result;
using engine::Fate;
using engine::MessageFate;

std::uint64_t random_id() {
  std::uint64_t value = 0;
  for (const char byte : base::random_bytes(8)) value = value << 8 | static_cast<std::uint8_t>(byte);
  return std::max<std::uint64_t>(value >> 1, 1);
}

}  // namespace

QueueWorker::QueueWorker(Cloud& cloud, QueueOptions options, QueueInfo queue)
    : cloud_(cloud), options_(options), queue_(std::move(queue)), settler_(cloud, queue_) {
  window_.begin(now());
}

// ---- receive

void QueueWorker::receive(const engine::ReceiveLimits& limits, Reply<Leases> reply) {
  if (closed_) return reply(Error{Errc::not_found, "the queue is removed"});
  const bool pulled = queue_.spec.pulled;
  if (pulled ? pulled_ >= options_.pulled_receives_max : waiting_ != nullptr)
    return reply(Error{Errc::overloaded, "too many receives are waiting"});
  const Millis wait = std::min<Millis>(limits.wait, std::chrono::hours(24 * 7));
  auto waiting = std::make_shared<Waiting>(Waiting{limits, std::move(reply), now() + wait, 0});
  if (pulled) {
    ++pulled_;
    return poll(waiting);
  }
  waiting_ = waiting;
  waiting->timer = cloud_.loop().after(wait, [this, waiting] {
    waiting->timer = 0;
    if (waiting_ == waiting) answer_empty(waiting);
  });
  serve();
}

void QueueWorker::answer_empty(const WaitingPtr& waiting) {
  if (waiting->timer != 0) cloud_.loop().cancel(std::exchange(waiting->timer, 0));
  if (waiting_ == waiting) waiting_.reset();
  waiting->reply(Leases());
}

void QueueWorker::cancel_receive() {
  const WaitingPtr waiting = std::exchange(waiting_, nullptr);
  if (!waiting) return;
  if (waiting->timer != 0) cloud_.loop().cancel(std::exchange(waiting->timer, 0));
  waiting->reply(Error{Errc::cancelled, "the receive was cancelled"});
}

void QueueWorker::serve() {
  if (!waiting_) return;
  Leases leases = take_leases(waiting_->limits);
  if (leases.empty()) return poll(waiting_);
  const WaitingPtr waiting = std::exchange(waiting_, nullptr);
  if (waiting->timer != 0) cloud_.loop().cancel(std::exchange(waiting->timer, 0));
  waiting->reply(std::move(leases));
}

QueueWorker::Leases QueueWorker::take_leases(const engine::ReceiveLimits& limits) {
  Leases leases;
  std::size_t left = limits.max_messages;
  std::size_t bytes = limits.max_bytes;
  std::size_t groups = limits.max_groups;
  std::size_t looked_at = ready_.size();
  while (left > 0 && groups > 0 && bytes > 0 && looked_at > 0 && !ready_.empty()) {
    --looked_at;
    const std::string group = std::move(ready_.front());
    ready_.pop_front();
    const auto found = lanes_.find(group);
    if (found == lanes_.end()) continue;
    Lane& lane = found->second;
    if (lane.waiting.empty() || (fifo() && lane.lease != 0)) continue;
    const bool each = !fifo() && limits.lease_each;
    const std::size_t count = each ? 1 : fifo() ? std::min(left, limits.max_messages_per_group) : left;
    engine::Lease lease = take_lease(group, lane, count, bytes);
    left -= lease.messages.size();
    --groups;
    leases.push_back(std::move(lease));
    if (fifo() || lane.waiting.empty()) continue;
    ready_.push_front(group);
    looked_at = each ? ready_.size() : 0;
  }
  return leases;
}

engine::Lease QueueWorker::take_lease(const std::string& group, Lane& lane, std::size_t count,
                                      std::size_t& bytes_left) {
  const std::uint64_t id = random_id();
  OpenLease open{group, {}, 0, false};
  engine::Lease lease;
  lease.queue = queue_.id;
  lease.id = id;
  while (!lane.waiting.empty() && open.messages.size() < std::max<std::size_t>(count, 1)) {
    const std::size_t size = lane.waiting.front().leased.record->event.raw.size();
    if (!open.messages.empty() && size > bytes_left) break;
    bytes_left -= std::min(size, bytes_left);
    open.messages.push_back(std::move(lane.waiting.front()));
    lane.waiting.pop_front();
    lease.messages.push_back(open.messages.back().leased);
  }
  lease.group = {fifo() ? base::hash64(group) : open.messages.front().held.sequence.value};
  if (fifo()) lane.lease = id;
  leases_.emplace(id, std::move(open));
  return lease;
}

void QueueWorker::poll(const WaitingPtr& waiting) {
  const bool pulled = queue_.spec.pulled;
  const engine::ReceiveLimits& limits = waiting->limits;
  if (!pulled) {
    if (!options_.polls) return;
    // More than one at a time only while each brings all that it may.
    const std::size_t wanted = std::clamp<std::size_t>(limits.max_messages / 10, 1, 4);
    if (polls_ >= (polled_full_ ? wanted : 1)) return;
    ++polls_;
  }
  const auto left = std::chrono::floor<std::chrono::seconds>(waiting->until - now());
  const auto longest = std::chrono::floor<std::chrono::seconds>(options_.poll_wait);
  const std::int64_t wait = std::clamp<std::int64_t>(left.count(), 0, std::min<std::int64_t>(longest.count(), 20));
  const Millis asked =
      limits.visibility_timeout.count() > 0 ? limits.visibility_timeout : queue_.spec.visibility_timeout;
  const std::int64_t visibility = std::max<std::int64_t>(whole_seconds(pulled ? asked : options_.push_visibility), 1);
  cloud_.call(
      Service::sqs, "ReceiveMessage", receive_request(limits.max_messages, wait, visibility),
      [this, waiting, visibility](const Result<std::string>& answer) {
        if (!queue_.spec.pulled) --polls_;
        if (!answer.ok()) return polled(waiting, answer);
        const BatchPtr batch = read_batch(*answer, visibility);
        polled_full_ = batch->messages.size() >= 10;
        if (batch->messages.empty()) return polled(waiting, std::string());
        if (queue_.spec.pulled) batch->pulled = waiting;
        load_bodies(batch, 0);
      },
      std::chrono::seconds(wait + 10));
}

std::string QueueWorker::receive_request(std::size_t messages, std::int64_t wait, std::int64_t visibility) const {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("QueueUrl", queue_.url);
  out.member("MaxNumberOfMessages", std::uint64_t{std::clamp<std::size_t>(messages, 1, 10)});
  out.member("WaitTimeSeconds", wait).member("VisibilityTimeout", visibility);
  out.key("AttributeNames").begin_array().string("ApproximateReceiveCount").end_array();
  out.key("MessageAttributeNames").begin_array().string("trunkline").end_array().end_object();
  return body;
}

// It brought nothing.
void QueueWorker::polled(const WaitingPtr& waiting, const Result<std::string>& answer) {
  const bool pulled = queue_.spec.pulled;
  if (closed_ || (!answer.ok() && answer.error().code == Errc::not_found)) {
    if (waiting->timer != 0) cloud_.loop().cancel(std::exchange(waiting->timer, 0));
    if (waiting_ == waiting) waiting_.reset();
    if (pulled) --pulled_;
    return waiting->reply(Error{Errc::not_found, "the queue is removed"});
  }
  if (!answer.ok())
    base::log::warn("a queue cannot be read", "queue", queue_.spec.name, "error", answer.error().detail);
  if (pulled && now() >= waiting->until) {
    --pulled_;
    return waiting->reply(Leases());
  }
  if (!pulled && waiting_ != waiting) return serve();  // somebody else may wait by now
  const bool at_once = answer.ok() && waiting->until - now() >= std::chrono::seconds(1);
  const auto again = [this, waiting] {
    if (queue_.spec.pulled || waiting_ == waiting) poll(waiting);
  };
  if (at_once) return cloud_.loop().post(again);
  // Too short for SQS to wait, or an error: now and then until the time is over.
  const auto left = std::chrono::ceil<Millis>(waiting->until - now());
  cloud_.loop().after(std::clamp<Millis>(left, Millis(10), answer.ok() ? Millis(250) : Millis(1'000)), again);
}

QueueWorker::BatchPtr QueueWorker::read_batch(std::string_view body, std::int64_t visibility_seconds) {
  auto batch = std::make_shared<Batch>();
  json::Document document;
  const auto parsed = document.parse(body);
  const auto messages = parsed.ok() ? parsed->find("Messages") : std::nullopt;
  if (!messages) return batch;
  for (auto each = messages->first(); each; each = each->next()) {
    const auto attributes = each->find("MessageAttributes");
    const auto head = attributes ? attributes->find("trunkline") : std::nullopt;
    auto found = incoming(each->string_at("MessageId"), each->string_at("ReceiptHandle"), each->string_at("Body"),
                          head ? head->string_at("StringValue") : std::string_view());
    if (!found) continue;
    found->message.hidden_until = now() + std::chrono::seconds(visibility_seconds);
    const auto system = each->find("Attributes");
    const std::string count(system ? system->string_at("ApproximateReceiveCount") : std::string_view());
    if (!count.empty() && count.size() < 9 && std::ranges::all_of(count, [](char c) { return c >= '0' && c <= '9'; }))
      found->received = static_cast<std::uint32_t>(std::stoul(count));
    batch->messages.push_back(std::move(*found));
  }
  return batch;
}

std::optional<QueueWorker::Incoming> QueueWorker::incoming(std::string_view id, std::string_view handle,
                                                           std::string_view body, std::string_view head) {
  auto event = read_message(body, head);
  if (!event.ok()) {
    // It is left: the queue's own dead-letter queue gets it after 1,000 receives.
    base::log::error("a message in a queue is none of Trunkline's", "queue", queue_.spec.name, "message", id, "error",
                     event.error().detail);
    return std::nullopt;
  }
  Incoming incoming;
  incoming.body_in_table = event->body_in_table;
  Message& message = incoming.message;
  message.held.sequence = event->record.sequence;
  message.held.id = id;
  message.held.handle = handle;
  message.held.received_ms = wall_ms();
  if (fifo()) message.held.group = event::group_text(event->record.event, queue_.spec.order);
  message.leased.record = std::make_shared<engine::Record>(std::move(event->record));
  return incoming;
}

void QueueWorker::load_bodies(const BatchPtr& batch, std::size_t index) {
  while (index < batch->messages.size() && !batch->messages[index].body_in_table) ++index;
  if (index == batch->messages.size()) return look_up(batch);
  load_record(cloud_, batch->messages[index].message.held.sequence,
              [this, batch, index](Result<engine::RecordPtr> found) {
                if (found.ok() && *found) {
                  batch->messages[index].message.leased.record = std::move(*found);
                  return load_bodies(batch, index + 1);
                }
                // All of it comes again when SQS shows it again; what is gone from the table has long expired.
                base::log::error("the body of an event cannot be read", "queue", queue_.spec.name, "sequence",
                                 batch->messages[index].message.held.sequence.value, "error",
                                 found.ok() ? "it is gone" : found.error().detail);
                arrived(batch, {});
              });
}

void QueueWorker::look_up(const BatchPtr& batch) {
  std::vector<Item> keys;
  std::set<std::string> seen;
  for (const Incoming& each : batch->messages) {
    Item key = message_key(each.message.held.sequence, queue_.id);
    if (seen.insert(key.text("pk")).second) keys.push_back(std::move(key));
    if (fifo() && seen.insert("g" + each.message.held.group).second)
      keys.push_back(gap_key(queue_.id, each.message.held.group));
  }
  cloud_.get(std::move(keys), [this, batch](const Result<std::vector<Item>>& found) {
    if (found.ok()) return sift(batch, *found);
    base::log::warn("what became of received events cannot be read; they come again", "queue", queue_.spec.name,
                    "error", found.error().detail);
    std::vector<Message> all;
    for (Incoming& each : batch->messages) all.push_back(std::move(each.message));
    give_back(std::move(all));
    arrived(batch, {});
  });
}

// What is settled already is deleted, what is parked is hidden again, and the rest of that lane is given back.
void QueueWorker::sift(const BatchPtr& batch, const std::vector<Item>& found) {
  const std::string gap_pk = gap_key(queue_.id, "x").text("pk");
  std::map<std::string, const Item*> states;
  std::map<std::string, std::uint64_t> gaps;
  for (const Item& item : found) {
    if (item.text("pk") == gap_pk) {
      gaps.emplace(item.text("sk"), item.number("e_seq"));
    } else {
      states.emplace(item.text("pk"), &item);
    }
  }
  std::vector<Message> take;
  std::vector<Message> back;
  std::vector<std::string> gone;
  std::set<std::string> closed;
  for (Incoming& incoming : batch->messages) {
    Message& message = incoming.message;
    const std::string pk = message_key(message.held.sequence, queue_.id).text("pk");
    const auto state = states.find(pk);
    const Item none;
    const Item& item = state != states.end() ? *state->second : none;
    const std::string word = item.text("e_fate");
    const std::string parked_copy = item.text("e_message");
    const bool other_copy = word == fate::kParked && !parked_copy.empty() && parked_copy != message.held.id;
    // Not routed here: a filter policy of SNS that has not taken effect yet lets everything through.
    const auto& routes = message.leased.record->routes;
    if (fate::is_settled(word) || other_copy || std::ranges::find(routes, queue_.id) == routes.end()) {
      message.held.handed.settled();
      if (!message.held.handed.deletes) gone.push_back(message.held.handle);
      continue;
    }
    if (!batch->pulled && refresh(message)) continue;
    if (fifo() && closed.contains(message.held.group)) {
      back.push_back(std::move(message));
      continue;
    }
    const auto uncounted = static_cast<std::uint32_t>(item.number("e_uncounted"));
    message.leased.receive_count = std::max(1U, incoming.received - std::min(uncounted, incoming.received));
    message.leased.attempts = static_cast<std::uint32_t>(item.number("e_attempts"));
    message.leased.redriven = item.number("e_redriven") != 0;
    if (const auto gap = gaps.find(message_group_id(message.held.group));
        fifo() && gap != gaps.end() && gap->second != 0) {
      message.held.gap = {gap->second};
      message.leased.gap_before = message.held.gap;
      gaps.erase(gap);
    }
    const base::WallTime accepted = message.leased.record->accepted_at;
    if (word == fate::kParked) {
      closed.insert(message.held.group);
      settler_.hide_again(message.held, [handed = message.held.handed](const Result<void>&) {});
    } else if (accepted + queue_.spec.max_wait < cloud_.loop().clock().wall()) {
      expire(message);
    } else if (queue_.spec.pulled && message.leased.receive_count > queue_.spec.max_receive_count) {
      closed.insert(message.held.group);
      bury(message);
    } else {
      take.push_back(std::move(message));
    }
  }
  give_back(std::move(back));
  cloud_.remove_messages(queue_.url, std::move(gone), [](const Result<void>&) {});
  arrived(batch, std::move(take));
}

// Whether the event is held here already: it was hidden for too short a time, or published twice. The newest receipt
// handle is the one that holds.
bool QueueWorker::refresh(const Message& message) {
  const auto renew = [&](Message& known) {
    if (known.held.sequence != message.held.sequence) return false;
    known.held.handle = message.held.handle;
    known.held.received_ms = message.held.received_ms;
    known.hidden_until = message.hidden_until;
    return true;
  };
  if (const auto lane = lanes_.find(message.held.group); lane != lanes_.end()) {
    for (Message& known : lane->second.waiting) {
      if (renew(known)) return true;
    }
  }
  for (auto& [id, lease] : leases_) {
    if (lease.group != message.held.group) continue;
    for (Message& known : lease.messages) {
      if (renew(known)) return true;
    }
  }
  return false;
}

void QueueWorker::arrived(const BatchPtr& batch, std::vector<Message> messages) {
  if (batch->pulled) {
    if (!messages.empty()) return give_pulled(batch->pulled, std::move(messages));
    return polled(batch->pulled, std::string());
  }
  window_.arrived(messages.size(), now());
  for (Message& message : messages) {
    if (const auto& handover = message.held.handed.handover) handover->fates().given.fetch_add(1);
    const std::string group = message.held.group;
    Lane& lane = lanes_[group];
    lane.waiting.push_back(std::move(message));
    if (std::ranges::find(ready_, group) == ready_.end()) ready_.push_back(group);
  }
  serve();
}

void QueueWorker::give_back(std::vector<Message> messages) {
  std::vector<std::string> handles;
  for (Message& message : messages) handles.push_back(std::move(message.held.handle));
  settler_.give_back(std::move(handles), [messages = std::move(messages)](const Result<void>&) {});
}

void QueueWorker::bury(const Message& message) {
  MessageFate fate;
  fate.fate = queue_.spec.park_on_max_receive ? Fate::park : Fate::skip;
  fate.attempts = message.leased.receive_count - 1;
  fate.error_class = "max_receive_count";
  fate.error_detail = "it was received as often as the queue allows and never deleted";
  settler_.settle({message.held}, {fate}, {}, [](const Result<void>&) {});
}

void QueueWorker::expire(const Message& message) {
  base::log::error("an event has waited too long and expires", "queue", queue_.spec.name, "sequence",
                   message.held.sequence.value, "topic", message.leased.record->event.topic_name);
  settler_.expire(message.held, [this, handed = message.held.handed](const Result<void>& done) {
    if (done.ok()) ++expired_;
  });
}

// ---- held messages

void QueueWorker::tick() {
  if (queue_.spec.pulled) {
    std::erase_if(leases_,
                  [&](const auto& each) { return each.second.deadline_ms <= wall_ms() && !each.second.settling; });
    return;
  }
  if (!waiting_) release_idle();
  keep_hidden();
}

// Nobody receives: what was received for later is another worker's to take.
void QueueWorker::release_idle() {
  std::vector<Message> back;
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    std::deque<Message>& waiting = lane->second.waiting;
    const bool old = !waiting.empty() && waiting.front().hidden_until - now() < options_.push_visibility / 2;
    if (old && lane->second.lease == 0) {
      for (Message& message : waiting) back.push_back(std::move(message));
      lane = lanes_.erase(lane);
    } else {
      ++lane;
    }
  }
  give_back(std::move(back));
}

void QueueWorker::keep_hidden() {
  const base::MonoTime soon = now() + options_.push_visibility / 2;
  const std::int64_t seconds = std::max<std::int64_t>(whole_seconds(options_.push_visibility), 1);
  std::vector<Cloud::Visibility> changes;
  const auto look = [&](Message& message) {
    if (message.hidden_until > soon) return;
    message.hidden_until = now() + std::chrono::seconds(seconds);
    changes.push_back({message.held.handle, seconds});
  };
  for (auto& [id, lease] : leases_) {
    if (lease.settling) continue;
    for (Message& message : lease.messages) look(message);
  }
  for (auto& [group, lane] : lanes_) {
    for (Message& message : lane.waiting) look(message);
  }
  cloud_.prolong(queue_.url, std::move(changes));
}

void QueueWorker::release_all(base::Task done) {
  std::vector<std::string> handles;
  if (!queue_.spec.pulled) {
    for (auto& [id, lease] : leases_) {
      for (const Message& message : lease.messages) handles.push_back(message.held.handle);
    }
    for (auto& [group, lane] : lanes_) {
      for (const Message& message : lane.waiting) handles.push_back(message.held.handle);
    }
  }
  leases_.clear();
  lanes_.clear();
  ready_.clear();
  settler_.give_back(std::move(handles), [done = std::move(done)](const Result<void>&) mutable { done(); });
}

void QueueWorker::close() {
  closed_ = true;
  cancel_receive();
  leases_.clear();
  lanes_.clear();
  ready_.clear();
}

QueueCounts QueueWorker::counts() const {
  QueueCounts counts;
  counts.delivered = delivered_;
  counts.expired = expired_;
  counts.lanes = fifo() ? lanes_.size() : 0;
  for (const auto& [id, lease] : leases_) counts.held += lease.messages.size();
  for (const auto& [group, lane] : lanes_) counts.held += lane.waiting.size();
  counts.minute = window_.minute(now());
  counts.quarter = window_.quarter(now());
  return counts;
}

bool QueueWorker::settling() const {
  return std::ranges::any_of(leases_, [](const auto& each) { return each.second.settling; });
}

void QueueWorker::write_state(const std::string& owner, std::vector<engine::Engine::StateWrite> writes) {
  settler_.write_state(owner, std::move(writes));
}

}  // namespace trunkline::aws_engine
