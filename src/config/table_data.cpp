#include <array>

#include "config/option.hpp"
#include "config/target_rows.hpp"

// Sinks of databases and of other systems that programs read from.
namespace trunkline::config {
namespace {

using Pg = PostgresSink;
constexpr std::array kPostgres = {
    Row<Pg>{
        {.path = "host",
         .type = Type::text,
         .required = true,
         .reloadable = true,
         .help = "The server: `db.example`; the directory of a Unix socket; or several with commas, of which the first "
                 "that takes writes is used."},
        assign<&Pg::host>},
    Row<Pg>{{.path = "port",
             .type = Type::count,
             .fallback = "5432",
             .min = 1,
             .max = 65'535,
             .reloadable = true,
             .help = "Of the server."},
            assign<&Pg::port>},
    Row<Pg>{{.path = "database", .type = Type::text, .required = true, .reloadable = true, .help = "Its database."},
            assign<&Pg::database>},
    Row<Pg>{{.path = "user", .type = Type::text, .required = true, .reloadable = true, .help = "The role."},
            assign<&Pg::user>},
    Row<Pg>{
        {.path = "password", .type = Type::secret, .reloadable = true, .help = "Of `user`, where one is asked for."},
        assign<&Pg::password>},
    Row<Pg>{{.path = "schema",
             .type = Type::text,
             .fallback = "trunkline",
             .reloadable = true,
             .help = "Where the table is."},
            assign<&Pg::schema>},
    Row<Pg>{{.path = "table", .type = Type::text, .fallback = "events", .reloadable = true, .help = "Its name."},
            assign<&Pg::table>},
    Row<Pg>{{.path = "create",
             .type = Type::boolean,
             .fallback = "true",
             .reloadable = true,
             .help = "Makes schema, table and indexes where they are missing."},
            assign<&Pg::create>},
    Row<Pg>{{.path = "body",
             .type = Type::choice,
             .fallback = "enriched",
             .choices = "enriched|raw",
             .reloadable = true,
             .help = "The event with what the hub found in it, or as it came."},
            assign<&Pg::body>},
    Row<Pg>{{.path = "connections",
             .type = Type::count,
             .fallback = "4",
             .min = 1,
             .max = 64,
             .unit = "connections",
             .reloadable = true,
             .help = "At most; each writes one batch at a time, so `concurrency` is bounded by it. Made when needed."},
            assign<&Pg::connections>},
    Row<Pg>{
        {.path = "tls.mode",
         .type = Type::choice,
         .fallback = "verify-full",
         .choices = "verify-full|verify-ca|off",
         .reloadable = true,
         .help = "The server's certificate and its name, its certificate alone, or no TLS. A Unix socket has none."},
        assign<&Pg::tls>},
    timeout_row<Pg>(),
    connect_timeout_row<Pg>(),
    ca_row<Pg>(),
    cert_row<Pg>(),
    key_row<Pg>(),
};

using Kafka = KafkaSink;
constexpr std::array kKafka = {
    Row<Kafka>{{.path = "brokers",
                .type = Type::texts,
                .reloadable = true,
                .help = "Some of the cluster's: `[a.example:9093, b.example:9093]`; the others are learnt from them."},
               assign<&Kafka::brokers>},
    Row<Kafka>{{.path = "topic",
                .type = Type::text,
                .required = true,
                .reloadable = true,
                .help = "Where events are written. Make it before: with the partitions that you want."},
               assign<&Kafka::topic>},
    Row<Kafka>{{.path = "user", .type = Type::text, .reloadable = true, .help = "Of SASL, with `password`."},
               assign<&Kafka::user>},
    Row<Kafka>{{.path = "password", .type = Type::secret, .reloadable = true, .help = "Of `user`."},
               assign<&Kafka::password>},
    Row<Kafka>{{.path = "mechanism",
                .type = Type::choice,
                .fallback = "SCRAM-SHA-512",
                .choices = "SCRAM-SHA-512|SCRAM-SHA-256|PLAIN",
                .reloadable = true,
                .help = "Of SASL."},
               assign<&Kafka::mechanism>},
    Row<Kafka>{{.path = "compression",
                .type = Type::choice,
                .fallback = "lz4",
                .choices = "lz4|zstd|gzip|snappy|none",
                .reloadable = true,
                .help = "Of the messages that go together."},
               assign<&Kafka::compression>},
    Row<Kafka>{
        {.path = "max_bytes",
         .type = Type::size,
         .fallback = "1000000",
         .min = 1'000,
         .max = 64 << 20,
         .reloadable = true,
         .help = "Of a message, uncompressed, with key and headers; a longer one is a bad event. Not above the topic's "
                 "`max.message.bytes`."},
        assign<&Kafka::max_bytes>},
    Row<Kafka>{{.path = "body",
                .type = Type::choice,
                .fallback = "enriched",
                .choices = "enriched|raw",
                .reloadable = true,
                .help = "The event with what the hub found in it, or its own bytes as they came."},
               assign<&Kafka::body>},
    Row<Kafka>{{.path = "tls.on",
                .type = Type::boolean,
                .fallback = "true",
                .reloadable = true,
                .help = "Whether connections are by TLS; the brokers' certificates are always verified."},
               assign<&Kafka::tls>},
    timeout_row<Kafka>(),
    connect_timeout_row<Kafka>(),
    ca_row<Kafka>(),
    cert_row<Kafka>(),
    key_row<Kafka>(),
};

using Hub = HubSink;
constexpr std::array kHub = {
    Row<Hub>{{.path = "url",
              .type = Type::url,
              .required = true,
              .reloadable = true,
              .help = "Of a source of the other hub: `https://hub.example/ingest/from-edge`."},
             assign<&Hub::url>},
    Row<Hub>{
        {.path = "api_key", .type = Type::secret, .reloadable = true, .help = "One of that source's `auth.api_key`."},
        assign<&Hub::api_key>},
    Row<Hub>{{.path = "header",
              .type = Type::text,
              .fallback = "x-api-key",
              .reloadable = true,
              .help = "Carries the key, as that source's `auth.header` says."},
             assign<&Hub::header>},
    Row<Hub>{
        {.path = "gzip", .type = Type::boolean, .fallback = "true", .reloadable = true, .help = "Compresses requests."},
        assign<&Hub::gzip>},
    timeout_row<Hub>(),
    connect_timeout_row<Hub>(),
    ca_row<Hub>(),
    cert_row<Hub>(),
    key_row<Hub>(),
};

constexpr std::array kS3 = {
    Row<S3Sink>{{.path = "bucket", .type = Type::text, .required = true, .reloadable = true, .help = "Its name."},
                assign<&S3Sink::bucket>},
    Row<S3Sink>{{.path = "region",
                 .type = Type::text,
                 .fallback = "us-east-1",
                 .reloadable = true,
                 .help = "Of the bucket; other stores mostly take any."},
                assign<&S3Sink::region>},
    Row<S3Sink>{
        {.path = "url",
         .type = Type::url,
         .reloadable = true,
         .help = "Of a compatible store: `https://minio.example:9000`; the bucket is added as a path. None: AWS."},
        assign<&S3Sink::url>},
    Row<S3Sink>{
        {.path = "prefix", .type = Type::text, .reloadable = true, .help = "In front of every key: `genesys/prod`."},
        assign<&S3Sink::prefix>},
    Row<S3Sink>{{.path = "hour",
                 .type = Type::choice,
                 .fallback = "accepted",
                 .choices = "accepted|occurred",
                 .reloadable = true,
                 .help = "Which hour an event is filed under: when the hub accepted it, or when it happened, in UTC."},
                assign<&S3Sink::hour>},
    Row<S3Sink>{{.path = "compression",
                 .type = Type::choice,
                 .fallback = "gzip",
                 .choices = "gzip|zstd|none",
                 .reloadable = true,
                 .help = "Of objects: `.jsonl.gz`, `.jsonl.zst`, `.jsonl`."},
                assign<&S3Sink::compression>},
    Row<S3Sink>{{.path = "storage_class",
                 .type = Type::text,
                 .reloadable = true,
                 .help = "`STANDARD_IA`, … None: the bucket's."},
                assign<&S3Sink::storage_class>},
    Row<S3Sink>{{.path = "access_key_id",
                 .type = Type::secret,
                 .required = true,
                 .reloadable = true,
                 .help = "Of the user or role, which needs s3:PutObject."},
                assign<&S3Sink::access_key_id>},
    Row<S3Sink>{{.path = "secret_access_key",
                 .type = Type::secret,
                 .required = true,
                 .reloadable = true,
                 .help = "Its secret."},
                assign<&S3Sink::secret_access_key>},
    Row<S3Sink>{{.path = "session_token",
                 .type = Type::secret,
                 .reloadable = true,
                 .help = "Of temporary credentials; after their end a reload brings new ones."},
                assign<&S3Sink::session_token>},
    Row<S3Sink>{{.path = "body",
                 .type = Type::choice,
                 .fallback = "enriched",
                 .choices = "enriched|raw",
                 .reloadable = true,
                 .help = "The event with what the hub found in it, or as it came."},
                assign<&S3Sink::body>},
    timeout_row<S3Sink>(),
    connect_timeout_row<S3Sink>(),
    ca_row<S3Sink>(),
    cert_row<S3Sink>(),
    key_row<S3Sink>(),
};

}  // namespace

Table<S3Sink> s3_sink_table() {
  return kS3;
}
Table<HubSink> hub_sink_table() {
  return kHub;
}
Table<KafkaSink> kafka_sink_table() {
  return kKafka;
}
Table<PostgresSink> postgres_sink_table() {
  return kPostgres;
}

}  // namespace trunkline::config
