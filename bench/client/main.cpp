#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>

#include "disk.hpp"
#include "load.hpp"
#include "peers.hpp"
#include "replay.hpp"
#include "sinks.hpp"
#include "sqs.hpp"
#include "wire.hpp"

namespace trunkline::bench {
namespace {

struct Settings {
  LoadOptions load;
  SqsOptions sqs;
  ReplayOptions replay;
  HttpWireOptions http;
  std::string stream = "events";
  std::string directory;
  std::size_t sinks = 3;
  std::size_t measured = 0;  // of them, the first ones; 0: all
  bool hang = false;         // the others never answer
  std::uint64_t identities = 0;
  std::size_t bytes = kEventBytes;
};

double milliseconds(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

std::string times_json(const sim::Histogram& times) {
  return fmt::format(R"("count":{},"p50_ms":{:.3f},"p90_ms":{:.3f},"p99_ms":{:.3f},"p999_ms":{:.3f},"max_ms":{:.3f})",
                     times.count(), milliseconds(times.quantile(0.5)), milliseconds(times.quantile(0.9)),
                     milliseconds(times.quantile(0.99)), milliseconds(times.quantile(0.999)),
                     milliseconds(times.max()));
}

// `text` as it may stand in a string of JSON.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) out += c >= ' ' && c != '"' && c != '\\' && c < 0x7F ? c : ' ';
  return out;
}

std::string load_json(const LoadResult& result) {
  return fmt::format(
      R"("events":{},"seconds":{:.3f},"rate":{:.1f},"bad":{},"first_bad":"{}","client_cpu":{:.3f},"latency":{{{}}})",
      result.events, result.seconds, static_cast<double>(result.events) / result.seconds, result.bad,
      plain(result.first_bad), result.cpu_seconds, times_json(result.latency));
}

// Distinct events in every run against one store.
std::uint32_t fresh_salt() {
  return static_cast<std::uint32_t>(now_nanoseconds() / 1'000'000);
}

int run_post(Settings settings) {
  if (settings.http.events.salt == 0) settings.http.events.salt = fresh_salt();
  settings.http.close_after = settings.load.reconnect;
  const auto wire = http_wire(settings.http);
  const LoadResult result = run_load(settings.load, *wire);
  fmt::print("{{\"all\":{},{}}}\n", result.all, load_json(result));
  return 0;
}

// Waits until `count` reaches `wanted` for each of `n`; the moment of it, or 0 when it does not come.
template <class Count>
std::int64_t wait_for_all(std::size_t n, std::uint64_t wanted, const Count& count, double seconds = 120) {
  const std::int64_t deadline = now_nanoseconds() + static_cast<std::int64_t>(seconds * 1e9);
  for (std::size_t i = 0; i < n;) {
    if (count(i) >= wanted) {
      ++i;
      continue;
    }
    if (now_nanoseconds() > deadline) return 0;
    const timespec pause{0, 500'000};
    ::nanosleep(&pause, nullptr);
  }
  return now_nanoseconds();
}

void print_delivered(const LoadResult& load, std::int64_t end, const std::string& more) {
  const double seconds = end == 0 ? 0 : static_cast<double>(end - load.begun) / 1e9;
  const double rate = end == 0 ? 0 : static_cast<double>(load.all) / seconds;
  fmt::print("{{\"complete\":{},\"all\":{},\"delivered_seconds\":{:.3f},\"delivered_rate\":{:.1f},{}{}}}\n", end != 0,
             load.all, seconds, rate, load_json(load), more);
}

// Prints the sinks' ports, reads the hub's from standard input, then sends.
int run_deliver(Settings settings) {
  const bool paced = settings.load.rate > 0;
  SendTimes times(paced ? static_cast<std::size_t>(settings.load.rate * settings.load.seconds) + 1000 : 0);
  const std::size_t measured = settings.measured == 0 ? settings.sinks : settings.measured;
  Sinks sinks(settings.sinks, measured, paced ? &times : nullptr);
  for (std::size_t i = measured; settings.hang && i < settings.sinks; ++i) sinks.set_mode(i, Sinks::Mode::hang);
  fmt::print("{{\"ports\":[{}]}}\n", fmt::join(sinks.ports(), ","));
  std::fflush(stdout);
  if (!(std::cin >> settings.load.port)) return 1;
  if (paced) {
    settings.load.times = &times;
    sinks.measure_from(now_nanoseconds() + static_cast<std::int64_t>(settings.load.warm_up * 1e9));
  }
  settings.http.events.salt = fresh_salt();
  const auto wire = http_wire(settings.http);
  const LoadResult load = run_load(settings.load, *wire);
  const std::int64_t end = wait_for_all(measured, load.all, [&](std::size_t i) { return sinks.events(i); });
  sinks.stop();
  std::string requests;
  for (std::size_t i = 0; i < settings.sinks; ++i)
    fmt::format_to(std::back_inserter(requests), "{}{}", i == 0 ? "" : ",", sinks.requests(i));
  print_delivered(load, end,
                  fmt::format(R"(,"sink_requests":[{}],"sink_cpu":{:.3f},"delivery":{{{}}})", requests,
                              sinks.cpu_seconds(), times_json(sinks.latency())));
  return 0;
}

// Sinks that outlive a hub. Prints their ports, then does what standard input says, until it ends:
//   mode SINK take|hang|reject
//   reach SINK EVENTS SECONDS   waits until the sink has taken so many, and says how many it has and when that was, by the
//                               monotonic clock
int run_sinks(const Settings& settings) {
  Sinks sinks(settings.sinks, 0, nullptr);
  fmt::print("{{\"ports\":[{}]}}\n", fmt::join(sinks.ports(), ","));
  std::fflush(stdout);
  std::string word;
  std::size_t sink = 0;
  while (std::cin >> word >> sink) {
    if (sink >= settings.sinks) return 1;
    if (word == "mode" && std::cin >> word) {
      const auto mode = word == "hang" ? Sinks::Mode::hang : word == "reject" ? Sinks::Mode::reject : Sinks::Mode::take;
      sinks.set_mode(sink, mode);
      fmt::print("{{}}\n");
    } else {
      std::uint64_t events = 0;
      double seconds = 0;
      if (!(std::cin >> events >> seconds)) return 1;
      const auto reached = [&](std::size_t) { return sinks.events(sink); };
      const std::int64_t at = wait_for_all(1, events, reached, seconds);
      fmt::print("{{\"reached\":{},\"events\":{},\"at\":{:.6f}}}\n", at != 0, sinks.events(sink),
                 static_cast<double>(now_nanoseconds()) / 1e9);
    }
    std::fflush(stdout);
  }
  return 0;
}

int run_redis(const Settings& settings) {
  const auto wire = redis_wire(settings.stream, fresh_salt());
  RedisGroups groups(settings.load.port, settings.stream, settings.sinks);
  const LoadResult load = run_load(settings.load, *wire);
  print_delivered(load, wait_for_all(settings.sinks, load.all, [&](std::size_t i) { return groups.events(i); }), "");
  return 0;
}

int run_rabbitmq(const Settings& settings) {
  const RabbitResult result =
      run_rabbit(settings.load.port, settings.load.seconds, settings.load.connections, fresh_salt());
  fmt::print("{{\"complete\":{},\"all\":{},\"delivered_seconds\":{:.3f},\"delivered_rate\":{:.1f},\"error\":\"{}\"}}\n",
             result.error.empty(), result.events, result.seconds,
             result.seconds > 0 ? static_cast<double>(result.events) / result.seconds : 0, result.error);
  return 0;
}

int run_sqs_queue(const SqsOptions& options) {
  const SqsResult result = run_sqs(options);
  fmt::print(
      R"({{"sent":{},"deleted":{},"seconds":{:.3f},"rate":{:.1f},"error":"{}","send":{{{}}},"receive":{{{}}},"delete":{{{}}},"delivery":{{{}}}}})"
      "\n",
      result.sent, result.deleted, result.seconds, static_cast<double>(result.deleted) / result.seconds,
      plain(result.error), times_json(result.send), times_json(result.receive), times_json(result.remove),
      times_json(result.delivery));
  return 0;
}

int run_replay_file(const ReplayOptions& options) {
  const ReplayResult result = run_replay(options);
  fmt::print(
      R"({{"calls":{},"refused":{},"extra_receives":{},"seconds":{:.3f},"rate":{:.1f},"client_cpu":{:.3f},"error":"{}"}})"
      "\n",
      result.calls, result.refused, result.extra, result.seconds, static_cast<double>(result.calls) / result.seconds,
      result.cpu_seconds, plain(result.error));
  return 0;
}

void add_replay_options(CLI::App& command, ReplayOptions& replay) {
  command.add_option("--file", replay.file)->required()->check(CLI::ExistingFile);
  command.add_option("--table-port", replay.table_port)->required();
  command.add_option("--queues-port", replay.queues_port)->required();
  command.add_option("--connections", replay.connections)->check(CLI::Range(1, 512));
}

void add_sqs_options(CLI::App& command, SqsOptions& sqs) {
  command.add_option("--port", sqs.port)->required();
  command.add_option("--queue-url", sqs.queue_url)->required();
  command.add_option("--senders", sqs.senders);
  command.add_option("--receivers", sqs.receivers);
  command.add_option("--batch", sqs.batch)->check(CLI::Range(1, 10));
  command.add_option("--seconds", sqs.seconds);
  command.add_option("--bytes", sqs.bytes);
  command.add_option("--rate", sqs.rate, "messages a second; 0: as fast as it goes");
}

void add_load_options(CLI::App& command, Settings& settings) {
  command.add_option("--port", settings.load.port);
  command.add_option("--connections", settings.load.connections);
  command.add_option("--batch", settings.load.batch);
  command.add_option("--seconds", settings.load.seconds);
  command.add_option("--warm-up", settings.load.warm_up);
  command.add_option("--rate", settings.load.rate);
  command.add_option("--events", settings.load.events, "at most; 0: as many as the time allows");
  command.add_option("--sinks", settings.sinks);
}

void add_event_options(CLI::App& command, Settings& settings) {
  EventShape& shape = settings.http.events;
  command.add_option("--target", settings.http.target);
  command.add_option("--per-conversation", shape.per_conversation)->check(CLI::PositiveNumber);
  command.add_option("--rare-every", shape.rare_every, "every so manieth is of an e-mail instead of a call");
  command.add_flag("--open", shape.opens, "agents' sessions that begin instead of end");
  command.add_option("--agents", shape.agents)->check(CLI::PositiveNumber);
  command.add_option("--queues", shape.queues)->check(CLI::PositiveNumber);
}

int run(int argc, char** argv) {
  Settings settings;
  CLI::App app("The load client of bench/run. Results are one JSON object on standard output.");
  app.require_subcommand(1);
  CLI::App* post = app.add_subcommand("post", "POST events to a hub, or to a server that answers any 2xx");
  bool plain = false;
  post->add_flag("--any-2xx", plain);
  post->add_flag("--reconnect", settings.load.reconnect, "a new connection for every request");
  post->add_flag("--tls", settings.load.tls);
  post->add_option("--salt", settings.http.events.salt,
                   "tells clients of one store apart that begin at the same moment");
  CLI::App* deliver = app.add_subcommand("deliver", "POST events to a hub and be its HTTP sinks");
  deliver->add_option("--measured", settings.measured, "of the sinks, the first ones; 0: all");
  deliver->add_flag("--hang", settings.hang, "the other sinks never answer");
  CLI::App* sinks = app.add_subcommand("sinks", "be HTTP sinks that outlive a hub, commanded by standard input");
  sinks->add_option("--sinks", settings.sinks);
  CLI::App* redis = app.add_subcommand("redis", "XADD, and read by consumer groups");
  CLI::App* rabbit = app.add_subcommand("rabbitmq", "publish to three quorum queues and consume");
  CLI::App* sqs = app.add_subcommand("sqs", "send to, receive from and delete in one queue of an SQS endpoint");
  add_sqs_options(*sqs, settings.sqs);
  CLI::App* replay = app.add_subcommand("replay", "say again what a client of DynamoDB, SNS and SQS has said");
  add_replay_options(*replay, settings.replay);
  for (CLI::App* command : {post, deliver}) add_event_options(*command, settings);
  for (CLI::App* command : {post, deliver, redis, rabbit}) add_load_options(*command, settings);
  redis->add_option("--stream", settings.stream);
  CLI::App* disk = app.add_subcommand("disk", "time fdatasync");
  disk->add_option("--bytes", settings.bytes);
  disk->add_option("--seconds", settings.load.seconds);
  CLI::App* fill = app.add_subcommand("fill", "make a store that knows many identities");
  fill->add_option("--identities", settings.identities)->required();
  for (CLI::App* command : {disk, fill}) command->add_option("--directory", settings.directory)->required();
  CLI11_PARSE(app, argc, argv);
  settings.http.hub = !plain;
  if (post->parsed()) return run_post(settings);
  if (deliver->parsed()) return run_deliver(settings);
  if (sinks->parsed()) return run_sinks(settings);
  if (redis->parsed()) return run_redis(settings);
  if (rabbit->parsed()) return run_rabbitmq(settings);
  if (replay->parsed()) return run_replay_file(settings.replay);
  if (sqs->parsed()) return run_sqs_queue(settings.sqs);
  if (disk->parsed()) {
    fmt::print("{{{}}}\n", times_json(time_fdatasync(settings.directory, settings.bytes, settings.load.seconds)));
    return 0;
  }
  fmt::print("{{\"seconds\":{:.3f}}}\n", fill_identities(settings.directory, settings.identities));
  return 0;
}

}  // namespace
}  // namespace trunkline::bench

int main(int argc, char** argv) {
  return trunkline::bench::run(argc, argv);
}
