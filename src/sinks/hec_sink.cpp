#include "sinks/hec_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/crypto.hpp"
#include "json/writer.hpp"
#include "net/content_coding.hpp"
#include "sinks/detail.hpp"
#include "sinks/hec_verdict.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::Result;

constexpr std::string_view kCollector = "/services/collector";
constexpr std::size_t kBatchMessagesMax = 10'000;
constexpr std::size_t kBatchBytesMax = 64 << 20;
constexpr std::size_t kTokenBytesMax = 1'024;

// People paste either the server's address or the whole endpoint.
std::string base_of(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  for (const std::string_view endpoint :
       {std::string_view("/services/collector/event/1.0"), std::string_view("/services/collector/event"), kCollector}) {
    if (!url.ends_with(endpoint)) continue;
    url.remove_suffix(endpoint.size());
    break;
  }
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

struct Sourcetype {
  std::string_view pattern;  // of the topic: a beginning
  std::string_view end;      // and an end
  std::string_view name;
};
// props.conf of the add-on. The first one that fits.
constexpr std::array kSourcetypes = {
    Sourcetype{"v2.detail.events.conversation.", "", "genesyscloud:analytics:conversations:details"},
    Sourcetype{"v2.audits.", "", "genesyscloud:operational:audits"},
    Sourcetype{"v2.analytics.queues.", ".observations", "genesyscloud:analytics:queues:observations"},
    Sourcetype{"v2.analytics.flow.", "", "genesyscloud:analytics:flows:metrics"},
    Sourcetype{"v2.analytics.users.", ".aggregates", "genesyscloud:users:users:aggregates"},
    Sourcetype{"v2.users.", ".routingStatus", "genesyscloud:users:users:routingstatus"},
    Sourcetype{"v2.telephony.providers.edges.phones.", "", "genesyscloud:telephonyprovidersedge:edges:phones"},
    Sourcetype{"v2.telephony.providers.edges.trunks.", ".metrics",
               "genesyscloud:telephonyprovidersedge:trunks:metrics"},
    Sourcetype{"v2.telephony.providers.edges.", ".metrics", "genesyscloud:telephonyprovidersedge:edges:metrics"},
};

std::string time_of(const engine::Record& record) {
  const std::int64_t millis = happened_at(record).time_since_epoch().count();
  return fmt::format("{}.{:03}", millis / 1'000, millis % 1'000);
}

void add(json::Writer& writer, std::string_view name, std::string_view value) {
  if (!value.empty()) writer.member(name, value);
}

base::Error without(const std::string& token, const base::Error& error) {
  return {error.code, detail_text(error.detail, std::span(&token, 1))};
}

// What a collector without fault answers to an empty body of a good token.
Result<std::string> token_found(const Result<net::ClientResponse>& answer, const std::string& url,
                                const std::string& health) {
  constexpr std::int64_t kNoData = 5;
  if (!answer.ok()) return unreachable(url, answer.error());
  const auto said = parse_hec_answer(answer->body);
  if (!said)
    return {
        Errc::unavailable,
        fmt::format("{}, but it is no Splunk HTTP Event Collector: it answers {} to an empty request; correct the url",
                    reachable(url), answer->status)};
  if (said->code == kNoData) return fmt::format("{}; {}, token accepted", reachable(url), health);
  std::string_view advice = hec_advice(said->code);
  if (advice.empty()) advice = "look into Splunk's documentation of this code";
  return {
      answer->status == 401 || answer->status == 403 ? Errc::unauthenticated : Errc::unavailable,
      fmt::format("{}; {}, but it answers {} (code {}): {}", reachable(url), health, said->text, said->code, advice)};
}

// Nothing when the token can be tried.
std::optional<base::Error> health_error(const Result<net::ClientResponse>& answer, const std::string& url) {
  if (!answer.ok()) return unreachable(url, answer.error());
  if (answer->status != 503) return std::nullopt;
  const auto said = parse_hec_answer(answer->body);
  return base::Error{Errc::unavailable, fmt::format("{}, but Splunk takes no events now: {}", reachable(url),
                                                    said ? said->text : std::string("it answers 503"))};
}

std::string health_text(const net::ClientResponse& answer) {
  constexpr std::int64_t kHealthy = 17;
  const auto said = parse_hec_answer(answer.body);
  return said && said->code == kHealthy ? "Splunk HEC healthy" : "health unknown";
}

Result<std::string> ack_found(const Result<net::ClientResponse>& answer, const std::string& url,
                              const std::string& found) {
  if (!answer.ok()) return unreachable(url, answer.error());
  if (parse_hec_acks(answer->body, 1)) return found + ", indexer acknowledgement enabled";
  const auto said = parse_hec_answer(answer->body);
  return {Errc::unavailable,
          fmt::format("{}, but it answers {} when asked for an acknowledgement: enable indexer acknowledgement for the "
                      "token, or take ack out of the sink",
                      found,
                      said ? fmt::format("{} (code {})", said->text, said->code) : fmt::format("{}", answer->status))};
}

}  // namespace

Result<void> validate(const HecOptions& o) {
  TRUNKLINE_TRY_VOID(validate_url(o.url));
  if (o.url.find_first_of("?#") != std::string::npos) return {Errc::invalid, "url must have no query and no fragment"};
  const auto visible = [](char c) { return c > ' ' && c < 0x7F; };
  if (o.token.empty() || o.token.size() > kTokenBytesMax || !std::all_of(o.token.begin(), o.token.end(), visible))
    return {Errc::invalid, "token must be the text that Splunk shows for the input, without blanks"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kBatchBytesMax)
    return {Errc::invalid, "batch bytes must be 1 to 64 MiB"};
  if (o.ack && (o.ack->poll_every < base::Millis(10) || o.ack->poll_every > o.ack->timeout ||
                o.ack->timeout > std::chrono::hours(1)))
    return {Errc::invalid, "acknowledgement must have 10ms <= poll_every <= timeout <= 1h"};
  return validate_timeouts(o.connect_timeout, o.timeout);
}

std::string sourcetype_of(const event::Event& event) {
  for (const Sourcetype& each : kSourcetypes) {
    if (event.topic_name.starts_with(each.pattern) && event.topic_name.ends_with(each.end))
      return std::string(each.name);
  }
  return "genesyscloud:" + (event.category.empty() ? std::string("unknown") : event.category);
}

std::string hec_channel(std::string_view consumer, std::string_view url) {
  std::string id = base::sha256(fmt::format("trunkline hec channel\n{}\n{}", consumer, url)).substr(0, 16);
  id[6] = static_cast<char>((id[6] & 0x0F) | 0x80);  // version 8
  id[8] = static_cast<char>((id[8] & 0x3F) | 0x80);  // variant
  std::string text = base::hex_encode(id);
  for (const std::size_t place : {20u, 16u, 12u, 8u}) text.insert(place, 1, '-');
  return text;
}

Result<std::unique_ptr<HecSink>> HecSink::make(HecOptions options, Renderer renderer,
                                               std::unique_ptr<HttpSender> sender, const base::Clock& clock,
                                               base::Loop* loop) {
  TRUNKLINE_TRY_VOID(validate(options));
  if (options.ack && loop == nullptr) return {Errc::invalid, "acknowledgement needs a loop"};
  Renderer body = renderer_for(options.body, std::move(renderer));
  return std::unique_ptr<HecSink>(new HecSink(std::move(options), std::move(body), std::move(sender), clock, loop));
}

HecSink::HecSink(HecOptions options, Renderer renderer, std::unique_ptr<HttpSender> sender, const base::Clock& clock,
                 base::Loop* loop)
    : options_(std::move(options)),
      base_url_(base_of(options_.url)),
      channel_(hec_channel(options_.consumer, base_url_)),
      renderer_(std::move(renderer)),
      sender_(std::move(sender)),
      clock_(clock),
      acks_(options_.ack ? std::make_shared<HecAcks>(*loop, sender_, request("/ack?channel=" + channel_), *options_.ack,
                                                     std::vector{options_.token})
                         : nullptr) {}

delivery::SinkLimits HecSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

net::ClientRequest HecSink::request(std::string_view path) const {
  net::ClientRequest request;
  request.url = fmt::format("{}{}{}", base_url_, kCollector, path);
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  request.headers = {{"Authorization", "Splunk " + options_.token},
                     {"Content-Type", "application/json"},
                     {"X-Splunk-Request-Channel", channel_}};
  return request;
}

void HecSink::append_event(std::string& body, const engine::LeasedMessage& message,
                           const delivery::Batch& batch) const {
  const engine::Record& record = *message.record;
  const event::Event& event = record.event;
  json::Writer writer(body);
  writer.begin_object().key("time").raw(time_of(record));
  add(writer, "host", options_.host);
  add(writer, "source",
      !options_.source.empty() ? options_.source
      : event.source.empty()   ? record.source_name
                               : event.source);
  add(writer, "sourcetype", options_.sourcetype.empty() ? sourcetype_of(event) : options_.sourcetype);
  add(writer, "index", options_.index);
  writer.key("fields").begin_object();
  writer.member("trunkline_sequence", fmt::format("{}", record.sequence.value));
  add(writer, "trunkline_consumer", batch.consumer);
  add(writer, "trunkline_mapping", batch.mapping);
  add(writer, "trunkline_lane", event::group_text(event, options_.order));
  if (message.gap_before) writer.member("trunkline_gap_before", fmt::format("{}", message.gap_before->value));
  if (message.redriven) writer.member("trunkline_redriven", "true");
  if (message.order != 0) writer.member("trunkline_order", fmt::format("{}", message.order));
  if (message.late) writer.member("trunkline_late", "true");
  if (message.edited) writer.member("trunkline_edited", "true");
  if (message.replay) writer.member("trunkline_replay", fmt::format("{}", message.replay->value));
  add(writer, "eventType", event.event_type);
  add(writer, "eventCategory", event.category);
  add(writer, "orgId", event.org_id);
  add(writer, "conversationId", event.conversation_id);
  add(writer, "userId", event.user_id);
  add(writer, "queueId", event.queue_id);
  add(writer, "mediaType", event.media_type);
  writer.end_object();
  writer.key("event").raw(renderer_(record)).end_object();
}

void HecSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  net::ClientRequest post = request("/event");
  for (const engine::LeasedMessage& message : batch.messages) {
    if (!post.body.empty()) post.body += '\n';
    append_event(post.body, message, batch);
  }
  if (options_.gzip) {
    post.body = net::gzip_bytes(post.body);
    post.headers.emplace_back("Content-Encoding", "gzip");
  }
  post.headers.emplace_back("trunkline-attempt", std::to_string(batch.attempt));
  if (acks_) return send_for_ack(std::move(post), batch.messages.size(), std::move(done));
  // Nothing of this object: the answer may come after it has gone.
  sender_->send(std::move(post), [events = batch.messages.size(), clock = &clock_, token = options_.token,
                                  done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    done(hec_verdict(answer, events, clock->wall(), std::span(&token, 1)));
  });
}

// On a channel of its own: an acknowledgement that is asked for is forgotten.
std::optional<net::ClientRequest> HecSink::ack_question() const {
  if (!acks_) return std::nullopt;
  const std::string channel = hec_channel(options_.consumer + "\nprobe", base_url_);
  net::ClientRequest question = request("/ack?channel=" + channel);
  for (auto& [name, value] : question.headers) {
    if (name == "X-Splunk-Request-Channel") value = channel;
  }
  question.body = R"({"acks":[0]})";
  return question;
}

void HecSink::send_for_ack(net::ClientRequest post, std::size_t events,
                           base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  if (const std::string cookies = acks_->cookies(); !cookies.empty()) post.headers.emplace_back("Cookie", cookies);
  sender_->send(std::move(post), [life = std::weak_ptr(acks_), events, clock = &clock_, token = options_.token,
                                  done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    delivery::BatchVerdict verdict = hec_verdict(answer, events, clock->wall(), std::span(&token, 1));
    const auto acks = life.lock();
    if (acks && answer.ok()) acks->learn(answer->headers);
    if (verdict.refused || verdict.events.front().verdict != delivery::Verdict::delivered)
      return done(std::move(verdict));
    const auto said = parse_hec_answer(answer->body);
    // A sink that has ended asks no more: whoever comes next sends it again.
    if (acks && said && said->ack_id) return acks->wait(*said->ack_id, events, std::move(done));
    for (delivery::EventVerdict& each : verdict.events) {
      each = {
          delivery::Verdict::unavailable,
          {},
          "hec_no_ack",
          "Splunk has taken it and gives no number to ask for its acknowledgement by: enable indexer acknowledgement "
          "for the token, or take ack out of the sink"};
    }
    done(std::move(verdict));
  });
}

void HecSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  net::ClientRequest health = request("/health");
  health.method = "GET";
  // The sender may have gone with the sink before the first answer: then there is no second question.
  sender_->send(std::move(health), [sender = std::weak_ptr(sender_), empty = request("/event"), ack = ack_question(),
                                    url = base_url_, token = options_.token,
                                    done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (const auto error = health_error(answer, url)) return done(without(token, *error));
    const auto alive = sender.lock();
    if (!alive) return done(base::Error{Errc::cancelled, "the sink has ended"});
    alive->send(std::move(empty), [sender, ack = std::move(ack), health = health_text(*answer), url, token,
                                   done = std::move(done)](Result<net::ClientResponse> second) mutable {
      Result<std::string> found = token_found(second, url, health);
      if (!found.ok()) return done(without(token, found.error()));
      const auto still = sender.lock();
      if (!ack || !still) return done(std::move(found));
      still->send(std::move(*ack), [found = std::move(*found), url, token,
                                    done = std::move(done)](const Result<net::ClientResponse>& third) mutable {
        Result<std::string> all = ack_found(third, url, found);
        if (all.ok()) return done(std::move(all));
        done(without(token, all.error()));
      });
    });
  });
}

}  // namespace trunkline::sinks
