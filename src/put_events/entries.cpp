#include "put_events/entries.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/text.hpp"
#include "base/uuid.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::put_events {
namespace {

std::string bus_of(std::string_view name) {
  if (name.empty()) return "default";
  // "arn:aws:events:eu-west-1:111122223333:event-bus/NAME"
  const std::size_t slash = name.rfind('/');
  const bool arn = name.starts_with("arn:") && slash != std::string_view::npos;
  return std::string(arn ? name.substr(slash + 1) : name);
}

// PutEvents: "Calculating event entry size" (EventBridge user guide).
std::size_t size_of(json::Value entry) {
  std::size_t size = entry.find("Time") ? 14 : 0;
  for (const std::string_view member : {"Source", "DetailType", "Detail"}) size += entry.string_at(member).size();
  const auto resources = entry.find("Resources");
  for (auto each = resources ? resources->first() : std::nullopt; each; each = each->next())
    size += each->string().size();
  return size;
}

// Whole seconds, as EventBridge has them; Time is in seconds since 1970.
std::string time_of(json::Value entry, base::WallTime now) {
  // The year 9999: what is beyond cannot be written.
  constexpr double kSecondsMax = 253'402'300'799;
  const auto given = entry.find("Time");
  const auto seconds = given ? given->number() : std::nullopt;
  base::WallTime time = now;
  if (seconds && *seconds >= 0 && *seconds <= kSecondsMax)
    time = base::WallTime(std::chrono::seconds(static_cast<std::int64_t>(std::floor(*seconds))));
  return base::format_time(time).substr(0, 19) + "Z";
}

void write_envelope(json::Value source, const Where& where, base::WallTime now, Entry& entry) {
  entry.event_id = base::random_uuid();
  json::Writer writer(entry.envelope);
  writer.begin_object().member("version", "0").member("id", entry.event_id);
  writer.member("detail-type", source.string_at("DetailType")).member("source", source.string_at("Source"));
  writer.member("account", where.account).member("time", time_of(source, now)).member("region", where.region);
  writer.key("resources").begin_array();
  const auto resources = source.find("Resources");
  for (auto each = resources ? resources->first() : std::nullopt; each; each = each->next())
    writer.string(each->string());
  writer.end_array().key("detail").raw(source.string_at("Detail")).end_object();
}

Entry read_entry(json::Value source, const Where& where, base::WallTime now, json::Document& detail) {
  Entry entry{bus_of(source.string_at("EventBusName"))};
  for (const std::string_view member : {"Source", "DetailType", "Detail"}) {
    if (!source.string_at(member).empty()) continue;
    entry.error_code = "InvalidArgument";
    entry.error_message = fmt::format("Parameter {0} is not valid. Reason: {0} is a required argument.", member);
    return entry;
  }
  const auto parsed = detail.parse(source.string_at("Detail"));
  if (!parsed.ok() || !parsed->is(json::Type::object)) {
    entry.error_code = "MalformedDetail";
    entry.error_message = "Detail is malformed.";
    return entry;
  }
  write_envelope(source, where, now, entry);
  return entry;
}

}  // namespace

Call read_entries(std::string_view body, const Where& where, base::WallTime now) {
  json::Document document;
  const auto parsed = document.parse(body);
  const auto list = parsed.ok() ? parsed->find("Entries") : std::nullopt;
  if (!list || !list->is(json::Type::array))
    return {
        "1 validation error detected: Value null at 'entries' failed to satisfy constraint: Member must not be null"};
  const std::size_t count = list->size();
  if (count == 0 || count > kEntriesMax)
    return {
        fmt::format("1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have "
                    "length {} than or equal to {}",
                    count == 0 ? "greater" : "less", count == 0 ? 1 : kEntriesMax)};
  std::size_t size = 0;
  for (auto each = list->first(); each; each = each->next()) size += size_of(*each);
  if (size >= kBytesMax) return {"Total size of the entries in the request is over the limit."};
  Call call;
  json::Document detail;
  for (auto each = list->first(); each; each = each->next())
    call.entries.push_back(read_entry(*each, where, now, detail));
  return call;
}

}  // namespace trunkline::put_events
