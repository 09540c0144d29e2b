#include "config/reference.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "config/option.hpp"
#include "config/sqs_queue.hpp"
#include "config/value.hpp"

namespace trunkline::config {
namespace {

struct Section {
  std::string_view prefix;  // of its options' paths
  std::string_view intro;
  std::vector<Option> options;
};

template <class Scope>
std::vector<Option> options_of(Table<Scope> table) {
  std::vector<Option> options;
  for (const Row<Scope>& row : table) options.push_back(row.option);
  return options;
}

std::vector<Section> sections() {
  return {
      {"", "At the top of the file.", options_of(root_table())},
      {"api.users",
       "Who may use `/api/v1`, `/metrics` and the page by name and password (Basic authorization, RFC 7617), beside "
       "`api.keys`. A map, or a list of maps.",
       options_of(basic_table())},
      {"sqs.keys", "Access keys of the SQS-compatible API, see [sqs.md](sqs.md). A map, or a list of maps.",
       options_of(sqs_key_table())},
      {"sources.NAME",
       "One entry per sender; it posts to `/ingest/NAME`. Without any credential a source is open, on loopback only. "
       "[sources.md](sources.md) has an example of every kind.",
       options_of(source_table())},
      {"sources.NAME.auth.api_key[]",
       "An entry of a list of keys (`api.keys`, `auth.api_key`, `auth.query_key`, passwords, secrets): a credential "
       "alone, "
       "or a map.",
       options_of(key_table())},
      {"sources.NAME.auth.basic", "Basic authorization (RFC 7617). A map, or a list of maps.",
       options_of(basic_table())},
      {"sources.NAME.auth.oauth",
       "A client of the hub's own token endpoint, `POST /oauth/token` (OAuth 2.0 client credentials). A map, or a list "
       "of maps.",
       options_of(oauth_table())},
      {"sources.NAME.auth.jwt",
       "Bearer tokens of an identity provider: JSON Web Tokens. A map, or a list of maps, one for each issuer.",
       options_of(jwt_table())},
      {"sources.NAME.auth.hmac", "Requests signed with a shared secret. A map, or a list of maps.",
       options_of(hmac_table())},
      {"sources.NAME.auth.client_certificate",
       "A client certificate that the listener has verified (mutual TLS). A map, or a list of maps; any value of any "
       "list "
       "fits.",
       options_of(certificate_table())},
      {"sources.NAME.sqs", "The queue of a source of `kind: sqs`, see [aws.md](aws.md#events-from-an-sqs-queue).",
       options_of(sqs_queue_table())},
      {"consumers.NAME",
       "One entry per downstream. `sink` is a map with exactly one of the sinks below; without it the consumer is "
       "*pulled* "
       "through the API.",
       options_of(consumer_table())},
      {"consumers.NAME.maintenance",
       "When delivery rests, every week; events wait meanwhile, see [operations.md](operations.md#maintenance). A map, "
       "or a list of maps.",
       options_of(maintenance_table())},
      {"consumers.NAME.mapping",
       "What of an event this consumer gets: the name of a ready mapping, or a list of rules and names, see "
       "[privacy.md](privacy.md#mapping). A rule names a `topic` (with `*`) or a `category`, and paths to `select`, "
       "`keep`, `drop`, `mask`, `hash` or `tokenise`; `rename`, `constant` and `make` shape what is left. Reload: yes.",
       {}},
      {"consumers.NAME.sink.http", "An HTTP endpoint.", options_of(http_sink_table())},
      {"consumers.NAME.sink.splunk_hec",
       "A Splunk HTTP Event Collector, see [sinks/splunk-hec.md](sinks/splunk-hec.md).", options_of(hec_sink_table())},
      {"consumers.NAME.sink.elasticsearch",
       "Elasticsearch or OpenSearch, see [sinks/elasticsearch.md](sinks/elasticsearch.md).",
       options_of(elasticsearch_sink_table())},
      {"consumers.NAME.sink.syslog", "Syslog over TLS or TCP, see [sinks/syslog.md](sinks/syslog.md).",
       options_of(syslog_sink_table())},
      {"consumers.NAME.sink.datadog", "Datadog's log intake, see [sinks/datadog.md](sinks/datadog.md).",
       options_of(datadog_sink_table())},
      {"consumers.NAME.sink.sentinel",
       "Microsoft Sentinel by the Logs Ingestion API, see [sinks/sentinel.md](sinks/sentinel.md).",
       options_of(sentinel_sink_table())},
      {"consumers.NAME.sink.salesforce",
       "A case for each conversation, see [sinks/salesforce.md](sinks/salesforce.md).",
       options_of(salesforce_sink_table())},
      {"consumers.NAME.sink.transcript",
       "Transcripts of what has ended, from Genesys to the record of a conversation, see "
       "[sinks/salesforce.md](sinks/salesforce.md#transcripts).",
       options_of(transcript_sink_table())},
      {"consumers.NAME.sink.adherence",
       "The states of agents for workforce management, over HTTP, see [sinks/wfm.md](sinks/wfm.md).",
       options_of(adherence_sink_table())},
      {"consumers.NAME.sink.adherence_files",
       "The states of agents as files of intervals, see [sinks/wfm.md](sinks/wfm.md).",
       options_of(adherence_files_sink_table())},
      {"consumers.NAME.sink.template",
       "Any HTTP API, by templates, see [sinks/template.md](sinks/template.md). `tables` is a map of maps of texts.",
       options_of(template_sink_table())},
      {"consumers.NAME.sink.template.requests[]",
       "Instead of `url`, `method` and `body`: the first that fits an event.", options_of(template_request_table())},
      {"consumers.NAME.sink.template.verdicts[]",
       "What answers mean, before the usual table: the first rule that fits.", options_of(template_rule_table())},
      {"consumers.NAME.sink.postgres", "A table of PostgreSQL, see [sinks/postgres.md](sinks/postgres.md).",
       options_of(postgres_sink_table())},
      {"consumers.NAME.sink.kafka", "A topic of Kafka, see [sinks/kafka.md](sinks/kafka.md).",
       options_of(kafka_sink_table())},
      {"consumers.NAME.sink.hub", "Another Trunkline hub, see [sinks/hub.md](sinks/hub.md).",
       options_of(hub_sink_table())},
      {"consumers.NAME.sink.s3", "Objects of an S3-compatible store, see [sinks/s3.md](sinks/s3.md).",
       options_of(s3_sink_table())},
      {"consumers.NAME.sink.file", "JSON Lines files.", options_of(file_sink_table())},
      {"consumers.NAME.sink.live", "A board of what is going on, served as Server-Sent Events: docs/sinks/live.md.",
       options_of(live_sink_table())},
      {"alarms", "What raises an alarm, see [operations.md](operations.md#alarms). A limit of 0 raises none.",
       options_of(alarms_table())},
      {"alarms.webhook", "Who is told of alarms, beside the log.", options_of(alarm_webhook_table())},
      {"topics[]", "Extra rows of the topic table.", options_of(topic_table())},
  };
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::text:
      return "text";
    case Type::boolean:
      return "true or false";
    case Type::count:
      return "whole number";
    case Type::duration:
      return "duration";
    case Type::size:
      return "size";
    case Type::choice:
      return "choice";
    case Type::address:
      return "host:port";
    case Type::url:
      return "URL";
    case Type::time:
      return "date or time";
    case Type::secret:
      return "credential";
    case Type::secrets:
      return "credential or list";
    case Type::keys:
      return "credential or list of keys";
    case Type::cidrs:
      return "list of networks";
    case Type::headers:
      return "map of headers";
    case Type::texts:
      return "text or list";
    case Type::pairs:
      return "map of texts";
    case Type::policy:
      return "filter policy";
  }
  return "?";
}

std::string type_and_bounds(const Option& option) {
  std::string text(type_name(option.type));
  if (option.type == Type::choice) return fmt::format("{}", fmt::join(split_choices(option.choices), ", "));
  if (option.max == 0) return text;
  text += fmt::format(", {} to {}", format_bound(option.type, option.min), format_bound(option.type, option.max));
  if (!option.unit.empty()) text += fmt::format(" {}", option.unit);
  return text;
}

std::string default_text(const Option& option) {
  if (option.required) return "required";
  return option.fallback.empty() ? "none" : fmt::format("`{}`", option.fallback);
}

constexpr std::string_view kIntro = R"(# Configuration

<!-- Made from the option tables in src/config by `TRUNKLINE_WRITE_DOCS=1 trunkline_config_test`; a test compares it. -->

`trunkline serve -c trunkline.yaml` reads one YAML file. `trunkline check -c trunkline.yaml` says what is wrong with it, with line
and column, all at once; an unknown key is an error that names the nearest known one.

- Durations: `250ms`, `30s`, `5m`, `12h`, `3d`. Sizes: `512`, `64KiB`, `20MB`, `5GiB`.
- Credentials are references, `${env:NAME}` or `${file:PATH}`, read once at start and never printed. A reference that leads nowhere
  is an error; a credential in plain text is a warning.
- Anchors, aliases, tags and merge keys are refused. Relative paths are relative to the working directory.
- *reload: yes* takes effect without a restart.
- Filter policies are AWS SNS filter policies as YAML: a quoted scalar is a string, a plain one `true`, `false`, `null`, a number
  (its digits kept) or else a string; or one quoted text that holds the JSON.

```yaml
data_dir: ./data
listen: 127.0.0.1:8080
sources:
  genesys-prod:
    kind: eventbridge
    auth: {api_key: [{key: "${env:KEY_2026}", until: 2027-01-31}, "${env:KEY_2027}"]}
consumers:
  crm:
    filter: {eventCategory: [conversation]}
    order: conversation
    sink: {http: {url: https://crm.example/hook, secret: "${file:/run/secrets/crm}"}}
  archive:
    sink: {file: {path: ./archive/events.jsonl}}
  wfm:                                   # no sink: pulled
    filter: {eventCategory: [wfm, agent]}
    order: agent
```
)";

}  // namespace

std::string reference_markdown() {
  std::string out(kIntro);
  for (const Section& section : sections()) {
    out += fmt::format("\n## {}\n\n{}\n", section.prefix.empty() ? "Top" : fmt::format("`{}`", section.prefix),
                       section.intro);
    if (section.options.empty()) continue;
    out += "\n| option | type and bounds | default | reload | meaning |\n|---|---|---|---|---|\n";
    for (const Option& option : section.options) {
      out += fmt::format("| `{}` | {} | {} | {} | {} |\n", option.path, type_and_bounds(option), default_text(option),
                         option.reloadable ? "yes" : "no", option.help);
    }
  }
  return out;
}

std::string reference_text() {
  std::string out;
  for (const Section& section : sections()) {
    if (!section.prefix.empty()) out += fmt::format("\n{}\n", section.prefix);
    for (const Option& option : section.options) {
      out += fmt::format("  {:<26} {} (default {})\n", option.path, type_and_bounds(option), default_text(option));
      out += fmt::format("  {:<26} {}\n", "", option.help);
    }
  }
  return out;
}

}  // namespace trunkline::config
