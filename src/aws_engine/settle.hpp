#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "aws_engine/codec.hpp"
#include "engine/engine.hpp"

namespace trunkline::aws_engine {

// A queue as the registry has it, and as it was declared here.
struct QueueInfo {
  base::QueueId id;
  engine::QueueSpec spec;
  std::string url;
  std::string arn;
  std::string subscription;
  std::string topic;
  base::WallTime subscribed{};  // when its subscription was made, with the filter policy that it has for good
};

// SQS hides a message for twelve hours after its receive at most.
constexpr std::int64_t kHiddenMax = 43'200;
// What became of an event is known for longer than SQS has it.
constexpr std::uint64_t kFateKeepSeconds = 60 * 86'400;
std::int64_t whole_seconds(base::Millis time);  // rounded up, 0 … kHiddenMax

// Writes what has become of events in one queue: the table first, then SQS. In a FIFO queue the order of calls to SQS
// keeps the lane closed until all is done: the one at which it was cut is hidden or deleted first, those behind it are
// given back from the last to the first. Loop thread only.
class Settler {
 public:
  Settler(Cloud& cloud, const QueueInfo& queue) : cloud_(cloud), queue_(queue) {}

  // State that must be in the table before what is settled from now on.
  void write_state(const std::string& owner, std::vector<engine::Engine::StateWrite> writes);

  // `behind`: messages of the same lane that are given back together with it. `done` runs when SQS has been told, or did
  // not answer; its result is the table's.
  void settle(std::vector<Held> messages, std::vector<engine::MessageFate> fates, std::vector<std::string> behind,
              Cloud::Done done);
  // Settled as expired, and deleted.
  void expire(const Held& message, Cloud::Done done);
  // A parked message that SQS shows again: it is hidden for as long as can be; when it is not parked any more it is given
  // back instead.
  void hide_again(const Held& message, Cloud::Done done);
  void give_back(std::vector<std::string> handles, Cloud::Done done);  // from the last to the first

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;

  void flush_state();
  void begin(const JobPtr& job);
  void write(const JobPtr& job, std::size_t index);
  void wrote(const JobPtr& job, std::size_t index, const base::Result<void>& result);
  void tell_sqs(const JobPtr& job);
  std::int64_t hidden_left(const Held& message) const;

  Cloud& cloud_;
  const QueueInfo& queue_;
  std::vector<Write> state_;    // not under way yet
  std::vector<JobPtr> behind_;  // that wait for it
  bool flushing_ = false;
};

}  // namespace trunkline::aws_engine
