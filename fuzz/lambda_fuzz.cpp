#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "json/document.hpp"
#include "lambda/payload.hpp"
#include "lambda/source_mappings.hpp"

using namespace trunkline;

namespace {

void payload(const std::string& text) {
  const auto read = lambda::read_payload(text);
  if (!read.ok()) {
    TRUNKLINE_CHECK(read.error().detail.size() < 128, "an error that repeats what stands in the payload");
    return;
  }
  TRUNKLINE_CHECK(read->messages.empty() == (read->kind != lambda::PayloadKind::messages), "messages of nothing");
  for (const lambda::QueueMessage& each : read->messages)
    TRUNKLINE_CHECK(!each.id.empty() && !each.receipt_handle.empty() && each.receive_count > 0,
                    "a message that cannot be answered for");
  const base::WallTime now(base::Millis(1'800'000'000'000));
  const std::int64_t age = lambda::oldest_age_seconds(read->messages, now);
  TRUNKLINE_CHECK(age >= 0 && age <= now.time_since_epoch().count() / 1'000, "older than time");
  json::Document document;
  const std::string answer = lambda::batch_failures(read->messages, {});
  const auto root = document.parse(answer);
  TRUNKLINE_CHECK(root.ok() && root->find("batchItemFailures")->size() == read->messages.size(),
                  "an answer that does not name all");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  payload(text);
  const auto mappings = lambda::read_mappings(text);
  if (!mappings.ok()) return 0;
  for (const lambda::SourceMapping& each : mappings->mappings)
    TRUNKLINE_CHECK(!each.uuid.empty(), "a mapping without a name");
  return 0;
}
