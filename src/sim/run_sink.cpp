#include <unistd.h>

#include <future>
#include <optional>

#include <fmt/format.h>

#include "json/writer.hpp"
#include "sim/cli.hpp"
#include "sim/run.hpp"
#include "sim/sink_server.hpp"

namespace trunkline::sim {
namespace {

base::Result<SinkRules> sink_rules(const SinkOptions& o) {
  SinkRules rules;
  rules.latency = o.latency;
  rules.latency_p99 = o.latency_p99;
  rules.hang = o.hang;
  rules.rate = o.rate;
  rules.poison = o.poison;
  double sum = o.hang;
  for (const auto& [status, share] : o.errors) {
    if (status < 200 || status > 599 || share < 0)
      return {base::Errc::invalid, "--error takes STATUS=SHARE, as 503=0.05"};
    sum += share;
  }
  if (o.hang < 0 || sum > 1) return {base::Errc::invalid, "the shares of errors and hangs are over 1 together"};
  if (o.rate < 0) return {base::Errc::invalid, "--rate is positive"};
  rules.errors = o.errors;
  return rules;
}

void print_summary(const SinkStatistics& s, bool as_json) {
  if (!as_json) {
    fmt::print("requests {}  events taken {}  refused {}  hung {}\n", s.requests, s.events_taken, s.refused_requests,
               s.hung);
    return;
  }
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("requests", s.requests).member("events", s.events_taken);
  writer.member("refused", s.refused_requests).member("hung", s.hung).end_object();
  fmt::print("{}\n", text);
}

// Runs the task on the loop and waits for it.
void on_loop(net::IoLoop& loop, base::Task task) {
  std::promise<void> ran;
  loop.post([&task, &ran] {
    task();
    ran.set_value();
  });
  ran.get_future().wait();
}

int serve(const SinkOptions& o, const SinkRules& rules, LedgerWriter* ledger) {
  SignalWait signals;
  net::IoLoop loop("sink");
  auto server = std::make_unique<SinkServer>(loop, rules, o.seed, ledger);
  const auto port = server->listen(o.listen);
  if (!port.ok()) {
    complain(port.error().detail);
    return 2;
  }
  if (!o.control.empty()) {
    if (const auto control = server->listen_control(o.control); !control.ok()) {
      complain(control.error().detail);
      return 2;
    }
  }
  loop.start();
  bool ledger_failed = false;
  on_loop(loop, [&] {
    if (o.accept_and_hang) static_cast<void>(server->set_mode("hang", base::Millis(0)));
    if (o.refuse_for.count() > 0) static_cast<void>(server->set_mode("refuse", o.refuse_for));
  });
  fmt::print(stderr, "trunkline sim sink: listening on port {}\n", *port);
  const base::SystemClock clock;
  const base::MonoTime from = clock.mono();
  while (!ledger_failed && !signals.wait(base::Millis(200))) {
    if (o.duration.count() > 0 && clock.mono() - from >= o.duration) break;
    if (ledger == nullptr) continue;
    on_loop(loop, [&] { ledger_failed = !ledger->flush(o.ledger_sync).ok(); });
  }
  std::promise<void> stopped;
  loop.post([&] { server->stop([&stopped] { stopped.set_value(); }); });
  stopped.get_future().wait();
  loop.stop();
  loop.join();
  const SinkStatistics statistics = server->statistics();
  server.reset();
  if (ledger != nullptr && !ledger->flush(o.ledger_sync).ok()) ledger_failed = true;
  if (ledger_failed) complain(o.ledger + ": cannot be written");
  print_summary(statistics, o.json);
  return ledger_failed ? 1 : 0;
}

}  // namespace

int run_sink(const SinkOptions& options) {
  const auto rules = sink_rules(options);
  if (!rules.ok()) {
    complain(rules.error().detail);
    return 2;
  }
  if (options.ledger.empty()) return serve(options, *rules, nullptr);
  auto ledger = LedgerWriter::open(options.ledger, kDeliveredHeader);
  if (!ledger.ok()) {
    complain(ledger.error().detail);
    return 2;
  }
  return serve(options, *rules, &*ledger);
}

}  // namespace trunkline::sim
