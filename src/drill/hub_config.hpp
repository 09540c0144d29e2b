#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/verify.hpp"

namespace trunkline::drill {

// Where everything of one drill lies.
struct Paths {
  explicit Paths(const std::string& root);

  std::string config, ready, log, data;  // of the hub
  std::string files;                     // directory of what its file consumer writes
  std::string sent, pushed, pulled;      // ledgers
};

// A consumer of the drill's hub and what must have come of it.
struct Expectation {
  std::string consumer;
  std::string delivered;  // a ledger, or the hub's file
  sim::VerifyRules rules;
};

inline constexpr const char* kPushed = "crm";
inline constexpr const char* kWritten = "siem";
inline constexpr const char* kPulled = "wfm";

// The configuration: an ordered consumer over HTTP with small batches and several in flight, a standard one to a file,
// an ordered pulled one. Back-offs are short, so that a drill is.
std::string hub_config(const Paths& paths, std::uint16_t hub_port, std::uint16_t sink_port);
// What the same configuration promises, `file` being the file consumer's. Repeats are allowed, as a crash makes them.
std::vector<Expectation> expectations(const Paths& paths, const std::string& file);

}  // namespace trunkline::drill
