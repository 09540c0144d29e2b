#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aws_engine/adopt.hpp"
#include "aws_engine/outbox.hpp"
#include "aws_engine/publisher.hpp"
#include "aws_engine/quarantine.hpp"
#include "aws_engine/queue_worker.hpp"
#include "aws_engine/search.hpp"
#include "aws_engine/services.hpp"
#include "aws_engine/standing.hpp"
#include "engine/engine.hpp"

namespace trunkline::aws_engine {

struct AwsOptions {
  std::string table = "trunkline";
  std::string prefix = "trunkline";  // of the names of queues and topics
  bool create_table = false;         // where it is not there
  bool fenced_too = false;           // open what engine/fence.hpp refuses, as a migration does
  ServiceOptions services;
  PublisherOptions publisher;
  OutboxOptions outbox;
  QuarantineOptions quarantine;
  QueueOptions queue;
  // How long what is routed to a new queue is sent there directly: AWS lets a filter policy take a quarter of an hour
  // until it has effect, and workers' clocks differ.
  base::Millis young = std::chrono::minutes(16);
  std::size_t queues_max = 1'000;
  std::size_t administration_max = 1'000;  // calls that wait for the administration's thread
};

// The engine on DynamoDB, SNS FIFO and SQS (DESIGN section 5). Everything is in AWS: workers are alike and know nothing of
// each other. An event is accepted when one transaction has stored it, its identities and its entry in the outbox; it is
// then published to the topic of each order in use, whose subscriptions choose by the routes. SQS's order in a message
// group is the lane's order; sequences ascend per worker only. What is not here: event-time windows, operations, and the
// queue's order after it was made. A skipped event that is redriven goes to the end of its lane.
//
// One loop and one thread of its own: the loop makes every call, the thread administers, one thing after the other.
// declare, remove and the state's reads wait for AWS on the caller's thread.
class AwsEngine final : public engine::Engine {
 public:
  // Loops are given and outlive the engine. The table must be there, or create_table says so.
  static base::Result<std::unique_ptr<AwsEngine>> open(AwsOptions options, std::vector<base::Loop*> loops,
                                                       const aws::Environment& environment);
  ~AwsEngine() override;
  // Whether the table is there and may be read with these options; changes nothing. The errors are open()'s. Blocks.
  static base::Result<void> probe(const AwsOptions& options, const aws::Environment& environment);

  // What was accepted is published, and what this worker holds is given back, for two seconds at most.
  void stop();

  // For a process that may be frozen or ended between two calls, as a function of Lambda is (QueueOptions::polls is false
  // then).
  // Whether all that was accepted is published by then; what is not is any worker's to publish later. Not on a loop.
  bool flush(base::Millis within);
  // The same, and what any worker has left behind.
  bool sweep(base::Millis within);
  // Messages of a push queue that somebody else has received, and deletes where their fate says so. They go the way of
  // those that are received here: what the table knows as settled already is, and the rest is given out by receive().
  // `done` comes to loop_of(queue) when the engine has nothing to do with any of them any more.
  void hand(base::QueueId queue, std::vector<HandedMessage> messages, std::shared_ptr<HandedFates> fates,
            base::Task done);
  // The same with one message that is received, and deleted, here; at once.
  void receive_one(base::QueueId queue, std::shared_ptr<HandedFates> fates, base::Task done);
  // What was handed and is in no lease is given back, hidden for that long.
  void return_handed(base::QueueId queue, base::Millis hidden);
  // Messages that are not to be handed: hidden for that long. `done` comes to loop_of(queue).
  void hide(base::QueueId queue, std::vector<std::string> handles, base::Millis hidden, base::Task done);
  // Where the queue is in SQS; empty: it was not declared here.
  std::string arn_of(base::QueueId queue);

  std::vector<engine::Capability> capabilities() const override;
  base::Result<base::QueueId> declare(const engine::QueueSpec& spec) override;
  base::Result<void> remove(base::QueueId queue) override;
  base::Loop& loop_of(base::QueueId queue) override;
  void publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done) override;
  void receive(base::QueueId queue, const engine::ReceiveLimits& limits, engine::ReceiveCallback done) override;
  void cancel_receive(base::QueueId queue) override;
  void settle(base::QueueId queue, std::uint64_t lease, std::vector<engine::MessageFate> fates,
              engine::DoneCallback done) override;
  void extend(base::QueueId queue, std::uint64_t lease, base::Millis visibility_timeout,
              engine::DoneCallback done) override;
  engine::QueueStatistics statistics(base::QueueId queue) override;
  void dead_letters(base::QueueId queue, engine::Page page, base::Loop& reply_on,
                    base::UniqueFunction<void(base::Result<std::vector<engine::DeadLetter>>)> done) override;
  void redrive(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
               base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override;
  void purge_dead_letters(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                          base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override;
  void quarantine_list(engine::Page page, base::Loop& reply_on,
                       base::UniqueFunction<void(base::Result<std::vector<engine::Quarantined>>)> done) override;
  void quarantine_remove(std::vector<std::uint64_t> ids, base::Loop& reply_on, engine::DoneCallback done) override;
  base::Result<std::optional<StateValue>> get_state(const std::string& owner, const std::string& key) override;
  void put_state(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
                 base::Loop& reply_on, engine::DoneCallback done) override;
  void update_state(const std::string& owner, std::vector<StateWrite> writes, base::Loop& reply_on,
                    engine::DoneCallback done) override;
  base::Result<std::map<std::string, std::string>> list_state(const std::string& owner) override;
  base::Result<void> remove_state(const std::string& owner) override;
  void write_state(base::QueueId queue, const std::string& owner, std::vector<StateWrite> writes) override;

  // Beyond the port: what a program that runs it needs. These block; any thread that is none of the engine's.
  base::Result<std::vector<engine::QueueSpec>> stored_queues();  // names and orders of all that are registered
  void drain(base::Millis within);  // until nothing is being settled, or the time has passed
  base::Result<engine::RecordPtr> read_event(base::Sequence sequence);  // null where there is none (any more)
  base::Result<Standing> standing(base::QueueId queue, base::Sequence sequence);
  base::Result<std::vector<base::Sequence>> find_identity(const base::Hash128& identity);
  // search.hpp; over the queues that were declared here.
  base::Result<FoundEvents> find_conversation(const std::string& conversation, std::size_t limit,
                                              const std::function<bool()>& stopping);
  base::Result<std::vector<engine::Quarantined>> read_quarantine(engine::Page page);
  // Ids of the organisations whose events were accepted, by any worker: identities are scoped by them.
  base::Result<std::vector<std::string>> organisations();

  // Any thread. Of this process, since its start, but for the quarantine: what was there a minute ago, whoever took it in.
  struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t conflicts = 0;
    std::uint64_t in_quarantine = 0;
  };
  Counters counters() const;
  // Any thread: DynamoDB does not answer, or not as it should, as of the last seconds.
  bool unreachable() const;
  // The event itself; null where there is none (any more).
  using RecordCallback = base::UniqueFunction<void(base::Result<engine::RecordPtr>)>;
  void read_record(base::Sequence sequence, base::Loop& reply_on, RecordCallback done);

  // Beyond the port: what a migration needs (aws_engine/adopt.hpp). These wait; not on a loop.
  base::Result<void> adopt(base::QueueId queue, const std::vector<engine::Adopted>& events);
  // publish(), of what another engine has accepted then: one time for each item.
  void publish_accepted(std::vector<engine::PublishItem> items, std::vector<base::WallTime> accepted_at,
                        base::Loop& reply_on, engine::PublishCallback done);
  Cloud& cloud();

 private:
  struct Impl;
  explicit AwsEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::aws_engine
