#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/hash.hpp"

namespace trunkline::event {

// How an event was wrapped when it came.
enum class Form : std::uint8_t {
  eventbridge,         // the EventBridge envelope
  eventgrid,           // the same inside an Event Grid event's data.message (Event Grid schema)
  cloudevents,         // the same inside a CloudEvents 1.0 event's data.message or data
  lambda_destination,  // the same under requestPayload of a Lambda destination record
  bare,  // a Genesys notification without an EventBridge envelope: topicName, version, eventBody, metadata
  flat,  // the founding guide's form: id, type, conversationId at the top
};
std::string_view name(Form form);

// One validated record. A plain value; strings are empty where the event lacks the thing.
struct Event {
  std::string raw;  // the event's own bytes as they came, its wrapping removed; one JSON object
  Form form = Form::eventbridge;
  std::string envelope_id;  // `id` of the EventBridge envelope, or of the flat form
  std::string topic_name;   // detail.topicName, ids filled in; of a flat event, its `type`
  std::string event_type;   // the topic pattern with literal {id}; topic_name where no pattern is known
  std::string category;     // family of topics.tsv, by prefix rule for an unknown topic, else "unknown"
  std::string org_id;
  std::string conversation_id;
  std::string user_id;
  std::string queue_id;
  std::string media_type;                       // as spelled in the event
  std::string source;                           // `source` of the EventBridge envelope
  std::optional<base::WallTime> business_time;  // when it happened, by topic family
  bool business_time_has_millis = false;        // false: whole seconds only
  std::optional<base::WallTime> published_at;   // detail.timestamp
  bool topic_known = false;
  bool detail_type_mismatch = false;  // detail-type is not the pattern of topicName; topicName decided

  // Identity (DESIGN section 3). Both keys are scoped by organisation. The content key text is kept for people; the
  // hashes are what is compared.
  std::string content_key;  // empty: the topic has no natural key
  std::optional<base::Hash128> envelope_identity;
  std::optional<base::Hash128> content_identity;
  base::Hash128 body_hash{};  // of the canonical eventBody: members sorted, number text kept
};

// What a message group is made of: `order:` of a queue.
enum class Order : std::uint8_t { none, conversation, agent, queue, topic };
std::optional<Order> parse_order(std::string_view text);
std::string_view name(Order order);
// The group's text: the id, or the topicName where the event lacks that id (172 of 242 topics name no conversation).
// Prefixed by organisation and kind, so that an agent id never meets a conversation id. Empty for Order::none.
std::string group_text(const Event& event, Order order);
void append_group_text(std::string& out, const Event& event, Order order);

}  // namespace trunkline::event
