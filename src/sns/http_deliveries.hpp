#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "net/io_loop.hpp"
#include "sns/http_sink.hpp"
#include "sns/registry.hpp"
#include "sqs/registry.hpp"

namespace trunkline::sns {

// Delivers to HTTP endpoints: for each subscription of that kind a delivery::Consumer with a sink, on the loop of the
// subscription's queue. What waits in the queues is on disk; a kill repeats deliveries that had no answer, and loses none.
//
// follow() and stop() wait for loops, and are called by one thread at a time, which is none of the engine's loops.
class HttpDeliveries {
 public:
  // The loop that the engine's queue is on, as the one with sockets that it is.
  using LoopOf = std::function<net::IoLoop&(base::QueueId)>;

  // All references outlive the loops.
  HttpDeliveries(Registry& topics, const sqs::Registry& queues, engine::Engine& engine, LoopOf loop_of,
                 HttpSinkOptions options);
  ~HttpDeliveries();  // after stop(), or after the loops have ended

  // Whether the registry has another set of subscriptions, or other rates: begins and ends deliveries to be as it says.
  // Of a subscription that is gone the queue goes, too, with all that waits in it.
  void follow();
  // Lets what is under way end, for `deadline` at most. Nothing is delivered any more.
  void stop(base::Millis deadline);

  // Why the endpoint may not be called, as far as its text says it; nothing where it may be, or where only its name's
  // address will say it.
  std::optional<std::string> forbidden(std::string_view url) const;

 private:
  struct Delivery;
  void begin(const Subscription& subscription, std::int64_t per_second);
  void end(const std::string& id);

  Registry& topics_;
  const sqs::Registry& queues_;
  engine::Engine& engine_;
  const LoopOf loop_of_;
  const HttpSinkOptions options_;
  std::atomic<std::uint64_t> lost_{0};
  // By subscription. Shared with tasks on their loops.
  std::map<std::string, std::shared_ptr<Delivery>> running_;
};

}  // namespace trunkline::sns
