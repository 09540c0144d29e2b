#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "engine/engine.hpp"
#include "sinks/live_feed.hpp"

namespace trunkline::sinks {

// Folds events into the board of a live feed. An event is delivered when the board holds it: no subscriber is needed, and
// none can hold it back. What the board holds goes to the engine's state with the settle of the events that it follows
// from, so that the next start has it without a replay.
class LiveSink final : public delivery::Sink {
 public:
  // On the queue's loop: restores the board. Loop, engine and feed outlive the sink.
  static base::Result<std::unique_ptr<LiveSink>> make(std::shared_ptr<LiveFeed> feed, engine::Engine& engine,
                                                      base::QueueId queue, const std::string& consumer);
  ~LiveSink() override;

  // Whose state the board of a consumer is. It outlives the sink: where the sink or the consumer goes for good, the
  // owner of both removes it.
  static std::string state_owner(const std::string& consumer) { return "live/" + consumer; }

  // A thousand events take some ten milliseconds of the loop.
  delivery::SinkLimits limits() const override { return {1'000, 4 << 20}; }
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;

 private:
  LiveSink(std::shared_ptr<LiveFeed> feed, engine::Engine& engine, base::QueueId queue, std::string owner);

  const std::shared_ptr<LiveFeed> feed_;  // shared with the hub, which gives it to subscribers
  engine::Engine& engine_;
  const base::QueueId queue_;
  const std::string owner_;
};

}  // namespace trunkline::sinks
