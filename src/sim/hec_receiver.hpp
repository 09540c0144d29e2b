#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_types.hpp"

namespace trunkline::sim {

// A Splunk HTTP Event Collector's side of the protocol, without the hub's own code for the other side.

// /services/collector, …/event and …/event/1.0; and …/health.
bool is_hec_event_path(std::string_view path);
bool is_hec_health_path(std::string_view path);

struct HecEvent {
  std::string event;           // the bytes of its member `event`
  std::uint64_t sequence = 0;  // trunkline_sequence among its fields; 0: not there
  std::string consumer;        // trunkline_consumer
  bool gap_before = false;     // whether trunkline_gap_before is there
  bool redriven = false;       // whether trunkline_redriven is
};
struct HecFault {
  int status = 400;
  int code = 0;
  std::string_view text;
  std::optional<std::size_t> event;  // the first one at fault
};
struct HecBatch {
  std::vector<HecEvent> events;
  std::optional<HecFault> fault;  // of the request; nothing of it counts
};
// Any token will do, but there must be one. The whole request is taken or refused, while Splunk keeps the events before
// the bad one: a sender that takes them for delivered loses them here, and is found out.
HecBatch read_hec(const net::HttpRequest& request);

// The answer with Splunk's code for a status that the receiver was told to give; `event` is the one that it does not like.
net::HttpResponse hec_response(int status, std::optional<std::size_t> event = std::nullopt);
net::HttpResponse hec_response(const HecFault& fault);
net::HttpResponse hec_health(int status);

}  // namespace trunkline::sim
