#include "app/demo_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "api/keyring.hpp"
#include "app/durations.hpp"
#include "app/hub.hpp"
#include "base/log.hpp"
#include "config/load.hpp"
#include "demo/demo.hpp"
#include "json/writer.hpp"
#include "sim/run.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Millis;
using base::Result;

constexpr const char* kListen = "127.0.0.1:8080";
// A downstream that was broken for a while has a backlog; two minutes bring some hundred thousand events.
constexpr Millis kDrainWithin = std::chrono::minutes(2);

struct DemoCommand {
  std::string listen;
  double rate = 200;
  std::string data;
  Millis duration{0};
  std::uint64_t seed = 1;
  bool no_traffic = false;
  bool json = false;
};

// The data directory: the one that was named, which must be new or empty, or one that is removed at the end.
class Directory {
 public:
  static Result<Directory> make(const std::string& named) {
    std::error_code error;
    Directory directory;
    if (named.empty()) {
      std::string pattern = (std::filesystem::temp_directory_path(error) / "trunkline-demo-XXXXXX").string();
      if (::mkdtemp(pattern.data()) == nullptr) return {Errc::unavailable, pattern + " cannot be made"};
      directory.path_ = pattern;
      directory.temporary_ = true;
      return directory;
    }
    std::filesystem::create_directories(named, error);
    if (error) return {Errc::unavailable, fmt::format("{}: {}", named, error.message())};
    if (!std::filesystem::is_empty(named, error) || error) {
      return {Errc::invalid, fmt::format("{} is not empty: name a new directory, or see what an earlier demonstration "
                                         "left there with: trunkline serve -c {}/trunkline.yaml",
                                         named, named)};
    }
    directory.path_ = std::filesystem::absolute(named).lexically_normal().string();
    return directory;
  }
  Directory(Directory&& other) noexcept
      : path_(std::exchange(other.path_, {})), temporary_(std::exchange(other.temporary_, false)) {}
  Directory& operator=(Directory&&) = delete;
  ~Directory() {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  bool temporary() const { return temporary_; }

 private:
  Directory() = default;
  std::string path_;
  bool temporary_ = false;
};

// The program as a person would type it here.
std::string program() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "trunkline";
  const auto relative = path.lexically_proximate(std::filesystem::current_path(error));
  return error || relative.string().starts_with("..") ? path.string() : relative.string();
}

// The hub, and everything around it. The hub is gone first: it calls into the demonstration.
struct Show {
  std::unique_ptr<demo::Demo> demo;
  std::unique_ptr<Hub> hub;
  std::string url;
};

Result<std::unique_ptr<Hub>> start_hub(demo::Demo& around, const std::string& directory, const std::string& listen) {
  const std::string text = around.config(listen);
  std::ofstream(directory + "/trunkline.yaml") << text;
  config::Loaded loaded = config::parse(text, config::Resolver::system());
  if (!loaded.config) {
    return {Errc::invalid, loaded.diagnostics.empty() ? "the configuration"
                                                      : config::format(loaded.diagnostics.front(), "trunkline.yaml")};
  }
  HubOptions options;
  // Without keys the demonstration is as open as the API, and refuses other sites' pages as that does.
  options.front = [&around, keys = std::make_shared<api::Keyring>(), clock = base::SystemClock()](
                      net::IoLoop&, net::HttpRequest& request, net::Responder& respond) {
    if (!demo::Demo::owns(request.path)) return false;
    if (const auto allowed = keys->check(request, clock.wall()); !allowed.ok()) {
      respond(net::HttpResponse::text(401, allowed.error().detail + "\n"));
    } else {
      around.handle(std::move(request), std::move(respond));
    }
    return true;
  };
  return Hub::start(*loaded.config, std::move(options));
}

Result<Show> open(const DemoCommand& command, const std::string& directory) {
  Show show;
  demo::DemoOptions options;
  options.directory = directory;
  options.traffic.rate = command.rate;
  options.traffic.seed = command.seed;
  options.send = !command.no_traffic;
  TRUNKLINE_TRY(show.demo, demo::Demo::make(std::move(options)));
  std::string listen = command.listen.empty() ? kListen : command.listen;
  auto hub = start_hub(*show.demo, directory, listen);
  if (!hub.ok() && command.listen.empty()) {
    // Somebody else has the usual port: a newcomer need not care.
    listen = "127.0.0.1:0";
    hub = start_hub(*show.demo, directory, listen);
  }
  if (!hub.ok()) return hub.error();
  show.hub = std::move(*hub);
  show.url = fmt::format("http://{}:{}", listen.substr(0, listen.rfind(':')), show.hub->port());
  show.demo->start(show.hub->port());
  return show;
}

void introduce(const DemoCommand& command, const Show& show, const Directory& directory) {
  const std::string name = program();
  fmt::print(
      R"(
Trunkline with a simulated contact centre before it and three downstreams behind it, all in this process, on loopback.

  Open  {0}/

  traffic    {1}
  siem       gets every event, as Splunk does (HTTP Event Collector)
  crm        gets what happens in conversations, each one's in order, over a webhook
  dashboard  shows agents, queues and conversations as they are now; the page has it
  wfm        receives what it wants: agents and schedules, each agent's in order
  data       {2}{3}

In another terminal:

  {4} consumers --url {0}
  curl -s -X POST {0}/demo/downstreams/crm -d '{{"mode":"503"}}'     # break it; "ok" mends it
  {4} tap --url {0} --rate 5
  curl -s {0}/ingest/genesys -d '{{"id":"1","type":"v2.conversations.created","conversationId":"c"}}'

{5}: the traffic ends, what waits is delivered, and the ledgers of sender and receivers are compared.
)",
      show.url,
      command.no_traffic ? "none of its own" : fmt::format("{:.0f} events/s, some of them sent twice", command.rate),
      directory.path(), directory.temporary() ? " (removed at the end)" : "", name,
      command.duration.count() > 0
          ? fmt::format("Ends by itself after {} s, or with Ctrl-C", command.duration.count() / 1000)
          : std::string("Ctrl-C ends it"));
  std::fflush(stdout);
}

void print_json(const std::vector<demo::Outcome>& outcomes, std::uint64_t accepted, bool holds) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("holds", holds).member("accepted", accepted).key("receivers").begin_array();
  for (const demo::Outcome& outcome : outcomes) {
    const sim::VerifyReport& report = outcome.report;
    writer.begin_object().member("name", outcome.name).member("holds", outcome.holds()).member("routed", report.routed);
    writer.member("delivered", report.delivered).key("offences").begin_object();
    for (std::size_t i = 0; i < sim::kOffences; ++i) {
      writer.member(sim::name(static_cast<sim::Offence>(i)), report.offences[i]);
    }
    writer.end_object().end_object();
  }
  writer.end_array().end_object();
  fmt::print("{}\n", out);
}

void print_table(const std::vector<demo::Outcome>& outcomes, std::uint64_t accepted, bool holds) {
  fmt::print("\n{:<12}{:>14}{:>10}{:>8}{:>15}{:>8}{:>9}\n", "receiver", "meant for it", "arrived", "twice",
             "out of order", "lost", "changed");
  for (const demo::Outcome& outcome : outcomes) {
    const sim::VerifyReport& report = outcome.report;
    fmt::print("{:<12}{:>14}{:>10}{:>8}{:>15}{:>8}{:>9}\n", outcome.name, report.routed, report.delivered,
               report.count(sim::Offence::repeated), report.count(sim::Offence::out_of_order),
               report.count(sim::Offence::lost), report.count(sim::Offence::changed));
    for (std::size_t i = 0; i < sim::kOffences; ++i) {
      if (outcome.holds() || report.offences[i] == 0) continue;
      fmt::print("  {}: {}\n", sim::name(static_cast<sim::Offence>(i)), report.offences[i]);
    }
  }
  std::uint64_t foreign = 0;
  for (const demo::Outcome& outcome : outcomes)
    foreign = std::max(foreign, outcome.report.count(sim::Offence::foreign));
  if (foreign > 0)
    fmt::print("\n{} events came from somebody else, you perhaps: no ledger of a sender has them.\n", foreign);
  fmt::print(
      "\n{} events accepted, each written to disk before the answer. {}\n", accepted,
      holds ? "The ledgers agree: nothing lost, nothing changed, in order." : "The ledgers do NOT agree, see above.");
}

// A line that is written over, for a person at a terminal.
void show_progress(demo::Demo& around) {
  const demo::Demo::Figures figures = around.figures();
  fmt::print(stderr, "\r{} accepted, {} on their way   ", figures.accepted, figures.on_the_way);
}

// Until a signal, or the end of the time that was given.
void play(const DemoCommand& command, demo::Demo& around, sim::SignalWait& signals) {
  const base::SystemClock clock;
  const base::MonoTime from = clock.mono();
  const bool person = ::isatty(STDERR_FILENO) != 0 && !command.json;
  while (!signals.wait(Millis(200))) {
    if (command.duration.count() > 0 && clock.mono() - from >= command.duration) break;
    if (person) show_progress(around);
  }
  if (person) fmt::print(stderr, "\n");
}

int finish(const DemoCommand& command, Show& show, sim::SignalWait& signals) {
  if (!command.json) fmt::print("\nThe traffic ends; what waits is delivered first. Ctrl-C once more gives up.\n");
  std::fflush(stdout);
  bool hurried = false;
  show.demo->stop_traffic();
  const bool drained = show.demo->drain(kDrainWithin, [&] { return hurried = hurried || signals.wait(Millis(0)); });
  const std::uint64_t accepted = show.demo->figures().accepted;
  show.hub->stop();
  show.demo->stop();
  if (hurried) {
    fmt::print(stderr, "given up: what still waited was not delivered, and nothing was compared\n");
    return 1;
  }
  const auto outcomes = show.demo->verify();
  if (!outcomes.ok()) {
    fmt::print(stderr, "trunkline demo: {}\n", outcomes.error().detail);
    return 1;
  }
  bool holds = drained;
  for (const demo::Outcome& outcome : *outcomes) holds = holds && outcome.holds();
  if (!drained) fmt::print(stderr, "not everything was delivered within {} s\n", kDrainWithin.count() / 1000);
  command.json ? print_json(*outcomes, accepted, holds) : print_table(*outcomes, accepted, holds);
  return holds ? 0 : 1;
}

int run_demo(const DemoCommand& command) {
  if (!command.listen.empty() && !config::is_loopback(command.listen)) {
    fmt::print(stderr, "the demonstration has no keys and listens on loopback only, not on {}\n", command.listen);
    return 2;
  }
  auto directory = Directory::make(command.data);
  if (!directory.ok()) {
    fmt::print(stderr, "trunkline demo: {}\n", directory.error().detail);
    return 2;
  }
  // Breaks are part of the show; their warnings would run over the text below.
  base::log::set_level(base::log::Level::error);
  std::signal(SIGPIPE, SIG_IGN);
  sim::SignalWait signals;
  auto show = open(command, directory->path());
  if (!show.ok()) {
    fmt::print(stderr, "trunkline demo: {}\n", show.error().detail);
    return 1;
  }
  if (!command.json) introduce(command, *show, *directory);
  play(command, *show->demo, signals);
  return finish(command, *show, signals);
}

}  // namespace

void add_demo_command(CLI::App& app, int& code) {
  auto command = std::make_shared<DemoCommand>();
  CLI::App* demo = app.add_subcommand(
      "demo", "See it work: a hub, a simulated contact centre, three downstreams, and a page to break them from");
  demo->add_option("--listen", command->listen,
                   "Address of the hub, on loopback; without it 127.0.0.1:8080, or a free port if that is taken");
  demo->add_option("--rate", command->rate, "Events a second")->check(CLI::Range(1.0, 20'000.0))->capture_default_str();
  demo->add_option("--data", command->data,
                   "A new or empty directory for the store and the ledgers; without it one that is removed at the end");
  add_duration(*demo, "--for", command->duration, "End after this long; 0: with Ctrl-C");
  demo->add_option("--seed", command->seed, "The same seed gives the same events")->capture_default_str();
  demo->add_flag("--no-traffic", command->no_traffic, "Send nothing: you do, to POST /ingest/genesys");
  demo->add_flag("--json", command->json, "Print only the comparison at the end, as JSON");
  demo->footer(
      R"(Everything is real: the hub is the one of `trunkline serve`, its configuration is written to the data directory as
trunkline.yaml, and all traffic goes over HTTP. At the end the ledgers of sender and receivers are compared.

Examples:
  trunkline demo                         open the page that it names, break a downstream, mend it
  trunkline demo --for 30s --json        for a script
  trunkline demo --data ./demo --rate 2000

Exit codes: 0 the ledgers agree, 1 they do not or it could not start, 2 wrong use.)");
  demo->callback([command, &code] { code = run_demo(*command); });
}

}  // namespace trunkline::app
