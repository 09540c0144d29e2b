#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "event/decoder.hpp"

// For tests only.
namespace trunkline::event::testing {

inline const TopicTable& topics() {
  static const TopicTable table = std::move(TopicTable::make()).value();
  return table;
}

inline std::vector<Decoded> decode_all(std::string_view payload, std::string_view default_org = {}) {
  Decoder decoder(topics());
  std::vector<Decoded> out;
  decoder.decode(payload, {.default_org = default_org}, out);
  return out;
}

// The only event of the payload; fails a check when it is none.
inline Event decode_event(std::string_view payload, std::string_view default_org = {}) {
  auto all = decode_all(payload, default_org);
  TRUNKLINE_CHECK(all.size() == 1, "one item expected");
  if (const auto* rejected = std::get_if<Rejected>(&all[0])) {
    TRUNKLINE_CHECK(false, std::string(name(rejected->reason)) + ": " + rejected->detail);
  }
  return std::get<Event>(std::move(all[0]));
}

// "reason: detail" of the only item, or "accepted".
inline std::string rejection_of(std::string_view payload) {
  const auto all = decode_all(payload);
  TRUNKLINE_CHECK(all.size() == 1, "one item expected");
  const auto* rejected = std::get_if<Rejected>(&all[0]);
  return rejected == nullptr ? "accepted" : std::string(name(rejected->reason)) + ": " + rejected->detail;
}

// An EventBridge envelope around the topic and body.
inline std::string envelope(std::string_view topic_name, std::string_view body, std::string_view id = "e-1",
                            std::string_view timestamp = "2026-03-02T14:00:00.064Z", std::string_view org = "org-1") {
  std::string text = R"({"version":"0","id":")";
  text.append(id).append(R"(","detail-type":"v2.test","source":"aws.partner/genesys.com/cloud/)").append(org);
  text += R"(/hub","account":"111122223333","time":"2026-03-02T14:00:00Z","region":"us-east-1","resources":[],)";
  text.append(R"("detail":{"topicName":")").append(topic_name).append(R"(","version":"2","eventBody":)").append(body);
  text += R"(,"metadata":{"CorrelationId":"c-1"})";
  if (!timestamp.empty()) text.append(R"(,"timestamp":")").append(timestamp).append("\"");
  return text + "}}";
}

}  // namespace trunkline::event::testing
