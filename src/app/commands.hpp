#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cli/commands.hpp"

// The commands that need no running hub. Each returns the process's exit code: 0 done, 1 the answer is "no" (a check
// failed, an input could not be understood), 2 the command line or the configuration is wrong.
namespace trunkline::app {

struct ServeOptions {
  std::string config;
  std::string listen;      // instead of the configuration's
  std::string data_dir;    // instead of the configuration's
  std::string ready_file;  // gets the address once the hub is ready
  std::size_t loops = 0;
  std::vector<std::string> drop;  // consumers that have left the configuration, with what waits for them
  std::string cloudwatch;         // namespace of the metrics that are put into CloudWatch; empty: none are
  base::Millis cloudwatch_every = std::chrono::minutes(1);
};
int run_serve(const ServeOptions& options);

struct CheckOptions {
  std::string config;
  bool json = false;
  bool try_targets = false;  // also this machine and every target
};
int run_check(const CheckOptions& options);
int run_options();  // prints every configuration option

struct DecodeOptions {
  std::vector<std::string> files;  // "-": standard input
  std::string org;                 // of bare notifications
};
int run_decode(const DecodeOptions& options);

struct ExplainOptions {
  std::string event;
  std::string config;            // empty: the running hub's
  cli::Connection connection{};  // json holds for both
};
int run_explain(const ExplainOptions& options);

struct PolicyOptions {
  std::string file;    // "-": standard input
  bool limits = true;  // AWS's, which the hub itself does not impose
};
int run_policy(const PolicyOptions& options);

struct PrivacyShowOptions {
  std::string config;
  std::string consumer;
  std::string topic;  // a glob or a family; empty: all
  std::string event;  // file with events to be shown before and after; "-": standard input
  bool json = false;
};
int run_privacy_show(const PrivacyShowOptions& options);
int run_privacy_fields(bool json);  // prints the list of personal data

struct RestoreOptions {
  std::string backup;
  std::string to;  // the data directory to be made
  bool json = false;
};
int run_restore(const RestoreOptions& options);

}  // namespace trunkline::app
