#include "app/data_sinks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kafka/producer.hpp"
#include "postgres/writer.hpp"
#include "sinks/hub_sink.hpp"
#include "sinks/kafka_sink.hpp"
#include "sinks/message_sender.hpp"
#include "sinks/postgres_sink.hpp"
#include "sinks/row_sender.hpp"
#include "sinks/s3_sink.hpp"

namespace trunkline::app {
namespace {

using base::Result;

postgres::ConnectOptions connect_options(const config::PostgresSink& sink) {
  postgres::ConnectOptions options;
  options.host = sink.host;
  options.port = static_cast<std::uint16_t>(sink.port);
  options.database = sink.database;
  options.user = sink.user;
  options.password = sink.password.reveal();
  switch (sink.tls) {
    case config::PostgresTls::verify_full:
      options.tls = postgres::ConnectOptions::Tls::verify_full;
      break;
    case config::PostgresTls::verify_ca:
      options.tls = postgres::ConnectOptions::Tls::verify_ca;
      break;
    case config::PostgresTls::off:
      options.tls = postgres::ConnectOptions::Tls::off;
      break;
  }
  options.ca_file = sink.target.tls_ca;
  options.certificate_file = sink.target.tls_cert;
  options.key_file = sink.target.tls_key;
  options.connect_timeout = std::min(sink.target.connect_timeout, sink.target.timeout);
  options.statement_timeout = sink.target.timeout;
  return options;
}

kafka::ProducerOptions producer_options(const config::KafkaSink& sink) {
  using Security = kafka::ProducerOptions::Security;
  constexpr std::array kMechanisms = {"SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"};
  constexpr std::array kCompressions = {"lz4", "zstd", "gzip", "snappy", "none"};
  kafka::ProducerOptions options;
  options.brokers = fmt::format("{}", fmt::join(sink.brokers, ","));
  options.topic = sink.topic;
  if (sink.user.empty()) {
    options.security = sink.tls ? Security::ssl : Security::plaintext;
  } else {
    options.security = sink.tls ? Security::sasl_ssl : Security::sasl_plaintext;
    options.mechanism = kMechanisms[static_cast<std::size_t>(sink.mechanism)];
  }
  options.user = sink.user;
  options.password = sink.password.reveal();
  if (sink.tls) {
    options.ca_file = sink.target.tls_ca;
    options.certificate_file = sink.target.tls_cert;
    options.key_file = sink.target.tls_key;
  }
  options.compression = kCompressions[static_cast<std::size_t>(sink.compression)];
  options.message_bytes_max = sink.max_bytes;
  options.connect_timeout = std::min(sink.target.connect_timeout, sink.target.timeout);
  options.timeout = sink.target.timeout;
  return options;
}

}  // namespace

std::string kafka_target(const config::KafkaSink& sink) {
  return fmt::format("kafka://{}/{}", fmt::join(sink.brokers, ","), sink.topic);
}

std::string s3_target(const config::S3Sink& sink) {
  return fmt::format("s3://{}{}{}", sink.bucket, sink.prefix.empty() ? "" : "/", sink.prefix);
}

std::string postgres_target(const config::PostgresSink& sink) {
  return fmt::format("postgresql://{}:{}/{}", sink.host, sink.port, sink.database);
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::PostgresSink& sink, SinkParts parts) {
  sinks::PostgresOptions options;
  options.batch_messages_max = std::min<std::size_t>(parts.consumer.batch.messages, 10'000);
  options.batch_bytes_max = std::min<std::size_t>(parts.consumer.batch.bytes, 64 << 20);
  options.target = postgres_target(sink);
  options.schema = sink.schema;
  options.table = sink.table;
  options.create = sink.create;
  options.body = body_of(sink.body);
  options.order = parts.order;
  if (!sink.password.reveal().empty()) options.secrets.push_back(sink.password.reveal());
  std::unique_ptr<sinks::RowSender> sender;
  if (parts.shadow) {
    sender = std::make_unique<sinks::ShadowRowSender>(parts.loop, std::move(parts.shadow), options.target);
  } else {
    postgres::WriterOptions writer;
    writer.connect = connect_options(sink);
    writer.table = sinks::postgres_table(options);
    writer.create = sink.create;
    writer.connections = sink.connections;
    writer.timeout = sink.target.timeout;
    sender = std::make_unique<sinks::WriterRowSender>(parts.loop, std::move(writer));
  }
  TRUNKLINE_TRY(auto made, sinks::PostgresSink::make(std::move(options), std::move(parts.renderer), std::move(sender)));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::KafkaSink& sink, SinkParts parts) {
  sinks::KafkaOptions options;
  options.batch_messages_max = std::min<std::size_t>(parts.consumer.batch.messages, 10'000);
  options.batch_bytes_max = std::min<std::size_t>(parts.consumer.batch.bytes, 64 << 20);
  options.target = kafka_target(sink);
  options.topic = sink.topic;
  options.body = body_of(sink.body);
  options.order = parts.order;
  if (!sink.password.reveal().empty()) options.secrets.push_back(sink.password.reveal());
  std::unique_ptr<sinks::MessageSender> sender;
  if (parts.shadow) {
    sender = std::make_unique<sinks::ShadowMessageSender>(parts.loop, std::move(parts.shadow), options.target);
  } else {
    TRUNKLINE_TRY(auto producer, kafka::Producer::make(parts.loop, producer_options(sink)));
    sender = std::make_unique<sinks::ProducerSender>(std::move(producer));
  }
  TRUNKLINE_TRY(auto made, sinks::KafkaSink::make(std::move(options), std::move(parts.renderer), std::move(sender)));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::HubSink& sink, SinkParts parts) {
  sinks::HubOptions options;
  options.batch_messages_max = std::min<std::size_t>(parts.consumer.batch.messages, 10'000);
  options.batch_bytes_max = std::min<std::size_t>(parts.consumer.batch.bytes, 16 << 20);
  options.url = sink.url;
  options.header = sink.header;
  options.api_key = sink.api_key.reveal();
  options.gzip = sink.gzip && !parts.shadow;  // what a shadow shows can be read
  options.shadow = parts.shadow != nullptr;
  options.connect_timeout = std::min(sink.target.connect_timeout, sink.target.timeout);
  options.timeout = sink.target.timeout;
  auto sender = sender_of(parts, sink.target, {sink.header}, "");
  TRUNKLINE_TRY(auto made, sinks::HubSink::make(std::move(options), std::move(sender), parts.loop.clock()));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::S3Sink& sink, SinkParts parts) {
  sinks::S3Options options;
  options.batch_messages_max = std::min<std::size_t>(parts.consumer.batch.messages, 10'000);
  options.batch_bytes_max = std::min<std::size_t>(parts.consumer.batch.bytes, 64 << 20);
  options.url = sink.url;
  options.bucket = sink.bucket;
  options.region = sink.region;
  options.credentials = {sink.access_key_id.reveal(), sink.secret_access_key.reveal(), sink.session_token.reveal()};
  options.layout.prefix = sink.prefix;
  if (sink.hour == config::S3Hour::occurred) options.layout.hour = sinks::S3Hour::occurred;
  if (sink.compression == config::S3Compression::zstd) options.layout.compression = sinks::S3Compression::zstd;
  // What a shadow shows can be read.
  if (sink.compression == config::S3Compression::none || parts.shadow)
    options.layout.compression = sinks::S3Compression::none;
  options.layout.body = body_of(sink.body);
  options.shadow = parts.shadow != nullptr;
  options.storage_class = sink.storage_class;
  options.connect_timeout = std::min(sink.target.connect_timeout, sink.target.timeout);
  options.timeout = sink.target.timeout;
  auto sender = sender_of(parts, sink.target, {"Authorization", "X-Amz-Security-Token"}, "");
  TRUNKLINE_TRY(auto made,
                sinks::S3Sink::make(std::move(options), std::move(parts.renderer), std::move(sender), parts.loop));
  return std::unique_ptr<delivery::Sink>(std::move(made));
}

}  // namespace trunkline::app
