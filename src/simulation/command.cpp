#include "simulation/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "simulation/lanes.hpp"
#include "simulation/outage.hpp"
#include "simulation/run.hpp"
#include "simulation/shrink.hpp"

namespace trunkline::simulation {
namespace {

constexpr std::string_view kUsage =
    R"(Plays the hub on a simulated store, network and clock, and looks for a broken promise.

usage: trunkline_simulate [OPTION...]
  --seed N          this seed only, or the first one (default 1)
  --seeds A..B      these seeds
  --total HOURS     fresh seeds until so many simulated hours are played
  --hours H         simulated hours of one seed, before it drains (default 1)
  --jobs N          so many seeds at a time (default 1)
  --defect NAME     plants a defect, which must be found: lost_wake_up, cursor_skips, identity_after_event,
                    breaker_spends, redrive_overtakes, late_unmarked
  --until-found     ends at the first finding with exit code 0, and with 1 when there is none
  --no-shrink       does not look for a smaller run with the same finding
  --steps RANGES    only these steps of the plan, as a shrunk run names them
  --consumers LIST  only these consumers
  --trace           prints what happens
  --outage KIND     one of four consumers is down for --hours (default 4) at --rate events a second (default 60), as
                    refused, hang, 503, 401 or items, or all one after the other: the others must not notice
  --lag SECONDS     one of four consumers answers after so many seconds (10, say) for --hours (default 4) at --rate events
                    a second, 50 requests at a time: the cap must hold, memory must not grow, the others must not notice
  --lanes N         so many conversations (100000, say), of whose events 5 % are refused, with storms of 503, crashes and
                    redrives, for each policy of a lane
  --cover           a kind of fault that never fired, or without a delivery after it, is a finding
)";

struct Arguments {
  std::uint64_t seed = 1;
  std::optional<std::uint64_t> last;
  double total = 0;
  std::optional<double> hours;
  std::string outage;
  std::uint32_t rate = 60;
  std::uint32_t lag = 0;
  std::uint32_t lanes = 0;
  unsigned jobs = 1;
  std::string defect;
  bool until_found = false;
  bool shrinks = true;
  bool trace = false;
  bool cover = false;
  Mask mask;
};

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

using Read = std::function<bool(std::string_view)>;

std::map<std::string_view, Read> readers(Arguments& to) {
  const auto mask = [](std::vector<bool>& places) {
    return [&places](std::string_view text) {
      auto parsed = parse_ranges(text);
      if (parsed.ok()) places = *parsed;
      return parsed.ok();
    };
  };
  return {
      {"--seed", [&](std::string_view text) { return parse(text, to.seed); }},
      {"--seeds",
       [&](std::string_view text) {
         const std::size_t dots = text.find("..");
         return dots != std::string_view::npos && parse(text.substr(0, dots), to.seed) &&
                parse(text.substr(dots + 2), to.last.emplace());
       }},
      {"--total", [&](std::string_view text) { return parse(text, to.total) && to.total > 0; }},
      {"--hours",
       [&](std::string_view text) { return parse(text, to.hours.emplace()) && *to.hours > 0 && *to.hours <= 1'000; }},
      {"--outage", [&](std::string_view text) { return to.outage = text, !text.empty(); }},
      {"--lag", [&](std::string_view text) { return parse(text, to.lag) && to.lag > 0 && to.lag <= 25; }},
      {"--lanes",
       [&](std::string_view text) { return parse(text, to.lanes) && to.lanes > 0 && to.lanes <= 1'000'000; }},
      {"--rate", [&](std::string_view text) { return parse(text, to.rate) && to.rate > 0 && to.rate <= 10'000; }},
      {"--jobs", [&](std::string_view text) { return parse(text, to.jobs) && to.jobs > 0 && to.jobs <= 64; }},
      {"--defect", [&](std::string_view text) { return to.defect = text, !text.empty(); }},
      {"--steps", mask(to.mask.steps)},
      {"--consumers", mask(to.mask.consumers)},
  };
}

bool parse_arguments(int argc, char** argv, Arguments& to) {
  const auto with_value = readers(to);
  const std::map<std::string_view, bool*> flags = {
      {"--until-found", &to.until_found}, {"--trace", &to.trace}, {"--cover", &to.cover}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (const auto flag = flags.find(name); flag != flags.end()) {
      *flag->second = true;
    } else if (name == "--no-shrink") {
      to.shrinks = false;
    } else if (const auto reader = with_value.find(name); reader != with_value.end() && i + 1 < argc) {
      if (reader->second(argv[++i])) continue;
      fmt::print(stderr, "{} is no value of {}\n", argv[i], name);
      return false;
    } else {
      fmt::print(stderr, "{}{}", name == "--help" ? "" : fmt::format("unknown or incomplete: {}\n", name), kUsage);
      return false;
    }
  }
  return true;
}

class Command {
 public:
  explicit Command(const Arguments& arguments)
      : arguments_(arguments),
        length_(static_cast<std::int64_t>(arguments.hours.value_or(1) * 3'600'000)),
        next_(arguments.seed),
        begun_(std::chrono::steady_clock::now()) {
    if (arguments.total == 0) last_ = arguments.last.value_or(arguments.seed);
  }

  int play() {
    std::vector<std::thread> others;
    for (unsigned i = 1; i < arguments_.jobs; ++i) others.emplace_back([this] { work(); });
    work();
    for (std::thread& other : others) other.join();
    fmt::print("\n{}", describe(all_));
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
    fmt::print("{} findings, {:.0f} s\n", found_.size(), took);
    if (arguments_.until_found) return found_.empty() ? 1 : 0;
    const bool uncovered = arguments_.cover && !covered();
    return found_.empty() && !uncovered ? 0 : 1;
  }

 private:
  void work() {
    while (const auto seed = take()) {
      const Plan full = make_plan(*seed, length_);
      const Plan plan =
          arguments_.mask.steps.empty() && arguments_.mask.consumers.empty() ? full : masked(full, arguments_.mask);
      Outcome outcome = run(plan, options());
      report(full, outcome);
    }
  }
  std::optional<std::uint64_t> take() {
    const std::scoped_lock lock(mutex_);
    const bool enough = arguments_.total > 0 && all_.hours >= arguments_.total;
    if (enough || next_ > last_ || (arguments_.until_found && !found_.empty())) return std::nullopt;
    return next_++;
  }
  RunOptions options() const {
    RunOptions options;
    options.print_trace = arguments_.trace;
    return options;
  }
  void report(const Plan& plan, const Outcome& outcome) {
    {
      const std::scoped_lock lock(mutex_);
      all_.add(outcome.report);
      fmt::print("seed {} trace {:016x} {:.2f} h {} events {} deliveries\n", plan.seed, outcome.trace,
                 outcome.report.hours, outcome.report.events, outcome.report.deliveries);
      std::fflush(stdout);
      if (outcome.findings.empty()) return;
      found_.push_back(plan.seed);
      for (const Finding& finding : outcome.findings) fmt::print("  FOUND {}: {}\n", finding.rule, finding.text);
      fmt::print("  again: {}\n", again(plan.seed, arguments_.mask));
      std::fflush(stdout);
    }
    const bool part = !arguments_.mask.steps.empty() || !arguments_.mask.consumers.empty();
    if (!arguments_.shrinks || part) return;
    constexpr std::size_t kRunsMax = 400;  // a few minutes
    const Shrunk small =
        shrink(plan, outcome.findings.front(), kRunsMax, [this](const Plan& each) { return run(each, options()); });
    const std::scoped_lock lock(mutex_);
    fmt::print("  shrunk to {} steps and {} consumers in {} runs, {}: {}\n  again: {}\n", small.steps, small.consumers,
               small.runs, small.finding.rule, small.finding.text, again(plan.seed, small.mask));
    std::fflush(stdout);
  }
  std::string again(std::uint64_t seed, const Mask& mask) const {
    std::string text = fmt::format("trunkline_simulate --seed {} --hours {}", seed, arguments_.hours.value_or(1));
    if (!arguments_.defect.empty()) text += " --defect " + arguments_.defect;
    if (const std::string steps = ranges(mask.steps); !steps.empty()) text += " --steps " + steps;
    if (const std::string consumers = ranges(mask.consumers); !consumers.empty()) text += " --consumers " + consumers;
    return text;
  }
  bool covered() const {
    bool all = true;
    for (std::size_t i = 1; i < kKinds; ++i) {
      if (all_.fired[i] > 0 && all_.followed[i] > 0) continue;
      all = false;
      fmt::print("NOT COVERED: {}\n", name(static_cast<Kind>(i)));
    }
    return all;
  }

  const Arguments& arguments_;
  const base::Millis length_;
  std::mutex mutex_;  // guards what follows
  std::uint64_t next_;
  std::uint64_t last_ = UINT64_MAX;
  Report all_;
  std::vector<std::uint64_t> found_;  // seeds
  const std::chrono::steady_clock::time_point begun_;
};

// The failpoint of a defect: of those made for the simulation, or of the crash drill's.
bool plant(const std::string& defect) {
  for (const char* kind : {"flaw.", "defect."}) {
    if (base::failpoint::configure(kind + defect + "=on").ok()) return true;
  }
  return false;
}

int play_lanes(const Arguments& arguments) {
  LanesOptions options;
  options.conversations = arguments.lanes;
  options.seed = arguments.seed;
  const Plan plan = lanes_plan(options);
  const Outcome outcome = run(plan, RunOptions());
  fmt::print("{} conversations, trace {:016x}\n{}", options.conversations, outcome.trace, describe(outcome.report));
  for (std::size_t i = 0; i < plan.consumers.size(); ++i) {
    const ConsumerTally& tally = outcome.tallies[i];
    fmt::print("{:<16} {} lanes, {} events, {} taken, {} rejected at least once\n", plan.consumers[i].name, tally.lanes,
               tally.events, tally.taken, tally.rejected);
  }
  for (const Finding& finding : outcome.findings) fmt::print("FOUND {}: {}\n", finding.rule, finding.text);
  return outcome.findings.empty() ? 0 : 1;
}

int play_outages(const Arguments& arguments) {
  OutageOptions options;
  options.length = base::Millis(static_cast<std::int64_t>(arguments.hours.value_or(4) * 3'600'000));
  options.events_a_second = arguments.rate;
  options.seed = arguments.seed;
  const std::array<std::string_view, kOutages.size()> names = {"refused", "hang", "503", "401", "items"};
  const auto known = std::find(names.begin(), names.end(), arguments.outage);
  if (known == names.end() && arguments.outage != "all")
    return fmt::print(stderr, "--outage is refused, hang, 503, 401, items or all\n"), 2;
  const Outcome calm = run(outage_plan(options, Kind::publish), RunOptions());
  const auto line = [](std::string_view what, const Outcome& outcome) {
    fmt::print(
        "{:<8} {} events, {} deliveries, {} dead letters, {:.2f} h; of the siem {} attempts spent, {} given back, {} "
        "batches sent; senders {:016x} others",
        what, outcome.report.events, outcome.report.deliveries, outcome.report.dead_letters, outcome.report.hours,
        outcome.consumers[0].attempts_spent, outcome.consumers[0].attempts_given_back,
        outcome.consumers[0].batches_sent, outcome.sender_trace);
    for (std::size_t i = 1; i < outcome.consumer_traces.size(); ++i) fmt::print(" {:016x}", outcome.consumer_traces[i]);
    fmt::print("\n");
    std::fflush(stdout);
  };
  line("none", calm);
  int outcome = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (arguments.outage != "all" && arguments.outage != names[i]) continue;
    const Outcome outage = run(outage_plan(options, kOutages[i]), RunOptions());
    line(names[i], outage);
    for (const Finding& finding : compare_outage(calm, outage)) {
      fmt::print("  FOUND {}: {}\n", finding.rule, finding.text);
      outcome = 1;
    }
  }
  return outcome;
}

int play_lag(const Arguments& arguments) {
  LagOptions options;
  options.length = base::Millis(static_cast<std::int64_t>(arguments.hours.value_or(4) * 3'600'000));
  options.answers_after = std::chrono::seconds(arguments.lag);
  options.events_a_second = arguments.rate;
  options.seed = arguments.seed;
  LagOptions without = options;
  without.answers_after = base::Millis(0);
  int outcome = 0;
  for (const event::Order order : {event::Order::none, event::Order::conversation}) {
    options.order = without.order = order;
    const Outcome calm = run(lag_plan(without), RunOptions());
    const Outcome lag = run(lag_plan(options), RunOptions());
    for (const Outcome* each : {&calm, &lag}) {
      fmt::print(
          "siem {} {}: {} events, {} deliveries, {:.2f} h; of the siem at most {} requests open, {} events "
          "waiting, {} lanes in memory; senders {:016x} others",
          order == event::Order::none ? "without order" : "by conversation", each == &calm ? "calm" : "slow",
          each->report.events, each->report.deliveries, each->report.hours, each->peaks[0].open_requests,
          each->peaks[0].waiting, each->peaks[0].lanes, each->sender_trace);
      for (std::size_t i = 1; i < each->consumer_traces.size(); ++i) fmt::print(" {:016x}", each->consumer_traces[i]);
      fmt::print("\n");
    }
    std::fflush(stdout);
    for (const Finding& finding : compare_lag(options, calm, lag)) {
      fmt::print("  FOUND {}: {}\n", finding.rule, finding.text);
      outcome = 1;
    }
  }
  return outcome;
}

}  // namespace

int simulate(int argc, char** argv) {
  Arguments arguments;
  if (!parse_arguments(argc, argv, arguments)) return 2;
  base::log::set_level(base::log::Level::off);
  if (!arguments.defect.empty() && !plant(arguments.defect))
    return fmt::print(stderr, "no defect is named {}\n", arguments.defect), 2;
  if (!arguments.outage.empty()) return play_outages(arguments);
  if (arguments.lag > 0) return play_lag(arguments);
  if (arguments.lanes > 0) return play_lanes(arguments);
  return Command(arguments).play();
}

}  // namespace trunkline::simulation
