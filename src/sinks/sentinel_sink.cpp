#include "sinks/sentinel_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "json/writer.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/intake.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;

constexpr std::size_t kBatchMessagesMax = 10'000;
bool is_segment(std::string_view text) {
  return !text.empty() && text.size() <= 200 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::string url_of(const SentinelOptions& o) {
  std::string_view endpoint = o.endpoint;
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  return fmt::format("{}/dataCollectionRules/{}/streams/{}?api-version=2023-01-01", endpoint, o.rule, o.stream);
}

std::string_view advice_for(int status) {
  switch (status) {
    case 401:
      return "the token is not for this service: correct scope, tenant and client";
    case 403:
      return "give the application the role Monitoring Metrics Publisher on the rule; it takes up to half an hour";
    case 404:
      return "correct the rule's immutable id, the stream, or the endpoint, which must be of the rule's region";
    default:
      return "correct the endpoint";
  }
}

}  // namespace

Result<void> validate(const SentinelOptions& o) {
  TRUNKLINE_TRY_VOID(validate_url(o.endpoint));
  if (o.endpoint.find_first_of("?#") != std::string::npos)
    return {Errc::invalid, "endpoint must have no query and no fragment"};
  if (!is_segment(o.rule)) return {Errc::invalid, "rule must be the immutable id of a data collection rule: dcr-…"};
  if (!is_segment(o.stream)) return {Errc::invalid, "stream must be the name of the rule's stream: Custom-Genesys_CL"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kSentinelRequestMax)
    return {Errc::invalid, "batch bytes must be 1 to 1 MB"};
  return validate_timeouts(o.connect_timeout, o.timeout);
}

Result<std::unique_ptr<SentinelSink>> SentinelSink::make(SentinelOptions options, Renderer renderer,
                                                         std::unique_ptr<HttpSender> sender, base::Loop& loop) {
  TRUNKLINE_TRY_VOID(validate(options));
  Renderer body = renderer_for(options.body, std::move(renderer));
  return std::unique_ptr<SentinelSink>(new SentinelSink(std::move(options), std::move(body), std::move(sender), loop));
}

SentinelSink::SentinelSink(SentinelOptions options, Renderer renderer, std::unique_ptr<HttpSender> sender,
                           base::Loop& loop)
    : options_(std::move(options)),
      url_(url_of(options_)),
      renderer_(std::move(renderer)),
      sender_(std::move(sender)),
      loop_(loop) {}

delivery::SinkLimits SentinelSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

net::ClientRequest SentinelSink::request() const {
  net::ClientRequest request;
  request.url = url_;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  request.headers = {{"Content-Type", "application/json"}};
  return request;
}

IntakeItem SentinelSink::row_of(const engine::LeasedMessage& message, const delivery::Batch& batch) const {
  const std::string body = renderer_(*message.record);
  const engine::Record& record = *message.record;
  const event::Event& event = record.event;
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("TimeGenerated", base::format_time(happened_at(record)));
  append_member(writer, "EventId", event.envelope_id);
  append_member(writer, "EventType", event.event_type);
  append_member(writer, "Category", event.category);
  append_member(writer, "Topic", event.topic_name);
  append_member(writer, "OrgId", event.org_id);
  append_member(writer, "ConversationId", event.conversation_id);
  append_member(writer, "UserId", event.user_id);
  append_member(writer, "QueueId", event.queue_id);
  append_member(writer, "MediaType", event.media_type);
  append_member(writer, "Source", event.source.empty() ? record.source_name : event.source);
  writer.member("Sequence", record.sequence.value);
  writer.key("Delivery").begin_object();
  append_delivery_members(writer, message, batch, options_.order);
  writer.end_object();
  writer.key("Event").raw(body).end_object();
  return {std::move(out), body.size()};
}

void SentinelSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  IntakeArray array = make_intake_array(batch, {kSentinelColumnMax, kSentinelRequestMax, "sentinel_too_long"},
                                        [&](const engine::LeasedMessage& message) { return row_of(message, batch); });
  send_intake_array({request(), options_.gzip, {}}, std::move(array), batch, *sender_, loop_, std::move(done));
}

void SentinelSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  net::ClientRequest empty = request();
  empty.body = "[]";
  sender_->send(std::move(empty), [url = url_, done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (!answer.ok()) return done(unreachable(url, answer.error()));
    if (answer->status / 100 == 2 || answer->status == 400)
      return done(fmt::format("{}; token, rule and stream accepted", reachable(url)));
    done(base::Error{answer->status == 401 || answer->status == 403 ? Errc::unauthenticated : Errc::unavailable,
                     fmt::format("{}, but it answers {} to an empty request: {}; {}", reachable(url), answer->status,
                                 detail_text(answer->body, {}, 200), advice_for(answer->status))});
  });
}

}  // namespace trunkline::sinks
