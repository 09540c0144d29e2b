#include "sinks/hub_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "json/writer.hpp"
#include "net/content_coding.hpp"
#include "sinks/bulk_document.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/hub_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;

constexpr std::size_t kBatchMessagesMax = 10'000;  // event::Decoder::kItemsMax
constexpr std::size_t kBatchBytesMax = 16 << 20;
// Of an answer: 64 KiB and, for each event, its id and more than the rest of a result takes.
constexpr std::size_t kAnswerBytes = 64 << 10;
constexpr std::size_t kAnswerBytesPerEvent = 1 << 10;

std::string path_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::size_t slash = url.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string() : std::string(url.substr(slash));
}

Result<std::string> found_by(const net::ClientResponse& answer, const std::string& url) {
  if (answer.status == 405) return fmt::format("{}; it takes events, and the key is good", reachable(url));
  if (answer.status == 401) {
    return {Errc::unauthenticated,
            fmt::format("{}, but it answers 401: correct the sink's api_key and header", reachable(url))};
  }
  return {
      Errc::unavailable,
      fmt::format("{}, but it answers {} to a GET, where a source of a hub answers 405: {}; correct the url, or add "
                  "the source there",
                  reachable(url), answer.status, detail_text(answer.body, {}, kDetailBytesMax / 2))};
}

}  // namespace

Result<void> validate(const HubOptions& o) {
  TRUNKLINE_TRY_VOID(validate_url(o.url));
  if (path_of(o.url).find("/ingest/") == std::string::npos)
    return {Errc::invalid, "url must be that of a source: https://hub.example/ingest/NAME"};
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (o.header.empty() || !std::ranges::all_of(o.header, is_name))
    return {Errc::invalid, "header must be a header's name"};
  if (!is_header_value(o.api_key)) return {Errc::invalid, "api_key holds a control character"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kBatchBytesMax)
    return {Errc::invalid, "batch bytes must be 1 to 16 MiB"};
  return validate_timeouts(o.connect_timeout, o.timeout);
}

std::string hand_over_of(const engine::Record& record) {
  const event::Event& event = record.event;
  std::string id = event.envelope_id;
  // Without any identity the other hub would store each repeat. Where there is a content key it makes it by itself.
  if (id.empty() && !event.content_identity) id = "trunkline " + document_id(record);
  std::string text;
  json::Writer writer(text);
  writer.begin_object().key("trunklineHandOver").begin_object();
  if (!event.org_id.empty()) writer.member("org", event.org_id);
  if (!id.empty()) writer.member("id", id);
  writer.end_object().key("event").raw(event.raw).end_object();
  return text;
}

Result<std::unique_ptr<HubSink>> HubSink::make(HubOptions options, std::unique_ptr<HttpSender> sender,
                                               const base::Clock& clock) {
  TRUNKLINE_TRY_VOID(validate(options));
  return std::unique_ptr<HubSink>(new HubSink(std::move(options), std::move(sender), clock));
}

HubSink::HubSink(HubOptions options, std::unique_ptr<HttpSender> sender, const base::Clock& clock)
    : options_(std::move(options)),
      sender_(std::move(sender)),
      clock_(clock),
      secrets_(std::make_shared<const std::vector<std::string>>(
          options_.api_key.empty() ? std::vector<std::string>() : std::vector<std::string>{options_.api_key})) {}

delivery::SinkLimits HubSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

net::ClientRequest HubSink::request(std::string_view method) const {
  net::ClientRequest request;
  request.method = method;
  request.url = options_.url;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  if (!options_.api_key.empty()) request.headers.emplace_back(options_.header, options_.api_key);
  return request;
}

void HubSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  net::ClientRequest post = request("POST");
  for (const engine::LeasedMessage& message : batch.messages) {
    post.body += post.body.empty() ? '[' : ',';
    post.body += hand_over_of(*message.record);
  }
  post.body += ']';
  post.headers.emplace_back("Content-Type", "application/json");
  if (options_.gzip) {
    post.body = net::gzip_bytes(post.body);
    post.headers.emplace_back("Content-Encoding", "gzip");
  }
  post.headers.emplace_back("trunkline-attempt", std::to_string(batch.attempt));
  post.response_bytes_max = kAnswerBytes;
  for (const engine::LeasedMessage& message : batch.messages)
    post.response_bytes_max += kAnswerBytesPerEvent + 6 * message.record->event.envelope_id.size();  // all escaped
  // Nothing of this object: the answer may come after it has gone.
  sender_->send(std::move(post),
                [events = batch.messages.size(), clock = &clock_, secrets = secrets_, shadow = options_.shadow,
                 done = std::move(done)](Result<net::ClientResponse> answer) mutable {
                  if (shadow) return done({false, std::vector<delivery::EventVerdict>(events)});
                  done(hub_verdict(answer, events, clock->wall(), *secrets));
                });
}

void HubSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  sender_->send(request("GET"), [url = options_.url, secrets = secrets_,
                                 done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (!answer.ok()) return done(unreachable(url, answer.error()));
    Result<std::string> found = found_by(*answer, url);
    if (found.ok()) return done(std::move(found));
    done(base::Error{found.error().code, detail_text(found.error().detail, *secrets)});
  });
}

}  // namespace trunkline::sinks
