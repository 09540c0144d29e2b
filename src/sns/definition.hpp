#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "filter/policy.hpp"
#include "sns/fault.hpp"

namespace trunkline::sns {

using Texts = std::map<std::string, std::string>;  // by name

inline constexpr std::size_t kTagsMax = 50;  // AWS's own

// What was said of a topic. A plain value; immutable once it is in the registry.
struct Topic {
  std::string name;  // FIFO topics end in ".fifo"
  std::string id;  // of its own at each creation, so that a topic that was deleted has forgotten its deduplication ids
  Texts attributes{};  // what was set, as it was set
  Texts tags{};

  bool fifo() const { return name.ends_with(".fifo"); }
  std::string text(std::string_view attribute, std::string_view otherwise = "") const;
  bool content_based_deduplication() const { return text("ContentBasedDeduplication") == "true"; }
  bool deduplicates_per_group() const { return text("FifoThroughputScope") == "MessageGroup"; }
  int signature_version() const { return text("SignatureVersion", "1") == "2" ? 2 : 1; }
};

// Of a subscription by HTTP. Those of queues are confirmed from the beginning.
enum class Stage : std::uint8_t {
  confirmed,
  pending,  // its endpoint has not said yet that it wants messages
  leaving,  // its endpoint has taken it away and may take that back
};

// A queue or an HTTP endpoint that gets what is published to a topic and its filter policy accepts.
struct Subscription {
  std::string id;
  std::string topic;             // its name
  std::string endpoint;          // ARN of the queue, or URL
  Texts attributes{};            // what was set, as it was set
  std::string protocol = "sqs";  // or "http", "https"
  Stage stage = Stage::confirmed;
  std::string token{};        // that was sent to the endpoint last
  base::WallTime until{};     // not confirmed: when it is forgotten
  bool authenticated = true;  // it was confirmed by a signed call
  bool owner_leaves = false;  // AuthenticateOnUnsubscribe
  base::QueueId queue{};      // of an HTTP endpoint: what waits for it; set by the registry
  // What follows from the attributes; set by compile().
  filter::Policy policy{};
  std::string dead_letter_queue{};  // its name; empty: none

  std::string text(std::string_view attribute, std::string_view otherwise = "") const;
  bool raw() const { return text("RawMessageDelivery") == "true"; }
  bool http() const { return protocol != "sqs"; }
  bool forgotten(base::WallTime now) const { return stage != Stage::confirmed && now >= until; }
  // Whether clients see it.
  bool listed(base::WallTime now) const { return stage != Stage::leaving && !forgotten(now); }
};

enum class At : std::uint8_t { creation, change };

std::optional<Fault> check_topic_name(std::string_view name, bool fifo);
// Takes over one attribute, or says in AWS's words why not.
std::optional<Fault> set_attribute(Topic& topic, const std::string& name, const std::string& value, At when);
std::optional<Fault> set_tags(Topic& topic, const Texts& tags);

// Takes over the attributes; an empty FilterPolicy or RedrivePolicy takes it away. What queues have to say (that a target
// is there) is not looked at. `arn_head` is what the ARNs of this account's queues begin with.
std::optional<Fault> set_attributes(Subscription& subscription, const Texts& attributes, std::string_view arn_head,
                                    At when);

// JSON, for the engine's state. Errc::corrupt for what encode() has not made.
std::string encode(const Topic& topic);
std::string encode(const Subscription& subscription);
base::Result<Topic> decode_topic(const std::string& text);
base::Result<Subscription> decode_subscription(const std::string& text);

}  // namespace trunkline::sns
