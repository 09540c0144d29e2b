#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace trunkline::source {

enum class Kind : std::uint8_t { eventbridge, eventgrid, genesys };

struct Key {
  std::string key;
  std::optional<base::WallTime> until;  // not accepted from this time on
};

// One configured source. No key in either list: open to whoever reaches the listener.
struct SourceSpec {
  std::string name;
  Kind kind = Kind::eventbridge;
  std::string header;  // a request header that may carry one of header_keys
  std::vector<Key> header_keys;
  std::string query;  // a query parameter that may carry one of query_keys
  std::vector<Key> query_keys;
  std::string default_org;  // of bare notifications, which name none
};

}  // namespace trunkline::source
