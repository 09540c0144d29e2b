#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace trunkline::config {

// What a new configuration does to one option, or to a source or consumer as a whole.
struct Change {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  std::string path;  // "consumers.crm.attempts", "sources.old"
  std::string from;  // as it would be written; empty where there was nothing, and for credentials
  std::string to;
  bool reloadable = true;

  // "consumers.crm.attempts: 5 -> 8", "consumers.old: removed", "api.keys: changed"
  std::string text() const;
};

// Both must come from load() or parse(). In order of the new configuration, what was removed last. A consumer that
// changes between pulled and pushed needs a restart, whatever the tables say: its leases are of another kind.
std::vector<Change> compare(const Config& from, const Config& to);

}  // namespace trunkline::config
