#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "event/event.hpp"
#include "event/rejected.hpp"
#include "event/topic_table.hpp"
#include "json/canonical.hpp"
#include "json/document.hpp"

namespace trunkline::event {

using Decoded = std::variant<Event, Rejected>;

// Attributes of a CloudEvent whose data is the whole payload: binary mode of the HTTP binding.
struct CloudAttributes {
  std::string_view specversion;
  std::string_view id;
  std::string_view source;
  std::string_view type;
  std::string_view fault;  // why one could not be read; empty when all is well
};

struct DecodeContext {
  std::string_view default_org;  // of an event that names no organisation
  const CloudAttributes* cloud_event = nullptr;
};

// Turns a payload into events. The form is found by the members, never by configuration:
//
//   detail-type or detail         the EventBridge envelope. All nine members (version, id, detail-type, source, account,
//                                 time, region, resources, detail) and topicName, version and eventBody inside detail are
//                                 required, as every real event has them; metadata and timestamp may be absent. `id` is
//                                 any text, since EventBridge's are no RFC 4122 UUIDs; `account` any digits.
//   topicName or eventBody        a bare notification; both are required
//   specversion                   CloudEvents 1.0, the event in data.message, data or data_base64; id, source and type are
//                                 required. A bare notification, which has no id of its own, gets "SOURCE ID" as its
//                                 envelope id (the two together are unique; a source holds no space).
//   eventType and data            an Event Grid event, the event in data.message or data
//   requestPayload                a Lambda destination record; the event in responsePayload where only that is one
//   Records                       a Lambda invocation by SQS: every record's body
//   Type and Message              a notification of SNS
//   trunklineHandOver            from another hub: the event in `event`, and what it does not tell of its identity: `org`
//                                 where it names no organisation, `id` as its envelope id where it has none
//   type "v…" (and no other)      the founding guide's flat form; id is required, too
//
// Wrapped events may be objects or strings that hold JSON; any of them may come alone or in an array. The body is taken
// as it is: unknown topics and members are carried. `channel.metadata`, `v2.system.*` and `v2.subscription.updated` are
// control.
//
// Keeps its buffers: one per thread. Not thread-safe. The table must outlive it.
class Decoder {
 public:
  explicit Decoder(const TopicTable& topics) : topics_(topics) {}

  // Items of one payload. Lambda hands over 10,000 records at most, Event Grid 5,000; an entry takes half a kilobyte,
  // so that without a bound a megabyte of "{}," would become 170. An array that goes beyond it is rejected as one item.
  static constexpr std::size_t kItemsMax = 10'000;

  // Appends one entry per item, in order; at least one, also for an empty payload. A bad item rejects only itself.
  void decode(std::string_view payload, const DecodeContext& context, std::vector<Decoded>& out);

 private:
  // The real senders wrap twice at most (SNS inside SQS, Event Grid around EventBridge).
  static constexpr int kWrapsMax = 8;
  static constexpr std::size_t kTextsMax = 4;

  struct Frame {
    std::string_view item;     // what a rejection carries
    std::optional<Form> form;  // of the outermost wrapper
    std::size_t texts = 0;     // JSON texts around this one
    int wraps = 0;
    bool in_array = false;
    bool is_cloud_data = false;       // of binary mode: the event may stand in `message`
    std::string_view cloud_source{};  // of the innermost CloudEvent around this
    std::string_view cloud_id{};
    std::string_view handed_org{};  // by another hub
    std::string_view handed_id{};
  };
  // Parts of a notification that only its wrapping knows.
  struct Notification;

  void text(std::string_view text, Frame frame);
  void value(json::Value value, Frame frame);
  void object(json::Value object, Frame frame);
  bool fits(json::Value array, const Frame& frame);
  bool wrapper(json::Value object, const Frame& frame);
  void binary(std::string_view payload, const CloudAttributes& attributes, Frame frame);
  void cloud_event(json::Value object, Frame frame);
  void records(json::Value list, const Frame& frame);
  void wrapped(std::optional<json::Value> inner, Frame frame, std::string_view member);
  void envelope(json::Value object, const Frame& frame);
  void bare(json::Value object, const Frame& frame);
  void flat(json::Value object, const Frame& frame);
  bool is_control(std::string_view topic_name, const Frame& frame);
  void accept(const Notification& notification, const Frame& frame);
  void reject(Reason reason, std::string detail, const Frame& frame);

  const TopicTable& topics_;
  std::array<json::Document, kTextsMax> documents_;
  std::array<std::string, kTextsMax> decoded_;  // data_base64 by texts around it; documents_ point into it
  json::Canonical canonical_;
  std::string scratch_;
  const DecodeContext* context_ = nullptr;
  std::vector<Decoded>* out_ = nullptr;
  std::size_t begin_ = 0;  // where this payload's entries begin in *out_
};

}  // namespace trunkline::event
