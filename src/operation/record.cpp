#include "operation/record.hpp"

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace trunkline::operation {
namespace {

using base::ByteReader;
using base::put_string;
using base::put_u64;
using base::put_varint;

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kTextMax = 1'024;  // of each text of an audit entry, so that all of them fit into memory

void put_time(std::string& out, base::WallTime time) {
  put_u64(out, static_cast<std::uint64_t>(time.time_since_epoch().count()));
}
base::WallTime read_time(ByteReader& in) {
  return base::WallTime(base::Millis(static_cast<std::int64_t>(in.u64())));
}
void put_optional_time(std::string& out, const std::optional<base::WallTime>& time) {
  out.push_back(time ? 1 : 0);
  if (time) put_time(out, *time);
}
std::optional<base::WallTime> read_optional_time(ByteReader& in) {
  if (in.u8() == 0) return std::nullopt;
  return read_time(in);
}
// Thousandths, which are enough for a rate and a share.
void put_number(std::string& out, double value) {
  put_varint(out, static_cast<std::uint64_t>(value * 1'000 + 0.5));
}
double read_number(ByteReader& in) {
  return static_cast<double>(in.varint()) / 1'000;
}

void put_tally(std::string& out, const engine::OperationTally& tally) {
  for (const std::uint64_t number :
       {tally.reached.value, tally.given, tally.delivered, tally.failed, tally.ended, tally.passed}) {
    put_varint(out, number);
  }
  put_string(out, tally.error_class);
  put_varint(out, tally.last_failed.size());
  for (const base::Sequence sequence : tally.last_failed) put_varint(out, sequence.value);
}
engine::OperationTally read_tally(ByteReader& in) {
  engine::OperationTally tally;
  for (std::uint64_t* number :
       {&tally.reached.value, &tally.given, &tally.delivered, &tally.failed, &tally.ended, &tally.passed}) {
    *number = in.varint();
  }
  tally.error_class = in.string();
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok() && i < engine::kLastFailedMax; ++i)
    tally.last_failed.push_back({in.varint()});
  return tally;
}

}  // namespace

std::string_view name(Kind kind) {
  return kind == Kind::redrive ? "redrive" : "replay";
}

std::string_view name(State state) {
  switch (state) {
    case State::running:
      return "running";
    case State::paused:
      return "paused";
    case State::stopped:
      return "stopped";
    case State::done:
      return "done";
    case State::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string encode(const Operation& operation) {
  const Request& request = operation.request;
  std::string out;
  out.push_back(static_cast<char>(kVersion));
  put_varint(out, operation.id.value);
  out.push_back(static_cast<char>(request.kind));
  out.push_back(static_cast<char>(operation.state));
  put_string(out, operation.reason);
  put_time(out, operation.created_at);
  put_time(out, operation.changed_at);
  put_varint(out, operation.total);
  put_tally(out, operation.tally);
  put_string(out, request.consumer);
  put_varint(out, request.queue.value);
  put_string(out, request.by);
  put_number(out, request.rate);
  put_number(out, request.stop_share);
  put_varint(out, request.filter.sequence.value_or(base::Sequence{}).value);
  put_string(out, request.filter.error_class);
  put_string(out, request.filter.event_type);
  put_string(out, request.filter.group);
  put_optional_time(out, request.filter.since_from);
  put_optional_time(out, request.filter.since_before);
  put_time(out, request.range.from);
  put_time(out, request.range.to);
  put_string(out, request.range.event_type);
  put_string(out, request.range.conversation);
  out.push_back(request.range.all_routed ? 1 : 0);
  put_varint(out, request.range.first.value);
  put_varint(out, request.range.last.value);
  return out;
}

base::Result<Operation> decode(std::string_view bytes) {
  ByteReader in(bytes);
  Operation operation;
  Request& request = operation.request;
  const std::uint8_t version = in.u8();
  operation.id = {in.varint()};
  request.kind = static_cast<Kind>(in.u8());
  operation.state = static_cast<State>(in.u8());
  operation.reason = in.string();
  operation.created_at = read_time(in);
  operation.changed_at = read_time(in);
  operation.total = in.varint();
  operation.tally = read_tally(in);
  request.consumer = in.string();
  request.queue = {static_cast<std::uint32_t>(in.varint())};
  request.by = in.string();
  request.rate = read_number(in);
  request.stop_share = read_number(in);
  if (const std::uint64_t sequence = in.varint(); sequence != 0) request.filter.sequence = base::Sequence{sequence};
  request.filter.error_class = in.string();
  request.filter.event_type = in.string();
  request.filter.group = in.string();
  request.filter.since_from = read_optional_time(in);
  request.filter.since_before = read_optional_time(in);
  request.range.from = read_time(in);
  request.range.to = read_time(in);
  request.range.event_type = in.string();
  request.range.conversation = in.string();
  request.range.all_routed = in.u8() != 0;
  request.range.first = {in.varint()};
  request.range.last = {in.varint()};
  const bool fits = in.ok() && in.at_end() && version == kVersion && request.kind <= Kind::replay &&
                    operation.state <= State::cancelled && operation.id.value != 0;
  if (!fits) return {base::Errc::corrupt, "a stored operation does not decode"};
  return operation;
}

namespace {

void add(std::string& text, std::string_view word, std::string_view value) {
  if (!value.empty()) text += fmt::format("{}{}={}", text.empty() ? "" : " ", word, value);
}
void add(std::string& text, std::string_view word, const std::optional<base::WallTime>& time) {
  if (time) add(text, word, std::string_view(base::format_time(*time)));
}

}  // namespace

std::string describe(const engine::RedriveFilter& filter) {
  std::string text;
  if (filter.sequence) add(text, "sequence", std::string_view(std::to_string(filter.sequence->value)));
  add(text, "error_class", std::string_view(filter.error_class));
  add(text, "type", std::string_view(filter.event_type));
  add(text, "group", std::string_view(filter.group));
  add(text, "since_from", filter.since_from);
  add(text, "since_before", filter.since_before);
  return text.empty() ? "all" : text;
}

std::string describe(const Request& request) {
  if (request.kind == Kind::redrive) return describe(request.filter);
  std::string text;
  add(text, "from", std::optional(request.range.from));
  add(text, "to", std::optional(request.range.to));
  add(text, "type", std::string_view(request.range.event_type));
  add(text, "conversation", std::string_view(request.range.conversation));
  add(text, "events", std::string_view(request.range.all_routed ? "all_routed" : "filter_of_now"));
  return text;
}

std::string encode(const AuditEntry& entry) {
  std::string out;
  out.push_back(static_cast<char>(kVersion));
  put_varint(out, entry.id);
  put_time(out, entry.at);
  put_varint(out, entry.operation.value);
  for (const std::string* text : {&entry.by, &entry.action, &entry.consumer, &entry.what, &entry.outcome})
    put_string(out, std::string_view(*text).substr(0, kTextMax));
  return out;
}

base::Result<AuditEntry> decode_audit(std::string_view bytes) {
  ByteReader in(bytes);
  AuditEntry entry;
  const std::uint8_t version = in.u8();
  entry.id = in.varint();
  entry.at = read_time(in);
  entry.operation = {in.varint()};
  for (std::string* text : {&entry.by, &entry.action, &entry.consumer, &entry.what, &entry.outcome})
    *text = in.string();
  if (!in.ok() || !in.at_end() || version != kVersion)
    return {base::Errc::corrupt, "a stored audit entry does not decode"};
  return entry;
}

}  // namespace trunkline::operation
