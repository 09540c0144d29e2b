#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/loop.hpp"
#include "engine/engine.hpp"
#include "lambda/function.hpp"
#include "lambda/payload.hpp"
#include "source/ingest.hpp"

namespace trunkline::lambda {

struct IngestFunctionOptions {
  std::string name = "ingest";                           // the source, in figures
  base::Millis margin = std::chrono::milliseconds(500);  // an answer goes out this long before the deadline
};

// Takes events: as the target of an EventBridge rule, or from an SQS queue. Answered as done is what the engine has stored,
// as accepted, a duplicate, or quarantined. An event that is not stored fails its invocation, which EventBridge's target
// and Lambda try again; of a queue's batch, only its own messages are answered as failed. In a batch of a FIFO queue
// nothing is stored behind what failed. What is not stored by the deadline counts as failed.
//
// Before the answer what was stored is published, as far as there is time: a function may be frozen at any time after it.
// EventBridge's scheduled event stores nothing and publishes what others have left.
class IngestFunction final : public Function {
 public:
  using Decode = std::function<source::Ingest::Decoded(std::string_view body)>;  // on the loop
  struct Engine {
    // As of engine::Engine::publish(), with the callback on the loop.
    std::function<void(std::vector<engine::PublishItem>, engine::PublishCallback)> publish;
    std::function<bool(base::Millis within)> flush;  // all that this process has accepted; not on the loop
    std::function<bool(base::Millis within)> sweep;  // what others have left, too
  };

  // The loop must outlive it; the engine must have stopped before it is destroyed.
  IngestFunction(IngestFunctionOptions options, base::Loop& loop, Decode decode, Engine engine);

  Answer handle(const Invocation& invocation) override;

 private:
  struct Counts {
    std::int64_t accepted = 0;
    std::int64_t duplicates = 0;
    std::int64_t conflicts = 0;
    std::int64_t quarantined = 0;
    std::int64_t failed = 0;
  };

  // Decodes the bodies, publishes what they hold in one call, and says of which all is stored.
  std::vector<bool> store(const Invocation& invocation, const std::vector<std::string_view>& bodies, Counts& counts);
  std::vector<bool> store_in_order(const Invocation& invocation, const Payload& payload, Counts& counts);
  std::vector<engine::PublishResult> publish(const Invocation& invocation, std::vector<engine::PublishItem> items);
  void report(const Counts& counts, base::MonoTime began) const;

  const IngestFunctionOptions options_;
  base::Loop& loop_;
  const Decode decode_;
  const Engine engine_;
};

}  // namespace trunkline::lambda
