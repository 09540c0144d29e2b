#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "aws_engine/sequences.hpp"
#include "engine/record.hpp"
#include "event/event.hpp"

namespace trunkline::aws_engine {

struct OutboxOptions {
  // Entries in memory; above, what is accepted is left to the sweep, and publishes are refused.
  std::size_t pending_max = 10'000;
  base::Millis sweep_interval = std::chrono::seconds(10);
  base::Millis sweep_age = std::chrono::seconds(30);  // entries younger than that are their worker's
};

// Says to SNS and SQS what the table has decided: events to topics, redriven ones to their queue, parked ones visible. An
// entry is written in the same transaction as what it follows from and deleted when it has been said, so that nothing
// decided is forgotten; what is said twice is suppressed by the de-duplication of SNS and SQS within five minutes, and by
// the settles after that. Loop thread only.
//
// Events of one message group go out in the order of their sequences, whoever has stored them: a topic has kOutboxShards
// shards by the group, in each of which this worker has one call of SNS under way at a time, with one event of a group;
// before the call the shard is read for earlier events of these groups that nobody has said yet, of a worker that died or
// is about to, and those go first. Sequences of different workers are as good as their clocks: to within milliseconds.
//
// A filter policy of SNS may take a quarter of an hour until it has effect, so what is routed to a young queue is sent to
// that queue itself, and the topic is not told of that route. Of two copies, where the policy lets through too much
// meanwhile, SQS drops one in a FIFO queue by their de-duplication id, and the settles do for what is done with.
class Outbox {
 public:
  using TopicArn = std::function<std::string(event::Order)>;  // empty: not known here

  Outbox(Cloud& cloud, OutboxOptions options, TopicArn topic_arn);

  struct Queue {
    base::QueueId id;
    event::Order order = event::Order::none;
    std::string url;
  };
  // A topic that an event goes to: to the queues behind it that are young directly, and where there are others, published.
  struct Target {
    event::Order topic = event::Order::conversation;
    std::vector<Queue> young{};
    bool publish = false;
  };
  // The entries. `ends`: in seconds since 1970, of the event itself.
  static Item event_entry(const engine::Record& record, const Target& target, std::uint64_t ends);
  static Item queue_entry(base::Sequence sequence, const Queue& queue);
  static Item visible_entry(base::Sequence sequence, const Queue& queue, std::string_view handle);

  bool full() const { return pending_.size() >= options_.pending_max; }
  std::size_t pending() const { return pending_.size(); }

  // What was just written. Without the record it is read.
  void take(Item entry, engine::RecordPtr record = {});
  void start();
  // `done` when nothing is left in memory.
  void drain(base::Task done);
  // Every shard once, now; `done` when all have been read, a page of each.
  void sweep_all(base::Task done);

 private:
  struct Outgoing {
    Item entry;
    engine::RecordPtr record;
    std::map<base::QueueId, std::string> young{};  // queues that it is sent to itself: their URLs
    std::set<base::QueueId> sent_to{};             // of them, those that have it
  };
  using OutgoingPtr = std::shared_ptr<Outgoing>;
  using Batch = std::vector<OutgoingPtr>;
  // One shard of one topic.
  struct Pipeline {
    event::Order topic = event::Order::conversation;
    std::size_t shard = 0;
    std::map<std::string, OutgoingPtr> waiting{};  // by sk: in the order of sequences
    bool busy = false;
    std::uint32_t failures = 0;
    // Entries that are deleted: a read of the shard that began before may still show them, so they stay in pending_ until
    // the round is over.
    std::vector<std::string> deleted{};
  };
  // One call of SNS and what goes before it.
  struct Round {
    Pipeline* pipeline = nullptr;
    Batch batch{};
    Batch held{};    // an earlier event of their group goes first
    Batch failed{};  // for now
    std::string error{};
    std::set<std::string> seen{};  // groups whose earliest unsaid event is known
    std::size_t pages = 0;
  };
  using RoundPtr = std::shared_ptr<Round>;
  // Of an entry that this worker has in memory.
  enum class Stage : std::uint8_t { waiting, said };

  static std::string id_of(const Item& entry) { return entry.text("pk") + '/' + entry.text("sk"); }
  void add(Item entry, engine::RecordPtr record);
  void begin(const OutgoingPtr& out);
  void to_queue(const OutgoingPtr& out, std::uint32_t failures);
  void make_visible(const OutgoingPtr& out);
  void said(const OutgoingPtr& out);
  void given_up(const OutgoingPtr& out);
  std::vector<std::string> shards() const;
  void sweep();
  void sweep_shard(const std::string& pk, const std::shared_ptr<void>& round = {});

  // topic_pipeline.cpp
  Pipeline* pipeline_of(const OutgoingPtr& out);
  void to_topic(const OutgoingPtr& out);
  void pump(Pipeline& pipeline);
  static Batch take_batch(Pipeline& pipeline);
  void look_ahead(const RoundPtr& round, std::optional<Item> start);
  void look_at(Round& round, Item earlier);
  void send_directly(const RoundPtr& round);
  void sent_directly(const RoundPtr& round, base::QueueId queue, const Batch& to_it,
                     const base::Result<std::string>& answer);
  void publish(const RoundPtr& round);
  void published(const RoundPtr& round, const base::Result<std::string>& answer);
  void end_round(const RoundPtr& round);

  Cloud& cloud_;
  const OutboxOptions options_;
  const TopicArn topic_arn_;
  std::map<event::Order, std::vector<Pipeline>> pipelines_;
  std::map<std::string, Stage> pending_;  // by id_of()
  std::size_t next_swept_ = 0;
};

// The message of an event: its body, or a note that the table has it.
struct MessageText {
  std::string body;
  std::string head;    // of attribute "trunkline"
  std::string routes;  // of attribute "routes", a String.Array that filter policies match
};
// `without`: queues that the topic is not told of.
MessageText message_text(const engine::Record& record, const std::set<base::QueueId>& without = {});
std::string route_name(base::QueueId queue);  // its element

// An event out of a message; without its body where the table has it.
struct ReceivedEvent {
  engine::Record record;
  bool body_in_table = false;
};
base::Result<ReceivedEvent> read_message(std::string_view body, std::string_view head);

// The message group of an event in the topic of an order; a standard queue stands behind the conversations' topic.
std::string topic_group(const engine::Record& record, event::Order topic);
// After how many failures in a row an entry is left to the sweep: about a minute; and how long to wait after each.
constexpr std::uint32_t kOutboxFailuresMax = 20;
base::Millis outbox_delay(std::uint32_t failures);

}  // namespace trunkline::aws_engine
