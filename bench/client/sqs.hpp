#pragma once

#include <cstdint>
#include <string>

#include "sim/histogram.hpp"

namespace trunkline::bench {

struct SqsOptions {
  std::uint16_t port = 0;
  std::string queue_url;
  std::uint32_t senders = 8;    // connections, each of which sends as soon as it is answered; all of one thread
  std::uint32_t receivers = 8;  // likewise
  std::uint32_t batch = 10;
  double seconds = 5;         // batches begin for so long
  std::size_t bytes = 1'024;  // of a message
  double rate = 0;            // messages a second of all senders, evenly spaced; 0: as fast as it goes
};

struct SqsResult {
  std::uint64_t sent = 0;                // messages whose batch was answered without a failure
  std::uint64_t deleted = 0;             // likewise
  double seconds = 0;                    // from the first request to the last delete's answer
  std::string error;                     // of the first answer that was none
  sim::Histogram send, receive, remove;  // of a request
  sim::Histogram delivery;               // from when a message was sent to when it was received
};

// Senders and receivers of one queue at once, by SQS's JSON protocol, unsigned, until what was sent is deleted: SendMessageBatch,
// ReceiveMessage with a wait of a second, DeleteMessageBatch.
SqsResult run_sqs(const SqsOptions& options);

}  // namespace trunkline::bench
