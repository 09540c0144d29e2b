#include <array>

#include "config/option.hpp"

namespace trunkline::config {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kKiB = 1 << 10;
constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kGiB = 1 << 30;

constexpr std::array kRoot = {
    Row<Config>{
        {.path = "engine",
         .type = Type::choice,
         .fallback = "embedded",
         .choices = "embedded|aws",
         .help = "What keeps the events: the store in `data_dir`, or DynamoDB, SNS and SQS, so that any number of "
                 "workers run with this same file and keep nothing, see [aws.md](aws.md#the-engine-on-aws)."},
        assign<&Config::engine>},
    Row<Config>{{.path = "data_dir",
                 .type = Type::text,
                 .fallback = "./data",
                 .help = "Directory of the store. Made if it is not there; one running program at a time."},
                assign<&Config::data_dir>},
    Row<Config>{
        {.path = "listen",
         .type = Type::address,
         .fallback = "127.0.0.1:8080",
         .help =
             "Address of ingest, API, metrics and page. Wider than loopback, it needs `api.keys` or `api.users`, and "
             "keys for every source. Port 0 takes a free one."},
        assign<&Config::listen>},
    Row<Config>{
        {.path = "listen_tls",
         .type = Type::address,
         .help = "Second address of the same, over TLS (1.2 and 1.3) with the certificate in `tls`. For senders "
                 "outside; `listen` may stay on loopback. None: no TLS."},
        assign<&Config::listen_tls>},
    Row<Config>{{.path = "tls.cert",
                 .type = Type::text,
                 .help = "PEM file: the certificate, then its chain. Looked at every 10 s; a new one is used for new "
                         "connections."},
                assign<&Config::tls, &Tls::cert>},
    Row<Config>{{.path = "tls.key", .type = Type::text, .help = "PEM file: its private key, without a passphrase."},
                assign<&Config::tls, &Tls::key>},
    Row<Config>{
        {.path = "tls.client_ca",
         .type = Type::text,
         .help = "PEM file of the CAs that client certificates are verified against; each is trusted as it is."},
        assign<&Config::tls, &Tls::client_ca>},
    Row<Config>{{.path = "tls.client_auth",
                 .type = Type::choice,
                 .fallback = "none",
                 .choices = "none|request|require",
                 .help = "`request` verifies a client certificate when there is one, `require` takes no connection "
                         "without one. Whom it lets in is up to the sources' `auth.client_certificate`."},
                assign<&Config::tls, &Tls::client_auth>},
    Row<Config>{{.path = "api.keys",
                 .type = Type::keys,
                 .reloadable = true,
                 .help = "Keys for `/api/v1`, `/metrics` and the page, sent as `Authorization: Bearer KEY`. "
                         "Neither these nor `api.users`: open, on loopback only."},
                assign<&Config::api_keys>},
    Row<Config>{{.path = "oauth.signing_secret",
                 .type = Type::secret,
                 .help = "Signs the access tokens of `/oauth/token`, at least 32 bytes. Several hubs with the same one "
                         "accept each other's tokens. None: the store makes one and keeps it."},
                assign<&Config::token_key>},
    Row<Config>{
        {.path = "privacy.key",
         .type = Type::secret,
         .help = "Key of `hash` and `tokenise`, at least 32 bytes: under the same key the same value becomes the "
                 "same text, in every consumer and every hub. None: the store makes one and keeps it."},
        assign<&Config::privacy, &PrivacyOptions::key>},
    Row<Config>{{.path = "privacy.views",
                 .type = Type::choice,
                 .fallback = "auto",
                 .choices = "auto|protect|raw",
                 .reloadable = true,
                 .help = "What operators see of events in dead letters, tap, `why`, backtests and the rest of the API: "
                         "`protect` conceals personal data there, `raw` shows events as they came. `auto` protects as "
                         "soon as one consumer is protected. See [privacy.md](privacy.md#views)."},
                assign<&Config::privacy, &PrivacyOptions::views>},
    Row<Config>{
        {.path = "privacy.raw_by",
         .type = Type::texts,
         .reloadable = true,
         .help = "Names of API keys and users (`local` where the API is open) that may ask for an event as it came "
                 "while views are protected, with `--raw`. Each such look is in the audit record. None: nobody."},
        assign<&Config::privacy, &PrivacyOptions::raw_by>},
    Row<Config>{{.path = "log.level",
                 .type = Type::choice,
                 .fallback = "info",
                 .choices = "debug|info|warn|error",
                 .reloadable = true,
                 .help = "What is logged, on standard error."},
                assign<&Config::log, &Log::level>},
    Row<Config>{{.path = "log.format",
                 .type = Type::choice,
                 .fallback = "text",
                 .choices = "text|json",
                 .help = "`text` is `time level message key=value`, `json` one object a line."},
                assign<&Config::log, &Log::format>},
    Row<Config>{
        {.path = "limits.body_bytes",
         .type = Type::size,
         .fallback = "8MiB",
         .min = kMiB,
         .max = 256 * kMiB,
         .help = "Largest request body as sent. Over it the answer is 503, since senders drop what is answered 413."},
        assign<&Config::limits, &Limits::body_bytes>},
    Row<Config>{{.path = "limits.decompressed_bytes",
                 .type = Type::size,
                 .fallback = "32MiB",
                 .min = kMiB,
                 .max = kGiB,
                 .help = "Largest request body after gzip or deflate."},
                assign<&Config::limits, &Limits::decompressed_bytes>},
    Row<Config>{{.path = "limits.header_bytes",
                 .type = Type::size,
                 .fallback = "32KiB",
                 .min = 8 * kKiB,
                 .max = kMiB,
                 .help = "Largest request head."},
                assign<&Config::limits, &Limits::header_bytes>},
    Row<Config>{{.path = "limits.buffered_bytes",
                 .type = Type::size,
                 .fallback = "256MiB",
                 .min = 16 * kMiB,
                 .max = 64 * kGiB,
                 .help = "Request bodies held over all connections. Over it new requests are answered 503."},
                assign<&Config::limits, &Limits::buffered_bytes>},
    Row<Config>{{.path = "limits.pipeline",
                 .type = Type::count,
                 .fallback = "64",
                 .min = 1,
                 .max = 10'000,
                 .unit = "requests",
                 .help = "Requests of one connection whose answers are still open; then it is not read."},
                assign<&Config::limits, &Limits::pipeline>},
    Row<Config>{{.path = "limits.connections",
                 .type = Type::count,
                 .fallback = "10000",
                 .min = 16,
                 .max = 1'000'000,
                 .unit = "connections",
                 .help = "Open connections; more are closed at once."},
                assign<&Config::limits, &Limits::connections>},
    Row<Config>{{.path = "limits.header_timeout",
                 .type = Type::duration,
                 .fallback = "10s",
                 .min = 100,
                 .max = kHour,
                 .help = "For a request head to be complete."},
                assign<&Config::limits, &Limits::header_timeout>},
    Row<Config>{{.path = "limits.body_timeout",
                 .type = Type::duration,
                 .fallback = "30s",
                 .min = 100,
                 .max = kHour,
                 .help = "For a request body to be complete."},
                assign<&Config::limits, &Limits::body_timeout>},
    Row<Config>{{.path = "limits.idle_timeout",
                 .type = Type::duration,
                 .fallback = "75s",
                 .min = 100,
                 .max = kDay,
                 .help = "For the next request of a kept connection to begin."},
                assign<&Config::limits, &Limits::idle_timeout>},
    Row<Config>{{.path = "limits.write_timeout",
                 .type = Type::duration,
                 .fallback = "30s",
                 .min = 100,
                 .max = kHour,
                 .help = "For a client to take its answer."},
                assign<&Config::limits, &Limits::write_timeout>},
    Row<Config>{{.path = "store.disk_budget",
                 .type = Type::size,
                 .fallback = "10GiB",
                 .min = 64 * kMiB,
                 .max = kGiB * 1024 * 1024,
                 .reloadable = true,
                 .help = "What the store may take on disk. When it is full, `on_full` of each consumer decides."},
                assign<&Config::store, &Store::disk_budget>},
    Row<Config>{{.path = "store.memory_budget",
                 .type = Type::size,
                 .fallback = "128MiB",
                 .min = 16 * kMiB,
                 .max = 1024 * kGiB,
                 .help = "Block cache and write buffers of the store."},
                assign<&Config::store, &Store::memory_budget>},
    Row<Config>{{.path = "store.quarantine_budget",
                 .type = Type::size,
                 .fallback = "1GiB",
                 .min = kMiB,
                 .max = 1024 * kGiB,
                 .reloadable = true,
                 .help = "What the quarantine may hold. When it is full, what would be quarantined is answered 503."},
                assign<&Config::store, &Store::quarantine_budget>},
    Row<Config>{
        {.path = "store.retain",
         .type = Type::duration,
         .fallback = "3d",
         .min = 0,
         .max = 3650 * kDay,
         .reloadable = true,
         .help =
             "How long events stay readable after every consumer has settled them; deleted first when disk is short."},
        assign<&Config::store, &Store::retain>},
    Row<Config>{{.path = "store.identity_window",
                 .type = Type::duration,
                 .fallback = "5d",
                 .min = kHour,
                 .max = 365 * kDay,
                 .help = "How long an event is recognised when it comes again."},
                assign<&Config::store, &Store::identity_window>},
    Row<Config>{{.path = "sqs.listen",
                 .type = Type::address,
                 .help = "Address of the SQS-compatible API, see [sqs.md](sqs.md): consumers without a sink are queues "
                         "there. It needs `sqs.keys`, or `sqs.unsigned` on loopback. None: no such API."},
                assign<&Config::sqs, &Sqs::listen>},
    Row<Config>{
        {.path = "sqs.listen_tls",
         .type = Type::address,
         .help = "Second address of the same, over TLS with the certificate in `tls`; it asks clients for none. "
                 "`sqs.listen` may stay on loopback. None: no TLS."},
        assign<&Config::sqs, &Sqs::listen_tls>},
    Row<Config>{{.path = "sqs.region",
                 .type = Type::text,
                 .fallback = "us-east-1",
                 .help = "Region of its queues: part of their ARNs, and what requests must be signed for."},
                assign<&Config::sqs, &Sqs::region>},
    Row<Config>{{.path = "sqs.account",
                 .type = Type::text,
                 .fallback = "000000000000",
                 .help = "Account of its queues, twelve digits: part of their URLs and ARNs."},
                assign<&Config::sqs, &Sqs::account>},
    Row<Config>{{.path = "sqs.unsigned",
                 .type = Type::boolean,
                 .fallback = "false",
                 .help = "Takes every request, whatever its signature. On loopback only."},
                assign<&Config::sqs, &Sqs::unsigned_requests>},
    Row<Config>{
        {.path = "sns.allow_loopback",
         .type = Type::boolean,
         .fallback = "false",
         .help = "Subscriptions that clients make by HTTP and HTTPS, see [sns.md](sns.md), may call this machine. "
                 "Addresses are checked after name resolution, at each connect."},
        assign<&Config::sns, &Sns::allow_loopback>},
    Row<Config>{{.path = "sns.allow_private",
                 .type = Type::boolean,
                 .fallback = "false",
                 .help = "Likewise: may call private networks (RFC 1918, fc00::/7, 100.64.0.0/10)."},
                assign<&Config::sns, &Sns::allow_private>},
    Row<Config>{{.path = "sns.allowed_cidrs",
                 .type = Type::cidrs,
                 .help = "Likewise: networks that may always be called: `[10.1.0.0/16]`."},
                assign<&Config::sns, &Sns::allowed_cidrs>},
    Row<Config>{
        {.path = "sns.tls.ca",
         .type = Type::text,
         .help = "PEM file of the CAs that the endpoints of those subscriptions are verified against, instead of "
                 "the system's."},
        assign<&Config::sns, &Sns::tls_ca>},
    Row<Config>{
        {.path = "aws.deploy",
         .type = Type::choice,
         .fallback = "all",
         .choices = "all|ingest",
         .reloadable = true,
         .help = "What `trunkline aws plan` writes down, see [aws.md](aws.md#a-deployment): everything that workers "
                 "without a store need, or only what feeds the queues of sources of kind `sqs`, for a hub "
                 "with a store of its own."},
        assign<&Config::aws, &Aws::deploy>},
    Row<Config>{{.path = "aws.prefix",
                 .type = Type::text,
                 .fallback = "trunkline",
                 .help = "Of the deployment and of `engine: aws`: begins the names of topics, queues, "
                         "rules and alarms; 1 to 20 letters, digits and `-`. The stack is called so, too."},
                assign<&Config::aws, &Aws::prefix>},
    Row<Config>{
        {.path = "aws.table", .type = Type::text, .fallback = "trunkline", .help = "Of both: the DynamoDB table."},
        assign<&Config::aws, &Aws::table>},
    Row<Config>{{.path = "aws.region",
                 .type = Type::text,
                 .help = "Of `engine: aws`: where the table, topics and queues are. None: `AWS_REGION`, "
                         "`AWS_DEFAULT_REGION`, or the profile's."},
                assign<&Config::aws, &Aws::region>},
    Row<Config>{{.path = "aws.endpoint_url",
                 .type = Type::url,
                 .help = "Of `engine: aws`: where DynamoDB, SNS and SQS are called, for an emulator. None: "
                         "`AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_DYNAMODB`, `_SNS`, `_SQS`, the profile's, else "
                         "AWS's own."},
                assign<&Config::aws, &Aws::endpoint_url>},
    Row<Config>{
        {.path = "aws.alarm_topics",
         .type = Type::texts,
         .reloadable = true,
         .help = "Of the deployment: ARNs of SNS topics that CloudWatch's alarms go to. None: the stack makes one."},
        assign<&Config::aws, &Aws::alarm_topics>},
    Row<Config>{{.path = "aws.alarm_email",
                 .type = Type::text,
                 .reloadable = true,
                 .help = "Likewise: an address that the stack's own topic tells, after it was confirmed there."},
                assign<&Config::aws, &Aws::alarm_email>},
    Row<Config>{
        {.path = "aws.functions.run",
         .type = Type::choice,
         .fallback = "none",
         .choices = "none|ingest|consumers|all",
         .reloadable = true,
         .help = "Of the deployment, with `engine: aws`: functions of Lambda that take events from the ingest queues, "
                 "deliver to consumers, or both, see [aws.md](aws.md#functions-instead-of-workers). Workers may run "
                 "beside them."},
        assign<&Config::aws, &Aws::functions, &AwsFunctions::run>},
    Row<Config>{
        {.path = "aws.functions.code",
         .type = Type::text,
         .reloadable = true,
         .help = "`s3://BUCKET/PREFIX`: where `trunkline aws apply` puts the zip of the functions. The bucket is "
                 "in their region."},
        assign<&Config::aws, &Aws::functions, &AwsFunctions::code>},
    Row<Config>{{.path = "aws.functions.architecture",
                 .type = Type::choice,
                 .fallback = "x86_64",
                 .choices = "x86_64|arm64",
                 .reloadable = true,
                 .help = "Of the functions, and of the program that makes their zip."},
                assign<&Config::aws, &Aws::functions, &AwsFunctions::architecture>},
    Row<Config>{{.path = "aws.functions.memory",
                 .type = Type::size,
                 .fallback = "256MiB",
                 .min = 128 * kMiB,
                 .max = 10'240 * kMiB,
                 .reloadable = true,
                 .help = "Of each function; CPU comes with it. Whole MiB."},
                assign<&Config::aws, &Aws::functions, &AwsFunctions::memory>},
    Row<Config>{
        {.path = "aws.functions.environment",
         .type = Type::pairs,
         .reloadable = true,
         .help = "Environment of the functions: every NAME that this file reads by `${env:NAME}`. Values stand in the "
                 "template: credentials as `{{resolve:secretsmanager:ID:SecretString:KEY}}`, which CloudFormation "
                 "resolves."},
        assign<&Config::aws, &Aws::functions, &AwsFunctions::environment>},
    Row<Config>{{.path = "names.file",
                 .type = Type::text,
                 .reloadable = true,
                 .help = "JSON or CSV file of id to name, read at the start and at a reload; adds names to delivered "
                         "events. `trunkline names` "
                         "fetches one from Genesys."},
                assign<&Config::names_file>},
};

constexpr std::array kSource = {
    Row<Source>{
        {.path = "kind",
         .type = Type::choice,
         .choices = "eventbridge|eventgrid|genesys|sqs|put_events",
         .required = true,
         .reloadable = true,
         .help =
             "What sends: an EventBridge API destination, Event Grid (both schemas), or Genesys notifications and the "
             "flat form. `sqs` is fetched from an Amazon SQS queue, see `sources.NAME.sqs`. `put_events` "
             "takes PutEvents calls at `sqs.listen`: the event bus of this name."},
        assign<&Source::kind>},
    Row<Source>{{.path = "auth.header",
                 .type = Type::text,
                 .fallback = "x-api-key",
                 .reloadable = true,
                 .help = "Request header that carries the key."},
                assign<&Source::header>},
    Row<Source>{{.path = "auth.api_key",
                 .type = Type::keys,
                 .reloadable = true,
                 .help = "Keys accepted in `auth.header`. A list, so that keys can be changed without a gap."},
                assign<&Source::api_keys>},
    Row<Source>{{.path = "auth.query",
                 .type = Type::text,
                 .fallback = "code",
                 .reloadable = true,
                 .help = "Query parameter that carries the key."},
                assign<&Source::query>},
    Row<Source>{{.path = "auth.query_key",
                 .type = Type::keys,
                 .reloadable = true,
                 .help = "Keys accepted in the query parameter, for senders that cannot set a header (Event Grid)."},
                assign<&Source::query_keys>},
    Row<Source>{
        {.path = "auth.require",
         .type = Type::choice,
         .fallback = "any",
         .choices = "any|all",
         .reloadable = true,
         .help = "`any`: one good credential lets in. `all`: one of every kind that is configured is needed (keys, "
                 "basic, oauth, jwt, hmac, client_certificate)."},
        assign<&Source::require>},
    Row<Source>{{.path = "org",
                 .type = Type::text,
                 .reloadable = true,
                 .help = "Organisation id of bare notifications, which name none."},
                assign<&Source::org>},
    Row<Source>{{.path = "silent_after",
                 .type = Type::duration,
                 .fallback = "0s",
                 .min = 0,
                 .max = 366 * 24 * kHour,
                 .reloadable = true,
                 .help = "An alarm is raised when nothing has come for so long. 0: by its usual hour of the week alone "
                         "(`alarms.source_silence`)."},
                assign<&Source::silent_after>},
};

constexpr std::array kTopic = {
    Row<Topic>{{.path = "pattern", .type = Type::text, .required = true, .help = "Topic with `{id}` where ids stand."},
               assign<&Topic::pattern>},
    Row<Topic>{{.path = "category", .type = Type::text, .required = true, .help = "The eventCategory of its events."},
               assign<&Topic::category>},
    Row<Topic>{
        {.path = "ids",
         .type = Type::text,
         .help =
             "Where the ids are, as in the built-in table: `conversation=eventBody.id; agent=topicName segment 3`."},
        assign<&Topic::ids>},
};

constexpr std::array kKey = {
    Row<AcceptedKey>{{.path = "key", .type = Type::secret, .required = true, .help = "The credential."},
                     assign<&AcceptedKey::key>},
    Row<AcceptedKey>{{.path = "until",
                      .type = Type::time,
                      .help = "Not accepted from then on: `2026-12-01` or `2026-12-01T06:00:00Z`. None: no end."},
                     assign<&AcceptedKey::until>},
    Row<AcceptedKey>{{.path = "name",
                      .type = Type::text,
                      .help = "Who has it: of `api.keys`, what `trunkline audit` says. None: a print of the key."},
                     assign<&AcceptedKey::name>},
};

constexpr std::array kSqsKey = {
    Row<SqsKey>{{.path = "id", .type = Type::text, .required = true, .help = "Access key id, as clients name it."},
                assign<&SqsKey::id>},
    Row<SqsKey>{{.path = "secret",
                 .type = Type::secret,
                 .required = true,
                 .help = "Secret access key: requests are signed with it and never show it."},
                assign<&SqsKey::secret>},
};

}  // namespace

Table<SqsKey> sqs_key_table() {
  return kSqsKey;
}
Table<Config> root_table() {
  return kRoot;
}
Table<Source> source_table() {
  return kSource;
}
Table<Topic> topic_table() {
  return kTopic;
}
Table<AcceptedKey> key_table() {
  return kKey;
}

}  // namespace trunkline::config
