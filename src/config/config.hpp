#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "config/diagnostic.hpp"
#include "config/secret.hpp"

// The configuration as plain values. Defaults stand in the option tables, not here: a Config worth having comes from
// load() or parse(). What each option means is in docs/config.md, made from the same tables.
namespace trunkline::config {

// One of several keys that are valid at the same time, so that keys can be changed without a gap.
struct AcceptedKey {
  Secret key;
  std::optional<base::WallTime> until;  // not accepted from this time on
  std::string name{};                   // who has it, for the audit record
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };
struct Log {
  LogLevel level{};
  LogFormat format{};
};

enum class ClientAuth : std::uint8_t { none, request, require };
struct Tls {
  std::string cert;  // paths of PEM files
  std::string key;
  std::string client_ca;
  ClientAuth client_auth{};
  Place cert_place;  // of the values, for whoever reads the files
  Place key_place;
  Place client_ca_place;
};

struct Limits {
  std::uint64_t body_bytes = 0;
  std::uint64_t decompressed_bytes = 0;
  std::uint64_t header_bytes = 0;
  std::uint64_t buffered_bytes = 0;
  std::uint64_t pipeline = 0;
  std::uint64_t connections = 0;
  base::Millis header_timeout{};
  base::Millis body_timeout{};
  base::Millis idle_timeout{};
  base::Millis write_timeout{};
};

struct Store {
  std::uint64_t disk_budget = 0;
  std::uint64_t memory_budget = 0;
  std::uint64_t quarantine_budget = 0;
  base::Millis retain{};
  base::Millis identity_window{};
};

struct BasicAuth {
  std::string user;
  std::vector<AcceptedKey> passwords;
};
struct OauthAuth {
  std::string client_id;
  std::vector<AcceptedKey> client_secrets;
  base::Millis token_lifetime{};
};
struct JwtAuth {
  std::string issuer;
  std::vector<std::string> audiences;
  std::string jwks_url;  // empty: discovery
  std::vector<std::string> subjects;
  std::vector<std::pair<std::string, Secret>> claims;
  std::vector<std::string> algorithms;  // empty: all that are known
  base::Millis clock_skew{};
  bool allow_loopback = false;
  bool allow_private = false;
  std::optional<base::WallTime> until;
};
enum class HmacPreset : std::uint8_t { none, standard_webhooks, github };
enum class HmacAlgorithm : std::uint8_t { sha256, sha512 };
enum class HmacEncoding : std::uint8_t { hex, base64 };
struct HmacAuth {
  HmacPreset preset{};
  std::string header;
  std::string prefix;
  HmacAlgorithm algorithm{};
  HmacEncoding encoding{};
  std::string content;
  std::string timestamp_header;
  base::Millis tolerance{};
  std::vector<AcceptedKey> secrets;
};
// A client certificate that has one of these, verified by the listener.
struct CertificateAuth {
  std::vector<std::string> subjects;
  std::vector<std::string> names;         // DNS names and URIs of subjectAltName
  std::vector<std::string> fingerprints;  // SHA-256, 64 lower-case hexadecimal digits after load()
  std::optional<base::WallTime> until;
};
enum class Require : std::uint8_t { any, all };

// A queue of Amazon SQS that events are fetched from. Its rows are in table_sqs_source.cpp.
struct SqsQueue {
  std::string url;
  std::string region;         // empty: by the URL or the environment
  std::string endpoint;       // empty: likewise
  std::string access_key_id;  // empty: found as the AWS SDKs find credentials
  Secret secret_access_key;
  Secret session_token;
  std::uint32_t receivers = 0;
  base::Millis visibility_timeout{};
  base::Millis timeout{};
  bool allow_loopback = false;
  bool allow_private = false;
  std::string tls_ca;     // path of a PEM file
  std::string event_bus;  // that a rule takes events from into this queue: for `trunkline aws plan`
};

enum class SourceKind : std::uint8_t { eventbridge, eventgrid, genesys, sqs, put_events };
struct Source {
  std::string name;
  Place place;
  SourceKind kind{};
  std::string header;  // carries one of api_keys
  std::vector<AcceptedKey> api_keys;
  std::string query;  // the query parameter that carries one of query_keys
  std::vector<AcceptedKey> query_keys;
  std::vector<BasicAuth> basic;
  std::vector<OauthAuth> oauth;
  std::vector<JwtAuth> jwt;
  std::vector<HmacAuth> hmac;
  std::vector<CertificateAuth> certificates;
  Place certificates_place;  // of auth.client_certificate
  Require require{};
  std::string org;                  // of bare notifications, which name none
  base::Millis silent_after{};      // raises an alarm; 0 does not
  std::optional<SqsQueue> queue{};  // of kind sqs, which takes nothing over HTTP

  bool has_credential() const {  // none: the source is open
    if (kind == SourceKind::sqs || kind == SourceKind::put_events)
      return true;  // nothing comes in unasked, or unsigned
    return !api_keys.empty() || !query_keys.empty() || !basic.empty() || !oauth.empty() || !jwt.empty() ||
           !hmac.empty() || !certificates.empty();
  }
};

struct Retry {
  base::Millis base{};
  base::Millis cap{};
  base::Millis limit{};  // retry.for
};
struct Breaker {
  std::uint32_t lanes = 0;
  std::uint32_t percent = 0;
  base::Millis window{};
  base::Millis probe_every{};
  base::Millis probe_cap{};
};
struct Batch {
  std::uint32_t messages = 0;
  std::uint64_t bytes = 0;
  base::Millis age{};
};

// How a sink gets access tokens. Its rows are in oauth_rows.hpp, for every sink that has this.
enum class OauthGrant : std::uint8_t { client_credentials, jwt_bearer };
enum class OauthClientAuth : std::uint8_t { basic, post };
struct Oauth {
  std::string token_url;  // empty: none is used
  OauthGrant grant{};
  std::string client_id;
  Secret client_secret;
  OauthClientAuth client_auth{};
  std::string scope;
  std::vector<std::pair<std::string, Secret>> parameters;
  Secret private_key;  // the three of a JWT
  std::string subject;
  std::string audience;
};

enum class HttpBatch : std::uint8_t { single, array, ndjson };
enum class HttpBody : std::uint8_t { enriched, raw };
struct HttpSink {
  std::string url;
  std::vector<std::pair<std::string, Secret>> headers;
  std::vector<Secret> secrets;  // Standard Webhooks; each signs, the receiver accepts any
  HttpBatch batch{};
  HttpBody body{};
  base::Millis timeout{};
  base::Millis connect_timeout{};
  bool allow_loopback = false;
  bool allow_private = false;
  std::vector<std::string> allowed_cidrs;
  std::string tls_ca;    // paths of PEM files
  std::string tls_cert;  // the client's own
  std::string tls_key;
};
struct HecSink {
  std::string url;
  Secret token;
  std::string index;  // the four may be empty
  std::string source;
  std::string sourcetype;
  std::string host;
  HttpBody body{};
  bool gzip = false;
  bool ack = false;
  base::Millis ack_timeout{};
  base::Millis ack_poll{};
  std::string tls_ca;
  base::Millis timeout{};
  base::Millis connect_timeout{};
};
// How a sink reaches its server.
struct SinkTarget {
  base::Millis timeout{};
  base::Millis connect_timeout{};
  std::string tls_ca;    // paths of PEM files
  std::string tls_cert;  // the client's own
  std::string tls_key;
};
enum class DocumentFields : std::uint8_t { ecs, enriched, raw };
enum class AwsService : std::uint8_t { es, aoss };
struct ElasticsearchSink {
  std::string url;
  std::string index;
  std::string pipeline;  // may be empty
  DocumentFields fields{};
  bool document_ids = false;
  std::string user;  // at most one of user, api_key and aws_region is set
  Secret password;
  Secret api_key;
  std::string aws_region;
  AwsService aws_service{};
  Secret aws_access_key_id;
  Secret aws_secret_access_key;
  Secret aws_session_token;
  bool gzip = false;
  SinkTarget target;
};
enum class SyslogTransport : std::uint8_t { tls, tcp };
enum class SyslogFormat : std::uint8_t { rfc5424, cef };
enum class TooLong : std::uint8_t { reject, truncate };
struct SyslogSink {
  std::string address;
  SyslogTransport transport{};
  SyslogFormat format{};
  HttpBody body{};
  std::string priority;                                    // "local0.info"
  std::vector<std::pair<std::string, Secret>> priorities;  // by category; no credentials
  std::string host;                                        // empty: this machine's name
  std::string app_name;
  std::string data_id;
  std::uint64_t max_bytes = 0;
  TooLong too_long{};
  base::Millis hold{};
  SinkTarget target;
};
struct DatadogSink {
  std::string site;
  std::string url;  // empty: that of the site
  Secret api_key;
  std::string service;
  std::string source;
  std::string host;
  std::vector<std::string> tags;
  HttpBody body{};
  bool gzip = false;
  SinkTarget target;
};
struct SentinelSink {
  std::string endpoint;
  std::string rule;
  std::string stream;
  std::string tenant;
  std::string client_id;
  Secret client_secret;
  std::string authority;
  std::string scope;
  HttpBody body{};
  bool gzip = false;
  SinkTarget target;
};
enum class PostgresTls : std::uint8_t { verify_full, verify_ca, off };
struct PostgresSink {
  std::string host;
  std::uint32_t port = 0;
  std::string database;
  std::string user;
  Secret password;
  std::string schema;
  std::string table;
  bool create = false;
  HttpBody body{};
  std::uint32_t connections = 0;
  PostgresTls tls{};
  SinkTarget target;
};
enum class KafkaMechanism : std::uint8_t { scram_sha_512, scram_sha_256, plain };
enum class KafkaCompression : std::uint8_t { lz4, zstd, gzip, snappy, none };
struct KafkaSink {
  std::vector<std::string> brokers;
  std::string topic;
  std::string user;  // empty: no SASL
  Secret password;
  KafkaMechanism mechanism{};
  bool tls = false;
  KafkaCompression compression{};
  std::uint64_t max_bytes = 0;
  HttpBody body{};
  SinkTarget target;
};
struct HubSink {
  std::string url;
  std::string header;
  Secret api_key;
  bool gzip = false;
  SinkTarget target;
};
enum class S3Compression : std::uint8_t { gzip, zstd, none };
enum class S3Hour : std::uint8_t { accepted, occurred };
struct S3Sink {
  std::string url;  // empty: AWS's
  std::string bucket;
  std::string region;
  std::string prefix;
  S3Hour hour{};
  S3Compression compression{};
  std::string storage_class;
  Secret access_key_id;
  Secret secret_access_key;
  Secret session_token;
  HttpBody body{};
  SinkTarget target;
};
struct FileSink {
  std::string path;
  std::uint64_t rotate_bytes = 0;
  base::Millis rotate_age{};
  std::uint32_t keep = 0;
};
struct Pulled {
  base::Millis visibility_timeout{};
  std::uint32_t max_receive_count = 0;
};
struct LiveSink {
  std::uint32_t agents = 0;
  std::uint32_t queues = 0;
  std::uint32_t conversations = 0;
  std::uint32_t subscribers = 0;
  base::Millis stale_after{};
  base::Millis service_level_within{};
  base::Millis service_level_over{};
};
// A filter policy as JSON text. Quoted YAML scalars are strings, plain ones follow YAML 1.2: true, false, null, numbers
// with their text kept, else strings. A single quoted text is taken as the JSON itself. Whether it is a policy is not
// decided here.
struct FilterPolicy {
  std::string json;
  Place place;  // of the policy in the file
};

enum class FilterScope : std::uint8_t { message_attributes, message_body };

// One request of a template sink, and which events it is for.
struct TemplateRequest {
  FilterPolicy when;
  FilterScope when_scope{};
  std::string method;
  std::string url;
  std::string body;
  Place place;
};
enum class TemplateVerdict : std::uint8_t { delivered, retry, rejected, unavailable };
struct TemplateRule {
  std::string status;
  std::string pointer;
  std::optional<std::string> equals;
  std::optional<std::string> contains;
  TemplateVerdict verdict{};
};
// How a sink of a system in the Internet reaches it.
struct Reach {
  base::Millis timeout{};
  base::Millis connect_timeout{};
  bool allow_loopback = false;
  bool allow_private = false;
  std::vector<std::string> allowed_cidrs;
  std::string tls_ca;  // paths of PEM files
  std::string tls_cert;
  std::string tls_key;
};
struct TemplateSink {
  std::string preset;
  TemplateRequest request;
  std::vector<TemplateRequest> requests;  // where there are any, `request` is not used
  std::vector<std::pair<std::string, Secret>> headers;
  std::vector<std::pair<std::string, Secret>> vars;
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, Secret>>>> tables;
  std::vector<TemplateRule> rules;
  std::string user;  // Basic authorization
  Secret password;
  Oauth oauth;
  Reach reach;
};
struct SalesforceSink {
  std::string url;
  std::string api_version;
  std::string object;
  std::string external_id;
  std::string status_open;
  std::string status_closed;
  std::uint32_t reserve_percent = 0;
  std::vector<std::pair<std::string, Secret>> fields;
  Oauth oauth;
  Reach reach;
};
enum class TranscriptAttach : std::uint8_t { file, field };
enum class TranscriptFormat : std::uint8_t { text, json };
struct TranscriptSink {
  // Of Genesys:
  std::string region;
  std::string api_url;    // empty: https://api.REGION
  std::string login_url;  // empty: https://login.REGION
  std::string client_id;
  Secret client_secret;
  // Of the Salesforce org:
  std::string url;
  std::string api_version;
  std::string object;
  std::string external_id;
  TranscriptAttach attach{};
  TranscriptFormat format{};
  std::string field;
  base::Millis give_up{};
  base::Millis ask_every{};
  Oauth oauth;
  Reach reach;
};
// How the states of agents are called by a system of workforce management.
struct StateCodes {
  std::string file;       // CSV: presence, routing, reason, code
  std::string otherwise;  // the code of what no row fits
};
struct AdherenceSink {
  StateCodes codes;
  std::string url;
  std::string body;  // templates; empty: the form of Rta/State/Batch
  std::string state;
  base::Millis snapshot_every{};
  std::vector<std::pair<std::string, Secret>> headers;
  std::vector<std::pair<std::string, Secret>> vars;
  std::string user;  // Basic authorization
  Secret password;
  Oauth oauth;
  Reach reach;
};
enum class IntervalFormat : std::uint8_t { csv, jsonl };
struct AdherenceFilesSink {
  StateCodes codes;
  std::string directory;
  std::string name;
  IntervalFormat format{};
  base::Millis interval{};
  base::Millis grace{};
  base::Millis keep{};
};
using SinkConfig = std::variant<Pulled, HttpSink, FileSink, HecSink, LiveSink, ElasticsearchSink, SyslogSink,
                                DatadogSink, SentinelSink, TemplateSink, SalesforceSink, AdherenceSink,
                                AdherenceFilesSink, TranscriptSink, PostgresSink, KafkaSink, HubSink, S3Sink>;

enum class Order : std::uint8_t { none, conversation, agent, queue, topic };
enum class OnExhausted : std::uint8_t { park, skip, drop };
enum class OnFull : std::uint8_t { refuse, expire };

// Every week, when delivery rests.
struct MaintenanceWindow {
  std::vector<std::string> days;  // as written
  std::string from;
  std::string to;
  std::string timezone;
  Place place;
  // What load() has made of it:
  std::uint8_t day_bits = 0;      // bit 0 is Monday
  std::uint16_t from_minute = 0;  // of the day
  std::uint16_t to_minute = 0;    // 1 to 1440; not above from_minute: on the next day
  bool local = false;             // by the zone of the process
  std::int32_t offset_minutes = 0;
};

// What raises an alarm; 0 never does.
struct AlarmWebhook {
  std::string url;
  std::vector<Secret> secrets;  // Standard Webhooks
  std::vector<std::pair<std::string, Secret>> headers;
  base::Millis timeout{};
  bool allow_loopback = false;
  bool allow_private = false;
  std::vector<std::string> allowed_cidrs;
  std::string tls_ca;
};
struct Alarms {
  base::Millis oldest_age{};
  base::Millis time_to_expiry{};
  std::uint32_t blocked_lanes = 0;
  std::uint32_t failed_deliveries = 0;
  std::uint32_t expired = 0;
  base::Millis breaker_open{};
  std::uint32_t budget_percent = 0;
  base::Millis refusing{};
  std::uint32_t disk_percent = 0;
  std::uint32_t quarantined = 0;
  std::uint32_t conflicts = 0;
  std::uint32_t refused_credentials = 0;
  base::Millis certificate_expiry{};
  bool source_silence = false;
  base::Millis window{};
  base::Millis resolve_after{};
  std::optional<AlarmWebhook> webhook;  // nothing: to the log alone
};
// What a consumer says otherwise.
struct ConsumerAlarms {
  std::optional<std::uint32_t> budget_percent;
  std::optional<base::Millis> oldest_age;
  std::optional<base::Millis> time_to_expiry;
  std::optional<std::uint32_t> blocked_lanes;
  std::optional<std::uint32_t> failed_deliveries;
  std::optional<std::uint32_t> expired;
  std::optional<base::Millis> breaker_open;
};

enum class BudgetWindow : std::uint8_t { rolling, calendar };
// Requests that a target allows in a span of time.
struct Budget {
  std::uint32_t requests = 0;  // 0: none
  std::uint32_t reserve = 0;
  base::Millis per{};
  BudgetWindow window{};
  base::Millis offset{};
};

// Whether personal data leaves to a consumer.
enum class Privacy : std::uint8_t { none, protect };
// A rule as JSON text, converted as a filter policy is; or the name of a ready mapping as a JSON text. What it means is
// not decided here.
struct MappingItem {
  std::string json;
  Place place;
};
// What operators see of events.
enum class Views : std::uint8_t { automatic, protect, raw };
struct PrivacyOptions {
  Secret key;  // of hashes and tokens; empty: the store keeps one
  Views views{};
  std::vector<std::string> raw_by;  // who may ask for events as they came
};

struct Consumer {
  std::string name;
  Place place;
  std::optional<Privacy> privacy;  // nothing: not said
  std::vector<MappingItem> mapping;
  FilterPolicy filter;
  FilterScope filter_scope{};
  Order order{};
  base::Millis event_time_window{};  // 0: none
  std::uint32_t concurrency = 0;
  bool adaptive = false;
  bool shadow = false;
  bool function = true;    // where functions deliver, one delivers this consumer's events
  std::uint32_t rate = 0;  // events a second; 0: no limit
  Batch batch;
  Budget budget;
  std::uint32_t attempts = 0;
  std::optional<OnExhausted> on_exhausted;  // always set by load(): park where there is an order, else skip
  Retry retry;
  Breaker breaker;
  base::Millis max_wait{};
  OnFull on_full{};
  bool paused = false;
  std::vector<MaintenanceWindow> maintenance;
  ConsumerAlarms alarms;
  SinkConfig sink;
};

// An access key of the SQS API.
struct SqsKey {
  std::string id;
  Secret secret;
};
// The SQS-compatible API.
struct Sqs {
  std::string listen;      // empty: none
  std::string listen_tls;  // empty: no TLS
  std::string region;
  std::string account;
  bool unsigned_requests = false;
  std::vector<SqsKey> keys;
};

// What keeps the events.
enum class EngineKind : std::uint8_t { embedded, aws };

// Where the endpoints of subscriptions may be that clients of the SNS API make.
struct Sns {
  bool allow_loopback = false;
  bool allow_private = false;
  std::vector<std::string> allowed_cidrs;
  std::string tls_ca;  // path of a PEM file
};

// What `trunkline aws plan` deploys beside the queues of sources.
enum class AwsDeploy : std::uint8_t { all, ingest };
// What functions of Lambda do in that deployment, instead of workers or beside them.
enum class FunctionsRun : std::uint8_t { none, ingest, consumers, all };
enum class FunctionsArchitecture : std::uint8_t { x86_64, arm64 };
struct AwsFunctions {
  FunctionsRun run{};
  std::string code;  // "s3://BUCKET/PREFIX", where their zip is put; may be empty
  FunctionsArchitecture architecture{};
  std::uint64_t memory = 0;                                 // bytes, whole MiB
  std::vector<std::pair<std::string, Secret>> environment;  // as written: references are CloudFormation's to resolve

  bool take_events() const { return run == FunctionsRun::ingest || run == FunctionsRun::all; }
  bool deliver() const { return run == FunctionsRun::consumers || run == FunctionsRun::all; }
};
struct Aws {
  std::string region;        // of the engine; empty: by the environment
  std::string endpoint_url;  // likewise
  AwsDeploy deploy{};
  std::string prefix;
  std::string table;
  std::vector<std::string> alarm_topics;  // ARNs; empty: one is made
  std::string alarm_email;
  AwsFunctions functions;
};

// An extra row of the topic table.
struct Topic {
  std::string pattern;  // "v2.custom.{id}.thing"
  std::string category;
  std::string ids;  // where the ids are, in the notation of the built-in table; may be empty
  Place place;
};

// One option as it is in effect, for telling one configuration from another.
struct Setting {
  std::string path;        // "consumers.crm.attempts"; the entries of a list have one path
  std::string shown;       // as it would be written; a credential is "***"
  Secret exact;            // what is compared: the value with its credentials
  bool reloadable = true;  // a changed value takes effect without a restart
};

struct Config {
  EngineKind engine{};
  std::string data_dir;
  std::string listen;
  std::string listen_tls;  // empty: no TLS
  Tls tls;
  std::vector<AcceptedKey> api_keys;
  std::vector<BasicAuth> api_users;
  Secret token_key;  // signs access tokens of OAuth clients; empty: the store keeps one
  Log log;
  Limits limits;
  Store store;
  Alarms alarms;
  PrivacyOptions privacy;
  Sqs sqs;
  Sns sns;
  Aws aws;
  std::string names_file;           // empty: no enrichment with names
  std::vector<Source> sources;      // in file order
  std::vector<Consumer> consumers;  // in file order
  std::vector<Topic> topics;
  std::vector<Setting> settings;  // every option that has a value, in order of the file and the tables

  bool has_tls() const { return !listen_tls.empty() || !sqs.listen_tls.empty(); }      // some listener needs `tls`
  bool has_api_credential() const { return !api_keys.empty() || !api_users.empty(); }  // none: the API is open
};

// What sources and consumers are called: 1 to kNameBytesMax letters, digits, '-' or '_', since names become URL path
// segments, metric labels and queue names (SQS: 80 of these characters).
inline constexpr std::size_t kNameBytesMax = 64;
bool is_name(std::string_view text);

// "127.0.0.1:8080", "[::1]:0", "localhost:80"
bool is_loopback(std::string_view address);
// What others could reach without a credential: "api", "sources.NAME". Empty while every listener is loopback.
std::vector<std::string> without_credentials(const Config& config);

}  // namespace trunkline::config
