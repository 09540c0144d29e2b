#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "delivery/random.hpp"
#include "sns/fault.hpp"

namespace trunkline::sns {

// How a message is tried again at an HTTP endpoint: AWS's delivery policy, "Creating an HTTP/S delivery policy" in the SNS
// developer guide. Its phases follow one another: retries without delay, with the least delay, of the back-off from the least to the
// most, with the most.
struct DeliveryPolicy {
  enum class Backoff : std::uint8_t { linear, arithmetic, geometric, exponential };

  // AWS's own where nothing is said.
  std::int64_t min_delay = 20;  // seconds
  std::int64_t max_delay = 20;
  std::int64_t retries = 3;  // in all
  std::int64_t no_delay_retries = 0;
  std::int64_t min_delay_retries = 0;
  std::int64_t max_delay_retries = 0;
  Backoff backoff = Backoff::linear;
  std::int64_t per_second = 0;  // deliveries; 0: without bound
  std::string content_type = "text/plain; charset=UTF-8";
};

// AWS's own: all retries of a policy together, in seconds.
inline constexpr std::int64_t kRetrySecondsMax = 3'600;

// Whether the text of a DeliveryPolicy can be one: {"http": {"defaultHealthyRetryPolicy": …}} of a topic, {"healthyRetryPolicy": …}
// of a subscription. `prefix` begins the fault's words.
std::optional<Fault> check_topic_policy(const std::string& text, std::string_view prefix);
std::optional<Fault> check_subscription_policy(const std::string& text, std::string_view prefix);

// What holds: AWS's own, with what the topic says, with what the subscription says where the topic lets it. Empty texts say
// nothing, and so do texts that were checked by nobody and are no policies.
DeliveryPolicy effective_policy(const std::string& topic, const std::string& subscription);

// Before the retry of that number, from 1; nothing when there are no more.
std::optional<base::Millis> delay_before(const DeliveryPolicy& policy, std::uint32_t retry);

// Random between half of it and all of it ("Exponential Backoff and Jitter", AWS Architecture Blog: equal jitter). AWS says that
// it jitters retries, and not how; so what a policy says is never exceeded, and messages that failed together come apart.
base::Millis jittered(base::Millis delay, delivery::Random& random);

// EffectiveDeliveryPolicy.
std::string topic_policy_text(const DeliveryPolicy& policy);
std::string subscription_policy_text(const DeliveryPolicy& policy);

}  // namespace trunkline::sns
