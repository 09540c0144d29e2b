#include "sns/delivery_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::sns {
namespace {

using Backoff = DeliveryPolicy::Backoff;
using Problem = std::optional<std::string>;

constexpr std::int64_t kRetriesMax = 100;          // AWS's own
constexpr std::int64_t kPerSecondMax = 1'000'000;  // beyond what one endpoint takes
constexpr std::size_t kContentTypeMax = 256;

struct BackoffName {
  Backoff backoff;
  std::string_view name;
};
constexpr std::array kBackoffs = {
    BackoffName{Backoff::linear, "linear"}, BackoffName{Backoff::arithmetic, "arithmetic"},
    BackoffName{Backoff::geometric, "geometric"}, BackoffName{Backoff::exponential, "exponential"}};

struct Number {
  std::string_view name;
  std::int64_t DeliveryPolicy::* member;
  std::int64_t least;
  std::int64_t most;
};
constexpr std::array kNumbers = {
    Number{"minDelayTarget", &DeliveryPolicy::min_delay, 1, kRetrySecondsMax},
    Number{"maxDelayTarget", &DeliveryPolicy::max_delay, 1, kRetrySecondsMax},
    Number{"numRetries", &DeliveryPolicy::retries, 0, kRetriesMax},
    Number{"numNoDelayRetries", &DeliveryPolicy::no_delay_retries, 0, kRetriesMax},
    Number{"numMinDelayRetries", &DeliveryPolicy::min_delay_retries, 0, kRetriesMax},
    Number{"numMaxDelayRetries", &DeliveryPolicy::max_delay_retries, 0, kRetriesMax},
};

// What the members of a policy are called.
struct Names {
  std::string_view retry;
  std::string_view throttle;
  std::string_view request;
};
constexpr Names kOfTopic{"defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy"};
constexpr Names kOfSubscription{"healthyRetryPolicy", "throttlePolicy", "requestPolicy"};

Problem read_number(json::Value value, const Number& number, DeliveryPolicy& policy) {
  const auto read = value.integer();
  if (!read || *read < number.least || *read > number.most)
    return fmt::format("{} must be {} to {}", number.name, number.least, number.most);
  policy.*number.member = *read;
  return std::nullopt;
}

Problem read_retry(json::Value value, DeliveryPolicy& policy) {
  for (auto member = value.first(); member; member = member->next()) {
    if (member->is(json::Type::null)) continue;
    const auto number = std::ranges::find(kNumbers, member->name(), &Number::name);
    if (number != kNumbers.end()) {
      if (auto problem = read_number(*member, *number, policy)) return problem;
      continue;
    }
    if (member->name() != "backoffFunction") return fmt::format("unexpected JSON member: {}", member->name());
    const auto backoff = std::ranges::find(kBackoffs, member->string(), &BackoffName::name);
    if (backoff == kBackoffs.end()) return "backoffFunction must be linear, arithmetic, geometric or exponential";
    policy.backoff = backoff->backoff;
  }
  return std::nullopt;
}

Problem read_request(json::Value value, DeliveryPolicy& policy) {
  for (auto member = value.first(); member; member = member->next()) {
    if (member->is(json::Type::null)) continue;
    if (member->name() != "headerContentType") return fmt::format("unexpected JSON member: {}", member->name());
    const std::string_view type = member->string();
    const bool printable = std::ranges::all_of(type, [](char c) { return c >= ' ' && c < '\x7f'; });
    if (!printable || type.size() > kContentTypeMax || type.find('/') == std::string_view::npos)
      return "headerContentType is no content type";
    policy.content_type = type;
  }
  return std::nullopt;
}

Problem read_throttle(json::Value value, DeliveryPolicy& policy) {
  constexpr Number kPerSecond{"maxReceivesPerSecond", &DeliveryPolicy::per_second, 1, kPerSecondMax};
  for (auto member = value.first(); member; member = member->next()) {
    if (member->is(json::Type::null)) continue;
    if (member->name() != kPerSecond.name) return fmt::format("unexpected JSON member: {}", member->name());
    if (auto problem = read_number(*member, kPerSecond, policy)) return problem;
  }
  return std::nullopt;
}

// `overrides` gets disableSubscriptionOverrides, where the policy may have it.
Problem read_members(json::Value value, const Names& names, DeliveryPolicy& policy, bool* overrides) {
  if (!value.is(json::Type::object)) return "it must be a JSON object";
  for (auto member = value.first(); member; member = member->next()) {
    const std::string_view name = member->name();
    if (member->is(json::Type::null)) continue;
    if (name == "disableSubscriptionOverrides" && overrides != nullptr) {
      *overrides = !member->boolean();
      continue;
    }
    // AWS gives it back in the policies of topics, and has no effect for it.
    if (name == "sicklyRetryPolicy" || name == "guaranteed") continue;
    Problem problem;
    if (name == names.retry) {
      problem = read_retry(*member, policy);
    } else if (name == names.throttle) {
      problem = read_throttle(*member, policy);
    } else if (name == names.request) {
      problem = read_request(*member, policy);
    } else {
      problem = fmt::format("unexpected JSON member: {}", name);
    }
    if (problem) return problem;
  }
  return std::nullopt;
}

Problem check(const DeliveryPolicy& policy) {
  if (policy.min_delay > policy.max_delay) return "minDelayTarget must be less than or equal to maxDelayTarget";
  if (policy.no_delay_retries + policy.min_delay_retries + policy.max_delay_retries > policy.retries)
    return "numRetries must be at least the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries";
  base::Millis all{0};
  for (std::uint32_t retry = 1; const auto delay = delay_before(policy, retry); ++retry) all += *delay;
  if (all > std::chrono::seconds(kRetrySecondsMax))
    return fmt::format("all retries together must take {} seconds at most", kRetrySecondsMax);
  return std::nullopt;
}

// As far as it can be read: the policy is what it was where it cannot.
Problem overlay_topic(const std::string& text, DeliveryPolicy& policy, bool& overrides) {
  json::Document document;
  const auto root = document.parse(text, 8);
  if (!root.ok() || !root->is(json::Type::object)) return "failed to parse JSON";
  DeliveryPolicy next = policy;
  for (auto member = root->first(); member; member = member->next()) {
    if (member->name() != "http") return fmt::format("unexpected JSON member: {}", member->name());
    if (auto problem = read_members(*member, kOfTopic, next, &overrides)) return problem;
  }
  if (auto problem = check(next)) return problem;
  policy = std::move(next);
  return std::nullopt;
}

Problem overlay_subscription(const std::string& text, DeliveryPolicy& policy) {
  json::Document document;
  const auto root = document.parse(text, 8);
  if (!root.ok()) return "failed to parse JSON";
  DeliveryPolicy next = policy;
  if (auto problem = read_members(*root, kOfSubscription, next, nullptr)) return problem;
  if (auto problem = check(next)) return problem;
  policy = std::move(next);
  return std::nullopt;
}

std::optional<Fault> fault_of(const Problem& problem, std::string_view prefix) {
  if (!problem) return std::nullopt;
  return invalid(fmt::format("{}DeliveryPolicy: {}", prefix, *problem));
}

void write(json::Writer& writer, const Names& names, const DeliveryPolicy& policy) {
  writer.key(names.retry).begin_object();
  for (const Number& number : kNumbers) writer.member(number.name, policy.*number.member);
  writer.member("backoffFunction", std::ranges::find(kBackoffs, policy.backoff, &BackoffName::backoff)->name);
  writer.end_object();
  if (policy.per_second > 0)
    writer.key(names.throttle).begin_object().member("maxReceivesPerSecond", policy.per_second).end_object();
  writer.key(names.request).begin_object().member("headerContentType", policy.content_type).end_object();
}

}  // namespace

std::optional<Fault> check_topic_policy(const std::string& text, std::string_view prefix) {
  DeliveryPolicy policy;
  bool overrides = true;
  return fault_of(overlay_topic(text, policy, overrides), prefix);
}

std::optional<Fault> check_subscription_policy(const std::string& text, std::string_view prefix) {
  DeliveryPolicy policy;
  return fault_of(overlay_subscription(text, policy), prefix);
}

DeliveryPolicy effective_policy(const std::string& topic, const std::string& subscription) {
  DeliveryPolicy policy;
  bool overrides = true;
  if (!topic.empty()) (void)overlay_topic(topic, policy, overrides);
  if (overrides && !subscription.empty()) (void)overlay_subscription(subscription, policy);
  return policy;
}

std::optional<base::Millis> delay_before(const DeliveryPolicy& policy, std::uint32_t retry) {
  const std::int64_t at = retry;
  if (at > policy.retries) return std::nullopt;
  if (at <= policy.no_delay_retries) return base::Millis(0);
  const std::int64_t first = policy.no_delay_retries + policy.min_delay_retries;
  if (at <= first) return std::chrono::seconds(policy.min_delay);
  const std::int64_t steps = policy.retries - first - policy.max_delay_retries;
  const std::int64_t step = at - first;
  if (step > steps) return std::chrono::seconds(policy.max_delay);
  const auto n = static_cast<double>(steps);
  const auto i = static_cast<double>(step);
  const auto least = static_cast<double>(policy.min_delay);
  const auto most = static_cast<double>(policy.max_delay);
  double delay = most;
  switch (policy.backoff) {
    case Backoff::linear:
      delay = least + (most - least) * i / n;
      break;
    case Backoff::arithmetic:  // the steps grow by the same each time
      delay = least + (most - least) * (i * (i + 1)) / (n * (n + 1));
      break;
    case Backoff::geometric:
      delay = least * std::pow(most / least, i / n);
      break;
    case Backoff::exponential:
      delay = least + (most - least) * (std::exp2(i) - 1) / (std::exp2(n) - 1);
      break;
  }
  return base::Millis(std::llround(delay * 1'000));
}

base::Millis jittered(base::Millis delay, delivery::Random& random) {
  const base::Millis half = delay / 2;
  return delay - base::Millis(random.up_to(static_cast<std::uint64_t>(half.count())));
}

std::string topic_policy_text(const DeliveryPolicy& policy) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("http").begin_object();
  write(writer, kOfTopic, policy);
  writer.member("disableSubscriptionOverrides", false).end_object().end_object();
  return out;
}

std::string subscription_policy_text(const DeliveryPolicy& policy) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  write(writer, kOfSubscription, policy);
  writer.end_object();
  return out;
}

}  // namespace trunkline::sns
