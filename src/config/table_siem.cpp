#include <array>

#include "config/option.hpp"

// Sinks of systems that keep and search events.
namespace trunkline::config {
namespace {

constexpr std::int64_t kSecond = 1000;

template <class Sink>
constexpr Row<Sink> timeout_row() {
  return {{.path = "timeout",
           .type = Type::duration,
           .fallback = "30s",
           .min = 100,
           .max = 300 * kSecond,
           .reloadable = true,
           .help = "For the whole exchange."},
          assign<&Sink::target, &SinkTarget::timeout>};
}
template <class Sink>
constexpr Row<Sink> connect_timeout_row() {
  return {{.path = "connect_timeout",
           .type = Type::duration,
           .fallback = "5s",
           .min = 100,
           .max = 300 * kSecond,
           .reloadable = true,
           .help = "For the connection, TLS included; never longer than `timeout`."},
          assign<&Sink::target, &SinkTarget::connect_timeout>};
}
template <class Sink>
constexpr Row<Sink> ca_row() {
  return {{.path = "tls.ca",
           .type = Type::text,
           .reloadable = true,
           .help = "PEM file of the authority that signed the server's certificate. None: the system's authorities."},
          assign<&Sink::target, &SinkTarget::tls_ca>};
}
template <class Sink>
constexpr Row<Sink> cert_row() {
  return {{.path = "tls.cert",
           .type = Type::text,
           .reloadable = true,
           .help = "PEM file: the certificate that is shown to the server, then its chain."},
          assign<&Sink::target, &SinkTarget::tls_cert>};
}
template <class Sink>
constexpr Row<Sink> key_row() {
  return {{.path = "tls.key",
           .type = Type::text,
           .reloadable = true,
           .help = "PEM file: its private key, without a passphrase."},
          assign<&Sink::target, &SinkTarget::tls_key>};
}
template <class Sink>
constexpr Row<Sink> gzip_row() {
  return {
      {.path = "gzip", .type = Type::boolean, .fallback = "true", .reloadable = true, .help = "Compresses requests."},
      assign<&Sink::gzip>};
}

using Es = ElasticsearchSink;
constexpr std::array kElasticsearch = {
    Row<Es>{{.path = "url",
             .type = Type::url,
             .required = true,
             .reloadable = true,
             .help = "The server: `https://es:9200`. /_bulk is added."},
            assign<&Es::url>},
    Row<Es>{
        {.path = "index",
         .type = Type::text,
         .fallback = "logs-genesys-default",
         .reloadable = true,
         .help = "Index, alias or data stream. May hold `{category}`, `{date}` (2026.03.02) and `{month}`, in UTC of "
                 "the document's @timestamp."},
        assign<&Es::index>},
    Row<Es>{{.path = "pipeline",
             .type = Type::text,
             .reloadable = true,
             .help = "Ingest pipeline. None: that of the index."},
            assign<&Es::pipeline>},
    Row<Es>{
        {.path = "fields",
         .type = Type::choice,
         .fallback = "ecs",
         .choices = "ecs|enriched|raw",
         .reloadable = true,
         .help = "`ecs`: Elastic Common Schema, with the event as text in `event.original`. `enriched`: the event's "
                 "own members with what the hub found, `@timestamp` and `trunkline`. `raw`: its own members and "
                 "`@timestamp`."},
        assign<&Es::fields>},
    Row<Es>{{.path = "document_ids",
             .type = Type::boolean,
             .fallback = "true",
             .reloadable = true,
             .help = "Gives documents an `_id` that a repeat has, too. false only where ids are refused (time series "
                     "collections of OpenSearch Serverless): a repeat is then a second document."},
            assign<&Es::document_ids>},
    Row<Es>{{.path = "user", .type = Type::text, .reloadable = true, .help = "Basic authorization, with `password`."},
            assign<&Es::user>},
    Row<Es>{{.path = "password", .type = Type::secret, .reloadable = true, .help = "Of `user`."},
            assign<&Es::password>},
    Row<Es>{{.path = "api_key",
             .type = Type::secret,
             .reloadable = true,
             .help = "API key of Elasticsearch, encoded as Kibana shows it (base64 of id:key)."},
            assign<&Es::api_key>},
    Row<Es>{{.path = "aws.region",
             .type = Type::text,
             .reloadable = true,
             .help = "Signs requests for Amazon OpenSearch (Signature Version 4)."},
            assign<&Es::aws_region>},
    Row<Es>{{.path = "aws.service",
             .type = Type::choice,
             .fallback = "es",
             .choices = "es|aoss",
             .reloadable = true,
             .help = "`es`: a domain. `aoss`: OpenSearch Serverless."},
            assign<&Es::aws_service>},
    Row<Es>{{.path = "aws.access_key_id", .type = Type::secret, .reloadable = true, .help = "Of the user or role."},
            assign<&Es::aws_access_key_id>},
    Row<Es>{{.path = "aws.secret_access_key", .type = Type::secret, .reloadable = true, .help = "Its secret."},
            assign<&Es::aws_secret_access_key>},
    Row<Es>{{.path = "aws.session_token",
             .type = Type::secret,
             .reloadable = true,
             .help = "Of temporary credentials; after their end a reload brings new ones."},
            assign<&Es::aws_session_token>},
    gzip_row<Es>(),
    timeout_row<Es>(),
    connect_timeout_row<Es>(),
    ca_row<Es>(),
    cert_row<Es>(),
    key_row<Es>(),
};

constexpr std::array kSyslog = {
    Row<SyslogSink>{{.path = "address",
                     .type = Type::address,
                     .required = true,
                     .reloadable = true,
                     .help = "The receiver: `siem.example:6514`."},
                    assign<&SyslogSink::address>},
    Row<SyslogSink>{{.path = "transport",
                     .type = Type::choice,
                     .fallback = "tls",
                     .choices = "tls|tcp",
                     .reloadable = true,
                     .help = "TLS (RFC 5425) or plain TCP (RFC 6587); frames are octet-counted in both."},
                    assign<&SyslogSink::transport>},
    Row<SyslogSink>{{.path = "format",
                     .type = Type::choice,
                     .fallback = "rfc5424",
                     .choices = "rfc5424|cef",
                     .reloadable = true,
                     .help = "The event as the text of an RFC 5424 message, or a CEF line."},
                    assign<&SyslogSink::format>},
    Row<SyslogSink>{{.path = "body",
                     .type = Type::choice,
                     .fallback = "enriched",
                     .choices = "enriched|raw",
                     .reloadable = true,
                     .help = "The event with what the hub found in it, or its own bytes, on one line."},
                    assign<&SyslogSink::body>},
    Row<SyslogSink>{{.path = "priority",
                     .type = Type::text,
                     .fallback = "local0.info",
                     .reloadable = true,
                     .help = "Facility and severity, by the words of syslog.conf."},
                    assign<&SyslogSink::priority>},
    Row<SyslogSink>{{.path = "priorities",
                     .type = Type::pairs,
                     .reloadable = true,
                     .help = "Others by category: `{audit: audit.notice}`."},
                    assign<&SyslogSink::priorities>},
    Row<SyslogSink>{{.path = "host",
                     .type = Type::text,
                     .reloadable = true,
                     .help = "HOSTNAME of messages. None: this machine's name."},
                    assign<&SyslogSink::host>},
    Row<SyslogSink>{{.path = "app_name",
                     .type = Type::text,
                     .fallback = "trunkline",
                     .reloadable = true,
                     .help = "APP-NAME of messages."},
                    assign<&SyslogSink::app_name>},
    Row<SyslogSink>{{.path = "data_id",
                     .type = Type::text,
                     .fallback = "genesys@32473",
                     .reloadable = true,
                     .help = "SD-ID of the structured data: a name, @, and your enterprise number (32473 is that of "
                             "examples)."},
                    assign<&SyslogSink::data_id>},
    Row<SyslogSink>{
        {.path = "max_bytes",
         .type = Type::size,
         .fallback = "64KiB",
         .min = 2 << 10,
         .max = 16 << 20,
         .reloadable = true,
         .help = "Longest message. Not above the receiver's own bound: it cuts longer ones without a word."},
        assign<&SyslogSink::max_bytes>},
    Row<SyslogSink>{{.path = "too_long",
                     .type = Type::choice,
                     .fallback = "reject",
                     .choices = "reject|truncate",
                     .reloadable = true,
                     .help = "A longer message: to the dead letters, or cut, which loses its end."},
                    assign<&SyslogSink::too_long>},
    Row<SyslogSink>{{.path = "hold",
                     .type = Type::duration,
                     .fallback = "250ms",
                     .min = 10,
                     .max = 60 * kSecond,
                     .reloadable = true,
                     .help = "How long a connection must stay open after the receiver's TCP has acknowledged a batch, "
                             "before the batch counts as delivered."},
                    assign<&SyslogSink::hold>},
    timeout_row<SyslogSink>(),
    connect_timeout_row<SyslogSink>(),
    ca_row<SyslogSink>(),
    cert_row<SyslogSink>(),
    key_row<SyslogSink>(),
};

constexpr std::array kDatadog = {
    Row<DatadogSink>{{.path = "site",
                      .type = Type::text,
                      .fallback = "datadoghq.com",
                      .reloadable = true,
                      .help = "Of the account: `datadoghq.eu`, `us5.datadoghq.com`."},
                     assign<&DatadogSink::site>},
    Row<DatadogSink>{{.path = "url",
                      .type = Type::url,
                      .reloadable = true,
                      .help = "Instead of the site's intake: a proxy. /api/v2/logs is added."},
                     assign<&DatadogSink::url>},
    Row<DatadogSink>{
        {.path = "api_key", .type = Type::secret, .required = true, .reloadable = true, .help = "API key."},
        assign<&DatadogSink::api_key>},
    Row<DatadogSink>{{.path = "service",
                      .type = Type::text,
                      .fallback = "genesys-cloud",
                      .reloadable = true,
                      .help = "`service` of the logs."},
                     assign<&DatadogSink::service>},
    Row<DatadogSink>{{.path = "source",
                      .type = Type::text,
                      .fallback = "genesys",
                      .reloadable = true,
                      .help = "`ddsource` of the logs, by which a pipeline is chosen."},
                     assign<&DatadogSink::source>},
    Row<DatadogSink>{{.path = "host", .type = Type::text, .reloadable = true, .help = "`hostname` of the logs."},
                     assign<&DatadogSink::host>},
    Row<DatadogSink>{{.path = "tags", .type = Type::texts, .reloadable = true, .help = "`[env:prod, team:cc]`."},
                     assign<&DatadogSink::tags>},
    Row<DatadogSink>{{.path = "body",
                      .type = Type::choice,
                      .fallback = "enriched",
                      .choices = "enriched|raw",
                      .reloadable = true,
                      .help = "The event with what the hub found in it, or its own bytes as they came."},
                     assign<&DatadogSink::body>},
    gzip_row<DatadogSink>(),
    timeout_row<DatadogSink>(),
    connect_timeout_row<DatadogSink>(),
    ca_row<DatadogSink>(),
    cert_row<DatadogSink>(),
    key_row<DatadogSink>(),
};

constexpr std::array kSentinel = {
    Row<SentinelSink>{
        {.path = "endpoint",
         .type = Type::url,
         .required = true,
         .reloadable = true,
         .help = "Of the data collection endpoint, or of the rule: `https://….ingest.monitor.azure.com`."},
        assign<&SentinelSink::endpoint>},
    Row<SentinelSink>{{.path = "rule",
                       .type = Type::text,
                       .required = true,
                       .reloadable = true,
                       .help = "Immutable id of the data collection rule: `dcr-…`."},
                      assign<&SentinelSink::rule>},
    Row<SentinelSink>{{.path = "stream",
                       .type = Type::text,
                       .required = true,
                       .reloadable = true,
                       .help = "The rule's stream: `Custom-GenesysEvents_CL`."},
                      assign<&SentinelSink::stream>},
    Row<SentinelSink>{{.path = "tenant",
                       .type = Type::text,
                       .required = true,
                       .reloadable = true,
                       .help = "Entra tenant of the application."},
                      assign<&SentinelSink::tenant>},
    Row<SentinelSink>{{.path = "client_id",
                       .type = Type::text,
                       .required = true,
                       .reloadable = true,
                       .help = "Of the application, which needs the role Monitoring Metrics Publisher on the rule."},
                      assign<&SentinelSink::client_id>},
    Row<SentinelSink>{{.path = "client_secret",
                       .type = Type::secret,
                       .required = true,
                       .reloadable = true,
                       .help = "Of the application."},
                      assign<&SentinelSink::client_secret>},
    Row<SentinelSink>{{.path = "authority",
                       .type = Type::url,
                       .fallback = "https://login.microsoftonline.com",
                       .reloadable = true,
                       .help = "Where tokens come from; other clouds have others."},
                      assign<&SentinelSink::authority>},
    Row<SentinelSink>{{.path = "scope",
                       .type = Type::text,
                       .fallback = "https://monitor.azure.com/.default",
                       .reloadable = true,
                       .help = "Of the token; other clouds have others."},
                      assign<&SentinelSink::scope>},
    Row<SentinelSink>{{.path = "body",
                       .type = Type::choice,
                       .fallback = "enriched",
                       .choices = "enriched|raw",
                       .reloadable = true,
                       .help = "The event with what the hub found in it, or its own bytes as they came."},
                      assign<&SentinelSink::body>},
    gzip_row<SentinelSink>(),
    timeout_row<SentinelSink>(),
    connect_timeout_row<SentinelSink>(),
    ca_row<SentinelSink>(),
    cert_row<SentinelSink>(),
    key_row<SentinelSink>(),
};

}  // namespace

Table<DatadogSink> datadog_sink_table() {
  return kDatadog;
}
Table<SentinelSink> sentinel_sink_table() {
  return kSentinel;
}
Table<SyslogSink> syslog_sink_table() {
  return kSyslog;
}
Table<ElasticsearchSink> elasticsearch_sink_table() {
  return kElasticsearch;
}

}  // namespace trunkline::config
