#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "account/api.hpp"
#include "base/result.hpp"

namespace trunkline::lambda {

struct SourceMapping {
  std::string uuid;
  std::string queue_arn;
  std::string state;  // "Enabled", "Disabling", …
};
struct SourceMappings {
  std::vector<SourceMapping> mappings{};
  std::string next{};  // marker of the next page; empty: none
};
// An answer of ListEventSourceMappings. Errc::unavailable: it is none.
base::Result<SourceMappings> read_mappings(std::string_view body);

// The event source mapping by which a function gets a queue's messages (Lambda API 2015-03-31). Calls wait: not on a loop.
class EventSource {
 public:
  EventSource(account::Api& api, std::string queue_arn) : api_(api), queue_arn_(std::move(queue_arn)) {}
  virtual ~EventSource() = default;

  // Errc::not_found: the function has none of this queue.
  virtual base::Result<void> set_enabled(const std::string& function_arn, bool enabled);

 private:
  base::Result<std::string> find(const std::string& function_arn);

  account::Api& api_;
  const std::string queue_arn_;
  std::string uuid_;  // once it is known
};

}  // namespace trunkline::lambda
