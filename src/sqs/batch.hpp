#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sqs/call.hpp"

namespace trunkline::sqs {

// The entries of a batch: their ids, and under which path their parameters stand ("Entries.2.").
struct BatchEntry {
  std::string id;
  std::string prefix;
};
inline constexpr std::size_t kBatchEntriesMax = 10;  // AWS's own
// The faults of the whole request, in AWS's order.
std::optional<Fault> read_batch_entries(const Call& call, std::vector<BatchEntry>& entries);
// An entry of "Failed".
void write_failed(Output& output, const std::string& id, const Fault& fault);

}  // namespace trunkline::sqs
