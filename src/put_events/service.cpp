#include "put_events/service.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/uuid.hpp"
#include "json/writer.hpp"

namespace trunkline::put_events {
namespace {

constexpr std::string_view kTargetPrefix = "AWSEvents.";

net::HttpResponse answer(int status, std::string body, const std::string& id) {
  net::HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"x-amzn-RequestId", id}};
  response.body = std::move(body);
  return response;
}

net::HttpResponse fault(std::string_view type, std::string_view message, const std::string& id, int status = 400) {
  std::string body;
  json::Writer(body).begin_object().member("__type", type).member("message", message).end_object();
  return answer(status, std::move(body), id);
}

std::string_view type_of(net::AwsSignatureFault fault) {
  switch (fault) {
    case net::AwsSignatureFault::absent:
      return "MissingAuthenticationTokenException";
    case net::AwsSignatureFault::incomplete:
      return "IncompleteSignatureException";
    case net::AwsSignatureFault::unknown_key:
      return "UnrecognizedClientException";
    case net::AwsSignatureFault::wrong:
      return "InvalidSignatureException";
  }
  return "InternalException";
}

std::string results(const std::vector<Entry>& entries) {
  std::string body;
  json::Writer writer(body);
  std::uint64_t failed = 0;
  for (const Entry& entry : entries) failed += entry.error_code.empty() ? 0 : 1;
  writer.begin_object().member("FailedEntryCount", failed).key("Entries").begin_array();
  for (const Entry& entry : entries) {
    writer.begin_object();
    if (entry.error_code.empty()) {
      writer.member("EventId", entry.event_id);
    } else {
      writer.member("ErrorCode", entry.error_code).member("ErrorMessage", entry.error_message);
    }
    writer.end_object();
  }
  writer.end_array().end_object();
  return body;
}

}  // namespace

Service::Service(ServiceOptions options, SourceOf source_of, Publish publish, const base::Clock& clock)
    : options_(std::move(options)), source_of_(std::move(source_of)), publish_(std::move(publish)), clock_(clock) {}

bool Service::owns(const net::HttpRequest& request) {
  const auto target = request.header("X-Amz-Target");
  return target && target->starts_with(kTargetPrefix);
}

std::optional<net::HttpResponse> Service::refused(const net::HttpRequest& request, const std::string& id) const {
  const net::AwsSignatureCheck check = options_.keys.check(request, "events", options_.where.region, clock_.wall());
  if (check.fault) return fault(type_of(*check.fault), check.detail, id);
  if (!request.body_error.empty()) return fault("SerializationException", request.body_error, id);
  const std::string_view operation = request.header("X-Amz-Target")->substr(kTargetPrefix.size());
  if (operation != "PutEvents")
    return fault("UnknownOperationException", fmt::format("{} is not supported by this hub.", operation.substr(0, 64)),
                 id);
  return std::nullopt;
}

void Service::handle(net::IoLoop& loop, const net::HttpRequest& request, net::Responder respond) const {
  const std::string id = base::random_uuid();
  if (auto response = refused(request, id)) return respond(std::move(*response));
  Call call = read_entries(request.body, options_.where, clock_.wall());
  if (call.fault) return respond(fault("ValidationException", *call.fault, id));
  std::vector<Event> events;
  std::vector<std::size_t> entry_of;
  for (std::size_t i = 0; i < call.entries.size(); ++i) {
    Entry& entry = call.entries[i];
    if (!entry.error_code.empty()) continue;
    auto source = source_of_(entry.bus);
    if (!source) {
      entry.error_code = "ResourceNotFoundException";
      entry.error_message = fmt::format("Event bus {} does not exist.", entry.bus.substr(0, 256));
      continue;
    }
    events.push_back({std::move(*source), std::move(entry.envelope)});
    entry_of.push_back(i);
  }
  if (events.empty()) return respond(answer(200, results(call.entries), id));
  publish_(loop, std::move(events),
           [id, entries = std::move(call.entries), entry_of = std::move(entry_of),
            respond = std::move(respond)](std::vector<std::string> errors) mutable {
             for (std::size_t i = 0; i < entry_of.size() && i < errors.size(); ++i) {
               if (errors[i].empty()) continue;
               entries[entry_of[i]].error_code = "InternalFailure";
               entries[entry_of[i]].error_message = errors[i];
             }
             respond(answer(200, results(entries), id));
           });
}

}  // namespace trunkline::put_events
