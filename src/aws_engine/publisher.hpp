#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "aws_engine/codec.hpp"
#include "aws_engine/outbox.hpp"
#include "aws_engine/quarantine.hpp"
#include "aws_engine/sequences.hpp"
#include "engine/engine.hpp"

namespace trunkline::aws_engine {

struct PublisherOptions {
  base::Millis identity_window = std::chrono::hours(24 * 5);
  base::Millis retain = std::chrono::hours(24 * 60);  // of an event's body in the table; above every max_wait
  std::size_t items_max = 8'192;                      // under way; more are refused: Errc::overloaded
  std::size_t bytes_max = 256 << 20;                  // of their bodies, likewise
};

// Takes events: each is one transaction of the event, its identities and its entry in the outbox, and is answered when
// DynamoDB has said yes. Items of one call that share an identity or a lane go one after the other, in their order.
// Loop thread only.
class Publisher {
 public:
  // The topics that an event with these routes goes to.
  using TargetsOf = std::function<std::vector<Outbox::Target>(const std::vector<base::QueueId>&)>;

  Publisher(Cloud& cloud, Outbox& outbox, Quarantine& quarantine, PublisherOptions options, TargetsOf targets_of);

  // `accepted_at`: of each item, where another engine has accepted it; its identities are known from then on, too. None:
  // now.
  void publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done,
               std::vector<base::WallTime> accepted_at = {});

 private:
  struct Call;
  struct Task;
  using CallPtr = std::shared_ptr<Call>;
  using TaskPtr = std::shared_ptr<Task>;

  void start(const CallPtr& call, std::size_t index);
  void finish(const CallPtr& call, std::size_t index, engine::PublishResult result);
  void attempt(const TaskPtr& task);
  std::vector<Write> writes_of(Task& task);
  void refused(const TaskPtr& task, const base::Error& error);
  void inspect(const TaskPtr& task, const std::vector<Item>& found);
  void note_repeat(const Task& task, const Twin& twin);
  void stored(const TaskPtr& task);

  Cloud& cloud_;
  Outbox& outbox_;
  Quarantine& quarantine_;
  const PublisherOptions options_;
  const TargetsOf targets_of_;
  Sequences sequences_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace trunkline::aws_engine
