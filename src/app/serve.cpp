#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "app/commands.hpp"
#include "app/crash_disk.hpp"
#include "app/files.hpp"
#include "app/hub.hpp"
#include "app/tls_files.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"

namespace trunkline::app {
namespace {

void set_logging(const config::Log& log) {
  switch (log.level) {
    case config::LogLevel::debug:
      base::log::set_level(base::log::Level::debug);
      break;
    case config::LogLevel::info:
      base::log::set_level(base::log::Level::info);
      break;
    case config::LogLevel::warn:
      base::log::set_level(base::log::Level::warn);
      break;
    case config::LogLevel::error:
      base::log::set_level(base::log::Level::error);
      break;
  }
  base::log::set_json(log.format == config::LogFormat::json);
}

// Written under another name first: whoever waits for the file never reads half of it.
bool write_ready_file(const std::string& path, const std::string& address) {
  std::ofstream(path + ".new") << address << "\n";
  return std::rename((path + ".new").c_str(), path.c_str()) == 0;
}

}  // namespace

int run_serve(const ServeOptions& options) {
  auto config = load_config(options.config);
  if (!config) return 2;
  if (!options.listen.empty()) config->listen = options.listen;
  if (!options.data_dir.empty()) config->data_dir = options.data_dir;
  if (const auto open = config::without_credentials(*config); !open.empty()) {
    fmt::print(stderr, "{} is wider than loopback: set a key for {} in {}, or listen on 127.0.0.1\n", config->listen,
               fmt::join(open, ", "), options.config);
    return 2;
  }
  set_logging(config->log);
  // With line and column; what keeps the listener from starting ends the start below.
  print_diagnostics(inspect_tls(*config, base::SystemClock().wall()), options.config);
  // Blocked before any thread is made, so that only this one takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  HubOptions hub_options;
  hub_options.loops = options.loops;
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
  if ((*hub)->tls_port() != 0) {
    const std::string host = config->listen_tls.substr(0, config->listen_tls.rfind(':'));
    base::log::info("TLS", "address", fmt::format("{}:{}", host, (*hub)->tls_port()));
  }
  base::log::info("ready", "address", address, "data", config->data_dir, "sources", config->sources.size(), "consumers",
                  config->consumers.size());
  if (!options.ready_file.empty() && !write_ready_file(options.ready_file, address)) {
    fmt::print(stderr, "cannot write {}\n", options.ready_file);
    return 1;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  base::log::info("stopping: new events are refused, what is in flight finishes", "signal", signal);
  (*hub)->stop();
  base::log::info("stopped");
  return 0;
}

}  // namespace trunkline::app
