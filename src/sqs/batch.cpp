#include "sqs/batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace trunkline::sqs {
namespace {

constexpr std::size_t kEntryIdMax = 80;

bool is_entry_id(std::string_view id) {
  return !id.empty() && id.size() <= kEntryIdMax && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

std::optional<Fault> read_batch_entries(const Call& call, std::vector<BatchEntry>& entries) {
  const auto places = call.parameters.places("Entries");
  if (places.empty())
    return Fault{Code::empty_batch,
                 fmt::format("There should be at least one {}RequestEntry in the request.", call.operation)};
  if (places.size() > kBatchEntriesMax)
    return Fault{Code::too_many_entries,
                 fmt::format("Maximum number of entries per request are 10. You have sent {}.", places.size())};
  std::set<std::string> ids;
  for (const std::uint32_t place : places) {
    std::string prefix = fmt::format("Entries.{}.", place);
    const std::string id = call.parameters.text(prefix + "Id").value_or("");
    if (!is_entry_id(id))
      return Fault{Code::invalid_batch_id,
                   "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                   "most 80 letters long."};
    if (!ids.insert(id).second) return Fault{Code::batch_ids_not_distinct, fmt::format("Id {} repeated.", id)};
    entries.push_back({id, std::move(prefix)});
  }
  return std::nullopt;
}

void write_failed(Output& output, const std::string& id, const Fault& fault) {
  output.begin_item("BatchResultErrorEntry");
  output.text("Id", id);
  output.flag("SenderFault", row_of(fault.code).sender);
  output.text("Code", row_of(fault.code).query_code);
  output.text("Message", fault.message);
  output.end_item("BatchResultErrorEntry");
}

}  // namespace trunkline::sqs
