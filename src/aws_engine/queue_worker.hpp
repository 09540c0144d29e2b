#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "aws_engine/codec.hpp"
#include "aws_engine/handed.hpp"
#include "aws_engine/outbox.hpp"
#include "aws_engine/settle.hpp"
#include "engine/delivery_window.hpp"
#include "engine/engine.hpp"

namespace trunkline::aws_engine {

struct QueueOptions {
  // How long SQS hides what was given to a push consumer; it is prolonged from half of it on as long as this process
  // holds the message, so that what a dead worker had comes back after that time.
  base::Millis push_visibility = std::chrono::seconds(60);
  base::Millis poll_wait = std::chrono::seconds(20);  // of one ReceiveMessage; SQS's maximum is 20 s
  std::size_t pulled_receives_max = 1'000;            // waiting at the same time
  bool polls = true;                                  // push: else there is what hand() and receive_one() bring
};

// What is counted here since the start; what waits is SQS's to say.
struct QueueCounts {
  std::uint64_t delivered = 0;
  std::uint64_t expired = 0;
  std::uint64_t held = 0;   // in leases, and received for the next
  std::uint64_t lanes = 0;  // of them
  engine::RecentDeliveries minute;
  engine::RecentDeliveries quarter;
};

// One queue as this worker sees it. SQS says what comes next in a lane and blocks a lane of which something is in flight;
// the table says what has become of each event here. Messages that were received beyond what was asked for are kept for
// the next lease of their lane, hidden in SQS all the time; they are given back when nobody receives any more. Loop
// thread only; replies go to the loop that they were made for.
class QueueWorker {
 public:
  QueueWorker(Cloud& cloud, QueueOptions options, QueueInfo queue);

  using Leases = std::vector<engine::Lease>;
  void receive(const engine::ReceiveLimits& limits, Reply<Leases> reply);
  void cancel_receive();
  // Push: messages that somebody else has received; they go the way of those that are received here.
  void hand(std::vector<HandedMessage> messages, std::shared_ptr<Handover> handover);
  // Push: one message, if there is one now.
  void receive_one(std::shared_ptr<Handover> handover);
  // Push: what was handed and is in no lease is given back, hidden for that long; then the handover lets go of it.
  void return_handed(base::Millis hidden);
  void settle(std::uint64_t lease, std::vector<engine::MessageFate> fates, Reply<void> reply);
  void extend(std::uint64_t lease, base::Millis visibility, Reply<void> reply);
  void write_state(const std::string& owner, std::vector<engine::Engine::StateWrite> writes);
  void set_spec(const engine::QueueSpec& spec) { queue_.spec = spec; }

  void tick();                        // about every second
  void release_all(base::Task done);  // push: everything is given back
  void close();                       // the queue is removed
  QueueCounts counts() const;
  bool settling() const;  // something is, at this moment

 private:
  struct Message {
    engine::LeasedMessage leased;
    Held held;
    base::MonoTime hidden_until;
  };
  struct Lane {
    std::deque<Message> waiting;
    std::uint64_t lease = 0;  // FIFO: 0 when none is out
  };
  struct OpenLease {
    std::string group;
    std::vector<Message> messages;  // of a pulled lease that another process has given: without their records
    std::uint64_t deadline_ms = 0;  // pulled
    bool settling = false;
  };
  struct Waiting {
    engine::ReceiveLimits limits;
    Reply<Leases> reply;
    base::MonoTime until;
    base::Loop::TimerId timer = 0;
  };
  using WaitingPtr = std::shared_ptr<Waiting>;
  // Messages of one ReceiveMessage on their way through the table.
  struct Incoming {
    Message message;
    bool body_in_table = false;
    std::uint32_t received = 1;  // ApproximateReceiveCount
  };
  struct Batch {
    std::vector<Incoming> messages;
    WaitingPtr pulled;  // for whom; null: push
  };
  using BatchPtr = std::shared_ptr<Batch>;

  bool fifo() const { return queue_.spec.order != event::Order::none; }
  base::MonoTime now() const { return cloud_.loop().clock().mono(); }
  std::uint64_t wall_ms() const { return millis(cloud_.loop().clock().wall()); }

  void serve();
  Leases take_leases(const engine::ReceiveLimits& limits);
  engine::Lease take_lease(const std::string& group, Lane& lane, std::size_t count, std::size_t& bytes_left);
  void answer_empty(const WaitingPtr& waiting);
  void poll(const WaitingPtr& waiting);
  void polled(const WaitingPtr& waiting, const base::Result<std::string>& answer);
  BatchPtr read_batch(std::string_view body, std::int64_t visibility_seconds);
  std::string receive_request(std::size_t messages, std::int64_t wait, std::int64_t visibility) const;
  // Nothing: nobody here has sent it.
  std::optional<Incoming> incoming(std::string_view id, std::string_view handle, std::string_view body,
                                   std::string_view head);
  void load_bodies(const BatchPtr& batch, std::size_t index);
  void look_up(const BatchPtr& batch);
  void sift(const BatchPtr& batch, const std::vector<Item>& found);
  bool refresh(const Message& message);
  void arrived(const BatchPtr& batch, std::vector<Message> messages);
  void give_pulled(const WaitingPtr& waiting, std::vector<Message> messages);
  void give_back(std::vector<Message> messages);
  void bury(const Message& message);
  void expire(const Message& message);

  void settle_open(std::uint64_t lease, std::vector<engine::MessageFate> fates, Reply<void> reply);
  void load_lease(std::uint64_t lease, base::UniqueFunction<void(base::Result<void>)> done);
  void settled(std::uint64_t lease, const std::vector<engine::MessageFate>& fates);
  void keep_hidden();
  void release_idle();

  Cloud& cloud_;
  const QueueOptions options_;
  QueueInfo queue_;
  Settler settler_;
  bool closed_ = false;
  std::map<std::string, Lane> lanes_;
  std::deque<std::string> ready_;  // lanes that may have something to give, in the order they became so
  std::map<std::uint64_t, OpenLease> leases_;
  WaitingPtr waiting_;        // push
  std::size_t pulled_ = 0;    // receives of a pulled queue that wait
  std::size_t polls_ = 0;     // push: under way
  bool polled_full_ = false;  // push: the last one brought as many as it may
  std::uint64_t delivered_ = 0;
  std::uint64_t expired_ = 0;
  engine::DeliveryWindow window_;
};

}  // namespace trunkline::aws_engine
