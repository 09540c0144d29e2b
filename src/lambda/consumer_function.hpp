#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "aws_engine/aws_engine.hpp"
#include "base/loop.hpp"
#include "delivery/consumer.hpp"
#include "delivery/shared_breaker.hpp"
#include "lambda/event_source.hpp"
#include "lambda/function.hpp"
#include "lambda/metrics.hpp"
#include "lambda/payload.hpp"

namespace trunkline::lambda {

struct ConsumerFunctionOptions {
  std::string name;  // of the consumer
  base::QueueId queue;
  delivery::Options delivery;
  base::Millis margin = std::chrono::milliseconds(700);  // before the deadline, what is not done is given up
  base::Millis grace = std::chrono::milliseconds(400);   // of the margin, for SQS to be told
  // While the downstream is away, messages that come in spite of that are hidden for so long.
  base::Millis hidden = std::chrono::seconds(30);
};

// Delivers the messages of one queue that an event source mapping brings: through the engine's own way of a received
// message and the consumer's own scheduler, so that attempts, dead letters, parked lanes and repeats are what they are in a
// worker. Answered as done is what the table says is settled; the mapping deletes it. What is to be tried again is hidden for
// its back-off before it is answered as failed. What is not done shortly before the deadline is given back.
//
// An open breaker disables the mapping and is written down in the table; what the batch has left goes back. EventBridge's
// scheduled event, once a minute, receives one message itself then, and enables the mapping again when the downstream
// takes it, or when nothing waits. The breaker is the workers', too: one of all of them probes, and an outage that a worker
// has seen disables the mapping with the next scheduled event.
class ConsumerFunction final : public Function {
 public:
  // `loop` is loop_of(queue); all must outlive it. The sink was made on the loop. Starts on the loop, and waits for that.
  ConsumerFunction(ConsumerFunctionOptions options, aws_engine::AwsEngine& engine, base::Loop& loop,
                   std::unique_ptr<delivery::Sink> sink, EventSource& source);
  ~ConsumerFunction() override;
  ConsumerFunction(const ConsumerFunction&) = delete;
  ConsumerFunction& operator=(const ConsumerFunction&) = delete;

  Answer handle(const Invocation& invocation) override;

  // Of the state that says that the mapping was disabled.
  static std::string state_owner(const std::string& consumer) { return "lambda/" + consumer; }

 private:
  // What the loop tells the main thread.
  struct Signals {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;       // the breaker
    std::size_t handed = 0;  // hand-overs that are not over
  };
  enum class Ended { done, outage, deadline };

  Answer deliver(const Invocation& invocation, const Payload& payload);
  Answer probe(const Invocation& invocation);
  // False: the probe says that the downstream is away.
  bool downstream_takes_one(const Invocation& invocation);
  Ended wait(const Invocation& invocation);
  void wait_for_all(base::Millis within);
  base::Task begin_hand_over();
  bool breaker_open();
  void make_consumer(std::unique_ptr<delivery::Sink> sink, const delivery::Statistics& carried);
  void renew_consumer();  // what it has in flight is given up
  void outage(const Invocation& invocation);
  // What all workers and functions know of the downstream (delivery/shared_breaker.hpp), and a word of this one in place of
  // `known`; nothing where somebody else was quicker, or it was not stored.
  base::Result<delivery::BreakerNote> note();
  std::optional<delivery::BreakerNote> say(delivery::BreakerWord word, base::Millis lasts, base::Millis open_time,
                                           const delivery::BreakerNote& known);
  // Whether the outage goes on, by a probe of this function's where it is its turn.
  bool still_away(const Invocation& invocation, const delivery::BreakerNote& known);
  void report(std::vector<Figure> figures, base::MonoTime began);  // with how long it took

  const ConsumerFunctionOptions options_;
  aws_engine::AwsEngine& engine_;
  base::Loop& loop_;
  EventSource& source_;
  const std::shared_ptr<Signals> signals_ = std::make_shared<Signals>();
  std::unique_ptr<delivery::Consumer> consumer_;  // the loop's
  bool disabled_ = false;                         // the mapping, by this process
};

}  // namespace trunkline::lambda
