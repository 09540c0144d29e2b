#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "sns/definition.hpp"
#include "sns/fault.hpp"
#include "sns/signer.hpp"
#include "sqs/message.hpp"
#include "sqs/parameters.hpp"

namespace trunkline::sns {

inline constexpr std::size_t kMessageBytesMax = 262'144;  // of a message, and of a batch; AWS's own

// One message for a topic.
struct Publication {
  std::string message;  // as SQS subscribers get it
  // For those by HTTP, where the sender has said another one.
  std::optional<std::string> http{};
  std::optional<std::string> https{};
  std::string subject{};
  std::vector<sqs::MessageAttribute> attributes{};  // by name
  std::string group{};
  std::string deduplication_id{};
  std::size_t bytes = 0;  // what AWS counts: message as it was sent, subject, names, types and values of attributes
  // Given here:
  std::string id{};        // MessageId
  std::string sequence{};  // SequenceNumber, of FIFO topics
  base::WallTime at{};

  const std::string& message_for(std::string_view protocol) const {
    const auto& own = protocol == "http" ? http : https;
    return protocol != "sqs" && own ? *own : message;
  }
};

// Reads what stands below `prefix` (empty, or "PublishBatchRequestEntries.member.2."). Faults are those that are of the
// message alone, and not of the topic it is for.
std::optional<Fault> read_publication(const sqs::Parameters& parameters, const std::string& prefix, Publication& out);
// What the kind of the topic wants of it, and gives it.
std::optional<Fault> fit(const Topic& topic, Publication& publication);

// Whether the attribute is for another kind of subscriber: SQS knows no such names, so raw messages are without it.
bool is_for_phones(std::string_view attribute);

bool accepts(const Subscription& subscription, const Publication& publication);

// What is signed of a notification, by AWS's description.
std::string text_to_sign(const Publication& publication, std::string_view message, std::string_view topic_arn);

// The body that a queue or an endpoint gets without RawMessageDelivery.
std::string envelope(const Publication& publication, std::string_view message, std::string_view topic_arn,
                     const Signature& signature, std::string_view unsubscribe_url);

}  // namespace trunkline::sns
