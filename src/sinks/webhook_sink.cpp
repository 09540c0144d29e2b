#include "sinks/webhook_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "sinks/credentials.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/http_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using Layout = WebhookOptions::Layout;

constexpr std::size_t kHeadersMax = 32;
constexpr std::size_t kBatchMessagesMax = 500;
constexpr std::size_t kBatchBytesMax = 16 << 20;

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_ours(std::string_view name) {
  const auto begins = [&](std::string_view prefix) {
    return name.size() >= prefix.size() && net::equal_ignoring_case(name.substr(0, prefix.size()), prefix);
  };
  return begins("webhook-") || begins("trunkline-") || net::equal_ignoring_case(name, "content-length") ||
         net::equal_ignoring_case(name, "transfer-encoding") || net::equal_ignoring_case(name, "connection");
}

base::Result<void> validate_headers(const net::Headers& headers) {
  if (headers.size() > kHeadersMax) return {Errc::invalid, fmt::format("at most {} headers", kHeadersMax)};
  for (const auto& [name, value] : headers) {
    if (!is_token(name)) return {Errc::invalid, fmt::format("'{}' is no header name", name)};
    if (is_ours(name)) return {Errc::invalid, fmt::format("header '{}' is set by the hub", name)};
    if (!is_header_value(value)) return {Errc::invalid, fmt::format("header '{}' holds a control character", name)};
  }
  return {};
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c > ' ' && c < 0x7F && c != '%') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

void append_item(std::string& list, std::string_view item) {
  if (!list.empty()) list += ',';
  list += item;
}

void add_event_headers(net::Headers& headers, const delivery::Batch& batch) {
  std::string sequences;
  std::string gaps;
  std::string redriven;
  std::string replayed;
  std::string edited;
  std::string late;
  std::string orders;
  const bool ordered = std::ranges::any_of(batch.messages, [](const auto& message) { return message.order != 0; });
  for (const engine::LeasedMessage& message : batch.messages) {
    const std::string sequence = std::to_string(message.record->sequence.value);
    append_item(sequences, sequence);
    if (message.gap_before) append_item(gaps, fmt::format("{}={}", sequence, message.gap_before->value));
    if (message.redriven) append_item(redriven, sequence);
    if (message.edited) append_item(edited, sequence);
    if (message.late) append_item(late, sequence);
    if (ordered) append_item(orders, message.order != 0 ? std::to_string(message.order) : sequence);
    if (message.replay) append_item(replayed, fmt::format("{}={}", sequence, message.replay->value));
  }
  headers.emplace_back("trunkline-consumer", percent_encoded(batch.consumer));
  headers.emplace_back("trunkline-sequence", std::move(sequences));
  headers.emplace_back("trunkline-attempt", std::to_string(batch.attempt));
  if (!orders.empty()) headers.emplace_back("trunkline-order", std::move(orders));
  if (!late.empty()) headers.emplace_back("trunkline-late", std::move(late));
  if (!gaps.empty()) headers.emplace_back("trunkline-gap-before", std::move(gaps));
  if (!redriven.empty()) headers.emplace_back("trunkline-redriven", std::move(redriven));
  if (!edited.empty()) headers.emplace_back("trunkline-edited", std::move(edited));
  if (!replayed.empty()) headers.emplace_back("trunkline-replay", std::move(replayed));
  if (!batch.mapping.empty()) headers.emplace_back("trunkline-mapping", batch.mapping);
}

}  // namespace

base::Result<void> validate(const WebhookOptions& o) {
  TRUNKLINE_TRY_VOID(validate_url(o.url));
  TRUNKLINE_TRY_VOID(validate_headers(o.headers));
  if (o.method != "POST" && o.method != "PUT") return {Errc::invalid, "method must be POST or PUT"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kBatchBytesMax)
    return {Errc::invalid, "batch bytes must be 1 to 16 MiB"};
  TRUNKLINE_TRY_VOID(validate_timeouts(o.connect_timeout, o.timeout));
  auto signer = WebhookSigner::make(o.secrets);
  if (!signer.ok()) return signer.error();
  return {};
}

// The sequence alone would repeat after a new start on an empty store, the sender's ids are shared by conflicting
// bodies. A replay is another message: a receiver that keeps ids is meant to take it.
std::string webhook_id(const std::vector<engine::LeasedMessage>& messages) {
  const engine::Record& first = *messages.front().record;
  if (messages.size() == 1) {
    const auto& replay = messages.front().replay;
    return fmt::format("evt_{}_{}{}", first.sequence.value, first.accepted_at.time_since_epoch().count(),
                       replay ? fmt::format("_replay{}", replay->value) : "");
  }
  std::string all;
  for (const engine::LeasedMessage& message : messages) {
    base::put_u64(all, message.record->sequence.value);
    base::put_u64(all, static_cast<std::uint64_t>(message.record->accepted_at.time_since_epoch().count()));
    if (message.replay) base::put_string(all, fmt::format("replay {}", message.replay->value));
  }
  return "bat_" + base::hex_encode(base::view(base::hash128(all)));
}

base::Result<std::unique_ptr<WebhookSink>> WebhookSink::make(WebhookOptions options, Renderer renderer,
                                                             std::unique_ptr<HttpSender> sender,
                                                             const base::Clock& clock) {
  TRUNKLINE_TRY_VOID(validate(options));
  TRUNKLINE_TRY(WebhookSigner signer, WebhookSigner::make(options.secrets));
  Renderer body = renderer_for(options.body, std::move(renderer));
  return std::unique_ptr<WebhookSink>(
      new WebhookSink(std::move(options), std::move(signer), std::move(body), std::move(sender), clock));
}

WebhookSink::WebhookSink(WebhookOptions options, WebhookSigner signer, Renderer renderer,
                         std::unique_ptr<HttpSender> sender, const base::Clock& clock)
    : options_(std::move(options)),
      signer_(std::move(signer)),
      renderer_(std::move(renderer)),
      sender_(std::move(sender)),
      clock_(clock),
      secrets_(std::make_shared<const std::vector<std::string>>(credentials(options_.headers))) {}

delivery::SinkLimits WebhookSink::limits() const {
  return {options_.layout == Layout::single ? 1 : options_.batch_messages_max, options_.batch_bytes_max};
}

std::string WebhookSink::body_of(const delivery::Batch& batch) const {
  if (options_.layout == Layout::single) return renderer_(*batch.messages.front().record);
  std::string body;
  for (const engine::LeasedMessage& message : batch.messages) {
    std::string event = renderer_(*message.record);
    if (options_.layout == Layout::ndjson) {
      to_one_line(event);
      body += event;
      body += '\n';
    } else {
      body += body.empty() ? '[' : ',';
      body += event;
    }
  }
  if (options_.layout == Layout::json_array) body += ']';
  return body;
}

void WebhookSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  net::ClientRequest request;
  request.method = options_.method;
  request.url = options_.url;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  request.body = body_of(batch);
  request.headers = options_.headers;
  if (!net::find_header(request.headers, "Content-Type")) {
    const bool lines = options_.layout == Layout::ndjson;
    request.headers.emplace_back("Content-Type", lines ? "application/x-ndjson" : "application/json");
  }
  const std::string id = webhook_id(batch.messages);
  const auto timestamp = std::chrono::floor<std::chrono::seconds>(clock_.wall()).time_since_epoch().count();
  request.headers.emplace_back("webhook-id", id);
  request.headers.emplace_back("webhook-timestamp", std::to_string(timestamp));
  if (!signer_.empty()) request.headers.emplace_back("webhook-signature", signer_.sign(id, timestamp, request.body));
  add_event_headers(request.headers, batch);
  // Nothing of this object: the answer may come after it has gone.
  sender_->send(std::move(request), [events = batch.messages.size(), clock = &clock_, secrets = secrets_,
                                     done = std::move(done)](base::Result<net::ClientResponse> answer) mutable {
    done(http_verdict(answer, events, clock->wall(), *secrets));
  });
}

void WebhookSink::probe(base::UniqueFunction<void(base::Result<std::string>)> done) {
  net::ClientRequest request;
  request.method = "OPTIONS";
  request.url = options_.url;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  request.headers = options_.headers;
  sender_->send(std::move(request),
                [url = options_.url, done = std::move(done)](base::Result<net::ClientResponse> answer) mutable {
                  if (!answer.ok()) return done(unreachable(url, answer.error()));
                  done(fmt::format("{}; OPTIONS is answered {}", reachable(url), answer->status));
                });
}

}  // namespace trunkline::sinks
