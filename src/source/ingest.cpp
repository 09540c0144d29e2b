#include "source/ingest.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <map>

#include "base/check.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"
#include "event/decoder.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::source {

using engine::PublishResult;
using engine::PublishVerdict;

namespace {

// Of a loop, requests that wait for the keys of a token issuer: seconds of a busy sender; their bodies count towards the
// server's own bound.
constexpr std::size_t kWaitingMax = 1024;

net::HttpResponse refusal(int status, std::string_view code, std::string_view message) {
  std::string body;
  json::Writer(body)
      .begin_object()
      .key("error")
      .begin_object()
      .member("code", code)
      .member("message", message)
      .end_object()
      .end_object();
  net::HttpResponse response = net::HttpResponse::json(status, std::move(body));
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

// What a sender can repeat at will is logged the 1st, 2nd, 4th, 8th … time only.
bool worth_a_line(std::atomic<std::uint64_t>& count) {
  return std::has_single_bit(count.fetch_add(1, std::memory_order_relaxed) + 1);
}

std::string_view verdict_name(PublishVerdict verdict) {
  switch (verdict) {
    case PublishVerdict::accepted:
      return "accepted";
    case PublishVerdict::duplicate:
      return "duplicate";
    case PublishVerdict::conflict:
      return "conflict";
    case PublishVerdict::quarantined:
      return "quarantined";
    case PublishVerdict::failed:
      return "failed";
  }
  return "failed";
}

}  // namespace

// What a loop keeps for itself. The router pointer is exchanged by set_router through a post, so that no lock is
// needed.
struct Ingest::LoopPart {
  explicit LoopPart(net::IoLoop& given, const event::TopicTable& topics) : loop(given), decoder(topics) {}
  net::IoLoop& loop;
  event::Decoder decoder;
  std::vector<event::Decoded> decoded;
  std::shared_ptr<const Router> router;
  RouterScratch scratch;
  JwtReader jwt_reader;
  std::size_t waiting = 0;  // requests for keys of token issuers
};

// A request whose credentials wait for the keys of a token issuer.
struct Ingest::Waiting {
  net::HttpRequest request;
  net::Responder respond;
  base::MonoTime began{};
  base::Loop::TimerId timer = 0;
};

// A request whose answer waits for the disk.
struct Ingest::Pending {
  net::IoLoop* loop = nullptr;
  std::size_t source = 0;
  net::Responder respond;
  base::Loop::TimerId timer = 0;
  std::vector<std::string> ids;
  std::vector<bool> ignored;
};

Ingest::Ingest(engine::Engine& engine, const event::TopicTable& topics, std::vector<SourceSpec> sources,
               std::vector<net::IoLoop*> loops, const base::Clock& clock, IngestOptions options)
    : engine_(engine),
      sources_(std::move(sources)),
      clock_(clock),
      options_(std::move(options)),
      tokens_(sources_, options_.token_key) {
  for (const SourceSpec& source : sources_) {
    statistics_.push_back(std::make_unique<SourceStatistics>());
    authenticators_.push_back(std::make_unique<Authenticator>(source, tokens_, *loops.at(0)));
    authenticators_.back()->start();
  }
  for (net::IoLoop* loop : loops) parts_.push_back(std::make_unique<LoopPart>(*loop, topics));
}

Ingest::~Ingest() = default;

void Ingest::set_router(std::shared_ptr<const Router> router) {
  for (const auto& part : parts_) {
    part->loop.post([part = part.get(), router] { part->router = router; });
  }
}

void Ingest::refuse() {
  refusing_.store(true);
}

void Ingest::retire() {
  for (const auto& authenticator : authenticators_) authenticator->retire();
}

const SourceSpec* Ingest::find(std::string_view name) const {
  for (const SourceSpec& source : sources_) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

Ingest::LoopPart& Ingest::part(net::IoLoop& loop) {
  for (const auto& part : parts_) {
    if (&part->loop == &loop) return *part;
  }
  TRUNKLINE_CHECK(false, "a request on a loop that the ingest was not given");
}

net::HttpResponse Ingest::unknown_source(std::string_view name, const net::HttpRequest& request) {
  if (worth_a_line(unknown_sources_))
    base::log::warn("a request for a source that is not configured", "source", name, "peer", request.peer);
  return refusal(503, "unknown_source",
                 fmt::format("no source is named '{}': add it under sources: in the configuration", name));
}

net::HttpResponse Ingest::unauthenticated(std::size_t source, const net::HttpRequest& request,
                                          std::string_view reason) {
  if (worth_a_line(statistics_[source]->unauthenticated))
    base::log::warn("a request without a valid credential", "source", sources_[source].name, "peer", request.peer,
                    "reason", reason);
  const int status = sources_[source].kind == Kind::eventgrid ? 503 : 401;
  net::HttpResponse response =
      refusal(status, "unauthenticated", "the credential is missing, wrong or past its end date");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", authenticators_[source]->challenge());
  return response;
}

net::HttpResponse Ingest::token(const net::HttpRequest& request) {
  net::HttpResponse response = tokens_.answer(request, clock_.wall());
  if (response.status == 401 && worth_a_line(tokens_refused_))
    base::log::warn("an access token was asked for without a valid client and secret", "peer", request.peer);
  return response;
}

net::HttpResponse Ingest::keys_missing(std::size_t source) {
  if (worth_a_line(statistics_[source]->keys_missing))
    base::log::warn("a request that cannot be checked: the keys of its issuer cannot be fetched", "source",
                    sources_[source].name);
  return refusal(503, "keys_unavailable", "the keys of the token's issuer cannot be fetched now; send again");
}

void Ingest::respond_to(std::size_t source, net::Responder& respond, net::HttpResponse response) {
  statistics_[source]->count_answer(response.status);
  std::exchange(respond, {})(std::move(response));
}

void Ingest::handle(net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
  if (TokenIssuer::owns(request.path)) {
    if (refusing_.load(std::memory_order_relaxed))
      return respond(refusal(503, "stopping", "the hub is stopping; send again"));
    return respond(token(request));
  }
  const std::string_view name = std::string_view(request.path).substr(std::string_view("/ingest/").size());
  const SourceSpec* source = find(name);
  if (source == nullptr || source->kind == Kind::sqs || source->kind == Kind::put_events)
    return respond(unknown_source(name, request));
  const auto index = static_cast<std::size_t>(source - sources_.data());
  if (refusing_.load(std::memory_order_relaxed))
    return respond_to(index, respond, refusal(503, "stopping", "the hub is stopping; send again"));
  const Authenticator::Check check =
      authenticators_[index]->check(request, clock_.wall(), part(loop).jwt_reader, false);
  switch (check.verdict) {
    case Authenticator::Verdict::granted:
      return admitted(loop, index, request, std::move(respond), loop.clock().mono());
    case Authenticator::Verdict::refused:
      return respond_to(index, respond, unauthenticated(index, request, check.reason));
    case Authenticator::Verdict::keys_missing:
      return wait_for_keys(loop, index, std::move(request), std::move(respond), *check.ask);
  }
}

void Ingest::wait_for_keys(net::IoLoop& loop, std::size_t source, net::HttpRequest request, net::Responder respond,
                           KeySource& keys) {
  LoopPart& mine = part(loop);
  if (mine.waiting >= kWaitingMax) return respond_to(source, respond, keys_missing(source));
  ++mine.waiting;
  // Shared by the timer and the fetch: whichever comes first answers.
  auto waiting = std::make_shared<Waiting>();
  waiting->request = std::move(request);
  waiting->respond = std::move(respond);
  waiting->began = loop.clock().mono();
  waiting->timer = loop.after(options_.keys_within, [this, &mine, source, waiting] {
    if (!waiting->respond) return;
    --mine.waiting;
    respond_to(source, waiting->respond, keys_missing(source));
  });
  keys.refresh(loop, [this, &loop, &mine, source, waiting] {
    if (!waiting->respond) return;
    --mine.waiting;
    loop.cancel(waiting->timer);
    const auto check = authenticators_[source]->check(waiting->request, clock_.wall(), mine.jwt_reader, true);
    if (check.verdict == Authenticator::Verdict::granted)
      return admitted(loop, source, waiting->request, std::exchange(waiting->respond, {}), waiting->began);
    respond_to(source, waiting->respond,
               check.verdict == Authenticator::Verdict::refused
                   ? unauthenticated(source, waiting->request, check.reason)
                   : keys_missing(source));
  });
}

void Ingest::admitted(net::IoLoop& loop, std::size_t source, const net::HttpRequest& request, net::Responder respond,
                      base::MonoTime began) {
  if (sources_[source].kind == Kind::eventgrid) {
    if (auto response = handshake(sources_[source], request)) return respond_to(source, respond, std::move(*response));
  }
  if (request.method != "POST") {
    net::HttpResponse response = refusal(request.body.empty() ? 405 : 503, "method_not_allowed", "events come by POST");
    response.headers.emplace_back("Allow", "POST");
    return respond_to(source, respond, std::move(response));
  }
  publish(loop, source, request, std::move(respond), began);
}

// Event Grid schema: azure-and-sinks.md A1; CloudEvents: http-webhook.md section 4.
std::optional<net::HttpResponse> Ingest::handshake(const SourceSpec& source, const net::HttpRequest& request) const {
  if (request.method == "OPTIONS") {
    net::HttpResponse response;
    response.headers.emplace_back("Allow", "POST");
    if (const auto origin = request.header("webhook-request-origin")) {
      response.headers.emplace_back("WebHook-Allowed-Origin", std::string(*origin));
      response.headers.emplace_back("WebHook-Allowed-Rate", "*");
    }
    return response;
  }
  const auto type = request.header("aeg-event-type");
  if (type == "SubscriptionDeletion") {
    base::log::warn("Event Grid has deleted a subscription to this source", "source", source.name);
    return net::HttpResponse::json(200, "{}");
  }
  if (type != "SubscriptionValidation") return std::nullopt;
  json::Document document;
  const auto parsed = document.parse(request.body);
  std::optional<json::Value> event;
  if (parsed.ok()) event = parsed->is(json::Type::array) ? parsed->first() : *parsed;
  const auto data = event ? event->find("data") : std::nullopt;
  const std::string_view code = data ? data->string_at("validationCode") : std::string_view();
  if (code.empty()) return std::nullopt;  // no handshake after all: it will be quarantined
  std::string body;
  json::Writer(body).begin_object().member("validationResponse", code).end_object();
  return net::HttpResponse::json(200, std::move(body));
}

Ingest::Decoded Ingest::decode(net::IoLoop& loop, std::string_view payload, const std::string& source_name,
                               const std::string& content_type, bool count, const CloudHeaders* cloud) {
  LoopPart& mine = part(loop);
  const SourceSpec* source = find(source_name);
  SourceStatistics* statistics =
      source != nullptr && count ? statistics_[static_cast<std::size_t>(source - sources_.data())].get() : nullptr;
  mine.decoded.clear();
  const event::CloudAttributes attributes = cloud != nullptr ? cloud->for_decoder() : event::CloudAttributes();
  event::DecodeContext context;
  if (source != nullptr) context.default_org = source->default_org;
  if (cloud != nullptr) context.cloud_event = &attributes;
  mine.decoder.decode(payload, context, mine.decoded);
  Decoded result;
  result.items.reserve(mine.decoded.size());
  result.ids.reserve(mine.decoded.size());
  for (event::Decoded& item : mine.decoded) {
    if (auto* event = std::get_if<event::Event>(&item)) {
      engine::PublishEntry entry;
      if (mine.router) {
        mine.router->route(*event, mine.scratch, entry.routes);
        entry.policy_version = mine.router->version();
      }
      if (statistics != nullptr && !event->topic_known)
        statistics->unknown_topics.fetch_add(1, std::memory_order_relaxed);
      if (statistics != nullptr && event->detail_type_mismatch)
        statistics->mismatches.fetch_add(1, std::memory_order_relaxed);
      result.ids.push_back(event->envelope_id);
      result.ignored.push_back(false);
      entry.event = std::move(*event);
      entry.source_name = source_name;
      result.items.emplace_back(std::move(entry));
      continue;
    }
    auto& rejected = std::get<event::Rejected>(item);
    result.ids.emplace_back();
    result.ignored.push_back(rejected.is_control());
    if (rejected.is_control()) continue;
    if (statistics != nullptr)
      statistics->reasons[static_cast<std::size_t>(rejected.reason)].fetch_add(1, std::memory_order_relaxed);
    engine::Quarantined input;
    input.received_at = clock_.wall();
    input.source_name = source_name;
    input.content_type = cloud != nullptr ? "application/cloudevents+json" : content_type;
    input.reason = event::name(rejected.reason);
    input.detail = std::move(rejected.detail);
    input.bytes = cloud != nullptr ? cloud->structured(rejected.raw, content_type) : std::move(rejected.raw);
    result.items.emplace_back(std::move(input));
  }
  return result;
}

// A body whose Content-Encoding could not be undone is kept as it came.
Ingest::Decoded Ingest::undecodable(std::size_t source, const net::HttpRequest& request, std::string content_type) {
  statistics_[source]->undecodable.fetch_add(1, std::memory_order_relaxed);
  engine::Quarantined input;
  input.received_at = clock_.wall();
  input.source_name = sources_[source].name;
  input.content_type = std::move(content_type);
  input.reason = "content_encoding";
  input.detail = request.body_error;
  input.bytes = request.body;
  Decoded decoded;
  decoded.ids.emplace_back();
  decoded.ignored.push_back(false);
  decoded.items.emplace_back(std::move(input));
  return decoded;
}

Ingest::Decoded Ingest::decode_request(net::IoLoop& loop, std::size_t source, const net::HttpRequest& request) {
  std::string content_type(request.header("content-type").value_or(""));
  if (!request.body_error.empty()) return undecodable(source, request, std::move(content_type));
  if (is_empty_batch(request)) return {};
  const auto cloud = cloud_headers(request);
  return decode(loop, request.body, sources_[source].name, content_type, true, cloud ? &*cloud : nullptr);
}

void Ingest::publish(net::IoLoop& loop, std::size_t source, const net::HttpRequest& request, net::Responder respond,
                     base::MonoTime began) {
  Decoded decoded = decode_request(loop, source, request);
  auto pending = std::make_shared<Pending>();
  pending->loop = &loop;
  pending->source = source;
  pending->respond = std::move(respond);
  pending->ids = std::move(decoded.ids);
  pending->ignored = std::move(decoded.ignored);
  if (decoded.items.empty()) return answer(pending, {});
  // The publish goes on; when the sender comes again, what was stored is a duplicate.
  const auto spent = std::chrono::ceil<base::Millis>(loop.clock().mono() - began);
  pending->timer = loop.after(std::max(options_.answer_within - spent, base::Millis(0)), [this, pending] {
    if (!pending->respond) return;
    statistics_[pending->source]->timed_out.fetch_add(1, std::memory_order_relaxed);
    statistics_[pending->source]->count_answer(503);
    std::exchange(pending->respond, {})(refusal(503, "slow_disk", "not on disk in time; send again"));
  });
  engine_.publish(std::move(decoded.items), loop, [this, pending](std::vector<PublishResult> results) {
    pending->loop->cancel(pending->timer);
    answer(pending, std::move(results));
  });
}

void Ingest::answer(const std::shared_ptr<Pending>& pending, std::vector<PublishResult> results) {
  std::array<std::uint64_t, 5> counts{};
  for (const PublishResult& result : results) ++counts[static_cast<std::size_t>(result.verdict)];
  const auto count = [&](PublishVerdict verdict) { return counts[static_cast<std::size_t>(verdict)]; };
  statistics_[pending->source]->failed.fetch_add(count(PublishVerdict::failed), std::memory_order_relaxed);
  statistics_[pending->source]->events.fetch_add(results.size() - count(PublishVerdict::failed),
                                                 std::memory_order_relaxed);
  const std::uint64_t ignored = pending->ids.size() - results.size();
  if (!pending->respond) return;

  std::string body;
  body.reserve(128 + pending->ids.size() * 96);
  json::Writer writer(body);
  writer.begin_object();
  writer.member("accepted", count(PublishVerdict::accepted)).member("duplicates", count(PublishVerdict::duplicate));
  writer.member("conflicts", count(PublishVerdict::conflict)).member("quarantined", count(PublishVerdict::quarantined));
  writer.member("ignored", ignored).member("failed", count(PublishVerdict::failed));
  writer.key("results").begin_array();
  std::size_t next = 0;
  for (std::size_t i = 0; i < pending->ids.size(); ++i) {
    writer.begin_object();
    if (pending->ignored[i]) {
      writer.member("verdict", "ignored");
    } else {
      const PublishResult& result = results[next++];
      writer.member("verdict", verdict_name(result.verdict));
      if (result.sequence != 0) writer.member("sequence", result.sequence);
      if (result.error) writer.member("error", base::name(result.error->code)).member("message", result.error->detail);
    }
    if (!pending->ids[i].empty()) writer.member("id", pending->ids[i]);
    writer.end_object();
  }
  writer.end_array().end_object();
  const int status = count(PublishVerdict::failed) > 0 ? 503 : 200;
  net::HttpResponse response = net::HttpResponse::json(status, std::move(body));
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  statistics_[pending->source]->count_answer(status);
  std::exchange(pending->respond, {})(std::move(response));
}

std::optional<std::string> Ingest::source_of_bus(std::string_view bus) const {
  const SourceSpec* only = nullptr;
  std::size_t count = 0;
  for (const SourceSpec& source : sources_) {
    if (source.kind != Kind::put_events) continue;
    if (source.name == bus) return source.name;
    only = &source;
    ++count;
  }
  if (bus != "default" || count != 1) return std::nullopt;
  return only->name;
}

void Ingest::count_fetched(std::string_view source, std::uint64_t stored, std::uint64_t failed) {
  const SourceSpec* spec = find(source);
  if (spec == nullptr) return;
  SourceStatistics& statistics = *statistics_[static_cast<std::size_t>(spec - sources_.data())];
  statistics.events.fetch_add(stored, std::memory_order_relaxed);
  statistics.failed.fetch_add(failed, std::memory_order_relaxed);
  statistics.count_answer(failed > 0 ? 503 : 200);
}

IngestTotals Ingest::totals() const {
  IngestTotals totals;
  std::map<std::string, std::uint64_t> by_reason;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const SourceStatistics& statistics = *statistics_[i];
    for (std::size_t reason = 0; reason <= static_cast<std::size_t>(event::Reason::control); ++reason) {
      by_reason[std::string(event::name(static_cast<event::Reason>(reason)))] += statistics.reasons[reason].load();
    }
    by_reason["content_encoding"] += statistics.undecodable.load();
    totals.events.emplace_back(sources_[i].name, statistics.events.load());
    totals.failed += statistics.failed.load();
    totals.slow_disk += statistics.timed_out.load();
    totals.unauthenticated += statistics.unauthenticated.load();
    totals.keys_missing += statistics.keys_missing.load();
    const KeySource::Statistics keys = authenticators_[i]->key_statistics();
    totals.key_fetches += keys.fetches;
    totals.key_fetch_failures += keys.failures;
    totals.unknown_topics += statistics.unknown_topics.load();
    totals.mismatches += statistics.mismatches.load();
    for (std::size_t status = 0; status < SourceStatistics::kStatuses.size(); ++status) {
      totals.answers.push_back(
          {sources_[i].name, SourceStatistics::kStatuses[status], statistics.answers[status].load()});
    }
  }
  totals.unauthenticated += tokens_refused_.load();
  by_reason.erase(std::string(event::name(event::Reason::control)));  // acknowledged, never quarantined
  totals.quarantined.assign(by_reason.begin(), by_reason.end());
  return totals;
}

}  // namespace trunkline::source
