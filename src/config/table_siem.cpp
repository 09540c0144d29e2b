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

}  // namespace

Table<SyslogSink> syslog_sink_table() {
  return kSyslog;
}
Table<ElasticsearchSink> elasticsearch_sink_table() {
  return kElasticsearch;
}

}  // namespace trunkline::config
