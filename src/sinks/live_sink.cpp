#include "sinks/live_sink.hpp"

#include <utility>
#include <vector>

#include "base/log.hpp"

namespace trunkline::sinks {

base::Result<std::unique_ptr<LiveSink>> LiveSink::make(std::shared_ptr<LiveFeed> feed, engine::Engine& engine,
                                                       base::QueueId queue, const std::string& consumer) {
  const std::string owner = state_owner(consumer);
  TRUNKLINE_TRY(const auto stored, engine.list_state(owner));
  std::size_t unknown = 0;
  for (const auto& [key, bytes] : stored) {
    if (!feed->board().restore(key, bytes)) ++unknown;
  }
  if (unknown > 0) {
    base::log::warn("parts of a live board are not readable and begin anew with their next event", "consumer", consumer,
                    "parts", unknown);
  }
  feed->begin();
  return std::unique_ptr<LiveSink>(new LiveSink(std::move(feed), engine, queue, owner));
}

LiveSink::LiveSink(std::shared_ptr<LiveFeed> feed, engine::Engine& engine, base::QueueId queue, std::string owner)
    : feed_(std::move(feed)), engine_(engine), queue_(queue), owner_(std::move(owner)) {}

LiveSink::~LiveSink() {
  feed_->stop();
}

void LiveSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  for (const engine::LeasedMessage& message : batch.messages) feed_->board().apply(*message.record);
  std::vector<engine::Engine::StateWrite> writes;
  for (board::Board::Stored& stored : feed_->board().take_unstored())
    writes.push_back({std::move(stored.key), std::move(stored.bytes)});
  if (!writes.empty()) engine_.write_state(queue_, owner_, std::move(writes));
  feed_->changed();
  delivery::BatchVerdict verdict;
  verdict.events.resize(batch.messages.size());
  engine_.loop_of(queue_).post(
      [done = std::move(done), verdict = std::move(verdict)]() mutable { done(std::move(verdict)); });
}

}  // namespace trunkline::sinks
