#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace trunkline::app {

struct Finding {
  enum class Outcome { good, unknown, bad };
  std::string what;  // "data_dir", "listen", "consumers.crm"
  Outcome outcome = Outcome::good;
  std::string detail;  // for people, with the way out where it is bad
};

// What `trunkline check --try` finds on this machine: the data directory (writable, room, format, whether a hub runs on
// it), the address, and every consumer's target, all at the same time. No event is sent. Takes as long as the slowest
// target's time-out. Not on a loop.
std::vector<Finding> try_everything(const config::Config& config);

}  // namespace trunkline::app
