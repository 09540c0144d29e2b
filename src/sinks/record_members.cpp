#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

bool is_plausible(base::WallTime time) {
  constexpr std::int64_t kYear10000 = 253'402'300'800'000;
  const std::int64_t millis = time.time_since_epoch().count();
  return millis > 0 && millis < kYear10000;
}

}  // namespace

base::WallTime happened_at(const engine::Record& record) {
  for (const auto& better : {record.event.business_time, record.event.published_at}) {
    if (better && is_plausible(*better)) return *better;
  }
  return is_plausible(record.accepted_at) ? record.accepted_at : base::WallTime(base::Millis(0));
}

void append_member(json::Writer& writer, std::string_view name, std::string_view value) {
  if (!value.empty()) writer.member(name, value);
}

void append_delivery_members(json::Writer& writer, const engine::LeasedMessage& message, const delivery::Batch& batch,
                             event::Order order) {
  const engine::Record& record = *message.record;
  writer.member("sequence", record.sequence.value);
  append_member(writer, "consumer", batch.consumer);
  append_member(writer, "lane", event::group_text(record.event, order));
  if (message.gap_before) writer.member("gapBefore", message.gap_before->value);
  if (message.redriven) writer.member("redriven", true);
  if (message.order != 0) writer.member("order", message.order);
  if (message.late) writer.member("late", true);
  if (message.edited) writer.member("edited", true);
  if (message.replay) writer.member("replay", message.replay->value);
  append_member(writer, "mapping", batch.mapping);
}

}  // namespace trunkline::sinks
