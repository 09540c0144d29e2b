#include "simulation/lanes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "simulation/random.hpp"

namespace trunkline::simulation {
namespace {

using base::Millis;
using delivery::OnExhausted;

constexpr Millis kEvery(500);  // between two publishes
constexpr std::int64_t kSecond = 1'000;
constexpr std::size_t kConversations = 1;  // the filter that wants them

void add_consumers(Plan& plan) {
  constexpr std::array<std::string_view, 3> kPolicies = {"park", "skip", "drop"};
  for (const SinkKind sink : {SinkKind::webhook, SinkKind::bulk}) {
    for (std::size_t i = 0; i < kPolicies.size(); ++i) {
      ConsumerPlan consumer;
      consumer.name = fmt::format("{}-{}", kPolicies[i], sink == SinkKind::webhook ? "one by one" : "in batches");
      consumer.sink = sink;
      consumer.order = event::Order::conversation;
      consumer.filter = kConversations;
      consumer.options.on_exhausted = static_cast<OnExhausted>(i);
      consumer.options.batch_messages = sink == SinkKind::webhook ? 1 : 50;
      consumer.options.max_attempts = 3;
      consumer.options.backoff_cap = std::chrono::seconds(30);
      consumer.options.seed = plan.seed + i;
      plan.consumers.push_back(std::move(consumer));
    }
  }
}

class Troubles {
 public:
  explicit Troubles(Plan& plan) : plan_(plan), random_(plan.seed, "lanes") {}

  // Events are refused for ten minutes each; then others are. What was refused may be redriven from then on.
  void poison() {
    constexpr std::int64_t kSpan = 600 * kSecond;
    for (std::uint32_t consumer = 0; consumer < plan_.consumers.size(); ++consumer) {
      for (std::int64_t at = 0; at < plan_.length.count(); at += kSpan)
        add(Kind::poison, Millis(at), consumer, Millis(kSpan));
    }
  }
  // About every `seconds`, at one consumer each.
  void often(Kind kind, std::int64_t seconds, std::int64_t longest) {
    for (std::int64_t at = kSecond; at < plan_.length.count(); at += random_.between(1, 2 * seconds * kSecond)) {
      const auto consumer = static_cast<std::uint32_t>(random_.below(plan_.consumers.size()));
      add(kind, Millis(at), consumer, Millis(random_.between(kSecond, longest * kSecond)));
    }
  }

 private:
  void add(Kind kind, Millis at, std::uint32_t consumer, Millis span) {
    Step step;
    step.at = at;
    step.kind = kind;
    step.consumer = consumer;
    step.span = span;
    step.value = random_.next();
    plan_.steps.push_back(std::move(step));
  }
  Plan& plan_;
  Random random_;
};

}  // namespace

Plan lanes_plan(const LanesOptions& options) {
  Plan plan;
  plan.seed = options.seed;
  plan.lanes = options.conversations;
  plan.tail_bytes_max = 8 << 20;
  plan.memory_budget = 512 << 20;
  plan.window = 16'384;
  plan.poison_percent = options.poison_percent;
  plan.replay_max = std::chrono::minutes(1);  // of thousands of events
  // Traffic goes on by seven conversations every 40 events.
  const std::uint32_t events = std::max(options.conversations / 7 + 1, 10u) * 40;
  plan.length = Millis(std::int64_t{events} * 1'000 / options.events_a_second);
  add_consumers(plan);
  publish_steadily(plan, kEvery, options.events_a_second);
  Troubles troubles(plan);
  troubles.poison();
  troubles.often(Kind::answers_503, 30, 40);
  troubles.often(Kind::lost_answer, 60, 10);
  troubles.often(Kind::power_cut, 300, 20);
  troubles.often(Kind::power_cut_in_sync, 300, 20);
  troubles.often(Kind::power_cut_after_commit, 300, 20);
  troubles.often(Kind::redrive, 40, 1);
  troubles.often(Kind::redrive_operation, 20, 1);
  troubles.often(Kind::replay, 40, 1);
  troubles.often(Kind::steer, 60, 1);
  number_steps(plan);
  return plan;
}

}  // namespace trunkline::simulation
