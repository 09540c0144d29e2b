#include "api/describe_age.hpp"

#include <algorithm>

#include "api/describe.hpp"

namespace trunkline::api {
namespace {

void write_duration(json::Writer& writer, std::string_view name, std::optional<base::Millis> duration) {
  writer.key(name);
  if (duration) {
    writer.number(std::chrono::duration<double>(*duration).count());
  } else {
    writer.null();
  }
}
void write_millis(json::Writer& writer, std::string_view name, std::optional<base::Millis> duration) {
  writer.key(name);
  if (duration) {
    writer.unsigned_integer(static_cast<std::uint64_t>(duration->count()));
  } else {
    writer.null();
  }
}

void write_recent(json::Writer& writer, std::string_view name, const engine::RecentDeliveries& recent) {
  writer.key(name).begin_object().member("delivered", recent.delivered);
  writer.key("delivered_per_second").number(recent.delivered_per_second());
  writer.key("arrived_per_second").number(recent.arrived_per_second());
  write_millis(writer, "p50_millis", recent.p50);
  write_millis(writer, "p99_millis", recent.p99);
  writer.end_object();
}

}  // namespace

std::optional<base::Millis> until_expiry(const engine::QueueStatistics& queue, const engine::QueueSpec& spec,
                                         base::WallTime now) {
  if (!queue.oldest_waiting) return std::nullopt;
  return std::max(*queue.oldest_waiting + spec.max_wait - now, base::Millis(0));
}

engine::Drain drain_of(const engine::QueueStatistics& queue) {
  return engine::drain_of(queue.waiting + queue.in_flight + queue.backing_off, queue.minute);
}

void write_age_members(json::Writer& writer, const engine::QueueStatistics& queue, const engine::QueueSpec& spec,
                       base::WallTime now) {
  write_duration(writer, "expires_in_seconds", until_expiry(queue, spec, now));
  writer.member("blocked_lanes", queue.backing_off + queue.parked);
  const engine::Drain drain = drain_of(queue);
  writer.key("drain").begin_object().member("outlook", engine::name(drain.outlook));
  write_duration(writer, "seconds", drain.left);
  writer.end_object().key("recent").begin_object();
  write_recent(writer, "minute", queue.minute);
  write_recent(writer, "quarter_hour", queue.quarter);
  writer.end_object();
}

void write_rest(json::Writer& writer, const watch::Rest& rest, base::WallTime now) {
  writer.key("rest");
  if (!rest.rests()) {
    writer.null();
    return;
  }
  writer.begin_object().member("by", watch::name(rest.by)).member("reason", rest.reason);
  write_time(writer, "since", rest.since);
  write_time(writer, "until", rest.until);
  write_duration(writer, "resumes_in_seconds",
                 rest.until ? std::optional(std::max(*rest.until - now, base::Millis(0))) : std::nullopt);
  writer.end_object();
}

void write_blockers(json::Writer& writer, const std::vector<engine::Blocker>& blockers) {
  writer.key("blockers").begin_array();
  for (const engine::Blocker& blocker : blockers) {
    writer.begin_object().member("sequence", blocker.head.value);
    writer.member("state", blocker.parked ? "parked" : "backing_off").member("group", blocker.group_text);
    writer.member("behind", blocker.behind).member("attempts", std::uint64_t{blocker.attempts});
    writer.member("error_class", blocker.error_class);
    write_time(writer, "since", blocker.since);
    write_time(writer, "next", blocker.next);
    writer.end_object();
  }
  writer.end_array();
}

}  // namespace trunkline::api
