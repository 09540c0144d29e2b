// What is wrong, and what was.
#include "api/describe.hpp"
#include "api/handlers.hpp"

namespace trunkline::api {
namespace {

void write_incidents(json::Writer& writer, std::string_view name, const std::vector<watch::Incident>& incidents) {
  writer.key(name).begin_array();
  for (const watch::Incident& incident : incidents) {
    writer.begin_object().member("id", incident.id).member("alarm", watch::name(incident.alarm));
    writer.member("scope", watch::scope_of(incident.alarm)).member("subject", incident.subject);
    write_time(writer, "opened_at", incident.opened_at);
    write_time(writer, "resolved_at", incident.resolved_at);
    writer.key("worst").number(incident.value).key("limit").number(incident.limit);
    writer.member("detail", incident.detail).member("outcome", incident.outcome);
    writer.member("told", incident.resolved_at ? incident.resolve_told : incident.opening_told).end_object();
  }
  writer.end_array();
}

}  // namespace

void get_alarms(CallPtr call) {
  const AlarmsInfo alarms = call->hub.alarms();
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  write_incidents(writer, "open", alarms.open);
  write_incidents(writer, "recent", alarms.recent);
  writer.end_object();
  call->answer(std::move(out));
}

}  // namespace trunkline::api
