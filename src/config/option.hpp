#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "config/config.hpp"

namespace trunkline::config {

enum class Type : std::uint8_t {
  text,
  boolean,
  count,
  duration,
  size,
  choice,
  address,  // host:port
  url,
  time,
  secret,
  secrets,  // one, or a list
  keys,     // one credential, or a list of credentials and {key, until}
  cidrs,    // list
  headers,  // map of name to credential or text
  texts,    // one, or a list
  pairs,    // map of name to text
  policy,   // a filter policy
};

// One row of the option tables: all that anybody needs to know of an option. Paths are relative to the table's scope.
struct Option {
  std::string_view path{};
  Type type = Type::text;
  std::string_view fallback{};  // the default as it would be written; empty: none
  std::int64_t min = 0;         // count, milliseconds or bytes
  std::int64_t max = 0;
  std::string_view choices{};  // "refuse|expire", in the order of the enumerators
  std::string_view unit{};     // of a count: "events", "lanes"
  bool required = false;
  bool reloadable = false;  // a changed value takes effect without a restart
  std::string_view help{};
};

// What an option's text turns into: count, duration (ms), size and choice (place in the list) are the integer.
using Value =
    std::variant<bool, std::int64_t, std::string, base::WallTime, Secret, std::vector<Secret>, std::vector<AcceptedKey>,
                 std::vector<std::string>, std::vector<std::pair<std::string, Secret>>, FilterPolicy>;

template <class Scope>
struct Row {
  Option option;
  void (*set)(Scope& scope, Value value);
};
template <class Scope>
using Table = std::span<const Row<Scope>>;

Table<Config> root_table();
Table<Source> source_table();
Table<Topic> topic_table();
Table<Consumer> consumer_table();
Table<HttpSink> http_sink_table();
Table<FileSink> file_sink_table();
Table<HecSink> hec_sink_table();
Table<LiveSink> live_sink_table();
Table<TemplateSink> template_sink_table();
Table<TemplateRequest> template_request_table();
Table<TemplateRule> template_rule_table();
Table<SalesforceSink> salesforce_sink_table();
Table<TranscriptSink> transcript_sink_table();
Table<AdherenceSink> adherence_sink_table();
Table<AdherenceFilesSink> adherence_files_sink_table();
Table<ElasticsearchSink> elasticsearch_sink_table();
Table<SyslogSink> syslog_sink_table();
Table<DatadogSink> datadog_sink_table();
Table<SentinelSink> sentinel_sink_table();
Table<PostgresSink> postgres_sink_table();
Table<KafkaSink> kafka_sink_table();
Table<HubSink> hub_sink_table();
Table<S3Sink> s3_sink_table();
Table<MaintenanceWindow> maintenance_table();
Table<Alarms> alarms_table();
Table<AlarmWebhook> alarm_webhook_table();
Table<AcceptedKey> key_table();
Table<BasicAuth> basic_table();
Table<SqsKey> sqs_key_table();
Table<OauthAuth> oauth_table();
Table<JwtAuth> jwt_table();
Table<HmacAuth> hmac_table();
Table<CertificateAuth> certificate_table();

namespace detail {

template <class Field>
void store(Field& field, Value value) {
  if constexpr (std::is_same_v<Field, bool>) {
    field = std::get<bool>(value);
  } else if constexpr (std::is_integral_v<Field> || std::is_enum_v<Field>) {
    field = static_cast<Field>(std::get<std::int64_t>(value));
  } else if constexpr (std::is_same_v<Field, base::Millis>) {
    field = base::Millis(std::get<std::int64_t>(value));
  } else {
    field = std::get<Field>(std::move(value));
  }
}
template <class Field>
void store(std::optional<Field>& field, Value value) {
  store(field.emplace(), std::move(value));
}

}  // namespace detail

// Setters from pointers to members: assign<&Consumer::attempts>, assign<&Consumer::retry, &Retry::cap>.
template <auto Member, class Scope>
void assign(Scope& scope, Value value) {
  detail::store(scope.*Member, std::move(value));
}
template <auto Outer, auto Inner, class Scope>
void assign(Scope& scope, Value value) {
  detail::store(scope.*Outer.*Inner, std::move(value));
}

template <auto Outer, auto Middle, auto Inner, class Scope>
void assign(Scope& scope, Value value) {
  detail::store(scope.*Outer.*Middle.*Inner, std::move(value));
}

}  // namespace trunkline::config
