#include "app/from_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "app/crm_sinks.hpp"
#include "app/data_sinks.hpp"
#include "app/siem_sinks.hpp"
#include "app/version.hpp"
#include "app/wfm_sinks.hpp"
#include "mapping/record.hpp"
#include "sinks/hec_sink.hpp"
#include "sinks/jsonl_sink.hpp"
#include "sinks/webhook_sink.hpp"

namespace trunkline::app {

using base::Errc;
using base::Result;

namespace {

event::Order order_of(config::Order order) {
  switch (order) {
    case config::Order::none:
      return event::Order::none;
    case config::Order::conversation:
      return event::Order::conversation;
    case config::Order::agent:
      return event::Order::agent;
    case config::Order::queue:
      return event::Order::queue;
    case config::Order::topic:
      return event::Order::topic;
  }
  return event::Order::none;
}

// What the hub adds to events, and what of that a consumer gets.
struct Enrichment {
  std::shared_ptr<const event::NameTable> names;
  std::shared_ptr<const mapping::Mapping> mapping;  // null: all of it
};

sinks::Renderer enriched_renderer(Enrichment enrichment) {
  return [with = std::move(enrichment)](const engine::Record& record) {
    event::MemberFilter filter;
    if (with.mapping) {
      filter = [&with, subject = mapping::subject_of(record.event)](std::string_view name, std::string_view value) {
        return with.mapping->member(name, value, subject);
      };
    }
    return event::enriched(record.event, record.accepted_at, with.names.get(), filter);
  };
}

std::unique_ptr<sinks::HttpSender> sender_of(net::IoLoop& loop, net::HttpClientOptions client,
                                             std::shared_ptr<sinks::ShadowLog> shadow, std::vector<std::string> masked,
                                             std::string answer) {
  if (shadow)
    return std::make_unique<sinks::ShadowSender>(loop, std::move(shadow), std::move(masked), std::move(answer));
  return std::make_unique<sinks::ClientSender>(loop, std::move(client));
}

Result<std::unique_ptr<delivery::Sink>> make_http(const config::Consumer& consumer, const config::HttpSink& http,
                                                  net::IoLoop& loop, sinks::Renderer renderer,
                                                  std::shared_ptr<sinks::ShadowLog> shadow) {
  sinks::WebhookOptions options;
  options.url = http.url;
  for (const auto& [name, value] : http.headers) options.headers.emplace_back(name, value.reveal());
  for (const config::Secret& secret : http.secrets) options.secrets.push_back(secret.reveal());
  switch (http.batch) {
    case config::HttpBatch::single:
      options.layout = sinks::WebhookOptions::Layout::single;
      break;
    case config::HttpBatch::array:
      options.layout = sinks::WebhookOptions::Layout::json_array;
      break;
    case config::HttpBatch::ndjson:
      options.layout = sinks::WebhookOptions::Layout::ndjson;
      break;
  }
  options.body = body_of(http.body);
  options.batch_messages_max = std::min<std::size_t>(consumer.batch.messages, options.batch_messages_max);
  options.batch_bytes_max = consumer.batch.bytes;
  options.connect_timeout = std::min(http.connect_timeout, http.timeout);
  options.timeout = http.timeout;
  net::HttpClientOptions client;
  client.addresses = {http.allow_loopback, http.allow_private, http.allowed_cidrs};
  client.connections_per_host_max = consumer.concurrency;
  client.requests_max = consumer.concurrency + 1;
  client.ca_file = http.tls_ca;
  client.certificate_file = http.tls_cert;
  client.key_file = http.tls_key;
  std::vector<std::string> configured;
  for (const auto& [name, value] : http.headers) configured.push_back(name);
  auto sender = sender_of(loop, std::move(client), std::move(shadow), std::move(configured), "");
  TRUNKLINE_TRY(auto sink,
                sinks::WebhookSink::make(std::move(options), std::move(renderer), std::move(sender), loop.clock()));
  return std::unique_ptr<delivery::Sink>(std::move(sink));
}

Result<std::unique_ptr<delivery::Sink>> make_hec(const config::Consumer& consumer, const config::HecSink& hec,
                                                 net::IoLoop& loop, sinks::Renderer renderer,
                                                 std::shared_ptr<sinks::ShadowLog> shadow) {
  sinks::HecOptions options;
  options.url = hec.url;
  options.token = hec.token.reveal();
  options.consumer = consumer.name;
  options.order = order_of(consumer.order);
  options.index = hec.index;
  options.source = hec.source;
  options.sourcetype = hec.sourcetype;
  options.host = hec.host;
  options.body = body_of(hec.body);
  options.gzip = hec.gzip && !shadow;  // what a shadow shows can be read
  // A shadow's requests are answered by nobody who could acknowledge them.
  if (hec.ack && !shadow) options.ack = sinks::HecAckOptions{std::min(hec.ack_poll, hec.ack_timeout), hec.ack_timeout};
  options.batch_messages_max = consumer.batch.messages;
  options.batch_bytes_max = consumer.batch.bytes;
  options.connect_timeout = std::min(hec.connect_timeout, hec.timeout);
  options.timeout = hec.timeout;
  net::HttpClientOptions client;
  // Splunk stands in the own network as a rule, or on this machine.
  client.addresses = {.allow_loopback = true, .allow_private = true};
  client.connections_per_host_max = consumer.concurrency;
  client.requests_max = consumer.concurrency + 1;
  client.user_agent = fmt::format("trunkline/{}", kVersion);
  client.ca_file = hec.tls_ca;
  auto sender =
      sender_of(loop, std::move(client), std::move(shadow), {"Authorization"}, R"({"text":"Success","code":0})");
  TRUNKLINE_TRY(auto sink,
                sinks::HecSink::make(std::move(options), std::move(renderer), std::move(sender), loop.clock(), &loop));
  return std::unique_ptr<delivery::Sink>(std::move(sink));
}

Result<std::unique_ptr<delivery::Sink>> make_file(const config::Consumer& consumer, const config::FileSink& file,
                                                  net::IoLoop& loop, sinks::Renderer renderer) {
  const std::filesystem::path path(file.path);
  sinks::JsonlSinkOptions options;
  options.file.directory = path.has_parent_path() ? path.parent_path().string() : ".";
  options.file.name = path.extension() == ".jsonl" ? path.stem().string() : path.filename().string();
  options.file.rotate_bytes = file.rotate_bytes;
  options.file.rotate_age = file.rotate_age;
  options.file.keep_files = file.keep;
  options.add_sequence = true;
  options.batch_messages_max = consumer.batch.messages;
  options.batch_bytes_max = consumer.batch.bytes;
  TRUNKLINE_TRY(auto sink, sinks::JsonlSink::make(std::move(options), std::move(renderer), loop));
  return std::unique_ptr<delivery::Sink>(std::move(sink));
}

}  // namespace

net::HttpServerOptions server_options(const config::Config& config) {
  net::HttpServerOptions options;
  options.body_bytes_max = config.limits.body_bytes;
  options.decompressed_bytes_max = config.limits.decompressed_bytes;
  options.header_bytes_max = config.limits.header_bytes;
  options.pipeline_max = config.limits.pipeline;
  options.connections_max = config.limits.connections;
  options.buffered_bytes_max = config.limits.buffered_bytes;
  options.header_timeout = config.limits.header_timeout;
  options.body_timeout = config.limits.body_timeout;
  options.idle_timeout = config.limits.idle_timeout;
  options.write_timeout = config.limits.write_timeout;
  return options;
}

sqs::ServiceOptions sqs_options(const config::Config& config) {
  sqs::ServiceOptions options;
  options.region = config.sqs.region;
  options.account = config.sqs.account;
  if (config.sqs.unsigned_requests) options.keys = net::AwsKeys::unchecked();
  for (const config::SqsKey& key : config.sqs.keys) options.keys.add(key.id, key.secret.reveal());
  return options;
}

sns::HttpSinkOptions sns_http_options(const config::Config& config) {
  sns::HttpSinkOptions options;
  options.addresses = {config.sns.allow_loopback, config.sns.allow_private, config.sns.allowed_cidrs};
  options.ca_file = config.sns.tls_ca;
  options.arn_head = fmt::format("arn:aws:sns:{}:{}:", config.sqs.region, config.sqs.account);
  return options;
}

api::ApiCredentials api_credentials(const config::Config& config) {
  const auto keys_of = [](const std::vector<config::AcceptedKey>& accepted) {
    std::vector<api::ApiKey> keys;
    for (const config::AcceptedKey& key : accepted) keys.push_back({key.key.reveal(), key.until, key.name});
    return keys;
  };
  api::ApiCredentials credentials;
  credentials.keys = keys_of(config.api_keys);
  for (const config::BasicAuth& user : config.api_users)
    credentials.users.push_back({user.user, keys_of(user.passwords)});
  return credentials;
}

queue::EmbeddedOptions engine_options(const config::Config& config) {
  queue::EmbeddedOptions options;
  options.directory = config.data_dir;
  options.memory_budget = config.store.memory_budget;
  options.disk_budget = config.store.disk_budget;
  options.retain = config.store.retain;
  if (const char* small = std::getenv("TRUNKLINE_SMALL_STORE"); small != nullptr && std::string_view(small) == "1") {
    // For the crash drill (crash_disk.hpp): a flush about every 500 events, a compaction after four of them.
    options.memory_budget = 8 << 20;
    options.write_buffer_bytes = 512 << 10;
  }
  options.committer.identity_window = config.store.identity_window;
  options.committer.quarantine_bytes_max = config.store.quarantine_budget;
  return options;
}

Result<event::TopicTable> topic_table(const config::Config& config) {
  std::vector<event::TopicRow> rows;
  for (const config::Topic& topic : config.topics) {
    rows.push_back({topic.pattern, topic.category, topic.ids.empty() ? std::string("none") : topic.ids});
  }
  return event::TopicTable::make(rows);
}

Result<std::shared_ptr<const event::NameTable>> name_table(const config::Config& config) {
  if (config.names_file.empty()) return std::shared_ptr<const event::NameTable>();
  TRUNKLINE_TRY(event::NameTable names, event::NameTable::load(config.names_file));
  return std::shared_ptr<const event::NameTable>(std::make_shared<event::NameTable>(std::move(names)));
}

engine::QueueSpec queue_spec(const config::Consumer& consumer) {
  engine::QueueSpec spec;
  spec.name = consumer.name;
  spec.order = order_of(consumer.order);
  spec.event_time_window = consumer.event_time_window;
  spec.max_wait = consumer.max_wait;
  spec.on_full = consumer.on_full == config::OnFull::expire ? engine::OnFull::expire : engine::OnFull::refuse;
  if (const auto* pulled = std::get_if<config::Pulled>(&consumer.sink)) {
    spec.pulled = true;
    spec.visibility_timeout = pulled->visibility_timeout;
    spec.max_receive_count = pulled->max_receive_count;
    spec.park_on_max_receive = consumer.on_exhausted == config::OnExhausted::park;
  }
  return spec;
}

watch::Limits alarm_limits(const config::Config& config) {
  const config::Alarms& alarms = config.alarms;
  watch::Limits limits;
  for (const config::Consumer& consumer : config.consumers) {
    const config::ConsumerAlarms& own = consumer.alarms;
    watch::ConsumerLimits& of = limits.consumers[consumer.name];
    of.oldest_age = own.oldest_age.value_or(alarms.oldest_age);
    of.time_to_expiry = own.time_to_expiry.value_or(alarms.time_to_expiry);
    of.blocked_lanes = own.blocked_lanes.value_or(alarms.blocked_lanes);
    of.failed_deliveries = own.failed_deliveries.value_or(alarms.failed_deliveries);
    of.expired = own.expired.value_or(alarms.expired);
    of.breaker_open = own.breaker_open.value_or(alarms.breaker_open);
    of.budget_percent = own.budget_percent.value_or(alarms.budget_percent);
  }
  for (const config::Source& source : config.sources) limits.silent_after[source.name] = source.silent_after;
  limits.source_silence = alarms.source_silence;
  limits.refusing = alarms.refusing;
  limits.disk_percent = alarms.disk_percent;
  limits.quarantined = alarms.quarantined;
  limits.conflicts = alarms.conflicts;
  limits.refused_credentials = alarms.refused_credentials;
  limits.certificate_expiry = alarms.certificate_expiry;
  limits.window = alarms.window;
  limits.resolve_after = alarms.resolve_after;
  return limits;
}

AlarmWebhookOptions alarm_webhook_options(const config::AlarmWebhook& webhook) {
  AlarmWebhookOptions options;
  options.url = webhook.url;
  for (const auto& [name, value] : webhook.headers) options.headers.emplace_back(name, value.reveal());
  for (const config::Secret& secret : webhook.secrets) options.secrets.push_back(secret.reveal());
  options.timeout = webhook.timeout;
  options.client.addresses = {webhook.allow_loopback, webhook.allow_private, webhook.allowed_cidrs};
  options.client.connections_per_host_max = 1;
  options.client.idle_connections_max = 1;
  options.client.requests_max = 2;
  options.client.user_agent = fmt::format("trunkline/{}", kVersion);
  options.client.ca_file = webhook.tls_ca;
  return options;
}

std::vector<watch::MaintenanceWindow> maintenance_windows(const config::Consumer& consumer) {
  std::vector<watch::MaintenanceWindow> windows;
  for (const config::MaintenanceWindow& window : consumer.maintenance)
    windows.push_back({window.day_bits, window.from_minute, window.to_minute, {window.local, window.offset_minutes}});
  return windows;
}

delivery::Options delivery_options(const config::Consumer& consumer) {
  delivery::Options options;
  options.ordered = consumer.order != config::Order::none;
  options.concurrency = consumer.concurrency;
  // No two requests may touch one parent record (salesforce_sink.hpp).
  if (std::holds_alternative<config::SalesforceSink>(consumer.sink)) options.concurrency = 1;
  // Each connection writes one batch at a time; more would wait for one inside of the sink.
  if (const auto* postgres = std::get_if<config::PostgresSink>(&consumer.sink))
    options.concurrency = std::min<std::size_t>(options.concurrency, postgres->connections);
  // No older state of an agent may overtake a newer one (adherence_sink.hpp).
  if (std::holds_alternative<config::AdherenceSink>(consumer.sink)) options.concurrency = 1;
  options.adaptive = consumer.adaptive;
  options.rate = consumer.rate;
  options.batch_messages = consumer.batch.messages;
  options.batch_bytes = consumer.batch.bytes;
  options.batch_age = consumer.batch.age;
  // What a shadow does not send uses up nothing.
  options.budget.requests = consumer.shadow ? 0 : consumer.budget.requests;
  options.budget.reserve = consumer.budget.reserve;
  options.budget.per = consumer.budget.per;
  options.budget.rolling = consumer.budget.window == config::BudgetWindow::rolling;
  options.budget.offset = consumer.budget.offset;
  options.max_attempts = consumer.attempts;
  if (consumer.on_exhausted == config::OnExhausted::park) options.on_exhausted = delivery::OnExhausted::park;
  if (consumer.on_exhausted == config::OnExhausted::skip) options.on_exhausted = delivery::OnExhausted::skip;
  if (consumer.on_exhausted == config::OnExhausted::drop) options.on_exhausted = delivery::OnExhausted::drop;
  options.backoff_base = consumer.retry.base;
  options.backoff_cap = consumer.retry.cap;
  options.retry_for = consumer.retry.limit;
  // How long it waits for a transcript is the sink's to say, by the event's age: a restart does not begin it anew.
  if (const auto* transcript = std::get_if<config::TranscriptSink>(&consumer.sink))
    options.retry_for = std::max(options.retry_for, 2 * transcript->give_up);
  options.breaker_lanes_min = consumer.breaker.lanes;
  options.breaker_share = consumer.breaker.percent / 100.0;
  options.breaker_window = consumer.breaker.window;
  options.open_base = consumer.breaker.probe_every;
  options.open_cap = std::max(consumer.breaker.probe_every, consumer.breaker.probe_cap);
  options.seed = std::hash<std::string>()(consumer.name) | 1;
  return options;
}

namespace {

std::variant<filter::Policy, filter::PolicyError> compile(const std::string& text, bool body_scope) {
  const auto scope = body_scope ? filter::Scope::message_body : filter::Scope::message_attributes;
  return filter::Policy::compile(text, scope, filter::Limits::unlimited());
}

}  // namespace

Result<filter::Policy> policy_of(const std::string& text, bool body_scope) {
  auto compiled = compile(text, body_scope);
  if (const auto* error = std::get_if<filter::PolicyError>(&compiled))
    return {Errc::invalid, "the filter is no policy: " + error->text};
  return std::get<filter::Policy>(std::move(compiled));
}

Result<filter::Policy> policy_of(const config::Consumer& consumer) {
  auto compiled = compile(consumer.filter.json, consumer.filter_scope == config::FilterScope::message_body);
  if (const auto* error = std::get_if<filter::PolicyError>(&compiled)) {
    return {Errc::invalid, fmt::format("{}:{}: error: filter of consumer '{}': {}", consumer.filter.place.line,
                                       consumer.filter.place.column, consumer.name, error->text)};
  }
  return std::get<filter::Policy>(std::move(compiled));
}

bool is_pulled(const config::Consumer& consumer) {
  return std::holds_alternative<config::Pulled>(consumer.sink);
}

std::string sink_kind(const config::Consumer& consumer) {
  if (std::holds_alternative<config::HttpSink>(consumer.sink)) return "http";
  if (std::holds_alternative<config::HecSink>(consumer.sink)) return "splunk_hec";
  if (std::holds_alternative<config::ElasticsearchSink>(consumer.sink)) return "elasticsearch";
  if (std::holds_alternative<config::SalesforceSink>(consumer.sink)) return "salesforce";
  if (std::holds_alternative<config::TemplateSink>(consumer.sink)) return "template";
  if (std::holds_alternative<config::TranscriptSink>(consumer.sink)) return "transcript";
  if (std::holds_alternative<config::AdherenceSink>(consumer.sink)) return "adherence";
  if (std::holds_alternative<config::AdherenceFilesSink>(consumer.sink)) return "adherence_files";
  if (std::holds_alternative<config::SyslogSink>(consumer.sink)) return "syslog";
  if (std::holds_alternative<config::DatadogSink>(consumer.sink)) return "datadog";
  if (std::holds_alternative<config::SentinelSink>(consumer.sink)) return "sentinel";
  if (std::holds_alternative<config::PostgresSink>(consumer.sink)) return "postgres";
  if (std::holds_alternative<config::KafkaSink>(consumer.sink)) return "kafka";
  if (std::holds_alternative<config::HubSink>(consumer.sink)) return "hub";
  if (std::holds_alternative<config::S3Sink>(consumer.sink)) return "s3";
  if (std::holds_alternative<config::FileSink>(consumer.sink)) return "file";
  if (std::holds_alternative<config::LiveSink>(consumer.sink)) return "live";
  return "pulled";
}

std::optional<sinks::LiveOptions> live_options(const config::Consumer& consumer) {
  const auto* live = std::get_if<config::LiveSink>(&consumer.sink);
  if (live == nullptr) return std::nullopt;
  sinks::LiveOptions options;
  options.board.agents_max = live->agents;
  options.board.queues_max = live->queues;
  options.board.conversations_max = live->conversations;
  options.subscribers_max = live->subscribers;
  options.board.stale_after = live->stale_after;
  options.board.service_level = {live->service_level_within, live->service_level_over};
  return options;
}

std::string sink_target(const config::Consumer& consumer) {
  if (const auto* http = std::get_if<config::HttpSink>(&consumer.sink)) return http->url;
  if (const auto* file = std::get_if<config::FileSink>(&consumer.sink)) return file->path;
  if (const auto* adherence = std::get_if<config::AdherenceSink>(&consumer.sink)) return adherence->url;
  if (const auto* files = std::get_if<config::AdherenceFilesSink>(&consumer.sink)) return files->directory;
  if (const auto* hec = std::get_if<config::HecSink>(&consumer.sink)) return hec->url;
  if (const auto* elastic = std::get_if<config::ElasticsearchSink>(&consumer.sink)) return elastic->url;
  if (const auto* syslog = std::get_if<config::SyslogSink>(&consumer.sink)) return syslog_target(*syslog);
  if (const auto* datadog = std::get_if<config::DatadogSink>(&consumer.sink))
    return datadog->url.empty() ? datadog->site : datadog->url;
  if (const auto* sentinel = std::get_if<config::SentinelSink>(&consumer.sink)) return sentinel->endpoint;
  if (const auto* postgres = std::get_if<config::PostgresSink>(&consumer.sink)) return postgres_target(*postgres);
  if (const auto* s3 = std::get_if<config::S3Sink>(&consumer.sink)) return s3_target(*s3);
  if (const auto* hub = std::get_if<config::HubSink>(&consumer.sink)) return hub->url;
  if (const auto* kafka = std::get_if<config::KafkaSink>(&consumer.sink)) return kafka_target(*kafka);
  return crm_target(consumer);
}

namespace {

Result<std::unique_ptr<delivery::Sink>> make_plain_sink(const config::Consumer& consumer, net::IoLoop& loop,
                                                        Enrichment names, std::shared_ptr<sinks::ShadowLog> shadow,
                                                        SinkMemory memory) {
  if (const auto* http = std::get_if<config::HttpSink>(&consumer.sink)) {
    return make_http(consumer, *http, loop, enriched_renderer(std::move(names)), std::move(shadow));
  }
  if (const auto* hec = std::get_if<config::HecSink>(&consumer.sink)) {
    return make_hec(consumer, *hec, loop, enriched_renderer(std::move(names)), std::move(shadow));
  }
  if (const auto* file = std::get_if<config::FileSink>(&consumer.sink)) {
    return make_file(consumer, *file, loop, enriched_renderer(std::move(names)));
  }
  constexpr std::string_view kAny = "name";
  const bool shows_names = !names.mapping || names.mapping->member("_userName", kAny, {}) == kAny;
  auto agent_names = shows_names ? names.names : nullptr;
  SinkParts parts{consumer, order_of(consumer.order), loop, enriched_renderer(std::move(names)), std::move(shadow)};
  if (const auto* transcript = std::get_if<config::TranscriptSink>(&consumer.sink))
    return make_sink_of(*transcript, std::move(parts));
  if (const auto* adherence = std::get_if<config::AdherenceSink>(&consumer.sink))
    return make_sink_of(*adherence, std::move(parts), std::move(memory.agents), std::move(memory.oldest_waiting),
                        std::move(agent_names));
  if (const auto* files = std::get_if<config::AdherenceFilesSink>(&consumer.sink))
    return make_sink_of(*files, std::move(parts), std::move(memory.oldest_waiting));
  if (const auto* elastic = std::get_if<config::ElasticsearchSink>(&consumer.sink))
    return make_sink_of(*elastic, std::move(parts));
  if (const auto* syslog = std::get_if<config::SyslogSink>(&consumer.sink))
    return make_sink_of(*syslog, std::move(parts));
  if (const auto* datadog = std::get_if<config::DatadogSink>(&consumer.sink))
    return make_sink_of(*datadog, std::move(parts));
  if (const auto* sentinel = std::get_if<config::SentinelSink>(&consumer.sink))
    return make_sink_of(*sentinel, std::move(parts));
  if (const auto* postgres = std::get_if<config::PostgresSink>(&consumer.sink))
    return make_sink_of(*postgres, std::move(parts));
  if (const auto* s3 = std::get_if<config::S3Sink>(&consumer.sink)) return make_sink_of(*s3, std::move(parts));
  if (const auto* hub = std::get_if<config::HubSink>(&consumer.sink)) return make_sink_of(*hub, std::move(parts));
  if (const auto* kafka = std::get_if<config::KafkaSink>(&consumer.sink)) return make_sink_of(*kafka, std::move(parts));
  if (const auto* made = std::get_if<config::TemplateSink>(&consumer.sink))
    return make_sink_of(*made, std::move(parts));
  if (const auto* salesforce = std::get_if<config::SalesforceSink>(&consumer.sink))
    return make_sink_of(*salesforce, std::move(parts), std::move(memory.cases));
  return {Errc::unsupported, fmt::format("consumer '{}': a pulled consumer has no sink", consumer.name)};
}

}  // namespace

Result<std::unique_ptr<delivery::Sink>> make_sink(const config::Consumer& consumer, net::IoLoop& loop,
                                                  std::shared_ptr<const event::NameTable> names,
                                                  std::shared_ptr<sinks::ShadowLog> shadow,
                                                  const sinks::MappedSinkOptions& mapping, SinkMemory memory) {
  TRUNKLINE_TRY(auto sink, make_plain_sink(consumer, loop, {std::move(names), mapping.mapping}, std::move(shadow),
                                           std::move(memory)));
  return mapped_sink(std::move(sink), mapping, loop);
}

}  // namespace trunkline::app
