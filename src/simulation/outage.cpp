#include "simulation/outage.hpp"

#include <fmt/format.h>

namespace trunkline::simulation {
namespace {

using base::Millis;

constexpr Millis kBefore = std::chrono::minutes(5);
constexpr Millis kAfter = std::chrono::minutes(15);
constexpr Millis kEvery(100);  // between two publishes

ConsumerPlan consumer(std::string name, SinkKind sink, event::Order order, std::size_t filter) {
  ConsumerPlan plan;
  plan.name = std::move(name);
  plan.sink = sink;
  plan.order = order;
  plan.filter = filter;
  plan.options.ordered = order != event::Order::none;
  plan.options.batch_messages = sink == SinkKind::webhook ? 1 : 100;
  return plan;
}

}  // namespace

Plan outage_plan(const OutageOptions& options, Kind kind) {
  Plan plan;
  plan.seed = options.seed;
  plan.length = kBefore + options.length + kAfter;
  plan.lanes = 500;
  plan.tail_bytes_max = 8 << 20;
  plan.window = 16'384;
  plan.shuffle = false;
  plan.disk_tick = Millis(2);
  // Only a protocol with a verdict for each item can fail all of them with 200.
  const SinkKind siem = kind == Kind::every_item_fails ? SinkKind::bulk : SinkKind::hec;
  plan.consumers = {consumer("siem", siem, event::Order::conversation, 0),
                    consumer("crm", SinkKind::webhook, event::Order::conversation, 1),
                    consumer("board", SinkKind::bulk, event::Order::agent, 2),
                    consumer("archive", SinkKind::webhook_lines, event::Order::none, 0)};
  publish_steadily(plan, kEvery, options.events_a_second);
  if (kind != Kind::publish) {
    Step down;
    down.at = kBefore;
    down.kind = kind;
    down.span = options.length;
    plan.steps.push_back(std::move(down));
  }
  number_steps(plan);
  return plan;
}

std::vector<Finding> compare_outage(const Outcome& calm, const Outcome& outage) {
  std::vector<Finding> findings = outage.findings;
  findings.insert(findings.end(), calm.findings.begin(), calm.findings.end());
  if (outage.report.dead_letters != 0)
    findings.push_back({"I4", fmt::format("the outage left {} dead letters", outage.report.dead_letters)});
  const delivery::Statistics& siem = outage.consumers.at(0);
  if (siem.attempts_spent != siem.attempts_given_back)
    findings.push_back({"attempts", fmt::format("{} attempts were spent, {} were given back", siem.attempts_spent,
                                                siem.attempts_given_back)});
  if (siem.breaker_opened == 0) findings.push_back({"breaker", "the outage was not noticed"});
  if (outage.sender_trace != calm.sender_trace)
    findings.push_back({"I6", "senders were not answered as in a run without the outage"});
  for (std::size_t i = 1; i < outage.consumer_traces.size(); ++i) {
    if (outage.consumer_traces[i] != calm.consumer_traces.at(i))
      findings.push_back({"I6", fmt::format("consumer {} was not served as in a run without the outage", i)});
  }
  return findings;
}

}  // namespace trunkline::simulation
