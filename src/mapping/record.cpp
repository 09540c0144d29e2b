#include "mapping/record.hpp"

#include <utility>

namespace trunkline::mapping {

Subject subject_of(const event::Event& event) {
  return {event.topic_name, event.event_type, event.category, event.form == event::Form::flat};
}

base::Result<engine::RecordPtr> mapped(const engine::Record& record, const Mapping& mapping, Scratch& scratch,
                                       Hidden* hidden) {
  Hidden own;
  Hidden& concealed = hidden == nullptr ? own : *hidden;
  TRUNKLINE_TRY(std::string body, mapping.apply(record.event.raw, subject_of(record.event), scratch, &concealed));
  const auto copy = std::make_shared<engine::Record>(record);
  event::Event& event = copy->event;
  event.raw = std::move(body);
  if (concealed.empty()) return engine::RecordPtr(copy);
  for (std::string* text : {&event.envelope_id, &event.topic_name, &event.event_type, &event.org_id,
                            &event.conversation_id, &event.user_id, &event.queue_id, &event.media_type, &event.source})
    concealed.replace_in(*text);
  event.content_key = concealed.scrub_own(event.content_key);
  return engine::RecordPtr(copy);
}

engine::RecordPtr shown(const engine::Record& record, const Mapping& mapping, Scratch& scratch, Hidden* hidden) {
  auto result = mapped(record, mapping, scratch, hidden);
  if (result.ok()) return std::move(*result);
  if (hidden != nullptr) hidden->overflow();
  const auto bare = std::make_shared<engine::Record>();
  bare->sequence = record.sequence;
  bare->accepted_at = record.accepted_at;
  bare->source_name = record.source_name;
  bare->policy_version = record.policy_version;
  bare->routes = record.routes;
  bare->conflict = record.conflict;
  bare->event.form = record.event.form;
  bare->event.event_type = record.event.event_type;
  bare->event.category = record.event.category;
  bare->event.raw = R"({"withheld":"the event cannot be mapped"})";
  return bare;
}

}  // namespace trunkline::mapping
