#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/function.hpp"
#include "delivery/sink.hpp"
#include "net/http_client.hpp"
#include "simulation/oracle.hpp"
#include "simulation/plan.hpp"
#include "simulation/random.hpp"
#include "simulation/timeline.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::simulation {

// An event as a downstream finds it in a request.
struct Arrived {
  std::uint64_t sequence = 0;
  std::string bytes;
  std::string lane{};  // bulk: what it keeps in order
};

// What becomes of one request.
struct Course {
  enum class End : std::uint8_t { answer, no_connection, no_answer };
  End end = End::answer;
  int status = 200;
  std::optional<base::Millis> retry_after;
  std::vector<bool> bad;  // by event: refused for what it is
  std::vector<bool> cut;  // by event: not taken, since it stands behind a bad one of its lane
  bool takes = true;      // what is neither, when the request arrives
  base::Millis arrives{0};
  base::Millis ends{0};
};

// A system behind a consumer: lives on while the hub is killed. Its states overlap; the one that began last decides.
class Downstream {
 public:
  Downstream(std::uint32_t index, const Plan& plan, SimulatedLoop& world, Oracle& oracle)
      : index_(index),
        poison_percent_(plan.poison_percent),
        random_(plan.seed ^ (index + 1), "downstream"),
        world_(world),
        oracle_(oracle),
        answers_after_(plan.consumers[index].answers_after) {}

  void begin(Kind kind, base::Millis span, std::uint64_t salt);
  void heal() {
    states_.clear();
    answers_after_ = base::Millis(0);
  }
  // Requests without an answer at the same time, at the most so far.
  std::size_t most_open() const { return most_open_; }

  // Decides, takes the events when the request arrives, then has `done` called on its own loop.
  void request(std::vector<Arrived> events, bool all_or_nothing, base::Millis timeout,
               std::function<void(const Course&)> done);

 private:
  struct State {
    Kind kind;
    base::MonoTime until;
    std::uint64_t salt;
  };
  Course decide(const std::vector<Arrived>& events, base::Millis timeout);
  void mark_bad(Course& course, const std::vector<Arrived>& events, std::optional<Kind> state);

  const std::uint32_t index_;
  const std::uint64_t poison_percent_;
  Random random_;
  SimulatedLoop& world_;
  Oracle& oracle_;
  std::vector<State> states_;
  base::Millis answers_after_;
  std::size_t open_ = 0;
  std::size_t most_open_ = 0;
};

// Calls of one hub process to one downstream. When the process is killed, no answer reaches it any more.
class Calls {
 public:
  Calls(Downstream& downstream, SimulatedLoop& hub)
      : downstream_(downstream), hub_(hub), life_(std::make_shared<int>()) {}

  void call(std::vector<Arrived> events, bool all_or_nothing, base::Millis timeout,
            base::UniqueFunction<void(const Course&)> done);

 private:
  Downstream& downstream_;
  SimulatedLoop& hub_;
  std::shared_ptr<int> life_;
  std::unordered_map<std::uint64_t, base::UniqueFunction<void(const Course&)>> open_;
  std::uint64_t next_ = 1;
};

// The network under the product's own HTTP sinks.
class SimulatedSender final : public sinks::HttpSender {
 public:
  SimulatedSender(Downstream& downstream, SimulatedLoop& hub, SinkKind kind) : calls_(downstream, hub), kind_(kind) {}
  void send(net::ClientRequest request, net::ClientCallback done) override;

 private:
  Calls calls_;
  const SinkKind kind_;
};

// A protocol with a verdict for each item, as a search engine's bulk interface has. It keeps lanes: behind an item that
// fails nothing of its lane is taken.
class BulkSink final : public delivery::Sink {
 public:
  BulkSink(Downstream& downstream, SimulatedLoop& hub, event::Order order) : calls_(downstream, hub), order_(order) {}
  delivery::SinkLimits limits() const override { return {100, 1 << 20}; }
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;

 private:
  Calls calls_;
  const event::Order order_;
};

// Tells the oracle what passes.
class WitnessSink final : public delivery::Sink {
 public:
  WitnessSink(std::unique_ptr<delivery::Sink> sink, std::uint32_t consumer, Oracle& oracle)
      : sink_(std::move(sink)), consumer_(consumer), oracle_(oracle) {}
  delivery::SinkLimits limits() const override { return sink_->limits(); }
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;

 private:
  const std::unique_ptr<delivery::Sink> sink_;
  const std::uint32_t consumer_;
  Oracle& oracle_;
};

// The sink of a consumer, with its witness.
std::unique_ptr<delivery::Sink> make_sink(const ConsumerPlan& plan, std::uint32_t index, Downstream& downstream,
                                          SimulatedLoop& hub, Oracle& oracle);

}  // namespace trunkline::simulation
