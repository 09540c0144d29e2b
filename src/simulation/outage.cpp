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

// The consumers of the guide and an archive, one of each sort of sink.
Plan four_consumers(std::uint64_t seed, Millis length, ConsumerPlan siem) {
  Plan plan;
  plan.seed = seed;
  plan.length = length;
  plan.lanes = 500;
  plan.tail_bytes_max = 8 << 20;
  plan.memory_budget = 512 << 20;
  plan.window = 16'384;
  plan.shuffle = false;
  plan.disk_tick = Millis(2);
  plan.consumers = {std::move(siem), consumer("crm", SinkKind::webhook, event::Order::conversation, 1),
                    consumer("board", SinkKind::bulk, event::Order::agent, 2),
                    consumer("archive", SinkKind::webhook_lines, event::Order::none, 0)};
  return plan;
}

void compare_others(const Outcome& calm, const Outcome& other, std::vector<Finding>& findings) {
  if (other.sender_trace != calm.sender_trace) findings.push_back({"I6", "senders were not answered as in a calm run"});
  for (std::size_t i = 1; i < other.consumer_traces.size(); ++i) {
    if (other.consumer_traces[i] != calm.consumer_traces.at(i))
      findings.push_back({"I6", fmt::format("consumer {} was not served as in a calm run", i)});
  }
}

std::vector<Finding> findings_of(const Outcome& calm, const Outcome& other) {
  std::vector<Finding> findings = other.findings;
  findings.insert(findings.end(), calm.findings.begin(), calm.findings.end());
  if (other.report.dead_letters != 0)
    findings.push_back({"I4", fmt::format("it left {} dead letters", other.report.dead_letters)});
  return findings;
}

}  // namespace

Plan outage_plan(const OutageOptions& options, Kind kind) {
  // Only a protocol with a verdict for each item can fail all of them with 200.
  const SinkKind siem = kind == Kind::every_item_fails ? SinkKind::bulk : SinkKind::hec;
  Plan plan = four_consumers(options.seed, kBefore + options.length + kAfter,
                             consumer("siem", siem, event::Order::conversation, 0));
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
  std::vector<Finding> findings = findings_of(calm, outage);
  const delivery::Statistics& siem = outage.consumers.at(0);
  if (siem.attempts_spent != siem.attempts_given_back)
    findings.push_back({"attempts", fmt::format("{} attempts were spent, {} were given back", siem.attempts_spent,
                                                siem.attempts_given_back)});
  if (siem.breaker_opened == 0) findings.push_back({"breaker", "the outage was not noticed"});
  compare_others(calm, outage, findings);
  return findings;
}

Plan lag_plan(const LagOptions& options) {
  ConsumerPlan siem = consumer("siem", SinkKind::hec, options.order, 0);
  siem.options.batch_messages = 1;
  siem.options.concurrency = options.cap;
  siem.answers_after = options.answers_after;
  Plan plan = four_consumers(options.seed, options.length, std::move(siem));
  plan.window = options.window;
  publish_steadily(plan, kEvery, options.events_a_second);
  number_steps(plan);
  return plan;
}

std::vector<Finding> compare_lag(const LagOptions& options, const Outcome& calm, const Outcome& lag) {
  std::vector<Finding> findings = findings_of(calm, lag);
  const Peaks& peaks = lag.peaks.at(0);
  if (peaks.open_requests != options.cap)
    findings.push_back({"cap", fmt::format("{} requests were open at a cap of {}", peaks.open_requests, options.cap)});
  // At the full cap it can have answered so many; all else must have waited at the end.
  const auto sent = static_cast<std::uint64_t>(options.length.count()) * options.events_a_second / 1'000;
  const auto rounds = static_cast<std::uint64_t>(options.length / options.answers_after + 1);
  const std::uint64_t answered = rounds * options.cap;
  if (peaks.waiting + answered + 2 * options.cap < sent)
    findings.push_back({"I2", fmt::format("{} of {} events were waiting", peaks.waiting, sent)});
  // A read of the log may come on top of the window. With an order it says less: a lane may hold many events.
  constexpr std::uint64_t kReadAtOnce = 1'024;
  if (peaks.lanes > options.window + kReadAtOnce)
    findings.push_back({"I9", fmt::format("memory held {} lanes", peaks.lanes)});
  if (peaks.waiting <= 2 * options.window)
    findings.push_back({"backlog", fmt::format("{} events that waited at once show nothing", peaks.waiting)});
  const delivery::Statistics& siem = lag.consumers.at(0);
  if (siem.attempts_spent != 0 || siem.breaker_opened != 0)
    findings.push_back({"attempts", fmt::format("being slow cost {} attempts and opened the breaker {} times",
                                                siem.attempts_spent, siem.breaker_opened)});
  compare_others(calm, lag, findings);
  return findings;
}

}  // namespace trunkline::simulation
