#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "sqs/fault.hpp"

namespace trunkline::sqs {

// AWS's own bounds.
inline constexpr std::int64_t kMessageBytesMax = 1'048'576;
inline constexpr std::int64_t kDelaySecondsMax = 900;
inline constexpr std::size_t kTagsMax = 50;

using Texts = std::map<std::string, std::string>;  // by name

// Where messages go that were received too often.
struct RedrivePolicy {
  std::string arn;     // of that queue
  std::string target;  // its name
  std::uint32_t max_receive_count = 0;
};

// A queue that was made through the API: what was said of it, and what follows from that. A plain value; immutable once
// it is in the registry.
struct Definition {
  std::string name;    // FIFO queues end in ".fifo"
  Texts attributes{};  // what was set, as it was set; the rest has AWS's defaults
  Texts tags{};
  std::int64_t created = 0;  // seconds since 1970
  std::int64_t modified = 0;
  bool dedup_per_group = false;  // DeduplicationScope when it was made; a later change has no effect, as on AWS

  bool fifo() const { return name.ends_with(".fifo"); }
  // One of the attributes that are whole numbers of seconds or bytes.
  std::int64_t number(std::string_view attribute) const;
  std::string text(std::string_view attribute) const;  // what was set, else the default, else empty
  bool content_based_deduplication() const { return text("ContentBasedDeduplication") == "true"; }
  std::optional<RedrivePolicy> redrive_policy() const;
};

// All attributes that the definition has a value for, its defaults included, as GetQueueAttributes says them.
Texts attributes_of(const Definition& definition);

// The name of a new queue; `fifo` is what its attributes say.
std::optional<Fault> check_queue_name(std::string_view name, bool fifo);
// Takes over what the request sets, in AWS's words where it cannot. An empty text takes Policy, RedrivePolicy,
// RedriveAllowPolicy away. What other queues have to say (that the target of a RedrivePolicy is there) is not looked at.
std::optional<Fault> set_attributes(Definition& definition, const Texts& attributes, bool is_new);
std::optional<Fault> set_tags(Definition& definition, const Texts& tags);
// The name of an attribute that the queue has another value for; nothing where all are equal.
std::optional<std::string> differing_attribute(const Texts& has, const Texts& wanted);

// The queue's name in an ARN of SQS; empty for what is none.
std::string_view queue_in_arn(std::string_view arn);

// How the engine runs it.
engine::QueueSpec queue_spec(const Definition& definition);

// JSON, for the engine's state. Errc::corrupt for what encode_definition() has not made.
std::string encode_definition(const Definition& definition);
base::Result<Definition> decode_definition(const std::string& text);

}  // namespace trunkline::sqs
