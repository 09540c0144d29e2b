#include "drill/drill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "base/text.hpp"
#include "drill/child.hpp"
#include "drill/hub_client.hpp"
#include "drill/hub_config.hpp"
#include "drill/traffic.hpp"

namespace trunkline::drill {
namespace {

using base::Errc;
using base::Millis;
using base::Result;
using SteadyClock = std::chrono::steady_clock;

// A start replays at most the write-ahead logs; a minute is far beyond that on any disk.
constexpr Millis kReadyWithin = std::chrono::seconds(60);
// The rarest point, a compaction, comes every other second at the default rate.
constexpr Millis kReachWithin = std::chrono::seconds(40);
constexpr Millis kAnswerWithin = std::chrono::seconds(60);
// After this long without any progress what is open is not going to be delivered: longer than the pulled consumer's
// visibility time-out and every back-off.
constexpr Millis kStall = std::chrono::seconds(8);
constexpr Millis kStopWithin = std::chrono::seconds(60);
constexpr Millis kPoll{2};

Millis since(SteadyClock::time_point from) {
  return std::chrono::duration_cast<Millis>(SteadyClock::now() - from);
}

// What the file consumer wrote: its sizes and ages are such that it never begins a second file.
Result<std::string> only_file(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    files.push_back(entry.path().string());
  if (files.size() == 1) return files.front();
  return {Errc::invalid, fmt::format("{} files in {} instead of one", files.size(), directory)};
}

enum class Start { ready, died, hangs };

class Drill {
 public:
  Drill(const DrillOptions& options, std::vector<Kill> plan, const std::string& root, std::string executable)
      : options_(options), plan_(std::move(plan)), paths_(root), executable_(std::move(executable)) {}

  Result<Report> run();

 private:
  Result<void> prepare();
  Result<Child> start_hub(const std::vector<std::string>& environment);
  Start await_ready(Child& hub, Death& death);
  Result<bool> kill_once(const Kill& kill);
  void note_recovery(std::optional<Millis> recovery);
  void drain(HubClient& hub);
  Result<void> finish();
  Result<void> verify();
  std::string last_words() const;

  const DrillOptions& options_;
  const std::vector<Kill> plan_;
  const Paths paths_;
  const std::string executable_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Traffic> traffic_;
  std::vector<std::uint64_t> quarantine_;  // ids found there at the end
  Report report_;
};

Result<void> Drill::prepare() {
  TRUNKLINE_TRY(port_, free_port(options_.plan.seed));
  TrafficOptions traffic;
  traffic.hub_port = port_;
  traffic.rate = options_.rate;
  traffic.seed = options_.plan.seed;
  traffic.sent_ledger = paths_.sent;
  traffic.pushed_ledger = paths_.pushed;
  traffic.pulled_ledger = paths_.pulled;
  traffic.pulled_consumer = kPulled;
  TRUNKLINE_TRY(traffic_, Traffic::open(traffic));
  std::filesystem::create_directories(paths_.files);
  std::ofstream(paths_.config) << hub_config(paths_, port_, traffic_->sink_port());
  return {};
}

Result<Child> Drill::start_hub(const std::vector<std::string>& environment) {
  std::error_code ignored;
  std::filesystem::remove(paths_.ready, ignored);
  ChildSpec spec;
  spec.executable = executable_;
  spec.arguments = {"serve", "-c", paths_.config, "--ready-file", paths_.ready};
  spec.environment = environment;
  spec.environment.emplace_back("TRUNKLINE_SMALL_STORE=1");
  spec.log_path = paths_.log;
  return Child::start(spec);
}

Start Drill::await_ready(Child& hub, Death& death) {
  const auto until = SteadyClock::now() + kReadyWithin;
  while (SteadyClock::now() < until) {
    // Death first: a hub may be ready and dead at once.
    const bool is_ready = std::filesystem::exists(paths_.ready);
    if (const auto died = hub.wait(Millis(0))) {
      death = *died;
      return Start::died;
    }
    if (is_ready) return Start::ready;
    std::this_thread::sleep_for(kPoll);
  }
  return Start::hangs;
}

// The recovery of a kill is the next start's. It is said then, so that a line tells all of a kill.
void Drill::note_recovery(std::optional<Millis> recovery) {
  if (report_.kills.empty()) return;
  report_.kills.back().recovery = recovery;
  fmt::print(options_.json ? stderr : stdout, "{}\n",
             progress_line(report_.kills.size(), plan_.size(), report_.kills.back()));
  std::fflush(stdout);
}

// False when the hub cannot be started again: nothing more can be tried.
Result<bool> Drill::kill_once(const Kill& kill) {
  KillOutcome outcome{.kill = kill};
  const auto from = SteadyClock::now();
  TRUNKLINE_TRY(Child hub, start_hub(environment_of(kill, options_.defect)));
  Death death;
  const Start start = await_ready(hub, death);
  if (start == Start::hangs) {
    report_.failures.push_back(fmt::format("the hub was not ready within {} s", kReadyWithin.count() / 1000));
    return false;
  }
  note_recovery(start == Start::ready ? std::optional(since(from)) : std::nullopt);
  std::optional<Death> died;
  if (start == Start::died) {
    outcome.before_ready = true;
    died = death;
  } else if (kill.point == kRandomPoint) {
    std::this_thread::sleep_for(kill.delay);
    hub.send(SIGKILL);
    died = hub.wait(kReachWithin);
  } else {
    died = hub.wait(kReachWithin);
  }
  outcome.reached = died && died->signal == SIGKILL;
  outcome.lived = since(from);
  if (!died) {
    hub.send(SIGKILL);
    died = hub.wait(kReachWithin);
  } else if (!outcome.reached) {
    report_.failures.push_back(fmt::format("the hub ended by itself, {}: {}", describe(*died), last_words()));
  }
  const TrafficFigures figures = traffic_->figures();
  outcome.answered = figures.answered;
  outcome.unanswered = figures.sent - figures.answered;
  outcome.batches = figures.batches_open;
  report_.kills.push_back(outcome);
  return start == Start::ready || outcome.reached;
}

// Until nothing is open, or nothing moves any more.
void Drill::drain(HubClient& hub) {
  auto moved = SteadyClock::now();
  std::uint64_t before = 0;
  std::string left;
  while (since(moved) < kStall) {
    std::this_thread::sleep_for(Millis(100));
    const auto consumers = hub.consumers();
    if (!consumers.ok()) {
      left = consumers.error().detail;
      continue;
    }
    const TrafficFigures figures = traffic_->figures();
    std::uint64_t open = 0;
    left.clear();
    for (const ConsumerFigures& consumer : *consumers) {
      open += consumer.open() + consumer.parked + consumer.dead_letters;
      left += fmt::format(" {}: {} waiting, {} in flight, {} backing off, {} parked, {} dead letters;", consumer.name,
                          consumer.waiting, consumer.in_flight, consumer.backing_off, consumer.parked,
                          consumer.dead_letters);
    }
    if (open == 0) return;
    const std::uint64_t now = figures.pushed + figures.pulled + (UINT32_MAX - open);
    if (now != before) moved = SteadyClock::now();
    before = now;
  }
  report_.failures.push_back(
      fmt::format("not everything drained within {} s of the last progress:{}", kStall.count() / 1000, left));
}

Result<void> Drill::finish() {
  const auto from = SteadyClock::now();
  // The defect stays: it is the program under test. Nothing kills it now.
  std::vector<std::string> environment;
  if (!options_.defect.empty()) environment.push_back(fmt::format("TRUNKLINE_FAILPOINTS={}=on", options_.defect));
  TRUNKLINE_TRY(Child hub, start_hub(environment));
  Death death;
  const Start start = await_ready(hub, death);
  if (start != Start::ready) {
    report_.failures.push_back(fmt::format("the hub did not start after the last kill: {}", last_words()));
    return {};
  }
  note_recovery(since(from));
  if (!traffic_->finish_sending(kAnswerWithin)) {
    report_.failures.push_back(
        fmt::format("not everything that was sent was answered within {} s", kAnswerWithin.count() / 1000));
  }
  HubClient client(port_);
  drain(client);
  TRUNKLINE_TRY(quarantine_, client.quarantined());
  hub.send(SIGTERM);
  const auto stopped = hub.wait(kStopWithin);
  if (!stopped || stopped->signal != 0 || stopped->code != 0) {
    report_.failures.push_back(
        fmt::format("the hub did not stop in good order: {}", stopped ? describe(*stopped) : "it hangs"));
  }
  return {};
}

Result<void> Drill::verify() {
  const TrafficFigures figures = traffic_->figures();
  report_.sent = figures.sent;
  report_.answered = figures.answered;
  report_.retries = figures.retries;
  report_.malformed = figures.malformed;
  if (figures.bad_answers + figures.dropped > 0) {
    report_.failures.push_back(fmt::format("{} answers that cannot be read, {} events refused for good",
                                           figures.bad_answers, figures.dropped));
  }
  TRUNKLINE_TRY_VOID(traffic_->close());
  TRUNKLINE_TRY(const std::string file, only_file(paths_.files));
  for (const Expectation& expected : expectations(paths_, file)) {
    TRUNKLINE_TRY(sim::VerifyReport verified, sim::verify_files(expected.rules, paths_.sent, expected.delivered));
    if (verified.routed == 0)
      report_.failures.push_back(fmt::format("no event was for {}: nothing was tried", expected.consumer));
    report_.consumers.push_back({expected.consumer, std::move(verified)});
  }
  std::sort(quarantine_.begin(), quarantine_.end());
  return sim::for_each_line(paths_.sent, [this](std::string_view raw, std::uint64_t) -> Result<void> {
    TRUNKLINE_TRY(const sim::AcceptedLine line, sim::parse_accepted(raw));
    if (line.verdict != "quarantined") return {};
    ++report_.quarantined_promised;
    if (!std::binary_search(quarantine_.begin(), quarantine_.end(), line.sequence)) ++report_.quarantined_missing;
    return {};
  });
}

std::string Drill::last_words() const {
  std::ifstream log(paths_.log);
  std::string last;
  for (std::string line; std::getline(log, line);) last = line;
  return last;
}

Result<Report> Drill::run() {
  const auto from = SteadyClock::now();
  TRUNKLINE_TRY_VOID(prepare());
  traffic_->start();
  for (const Kill& kill : plan_) {
    TRUNKLINE_TRY(const bool goes_on, kill_once(kill));
    if (!goes_on) break;
  }
  if (report_.kills.size() < plan_.size()) {
    report_.failures.push_back(fmt::format("{} kills were not tried", plan_.size() - report_.kills.size()));
  }
  TRUNKLINE_TRY_VOID(finish());
  TRUNKLINE_TRY_VOID(verify());
  report_.seconds = std::chrono::duration<double>(SteadyClock::now() - from).count();
  return std::move(report_);
}

Result<std::string> make_directory(const std::string& asked) {
  if (!asked.empty()) {
    std::error_code error;
    std::filesystem::create_directories(asked, error);
    if (error || !std::filesystem::is_empty(asked, error))
      return {Errc::invalid, fmt::format("{} is not an empty directory", asked)};
    return std::filesystem::absolute(asked).string();
  }
  std::string path = (std::filesystem::temp_directory_path() / "trunkline-drill-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) return {Errc::unavailable, "no temporary directory can be made"};
  return path;
}

Result<void> resolve_defect(std::string& defect) {
  if (defect.empty()) return {};
  const std::vector<std::string> known = all_defects();
  if (!defect.starts_with("defect.")) defect = "defect." + defect;
  if (std::find(known.begin(), known.end(), defect) != known.end()) return {};
  const auto near = base::nearest(defect, known);
  return {Errc::invalid,
          fmt::format("no defect is named '{}'{}", defect, near ? fmt::format("; did you mean '{}'?", *near) : "")};
}

int complain(const base::Error& error, int code) {
  fmt::print(stderr, "trunkline drill: {}\n", error.detail);
  return code;
}

}  // namespace

int run_drill(const DrillOptions& given) {
  DrillOptions options = given;
  if (const auto resolved = resolve_defect(options.defect); !resolved.ok()) return complain(resolved.error(), 2);
  if (options.rate < 100 || options.rate > 1e6) return complain({Errc::invalid, "--rate is 100 to 1000000"}, 2);
  auto plan = make_plan(options.plan);
  if (!plan.ok()) return complain(plan.error(), 2);
  const auto root = make_directory(options.directory);
  if (!root.ok()) return complain(root.error(), 2);
  auto executable = own_executable();
  if (!executable.ok()) return complain(executable.error(), 1);
  auto report = Drill(options, std::move(*plan), *root, std::move(*executable)).run();
  const bool holds = report.ok() && report->holds();
  if (report.ok()) fmt::print("{}", options.json ? to_json(*report) : to_text(*report));
  if (!report.ok()) fmt::print(stderr, "trunkline drill: {}\n", report.error().detail);
  if (!holds) fmt::print(stderr, "trunkline drill: everything is kept in {}\n", *root);
  if (holds && options.directory.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(*root, ignored);
  }
  return holds ? 0 : 1;
}

}  // namespace trunkline::drill
