#include "sim/hec_receiver.hpp"

#include <charconv>

#include "json/document.hpp"
#include "json/writer.hpp"
#include "sim/event_bytes.hpp"

namespace trunkline::sim {
namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<HecFault> fault_of(const net::HttpRequest& request) {
  constexpr std::string_view kScheme = "Splunk ";
  const std::string_view authorization = request.header("Authorization").value_or("");
  if (authorization.empty()) return HecFault{401, 2, "Token is required", {}};
  if (!authorization.starts_with(kScheme) || authorization.size() == kScheme.size())
    return HecFault{401, 3, "Invalid authorization", {}};
  if (request.body.empty()) return HecFault{400, 5, "No data", {}};
  if (!request.body_error.empty()) return HecFault{400, 6, "Invalid data format", {}};
  return std::nullopt;
}

// Its fault, or nothing when `taken` is filled in.
std::optional<HecFault> read_event(json::Document& document, std::string_view text, HecEvent& taken) {
  const auto root = document.parse(text);
  if (!root.ok() || !root->is(json::Type::object)) return HecFault{400, 6, "Invalid data format", {}};
  const auto event = root->find("event");
  if (!event) return HecFault{400, 12, "Event field is required", {}};
  if (event->is(json::Type::null) || event->raw() == "\"\"")
    return HecFault{400, 13, "Event field cannot be blank", {}};
  taken.event = event->raw();
  const auto fields = root->find("fields");
  if (!fields) return std::nullopt;
  for (auto field = fields->first(); field; field = field->next()) {
    if (field->is(json::Type::object)) return HecFault{400, 15, "Error in handling indexed fields", {}};
  }
  taken.sequence = number(fields->string_at("trunkline_sequence"));
  taken.consumer = fields->string_at("trunkline_consumer");
  taken.gap_before = fields->find("trunkline_gap_before").has_value();
  taken.redriven = fields->find("trunkline_redriven").has_value();
  return std::nullopt;
}

HecFault fault_of_status(int status) {
  switch (status) {
    case 400:
      return {status, 6, "Invalid data format", {}};
    case 401:
      return {status, 3, "Invalid authorization", {}};
    case 403:
      return {status, 4, "Invalid token", {}};
    case 500:
      return {status, 8, "Internal server error", {}};
    default:
      return {status, 9, "Server is busy", {}};
  }
}

}  // namespace

bool is_hec_event_path(std::string_view path) {
  return path == "/services/collector" || path == "/services/collector/event" ||
         path == "/services/collector/event/1.0";
}

bool is_hec_health_path(std::string_view path) {
  return path == "/services/collector/health" || path == "/services/collector/health/1.0";
}

HecBatch read_hec(const net::HttpRequest& request) {
  HecBatch batch;
  batch.fault = fault_of(request);
  if (batch.fault) return batch;
  json::Document document;
  for (const std::string_view text : split_events(request.body)) {
    HecEvent event;
    batch.fault = read_event(document, text, event);
    if (batch.fault) {
      batch.fault->event = batch.events.size();
      return batch;
    }
    batch.events.push_back(std::move(event));
  }
  return batch;
}

net::HttpResponse hec_response(const HecFault& fault) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("text", fault.text).member("code", static_cast<std::int64_t>(fault.code));
  if (fault.event) writer.member("invalid-event-number", static_cast<std::uint64_t>(*fault.event));
  writer.end_object();
  return net::HttpResponse::json(fault.status, std::move(body));
}

net::HttpResponse hec_response(int status, std::optional<std::size_t> event) {
  if (status >= 200 && status < 300) return hec_response(HecFault{status, 0, "Success", {}});
  HecFault fault = fault_of_status(status);
  fault.event = event;
  // These are answered before the collector sees them, or by something in front of it.
  const bool from_collector = status == 400 || status == 401 || status == 403 || status == 500 || status == 503;
  return from_collector ? hec_response(fault) : net::HttpResponse::text(status, "");
}

net::HttpResponse hec_health(int status) {
  if (status >= 200 && status < 300) return hec_response(HecFault{200, 17, "HEC is healthy", {}});
  return hec_response(HecFault{503, 18, "HEC is unhealthy, queues are full", {}});
}

}  // namespace trunkline::sim
