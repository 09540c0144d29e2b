#include "app/crm_sinks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/from_config.hpp"
#include "app/oauth.hpp"
#include "app/version.hpp"
#include "base/crypto.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/salesforce_sink.hpp"
#include "sinks/template_sink.hpp"
#include "sinks/transcript_sink.hpp"
#include "source/router.hpp"

namespace trunkline::app {
namespace {

using base::Result;

// A sink that is tried gets no event.
class NoCases final : public sinks::CaseStore {
 public:
  Result<std::optional<std::string>> load(const std::string&) override { return std::optional<std::string>(); }
  void save(std::vector<std::pair<std::string, std::string>>) override {}
};

Result<std::function<bool(const engine::Record&)>> condition_of(const config::TemplateRequest& request) {
  if (request.when.json.empty() || request.when.json == "{}") return std::function<bool(const engine::Record&)>();
  auto policy = policy_of(request.when.json, request.when_scope == config::FilterScope::message_body);
  if (!policy.ok())
    return policy.error().with(fmt::format("{}:{}: when", request.when.place.line, request.when.place.column));
  return std::function<bool(const engine::Record&)>([policy = std::move(*policy)](const engine::Record& record) {
    const source::EventMessage message(record.event);
    return filter::matches(policy, message.message());
  });
}

delivery::Verdict verdict_of(config::TemplateVerdict verdict) {
  switch (verdict) {
    case config::TemplateVerdict::delivered:
      return delivery::Verdict::delivered;
    case config::TemplateVerdict::retry:
      return delivery::Verdict::retry;
    case config::TemplateVerdict::rejected:
      return delivery::Verdict::rejected;
    case config::TemplateVerdict::unavailable:
      return delivery::Verdict::unavailable;
  }
  return delivery::Verdict::rejected;
}

std::shared_ptr<const sinks::TemplateNames> names_of(const config::TemplateSink& sink) {
  sinks::TemplateNames names;
  for (const auto& [name, value] : sink.vars) names.vars.emplace(name, value.reveal());
  for (const auto& [name, pairs] : sink.tables) {
    for (const auto& [key, value] : pairs) names.tables[name].emplace(key, value.reveal());
  }
  if (!sink.user.empty()) names.vars["hub-basic-auth"] = base::base64_encode(sink.user + ":" + sink.password.reveal());
  return std::make_shared<const sinks::TemplateNames>(std::move(names));
}

}  // namespace

Result<std::unique_ptr<sinks::HttpSender>> reach_sender(const SinkParts& parts, const config::Reach& reach,
                                                        const config::Oauth& oauth, std::vector<std::string> masked) {
  net::HttpClientOptions client;
  client.addresses = {reach.allow_loopback, reach.allow_private, reach.allowed_cidrs};
  client.connections_per_host_max = parts.consumer.concurrency;
  client.requests_max = parts.consumer.concurrency + 1;
  client.user_agent = fmt::format("trunkline/{}", kVersion);
  client.ca_file = reach.tls_ca;
  client.certificate_file = reach.tls_cert;
  client.key_file = reach.tls_key;
  const bool shadow = parts.shadow != nullptr;
  std::unique_ptr<sinks::HttpSender> sender;
  if (shadow) {
    sender = std::make_unique<sinks::ShadowSender>(parts.loop, parts.shadow, std::move(masked), "");
  } else {
    sender = std::make_unique<sinks::ClientSender>(parts.loop, client);
  }
  return with_oauth(std::move(sender), oauth, client, parts.loop, shadow);
}

std::string crm_target(const config::Consumer& consumer) {
  if (const auto* sink = std::get_if<config::SalesforceSink>(&consumer.sink)) return sink->url;
  if (const auto* sink = std::get_if<config::TranscriptSink>(&consumer.sink)) return sink->url;
  const auto* sink = std::get_if<config::TemplateSink>(&consumer.sink);
  if (sink == nullptr) return {};
  return sink->requests.empty() ? sink->request.url : sink->requests.front().url;
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::TemplateSink& sink, SinkParts parts) {
  sinks::TemplateOptions options;
  options.names = names_of(sink);
  std::vector<std::string> masked = {"Authorization"};
  for (const auto& [name, value] : sink.headers) {
    options.headers.emplace_back(name, value.reveal());
    masked.push_back(name);
  }
  if (!sink.user.empty()) options.headers.emplace_back("Authorization", "Basic {{vars.hub-basic-auth}}");
  const std::vector<config::TemplateRequest> alone = {sink.request};
  for (const config::TemplateRequest& request : sink.requests.empty() ? alone : sink.requests) {
    TRUNKLINE_TRY(auto when, condition_of(request));
    options.requests.push_back({std::move(when), request.method, request.url, request.body});
  }
  for (const config::TemplateRule& rule : sink.rules)
    options.rules.push_back({rule.status, rule.pointer, rule.equals, rule.contains, verdict_of(rule.verdict)});
  options.connect_timeout = std::min(sink.reach.connect_timeout, sink.reach.timeout);
  options.timeout = sink.reach.timeout;
  TRUNKLINE_TRY(auto sender, reach_sender(parts, sink.reach, sink.oauth, std::move(masked)));
  TRUNKLINE_TRY(auto made, sinks::TemplateSink::make(std::move(options), std::move(parts.renderer), std::move(sender),
                                                     parts.loop));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SalesforceSink& sink, SinkParts parts,
                                                     std::unique_ptr<sinks::CaseStore> store) {
  sinks::SalesforceOptions options;
  options.url = sink.url;
  options.api_version = sink.api_version;
  options.object = sink.object;
  options.external_id = sink.external_id;
  options.status_open = sink.status_open;
  options.status_closed = sink.status_closed;
  for (const auto& [field, fact] : sink.fields) options.fields.emplace_back(field, fact.reveal());
  options.reserve_percent = sink.reserve_percent;
  options.shadow = parts.shadow != nullptr;
  options.batch_messages_max = parts.consumer.batch.messages;
  options.batch_bytes_max = parts.consumer.batch.bytes;
  options.connect_timeout = std::min(sink.reach.connect_timeout, sink.reach.timeout);
  options.timeout = sink.reach.timeout;
  config::Oauth oauth = sink.oauth;
  if (oauth.token_url.empty()) oauth.token_url = sink.url + "/services/oauth2/token";
  if (store == nullptr) store = std::make_unique<NoCases>();
  TRUNKLINE_TRY(auto sender, reach_sender(parts, sink.reach, oauth, {"Authorization"}));
  TRUNKLINE_TRY(auto made,
                sinks::SalesforceSink::make(std::move(options), std::move(store), std::move(sender), parts.loop));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::TranscriptSink& sink, SinkParts parts) {
  sinks::TranscriptOptions options;
  options.genesys = sink.api_url.empty() ? "https://api." + sink.region : sink.api_url;
  options.url = sink.url;
  options.api_version = sink.api_version;
  options.object = sink.object;
  options.external_id = sink.external_id;
  options.attach = sink.attach == config::TranscriptAttach::file ? sinks::TranscriptOptions::Attach::file
                                                                 : sinks::TranscriptOptions::Attach::field;
  options.format = sink.format == config::TranscriptFormat::text ? sinks::TranscriptOptions::Format::text
                                                                 : sinks::TranscriptOptions::Format::json;
  options.field = sink.field;
  options.give_up = sink.give_up;
  options.ask_every = sink.ask_every;
  options.shadow = parts.shadow != nullptr;
  options.connect_timeout = std::min(sink.reach.connect_timeout, sink.reach.timeout);
  options.timeout = sink.reach.timeout;
  config::Oauth genesys;
  const std::string login = sink.login_url.empty() ? "https://login." + sink.region : sink.login_url;
  genesys.token_url = login + (login.ends_with('/') ? "oauth/token" : "/oauth/token");
  genesys.client_id = sink.client_id;
  genesys.client_secret = sink.client_secret;
  config::Oauth org = sink.oauth;
  if (org.token_url.empty()) org.token_url = sink.url + "/services/oauth2/token";
  // What the transcript's URL leads to is told by Genesys and gets neither token nor certificate of ours.
  config::Reach plain = sink.reach;
  plain.tls_cert.clear();
  plain.tls_key.clear();
  sinks::TranscriptSink::Senders senders;
  TRUNKLINE_TRY(senders.genesys, reach_sender(parts, plain, genesys, {"Authorization"}));
  TRUNKLINE_TRY(senders.plain, reach_sender(parts, plain, {}, {}));
  TRUNKLINE_TRY(senders.salesforce, reach_sender(parts, sink.reach, org, {"Authorization"}));
  TRUNKLINE_TRY(auto made, sinks::TranscriptSink::make(std::move(options), std::move(senders), parts.loop));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

}  // namespace trunkline::app
