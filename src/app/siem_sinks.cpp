#include "app/siem_sinks.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "app/version.hpp"
#include "net/stream_client.hpp"
#include "sinks/datadog_sink.hpp"
#include "sinks/elasticsearch_sink.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/oauth_token.hpp"
#include "sinks/sentinel_sink.hpp"
#include "sinks/stream_sender.hpp"
#include "sinks/syslog_sink.hpp"

namespace trunkline::app {
namespace {

using base::Result;

template <class Options>
void set_common(Options& options, const SinkParts& parts, const config::SinkTarget& target) {
  options.batch_messages_max = std::min<std::size_t>(parts.consumer.batch.messages, options.batch_messages_max);
  options.batch_bytes_max = std::min<std::size_t>(parts.consumer.batch.bytes, options.batch_bytes_max);
  options.connect_timeout = std::min(target.connect_timeout, target.timeout);
  options.timeout = target.timeout;
}

sinks::DocumentFields fields_of(config::DocumentFields fields) {
  switch (fields) {
    case config::DocumentFields::ecs:
      return sinks::DocumentFields::ecs;
    case config::DocumentFields::enriched:
      return sinks::DocumentFields::enriched;
    case config::DocumentFields::raw:
      return sinks::DocumentFields::raw;
  }
  return sinks::DocumentFields::ecs;
}

std::string own_host() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

Result<sinks::SyslogPriority> priority_of(const std::string& text) {
  const auto priority = sinks::parse_priority(text);
  if (priority) return *priority;
  return {base::Errc::invalid, fmt::format("'{}' is no facility and severity: local0.info, auth.notice", text)};
}

sinks::SyslogOptions::Format format_of(const config::SyslogSink& sink, const config::Consumer& consumer) {
  // The fields of a CEF record are of no use to anybody but as a CEF line.
  const bool made_for_cef = std::ranges::any_of(
      consumer.mapping, [](const config::MappingItem& item) { return item.json == R"("cef-audit")"; });
  return made_for_cef || sink.format == config::SyslogFormat::cef ? sinks::SyslogOptions::Format::cef
                                                                  : sinks::SyslogOptions::Format::rfc5424;
}

std::pair<std::string, std::uint16_t> host_and_port(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {host, static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1)))};
}

Result<std::unique_ptr<sinks::StreamSender>> stream_sender_of(const config::SyslogSink& sink, SinkParts& parts,
                                                              const std::string& target) {
  if (parts.shadow) {
    return std::unique_ptr<sinks::StreamSender>(
        std::make_unique<sinks::ShadowStreamSender>(parts.loop, std::move(parts.shadow), target));
  }
  net::StreamClientOptions client;
  std::tie(client.host, client.port) = host_and_port(sink.address);
  client.tls = sink.transport == config::SyslogTransport::tls;
  client.files = {sink.target.tls_ca, sink.target.tls_cert, sink.target.tls_key};
  client.addresses = {.allow_loopback = true, .allow_private = true};
  client.connect_timeout = std::min(sink.target.connect_timeout, sink.target.timeout);
  client.timeout = sink.target.timeout;
  client.hold = sink.hold;
  TRUNKLINE_TRY(auto made, net::StreamClient::make(parts.loop, std::move(client)));
  return std::unique_ptr<sinks::StreamSender>(std::make_unique<sinks::ClientStreamSender>(std::move(made)));
}

}  // namespace

sinks::Body body_of(config::HttpBody body) {
  return body == config::HttpBody::raw ? sinks::Body::raw : sinks::Body::enriched;
}

std::unique_ptr<sinks::HttpSender> sender_of(SinkParts& parts, const config::SinkTarget& target,
                                             std::vector<std::string> masked, std::string answer) {
  if (parts.shadow)
    return std::make_unique<sinks::ShadowSender>(parts.loop, std::move(parts.shadow), std::move(masked),
                                                 std::move(answer));
  net::HttpClientOptions client;
  client.addresses = {.allow_loopback = true, .allow_private = true};
  client.connections_per_host_max = parts.consumer.concurrency;
  client.requests_max = parts.consumer.concurrency + 1;
  client.user_agent = fmt::format("trunkline/{}", kVersion);
  client.ca_file = target.tls_ca;
  client.certificate_file = target.tls_cert;
  client.key_file = target.tls_key;
  return std::make_unique<sinks::ClientSender>(parts.loop, std::move(client));
}

std::string syslog_target(const config::SyslogSink& sink) {
  return fmt::format("{}://{}", sink.transport == config::SyslogTransport::tls ? "tls" : "tcp", sink.address);
}

const config::SinkTarget* sink_target_of(const config::Consumer& consumer) {
  if (const auto* elastic = std::get_if<config::ElasticsearchSink>(&consumer.sink)) return &elastic->target;
  if (const auto* syslog = std::get_if<config::SyslogSink>(&consumer.sink)) return &syslog->target;
  if (const auto* datadog = std::get_if<config::DatadogSink>(&consumer.sink)) return &datadog->target;
  if (const auto* sentinel = std::get_if<config::SentinelSink>(&consumer.sink)) return &sentinel->target;
  if (const auto* postgres = std::get_if<config::PostgresSink>(&consumer.sink)) return &postgres->target;
  if (const auto* s3 = std::get_if<config::S3Sink>(&consumer.sink)) return &s3->target;
  if (const auto* hub = std::get_if<config::HubSink>(&consumer.sink)) return &hub->target;
  if (const auto* kafka = std::get_if<config::KafkaSink>(&consumer.sink)) return &kafka->target;
  return nullptr;
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::ElasticsearchSink& sink, SinkParts parts) {
  sinks::ElasticsearchOptions options;
  // What the sink itself bears; the consumer's batch stays below.
  options.batch_messages_max = 5'000;
  options.batch_bytes_max = 64 << 20;
  set_common(options, parts, sink.target);
  options.url = sink.url;
  options.index = sink.index;
  options.pipeline = sink.pipeline;
  options.fields = fields_of(sink.fields);
  options.document_ids = sink.document_ids;
  options.order = parts.order;
  options.user = sink.user;
  options.password = sink.password.reveal();
  options.api_key = sink.api_key.reveal();
  if (!sink.aws_region.empty()) {
    options.aws = sinks::ElasticsearchOptions::Aws{
        {sink.aws_access_key_id.reveal(), sink.aws_secret_access_key.reveal(), sink.aws_session_token.reveal()},
        {sink.aws_region, sink.aws_service == config::AwsService::es ? "es" : "aoss"}};
  }
  options.gzip = sink.gzip && !parts.shadow;  // what a shadow shows can be read
  auto sender = sender_of(parts, sink.target, {"Authorization", "X-Amz-Security-Token"}, R"({"errors":false})");
  TRUNKLINE_TRY(auto made, sinks::ElasticsearchSink::make(std::move(options), std::move(parts.renderer),
                                                          std::move(sender), parts.loop.clock()));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SyslogSink& sink, SinkParts parts) {
  sinks::SyslogOptions options;
  options.batch_messages_max = 10'000;  // what the sink itself bears
  options.batch_bytes_max = 16 << 20;
  options.batch_messages_max = std::min<std::size_t>(parts.consumer.batch.messages, options.batch_messages_max);
  options.batch_bytes_max = std::min<std::size_t>(parts.consumer.batch.bytes, options.batch_bytes_max);
  options.target = syslog_target(sink);
  options.host = sink.host.empty() ? own_host() : sink.host;
  options.app_name = sink.app_name;
  options.data_id = sink.data_id;
  TRUNKLINE_TRY(options.priority, priority_of(sink.priority));
  for (const auto& [category, text] : sink.priorities) {
    TRUNKLINE_TRY(auto priority, priority_of(text.reveal()));
    options.by_category.emplace_back(category, priority);
  }
  options.format = format_of(sink, parts.consumer);
  options.body = body_of(sink.body);
  options.order = parts.order;
  options.version = kVersion;
  options.message_bytes_max = sink.max_bytes;
  options.truncate = sink.too_long == config::TooLong::truncate;
  TRUNKLINE_TRY(auto sender, stream_sender_of(sink, parts, options.target));
  TRUNKLINE_TRY(auto made, sinks::SyslogSink::make(std::move(options), std::move(parts.renderer), std::move(sender),
                                                   parts.loop.clock()));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::DatadogSink& sink, SinkParts parts) {
  sinks::DatadogOptions options;
  set_common(options, parts, sink.target);
  options.site = sink.site;
  options.url = sink.url;
  options.api_key = sink.api_key.reveal();
  options.service = sink.service;
  options.source = sink.source;
  options.host = sink.host;
  options.tags = sink.tags;
  options.body = body_of(sink.body);
  options.order = parts.order;
  options.gzip = sink.gzip && !parts.shadow;
  auto sender = sender_of(parts, sink.target, {"DD-API-KEY"}, "{}");
  TRUNKLINE_TRY(auto made,
                sinks::DatadogSink::make(std::move(options), std::move(parts.renderer), std::move(sender), parts.loop));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SentinelSink& sink, SinkParts parts) {
  sinks::SentinelOptions options;
  set_common(options, parts, sink.target);
  options.endpoint = sink.endpoint;
  options.rule = sink.rule;
  options.stream = sink.stream;
  options.body = body_of(sink.body);
  options.order = parts.order;
  options.gzip = sink.gzip && !parts.shadow;
  const bool sends = !parts.shadow;  // a shadow asks for no token
  auto sender = sender_of(parts, sink.target, {"Authorization"}, "");
  if (sends) {
    sinks::OauthOptions oauth;
    std::string_view authority = sink.authority;
    while (authority.ends_with('/')) authority.remove_suffix(1);
    oauth.token_url = fmt::format("{}/{}/oauth2/v2.0/token", authority, sink.tenant);
    oauth.client_auth = sinks::OauthOptions::ClientAuth::post;
    oauth.client_id = sink.client_id;
    oauth.client_secret = sink.client_secret.reveal();
    oauth.scope = sink.scope;
    oauth.connect_timeout = std::min(options.connect_timeout, oauth.connect_timeout);
    oauth.timeout = std::max(oauth.connect_timeout, std::min(options.timeout, oauth.timeout));
    TRUNKLINE_TRY(auto token,
                  sinks::OauthToken::make(std::move(oauth), sender_of(parts, sink.target, {}, ""), parts.loop));
    sender = std::make_unique<sinks::OauthSender>(std::move(token), std::move(sender));
  }
  TRUNKLINE_TRY(auto made, sinks::SentinelSink::make(std::move(options), std::move(parts.renderer), std::move(sender),
                                                     parts.loop));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

}  // namespace trunkline::app
