#include "event/describe.hpp"

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::event {
namespace {

void write_text(json::Writer& writer, std::string_view name, std::string_view value) {
  if (!value.empty()) writer.member(name, value);
}

void write_event(json::Writer& writer, const Event& event) {
  writer.member("accepted", true).member("form", name(event.form));
  write_text(writer, "envelopeId", event.envelope_id);
  write_text(writer, "contentKey", event.content_key);
  if (event.content_identity) writer.member("contentIdentity", base::hex_encode(base::view(*event.content_identity)));
  writer.member("bodyHash", base::hex_encode(base::view(event.body_hash)));
  writer.member("topicName", event.topic_name).member("eventType", event.event_type).member("category", event.category);
  write_text(writer, "orgId", event.org_id);
  write_text(writer, "conversationId", event.conversation_id);
  write_text(writer, "userId", event.user_id);
  write_text(writer, "queueId", event.queue_id);
  write_text(writer, "mediaType", event.media_type);
  write_text(writer, "source", event.source);
  if (event.business_time) {
    writer.member("businessTime", base::format_time(*event.business_time));
    writer.member("businessTimeHasMillis", event.business_time_has_millis);
  }
  if (event.published_at) writer.member("publishedAt", base::format_time(*event.published_at));
  writer.key("marks").begin_array();
  if (!event.topic_known) writer.string("unknown_topic");
  if (event.detail_type_mismatch) writer.string("detail_type_mismatch");
  writer.end_array();
}

void write_rejected(json::Writer& writer, const Rejected& rejected) {
  writer.member("accepted", false).member("control", rejected.is_control()).member("reason", name(rejected.reason));
  writer.member("detail", rejected.detail).member("bytes", static_cast<std::uint64_t>(rejected.raw.size()));
}

}  // namespace

std::string describe(const Decoded& decoded) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  if (const Event* event = std::get_if<Event>(&decoded)) {
    write_event(writer, *event);
  } else {
    write_rejected(writer, std::get<Rejected>(decoded));
  }
  writer.end_object();
  return out;
}

}  // namespace trunkline::event
