#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "app/cloud_metrics.hpp"
#include "app/commands.hpp"
#include "app/crash_disk.hpp"
#include "app/files.hpp"
#include "app/hub.hpp"
#include "app/log_level.hpp"
#include "app/tls_files.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"

namespace trunkline::app {
namespace {

constexpr base::Millis kCloudWatchEveryMin = std::chrono::seconds(1);

void set_logging(const config::Log& log) {
  set_log_level(log.level);
  base::log::set_json(log.format == config::LogFormat::json);
}

// Written under another name first: whoever waits for the file never reads half of it.
bool write_ready_file(const std::string& path, const std::string& address) {
  std::ofstream(path + ".new") << address << "\n";
  return std::rename((path + ".new").c_str(), path.c_str()) == 0;
}

// What the command line says instead of the file; in the settings, too, so that the file's own value is no change.
void override_with(const ServeOptions& options, config::Config& config) {
  const auto set = [&](std::string_view path, const std::string& given, std::string& value) {
    if (given.empty()) return;
    value = given;
    for (config::Setting& setting : config.settings) {
      if (setting.path == path) setting.shown = given, setting.exact = config::Secret(given);
    }
  };
  set("listen", options.listen, config.listen);
  set("data_dir", options.data_dir, config.data_dir);
}

std::optional<std::string> too_open(const ServeOptions& options, const config::Config& config) {
  const auto open = config::without_credentials(config);
  if (open.empty()) return std::nullopt;
  return fmt::format("{} is wider than loopback: set a key for {} in {}, or listen on 127.0.0.1", config.listen,
                     fmt::join(open, ", "), options.config);
}

config::Loaded load_again(const ServeOptions& options) {
  config::Loaded loaded = config::load(options.config);
  if (!loaded.config) return loaded;
  override_with(options, *loaded.config);
  if (const auto why = too_open(options, *loaded.config))
    loaded.diagnostics.push_back({config::Severity::error, {}, *why});
  for (config::Diagnostic& diagnostic : inspect_tls(*loaded.config, base::SystemClock().wall()))
    loaded.diagnostics.push_back(std::move(diagnostic));
  return loaded;
}

// Until SIGINT or SIGTERM; SIGHUP reloads.
int wait_for_the_end(const sigset_t& signals, Hub& hub) {
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) return signal;
    base::log::info("SIGHUP: reading the configuration again");
    hub.reload_now({});
  }
}

// Null where nobody has asked for them.
base::Result<std::unique_ptr<CloudMetrics>> start_cloud_metrics(const ServeOptions& options, const config::Aws& aws,
                                                                Hub& hub) {
  if (options.cloudwatch.empty()) return std::unique_ptr<CloudMetrics>();
  if (options.cloudwatch_every < kCloudWatchEveryMin)
    return {base::Errc::invalid, "--cloudwatch-every: 1s is the shortest that CloudWatch keeps apart"};
  return CloudMetrics::start(hub, {options.cloudwatch, options.cloudwatch_every, aws.region, aws.endpoint_url},
                             aws::process_environment());
}

}  // namespace

int run_serve(const ServeOptions& options) {
  auto config = load_config(options.config);
  if (!config) return 2;
  if (config->engine == config::EngineKind::aws && !options.data_dir.empty()) {
    fmt::print(stderr, "--data-dir: workers with 'engine: aws' keep nothing on this machine: leave it out\n");
    return 2;
  }
  override_with(options, *config);
  if (const auto why = too_open(options, *config)) {
    fmt::print(stderr, "{}\n", *why);
    return 2;
  }
  set_logging(config->log);
  // With line and column; what keeps the listener from starting ends the start below.
  print_diagnostics(inspect_tls(*config, base::SystemClock().wall()), options.config);
  // Blocked before any thread is made, so that only this one takes them. An ignored SIGHUP (nohup) would never come.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGHUP, SIG_DFL);
  std::signal(SIGPIPE, SIG_IGN);

  HubOptions hub_options;
  hub_options.loops = options.loops;
  hub_options.drop = options.drop;
  hub_options.load_config = [options] { return load_again(options); };
  const base::Result<CrashDisk> disk = crash_disk_from_environment(config->data_dir);
  if (!disk.ok()) {
    fmt::print(stderr, "{}\n", disk.error().detail);
    return 2;
  }
  hub_options.file_system = disk->file_system;
  auto hub = Hub::start(*config, std::move(hub_options));
  if (!hub.ok()) {
    fmt::print(stderr, "cannot start: {}\n", hub.error().detail);
    return 1;
  }
  const std::string address = config->listen.substr(0, config->listen.rfind(':')) + fmt::format(":{}", (*hub)->port());
  const auto tell = [](const char* what, const std::string& listen, std::uint16_t port) {
    if (port != 0) base::log::info(what, "address", fmt::format("{}:{}", listen.substr(0, listen.rfind(':')), port));
  };
  tell("TLS", config->listen_tls, (*hub)->tls_port());
  tell("SQS API", config->sqs.listen, (*hub)->sqs_port());
  tell("SQS API, TLS", config->sqs.listen_tls, (*hub)->sqs_tls_port());
  const bool on_aws = config->engine == config::EngineKind::aws;
  base::log::info("ready", "address", address, on_aws ? "table" : "data", on_aws ? config->aws.table : config->data_dir,
                  "sources", config->sources.size(), "consumers", config->consumers.size());
  if (!options.ready_file.empty() && !write_ready_file(options.ready_file, address)) {
    fmt::print(stderr, "cannot write {}\n", options.ready_file);
    return 1;
  }
  auto metrics = start_cloud_metrics(options, config->aws, **hub);
  if (!metrics.ok()) {
    fmt::print(stderr, "cannot start: {}\n", metrics.error().detail);
    return 2;
  }
  const int signal = wait_for_the_end(signals, **hub);
  base::log::info("stopping: new events are refused, what is in flight finishes", "signal", signal);
  metrics->reset();  // it reads what a stop takes away
  (*hub)->stop();
  base::log::info("stopped");
  return 0;
}

}  // namespace trunkline::app
