#pragma once

#include <cstdint>
#include <string>

namespace trunkline::bench {

struct ReplayOptions {
  std::string
      file;  // of what a client has said: "SERVICE OPERATION HEADER-BYTES BODY-BYTES\n", the header lines, the body; again
  std::uint16_t table_port = 0;    // of DynamoDB
  std::uint16_t queues_port = 0;   // of SQS and SNS
  std::uint32_t connections = 64;  // to each
};

struct ReplayResult {
  std::uint64_t calls = 0;
  std::uint64_t refused = 0;  // answered by something else than 200
  std::uint64_t extra = 0;    // receives that were needed for the handles of a delete, beside the calls of the file
  double seconds = 0;
  double cpu_seconds = 0;
  std::string error;  // of the first call without an answer
};

// The same calls in the same order as fast as the servers answer them, on an equal and empty table and equal queues. Only two
// things are not said as they were: a receive waits for nothing, and a delete names messages that were received here, as many as
// there are.
ReplayResult run_replay(const ReplayOptions& options);

}  // namespace trunkline::bench
