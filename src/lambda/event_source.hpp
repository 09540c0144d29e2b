#pragma once

#include <string>

#include "account/api.hpp"
#include "base/result.hpp"

namespace trunkline::lambda {

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
