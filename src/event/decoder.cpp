#include "event/decoder.hpp"

#include <algorithm>
#include <utility>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "event/identity.hpp"
#include "event/member_check.hpp"

namespace trunkline::event {

using json::Type;
using json::Value;

struct Decoder::Notification {
  Notification(Value whole, Form found_form) : raw(whole), body(whole), form(found_form) {}
  Value raw;
  Value body;
  Form form;
  std::string_view topic_name;
  std::string_view timestamp;  // RFC 3339, or empty
  std::string_view envelope_id;
  std::string_view source;
  std::optional<std::string_view> detail_type;
};

namespace {

// The 4th segment of `aws.partner/genesys.com/cloud/<org>/<suffix>`.
std::string_view org_of_source(std::string_view source) {
  if (!source.starts_with("aws.partner/genesys.com")) return {};
  for (int segment = 1; segment < 4; ++segment) {
    const std::size_t slash = source.find('/');
    if (slash == std::string_view::npos) return {};
    source.remove_prefix(slash + 1);
  }
  return source.substr(0, source.find('/'));
}

std::string_view first_of(std::initializer_list<std::string_view> candidates) {
  for (const std::string_view candidate : candidates) {
    if (!candidate.empty()) return candidate;
  }
  return {};
}

std::string_view media_type_of(Value body) {
  const std::optional<Value> member = body.find("mediaType");
  if (member && member->is(Type::array)) {
    const std::optional<Value> first = member->first();
    return first ? first->string() : std::string_view();
  }
  if (member && member->is(Type::string)) return member->string();
  const std::optional<Value> group = body.find("group");
  return group ? group->string_at("mediaType") : std::string_view();
}

// Members that bodies of the topic families begin with; an object that has one and no topic is a body alone.
bool looks_like_body(Value object) {
  constexpr std::string_view kMembers[] = {"eventTime",      "conversationId",     "participants",  "participantId",
                                           "routingStatus",  "presenceDefinition", "group",         "userId",
                                           "organizationId", "entityType",         "adherenceState"};
  return std::any_of(std::begin(kMembers), std::end(kMembers),
                     [&](std::string_view member) { return object.find(member).has_value(); });
}

// "v2.…": a topic, where the type of a CloudEvent or of a body is another word.
bool is_topic_like(std::string_view type) {
  return type.size() > 3 && type[0] == 'v' && type[1] >= '0' && type[1] <= '9' &&
         type.find('.') != std::string_view::npos;
}

bool is_notification(Value value) {
  return value.is(Type::object) && (value.find("detail") || value.find("topicName"));
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

void Decoder::decode(std::string_view payload, const DecodeContext& context, std::vector<Decoded>& out) {
  context_ = &context;
  out_ = &out;
  begin_ = out.size();
  const Frame frame{.item = payload, .form = std::nullopt};
  if (context.cloud_event != nullptr) return binary(payload, *context.cloud_event, frame);
  text(payload, frame);
}

// HTTP binding for CloudEvents 1.0.2, section 3.1.
void Decoder::binary(std::string_view payload, const CloudAttributes& attributes, Frame frame) {
  frame.form = Form::cloudevents;
  if (!attributes.fault.empty()) return reject(Reason::wrong_member, std::string(attributes.fault), frame);
  if (attributes.specversion != "1.0") return reject(Reason::wrong_member, "specversion is not 1.0", frame);
  for (const auto& [name, value] :
       {std::pair("id", attributes.id), std::pair("source", attributes.source), std::pair("type", attributes.type)}) {
    if (value.empty()) return reject(Reason::missing_member, name, frame);
  }
  frame.cloud_source = attributes.source;
  frame.cloud_id = attributes.id;
  frame.is_cloud_data = true;
  ++frame.wraps;
  text(payload, frame);
}

void Decoder::reject(Reason reason, std::string detail, const Frame& frame) {
  out_->emplace_back(Rejected{reason, std::move(detail), std::string(frame.item)});
}

void Decoder::text(std::string_view text, Frame frame) {
  if (is_blank(text)) return reject(Reason::empty_body, "the text is empty", frame);
  if (frame.texts >= documents_.size()) {
    return reject(Reason::too_nested, "JSON inside JSON strings more than 4 times", frame);
  }
  const auto parsed = documents_[frame.texts].parse(text);
  ++frame.texts;
  if (parsed.ok()) return value(*parsed, frame);
  const Reason reason = parsed.error().code == base::Errc::too_large ? Reason::too_deep
                        : base::is_valid_utf8(text)                  ? Reason::not_json
                                                                     : Reason::invalid_utf8;
  reject(reason, parsed.error().detail, frame);
}

// Whether the array has items, and not too many; else rejects it.
bool Decoder::fits(Value array, const Frame& frame) {
  if (array.size() == 0) {
    reject(Reason::empty_array, "the array is empty", frame);
    return false;
  }
  if (out_->size() - begin_ + array.size() > kItemsMax) {
    reject(Reason::too_many_items, "more than 10000 items in one payload", frame);
    return false;
  }
  return true;
}

void Decoder::value(Value value, Frame frame) {
  if (value.is(Type::object)) return object(value, frame);
  if (!value.is(Type::array) || frame.in_array) {
    return reject(Reason::wrong_type, "an event is a JSON object", frame);
  }
  if (!fits(value, frame)) return;
  frame.in_array = true;
  for (auto item = value.first(); item; item = item->next()) {
    frame.item = item->raw();
    this->value(*item, frame);
  }
}

void Decoder::wrapped(std::optional<Value> inner, Frame frame, std::string_view member) {
  if (!inner) return reject(Reason::missing_member, std::string(member), frame);
  if (++frame.wraps > kWrapsMax) return reject(Reason::too_nested, "more than 8 wrappers", frame);
  frame.in_array = false;
  if (inner->is(Type::string)) return text(inner->string(), frame);
  value(*inner, frame);
}

// CloudEvents 1.0.2 section 3.1; JSON format section 3.1.
void Decoder::cloud_event(Value object, Frame frame) {
  MemberCheck check;
  const std::string_view version = check.text(object, "specversion", "specversion");
  frame.cloud_source = check.text(object, "source", "source");
  frame.cloud_id = check.text(object, "id", "id");
  check.text(object, "type", "type");
  if (!check.ok()) return reject(check.reason(), check.detail(), frame);
  if (version != "1.0") return reject(Reason::wrong_member, "specversion is not 1.0", frame);
  if (!frame.form) frame.form = Form::cloudevents;
  const std::optional<Value> data = object.find("data");
  const std::optional<Value> coded = object.find("data_base64");
  if (!coded) {
    const std::optional<Value> message = data ? data->find("message") : std::nullopt;
    return wrapped(message ? message : data, frame, "data");
  }
  if (data) return reject(Reason::wrong_member, "both data and data_base64", frame);
  std::optional<std::string> bytes =
      coded->is(Type::string) ? base::base64_decode(coded->string()) : std::optional<std::string>();
  if (!bytes) return reject(Reason::wrong_member, "data_base64 is no base64 text", frame);
  if (frame.texts >= decoded_.size() || ++frame.wraps > kWrapsMax)
    return reject(Reason::too_nested, "JSON inside JSON strings more than 4 times", frame);
  frame.in_array = false;
  frame.is_cloud_data = true;
  std::string& kept = decoded_[frame.texts];
  kept = std::move(*bytes);
  text(kept, frame);
}

void Decoder::records(Value list, const Frame& frame) {
  if (!list.is(Type::array)) return reject(Reason::wrong_member, "Records is no array", frame);
  if (!fits(list, frame)) return;
  for (auto record = list.first(); record; record = record->next()) {
    Frame inner = frame;
    const std::optional<Value> body = record->find("body");
    // The record without its receipt handle and queue is what can be submitted again.
    inner.item = body && body->is(Type::string) ? body->string() : record->raw();
    wrapped(body, inner, "Records[].body");
  }
}

bool Decoder::wrapper(Value object, const Frame& frame) {
  Frame inner = frame;
  const auto in_data = [&](Form form) {
    if (!inner.form) inner.form = form;
    const std::optional<Value> data = object.find("data");
    const std::optional<Value> message = data ? data->find("message") : std::nullopt;
    wrapped(message ? message : data, inner, "data");
  };
  if (const auto handed = object.find("trunklineHandOver"); handed) {
    inner.handed_org = handed->string_at("org");
    inner.handed_id = handed->string_at("id");
    wrapped(object.find("event"), inner, "event");
  } else if (object.find("specversion")) {
    cloud_event(object, inner);
  } else if (object.find("eventType") && object.find("data")) {
    in_data(Form::eventgrid);
  } else if (const auto payload = object.find("requestPayload"); payload) {
    if (!inner.form) inner.form = Form::lambda_destination;
    // A function that makes the event out of something else answers it.
    const auto response = object.find("responsePayload");
    const bool made = response && is_notification(*response) && !is_notification(*payload);
    wrapped(made ? response : payload, inner, made ? "responsePayload" : "requestPayload");
  } else if (const auto list = object.find("Records"); list) {
    records(*list, inner);
  } else if (object.string_at("Type") == "Notification" && object.find("Message")) {
    wrapped(object.find("Message"), inner, "Message");
  } else {
    return false;
  }
  return true;
}

void Decoder::object(Value object, Frame frame) {
  if (std::exchange(frame.is_cloud_data, false)) {
    if (const std::optional<Value> message = object.find("message")) return wrapped(message, frame, "message");
  }
  if (object.find("detail") || object.find("detail-type")) return envelope(object, frame);
  if (object.find("topicName") || object.find("eventBody")) return bare(object, frame);
  if (wrapper(object, frame)) return;
  if (is_topic_like(object.string_at("type"))) return flat(object, frame);
  if (looks_like_body(object)) {
    return reject(Reason::bare_event_body, "an eventBody without the notification around it names no topic", frame);
  }
  reject(Reason::unknown_form, "none of the known forms: neither detail, topicName, data, Records nor type", frame);
}

bool Decoder::is_control(std::string_view topic_name, const Frame& frame) {
  const bool control = topic_name == "channel.metadata" || topic_name.starts_with("v2.system.") ||
                       topic_name == "v2.subscription.updated";
  if (control) reject(Reason::control, std::string(topic_name), frame);
  return control;
}

void Decoder::envelope(Value object, const Frame& frame) {
  MemberCheck check;
  const std::optional<Value> detail = check.object(object, "detail", "detail");
  if (detail && is_control(detail->string_at("topicName"), frame)) return;
  check.string(object, "version", "version");
  const std::string_view id = check.text(object, "id", "id");
  const std::string_view detail_type = check.text(object, "detail-type", "detail-type");
  const std::string_view source = check.text(object, "source", "source");
  check.digits(object, "account", "account");
  check.time(object, "time", "time");
  check.string(object, "region", "region");
  check.array(object, "resources", "resources");
  Notification notification(object, Form::eventbridge);
  if (detail) {
    notification.topic_name = check.text(*detail, "topicName", "detail.topicName");
    check.string(*detail, "version", "detail.version");
    notification.body = check.object(*detail, "eventBody", "detail.eventBody").value_or(object);
    check.optional_object(*detail, "metadata", "detail.metadata");
    notification.timestamp = check.optional_time(*detail, "timestamp", "detail.timestamp");
  }
  if (!check.ok()) return reject(check.reason(), check.detail(), frame);
  notification.envelope_id = id;
  notification.source = source;
  notification.detail_type = detail_type;
  accept(notification, frame);
}

void Decoder::bare(Value object, const Frame& frame) {
  if (is_control(object.string_at("topicName"), frame)) return;
  MemberCheck check;
  Notification notification(object, Form::bare);
  notification.topic_name = check.text(object, "topicName", "topicName");
  notification.body = check.object(object, "eventBody", "eventBody").value_or(object);
  check.optional_object(object, "metadata", "metadata");
  notification.timestamp = check.optional_time(object, "timestamp", "timestamp");
  if (!check.ok()) return reject(check.reason(), check.detail(), frame);
  accept(notification, frame);
}

void Decoder::flat(Value object, const Frame& frame) {
  if (is_control(object.string_at("type"), frame)) return;
  MemberCheck check;
  Notification notification(object, Form::flat);
  notification.envelope_id = check.text(object, "id", "id");
  notification.topic_name = object.string_at("type");
  notification.timestamp = check.optional_time(object, "timestamp", "timestamp");
  if (!check.ok()) return reject(check.reason(), check.detail(), frame);
  accept(notification, frame);
}

void Decoder::accept(const Notification& notification, const Frame& frame) {
  const Value body = notification.body;
  const Segments segments = split_topic(notification.topic_name);
  const TopicTable::Match match = topics_.match(segments);
  Event& event = std::get<Event>(out_->emplace_back(std::in_place_type<Event>));
  event.raw = notification.raw.raw();
  event.form = frame.form.value_or(notification.form);
  event.envelope_id = notification.envelope_id;
  if (event.envelope_id.empty() && !frame.cloud_id.empty())
    event.envelope_id.append(frame.cloud_source).append(" ").append(frame.cloud_id);
  if (event.envelope_id.empty()) event.envelope_id = frame.handed_id;
  event.topic_name = notification.topic_name;
  event.event_type = match.topic != nullptr ? std::string_view(match.topic->pattern) : notification.topic_name;
  event.category = match.category;
  event.topic_known = match.topic != nullptr;
  event.source = notification.source;
  event.media_type = media_type_of(body);
  event.org_id = first_of({org_of_source(notification.source), body.string_at("organizationId"),
                           body.string_at("userHomeOrgId"), frame.handed_org, context_->default_org});
  if (match.topic != nullptr) {
    event.conversation_id = match.topic->ids.conversation.find(body, segments.view());
    event.user_id = match.topic->ids.agent.find(body, segments.view());
    event.queue_id = match.topic->ids.queue.find(body, segments.view());
  } else {
    // What the members are called in nearly all families; so they are in the flat form.
    event.conversation_id = body.string_at("conversationId");
    event.user_id = first_of({body.string_at("userId"), body.string_at("agentId")});
    event.queue_id = body.string_at("queueId");
  }
  if (notification.detail_type) {
    const std::string_view detail_type = *notification.detail_type;
    event.detail_type_mismatch =
        match.topic != nullptr ? detail_type != match.topic->pattern : !fits_pattern(segments, detail_type);
    // A topic that is newer than the table brings its pattern along.
    if (match.topic == nullptr && !event.detail_type_mismatch) event.event_type = detail_type;
  }
  if (!notification.timestamp.empty()) event.published_at = base::parse_time(notification.timestamp);
  auto time = business_time(match.topic != nullptr ? *match.topic->time : time_rule({}), body);
  if (!time && event.published_at) {
    time = BusinessTime{*event.published_at, notification.timestamp.find('.') != std::string_view::npos};
  }
  if (time) {
    event.business_time = time->at;
    event.business_time_has_millis = time->has_millis;
  }
  // A flat event is its own body; what is republished differs in `id`, which is the transport's.
  event.body_hash = canonical_.hash(body, notification.form == Form::flat ? "id" : "");
  identify(event, match.topic != nullptr ? match.topic->key : KeyRule::none, body, notification.timestamp, scratch_);
}

}  // namespace trunkline::event
