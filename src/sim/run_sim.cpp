#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <future>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "json/writer.hpp"
#include "sim/cli.hpp"
#include "sim/contact_centre.hpp"
#include "sim/faults.hpp"
#include "sim/load.hpp"
#include "sim/run.hpp"

namespace trunkline::sim {
namespace {

using base::Errc;
using base::Result;

struct Target {
  std::string host;
  std::uint16_t port = 80;
  std::string path = "/";
};

Result<Target> parse_target(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return {Errc::invalid, "--to takes a URL that begins with http://"};
  url.remove_prefix(kScheme.size());
  Target target;
  const std::size_t slash = url.find('/');
  if (slash != std::string_view::npos) target.path = url.substr(slash);
  std::string_view authority = url.substr(0, slash);
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.back() != ']') {
    unsigned port = 0;
    for (const char digit : authority.substr(colon + 1)) {
      if (digit < '0' || digit > '9' || port > 65'535) return {Errc::invalid, "--to has no valid port"};
      port = port * 10 + static_cast<unsigned>(digit - '0');
    }
    if (port == 0 || port > 65'535) return {Errc::invalid, "--to has no valid port"};
    target.port = static_cast<std::uint16_t>(port);
    authority = authority.substr(0, colon);
  }
  if (authority.size() > 2 && authority.front() == '[') authority = authority.substr(1, authority.size() - 2);
  target.host = authority;
  if (target.host.empty()) return {Errc::invalid, "--to names no host"};
  return target;
}

Result<SimTime> parse_moment(const std::string& text, std::string_view option) {
  const auto time = base::parse_time(text);
  if (!time) return {Errc::invalid, fmt::format("{} takes a time like 2026-03-02T10:00:00Z", option)};
  return static_cast<SimTime>(time->time_since_epoch().count());
}

Result<void> check_shares(const SimOptions& o) {
  for (const double share : {o.duplicates, o.republished, o.late, o.reordered, o.malformed, o.conflicts}) {
    if (share < 0 || share > 1) return {Errc::invalid, "a share of faults is between 0 and 1"};
  }
  if (o.interactions < 1 || o.interactions > 1e9) return {Errc::invalid, "--interactions is between 1 and 1e9"};
  if (o.to.empty() == o.out.empty()) return {Errc::invalid, "give either --to URL or --out FILE"};
  if (o.rate < 0 || o.speed < 0 || o.peak < 1)
    return {Errc::invalid, "--rate, --speed and --peak are positive, --peak at least 1"};
  if (o.connections == 0 || o.connections > 20'000 || o.pipeline == 0 || o.pipeline > 1'000 || o.batch == 0 ||
      o.batch > 10'000) {
    return {Errc::invalid, "--connections is 1 to 20000, --pipeline 1 to 1000, --batch 1 to 10000"};
  }
  return {};
}

Result<ContactCentreOptions> centre_options(const SimOptions& o) {
  TRUNKLINE_TRY_VOID(check_shares(o));
  ContactCentreOptions options;
  TRUNKLINE_TRY(options.start, parse_moment(o.start, "--start"));
  options.world.seed = o.seed;
  options.world.agents = o.agents;
  options.world.queues = o.queues;
  options.world.day.interactions_per_day = o.interactions;
  options.world.day.peak_factor = o.peak;
  options.world.day.incident_factor = o.incident_factor;
  options.world.day.incident_for = o.incident_for.count();
  if (o.incident) {
    TRUNKLINE_TRY(options.world.day.incident_from, parse_moment(*o.incident, "--incident"));
  }
  const bool ended_otherwise = o.events != 0 || o.duration.count() != 0;
  options.arrivals_until = ended_otherwise ? 0 : options.start + SimTime{86'400'000} * std::max(1u, o.days);
  return options;
}

// The events of the run: the contact centre through the faults, cut off at the number asked for.
class Events {
 public:
  Events(const ContactCentreOptions& options, const SimOptions& o)
      : centre_(options),
        mixer_([this](GeneratedEvent& event) { return centre_.next(event); },
               {o.duplicates, o.republished, o.late, o.reordered, o.malformed, o.conflicts}, o.seed),
        left_(o.events == 0 ? UINT64_MAX : o.events) {}

  bool next(GeneratedEvent& event) {
    if (left_ == 0 || !mixer_.next(event)) return false;
    --left_;
    return true;
  }
  const ContactCentre& centre() const { return centre_; }
  const FaultMixer& mixer() const { return mixer_; }

 private:
  ContactCentre centre_;
  FaultMixer mixer_;
  std::uint64_t left_;
};

void add_faults(json::Writer& writer, const FaultMixer& mixer) {
  writer.key("faults").begin_object();
  for (const Fault fault :
       {Fault::duplicate, Fault::republished, Fault::late, Fault::reordered, Fault::conflict, Fault::malformed}) {
    writer.member(name(fault), mixer.made(fault));
  }
  writer.end_object();
}

void print_summary(const SimOptions& o, const LoadStatistics& s, const Events& events, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(s.answered) / seconds : 0;
  const auto micros = [&s](double share) { return static_cast<std::int64_t>(s.latency.quantile(share).count()); };
  if (!o.json) {
    fmt::print("sent {}  accepted {}  duplicates {}  conflicts {}  quarantined {}  ignored {}\n", s.sent,
               s.count(Verdict::accepted), s.count(Verdict::duplicate), s.count(Verdict::conflict),
               s.count(Verdict::quarantined), s.count(Verdict::ignored));
    fmt::print("retries {}  given up {}  dropped {}  bad answers {}  interactions {}\n", s.retries, s.given_up,
               s.dropped, s.bad_answers, events.centre().interactions());
    fmt::print("{:.2f} s  {:.0f} events/s  answer p50 {} us  p99 {} us  max {} us\n", seconds, rate, micros(0.5),
               micros(0.99), s.latency.max().count());
    return;
  }
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("sent", s.sent).member("accepted", s.count(Verdict::accepted));
  writer.member("duplicates", s.count(Verdict::duplicate)).member("conflicts", s.count(Verdict::conflict));
  writer.member("quarantined", s.count(Verdict::quarantined)).member("ignored", s.count(Verdict::ignored));
  writer.member("malformed_sent", s.malformed).member("retries", s.retries).member("given_up", s.given_up);
  writer.member("dropped", s.dropped).member("bad_answers", s.bad_answers);
  writer.member("interactions", events.centre().interactions());
  writer.key("elapsed_seconds").number(seconds).key("events_per_second").number(rate);
  writer.key("answer_us").begin_object().member("p50", micros(0.5)).member("p99", micros(0.99));
  writer.member("max", static_cast<std::int64_t>(s.latency.max().count())).end_object();
  add_faults(writer, events.mixer());
  writer.end_object();
  fmt::print("{}\n", text);
}

// Standard output is part of the file's contract ("-"), so the summary goes to standard error there.
int write_file(const SimOptions& o, Events& events) {
  const bool to_stdout = o.out == "-";
  std::FILE* file = to_stdout ? stdout : std::fopen(o.out.c_str(), "we");
  if (file == nullptr) {
    complain(o.out + ": cannot be opened");
    return 2;
  }
  SignalWait signals;
  const base::SystemClock clock;
  Pacer pacer(o.rate, o.speed);
  const base::MonoTime from = clock.mono();
  GeneratedEvent event;
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  bool failed = false;
  bool stopped = false;
  const bool paced = o.rate > 0 || o.speed > 0;
  while (!failed && !stopped && events.next(event)) {
    while (paced && !stopped && !pacer.ready(event, clock.mono())) stopped = signals.wait(base::Millis(5));
    if ((lines & 1023) == 0) {
      stopped = stopped || signals.wait(base::Millis(0));
      if (o.duration.count() > 0 && clock.mono() - from >= o.duration) break;
    }
    pacer.spend();
    // One event is one line: what is malformed by its line breaks stays malformed without them.
    for (char& letter : event.raw) letter = letter == '\n' || letter == '\r' ? ' ' : letter;
    event.raw += '\n';
    failed = std::fwrite(event.raw.data(), 1, event.raw.size(), file) != event.raw.size();
    bytes += event.raw.size();
    ++lines;
  }
  failed = std::fflush(file) != 0 || failed;
  if (!to_stdout) failed = std::fclose(file) != 0 || failed;
  const double seconds = std::chrono::duration<double>(clock.mono() - from).count();
  std::FILE* report = to_stdout ? stderr : stdout;
  if (o.json) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object().member("written", lines).member("bytes", bytes);
    writer.member("interactions", events.centre().interactions()).key("elapsed_seconds").number(seconds);
    add_faults(writer, events.mixer());
    writer.end_object();
    fmt::print(report, "{}\n", text);
  } else {
    fmt::print(report, "{} events, {} bytes, {} interactions in {:.2f} s\n", lines, bytes,
               events.centre().interactions(), seconds);
  }
  if (failed) complain(o.out + ": cannot be written");
  return failed ? 1 : 0;
}

LoadOptions load_options(const SimOptions& o, const Target& target) {
  LoadOptions load;
  load.host = target.host;
  load.port = target.port;
  load.target = target.path;
  load.headers.emplace_back("Content-Type", "application/json");
  if (!o.key.empty()) load.headers.emplace_back("x-api-key", o.key);
  for (const auto& header : o.headers) load.headers.push_back(header);
  load.connections = o.connections;
  load.pipeline = o.pipeline;
  load.batch = o.batch;
  load.sticky = o.sticky;
  load.timeout = o.timeout;
  load.give_up = o.give_up;
  load.attempts_max = o.attempts_max;
  load.rate = o.rate;
  load.speed = o.speed;
  load.seed = o.seed;
  return load;
}

// What the waiting thread and the loop share.
struct Run {
  std::atomic<bool> done = false;
  std::atomic<bool> ledger_failed = false;
};

// Each second on the loop: the ledger to the file, and a line for a person at a terminal.
struct Housekeeping {
  net::IoLoop& loop;
  const SimOptions& options;
  const LoadDriver& driver;
  LedgerWriter* ledger;
  Run& run;
  std::uint64_t last = 0;

  void schedule() {
    loop.after(std::chrono::seconds(1), [this] {
      if (run.done) return;
      if (ledger != nullptr && !ledger->flush(options.ledger_sync).ok()) run.ledger_failed = true;
      const LoadStatistics& s = driver.statistics();
      if (!options.quiet && ::isatty(STDERR_FILENO) != 0) {
        fmt::print(stderr, "\r{} events/s  {} of {} answered  {} retries  {} given up   ", s.answered - last,
                   s.answered, options.events != 0 ? std::to_string(options.events) : std::to_string(s.sent), s.retries,
                   s.given_up);
      }
      last = s.answered;
      schedule();
    });
  }
};

int send_events(const SimOptions& o, const Target& target, Events& events) {
  std::optional<LedgerWriter> ledger;
  if (!o.ledger.empty()) {
    auto opened = LedgerWriter::open(o.ledger, kAcceptedHeader);
    if (!opened.ok()) {
      complain(opened.error().detail);
      return 2;
    }
    ledger.emplace(std::move(*opened));
  }
  LedgerWriter* lines = ledger ? &*ledger : nullptr;
  SignalWait signals;
  Run run;
  net::IoLoop loop("sim");
  auto driver = std::make_unique<LoadDriver>(
      loop, load_options(o, target), [&events](GeneratedEvent& event) { return events.next(event); }, lines);
  Housekeeping housekeeping{loop, o, *driver, lines, run};
  const base::SystemClock clock;
  const base::MonoTime from = clock.mono();
  loop.start();
  loop.post([&] {
    driver->start([&run] { run.done = true; });
    housekeeping.schedule();
  });
  bool stopping = false;
  while (!run.done) {
    const bool signalled = signals.wait(base::Millis(20));
    const bool late = o.duration.count() > 0 && clock.mono() - from >= o.duration;
    if (stopping || !(signalled || late || run.ledger_failed)) continue;
    stopping = true;
    loop.post([&driver, &o] { driver->stop(o.timeout); });
  }
  const double seconds = std::chrono::duration<double>(clock.mono() - from).count();
  const LoadStatistics statistics = driver->statistics();
  std::promise<void> gone;
  loop.post([&driver, &gone] {
    driver.reset();
    gone.set_value();
  });
  gone.get_future().wait();
  loop.stop();
  loop.join();
  if (!o.quiet && ::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\n");
  bool good = statistics.given_up == 0 && statistics.dropped == 0 && statistics.bad_answers == 0;
  if (ledger) {
    if (const auto flushed = ledger->flush(o.ledger_sync); !flushed.ok()) {
      complain(flushed.error().detail);
      good = false;
    }
  }
  print_summary(o, statistics, events, seconds);
  return good ? 0 : 1;
}

}  // namespace

int run_sim(const SimOptions& options) {
  const auto centre = centre_options(options);
  if (!centre.ok()) {
    complain(centre.error().detail);
    return 2;
  }
  Events events(*centre, options);
  if (!options.out.empty()) return write_file(options, events);
  const auto target = parse_target(options.to);
  if (!target.ok()) {
    complain(target.error().detail);
    return 2;
  }
  return send_events(options, *target, events);
}

}  // namespace trunkline::sim
