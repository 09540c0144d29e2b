#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

// What is sent to Amazon SQS and what it answers, in its JSON protocol.
namespace trunkline::aws {

struct ReceivedMessage {
  std::string id;
  std::string receipt_handle;
  std::string body;
  std::string group{};  // MessageGroupId of a FIFO queue
};

inline constexpr std::size_t kReceiveMax = 10;  // messages of one call, SQS's own bound

struct ReceiveCall {
  std::string queue_url;
  base::Millis visibility_timeout{};
  base::Millis wait{};
  std::string attempt_id{};  // FIFO: a call that is sent again gets the same messages; empty: none
};
std::string receive_body(const ReceiveCall& call);
// Nothing but messages that can be settled: one without body or receipt handle, or whose body is not what its MD5 says, is
// left out and comes again. At most kReceiveMax. Errc::unavailable: no such answer.
base::Result<std::vector<ReceivedMessage>> parse_received(std::string_view answer);

// Entries are numbered in their order; kReceiveMax at most.
std::string delete_body(std::string_view queue_url, std::span<const std::string> receipt_handles);
std::string visibility_body(std::string_view queue_url, std::span<const std::string> receipt_handles,
                            base::Millis timeout);
// Of a batch of `count`: what SQS said of the first entry that it did not do; nothing when all were done.
std::optional<std::string> parse_batch_failure(std::string_view answer);

struct QueueAttributes {
  base::Millis visibility_timeout{};
  base::Millis retention{};
  std::uint64_t waiting = 0;
  std::uint64_t in_flight = 0;
  std::optional<std::int64_t> max_receive_count{};  // of its redrive policy; nothing: no dead-letter queue
};
std::string attributes_body(std::string_view queue_url);
base::Result<QueueAttributes> parse_attributes(std::string_view answer);
// Settings of the queue that lose events sooner or later, one sentence each.
std::vector<std::string> risks(const QueueAttributes& attributes);

// The region in a queue's URL: "https://sqs.eu-west-1.amazonaws.com/…" and the older forms; empty: another host.
std::string region_of_queue(std::string_view queue_url);
// "https://sqs.eu-west-1.amazonaws.com" of it; empty: no URL of a queue.
std::string endpoint_of_queue(std::string_view queue_url);

}  // namespace trunkline::aws
