#include "config/load.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace trunkline::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Resolver test_resolver() {
  return {[](const std::string& name) -> std::optional<std::string> {
            const std::map<std::string, std::string> environment = {
                {"KEY", "k-1"},     {"NEXT_KEY", "k-2"},        {"EMPTY", ""},
                {"HEC_TOKEN", "t"}, {"TRUNKLINE_API_KEY", "a"}, {"LINES", "a\nb"}};
            const auto found = environment.find(name);
            return found == environment.end() ? std::nullopt : std::optional(found->second);
          },
          [](const std::string& path) -> base::Result<std::string> {
            if (path == "/run/crm") return std::string("whsec_abc\n");
            if (path == "/run/blank") return std::string(" \n");
            return {base::Errc::not_found, "No such file or directory"};
          }};
}

std::vector<std::string> findings(std::string_view text) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : parse(text, test_resolver()).diagnostics)
    lines.push_back(format(diagnostic, "t.yaml"));
  return lines;
}

Config parsed(std::string_view text) {
  Loaded loaded = parse(text, test_resolver());
  for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << format(diagnostic, "t.yaml");
  return loaded.config.value_or(Config());
}

constexpr std::string_view kDesignExample = R"(data_dir: ./data
listen: 127.0.0.1:8080
sources:
  genesys-prod: {kind: eventbridge, auth: {api_key: "${env:TRUNKLINE_API_KEY}"}}
consumers:
  siem:      {filter: {}, sink: {file: {path: siem.jsonl}}, concurrency: 50}
  crm:       {filter: {eventCategory: [conversation]}, order: conversation, sink: {http: {url: https://crm.example/hook}}}
  dashboard: {filter: {eventCategory: [agent, queue, conversation]}, order: agent, sink: {file: {path: board.jsonl}}}
  wfm:       {filter: {eventCategory: [wfm, agent]}, order: agent}        # no sink: pulled
)";

TEST(ConfigLoad, reads_the_example_of_the_design_with_the_sinks_that_there_are) {
  const Config config = parsed(kDesignExample);
  ASSERT_EQ(config.sources.size(), 1u);
  EXPECT_EQ(config.sources[0].name, "genesys-prod");
  EXPECT_EQ(config.sources[0].kind, SourceKind::eventbridge);
  ASSERT_EQ(config.sources[0].api_keys.size(), 1u);
  EXPECT_EQ(config.sources[0].api_keys[0].key.reveal(), "a");
  ASSERT_EQ(config.consumers.size(), 4u);
  EXPECT_EQ(config.consumers[0].concurrency, 50u);
  EXPECT_EQ(std::get<FileSink>(config.consumers[0].sink).path, "siem.jsonl");
  EXPECT_EQ(config.consumers[1].order, Order::conversation);
  EXPECT_EQ(config.consumers[1].filter.json, R"({"eventCategory":["conversation"]})");
  EXPECT_EQ(std::get<HttpSink>(config.consumers[1].sink).url, "https://crm.example/hook");
  EXPECT_TRUE(std::holds_alternative<Pulled>(config.consumers[3].sink));
}

TEST(ConfigLoad, takes_every_default_from_the_tables_when_the_file_is_empty) {
  const Config config = parsed("# nothing\n");
  EXPECT_EQ(config.data_dir, "./data");
  EXPECT_EQ(config.listen, "127.0.0.1:8080");
  EXPECT_EQ(config.log.level, LogLevel::info);
  EXPECT_EQ(config.limits.body_bytes, 8u << 20);
  EXPECT_EQ(config.limits.idle_timeout, base::Millis(75'000));
  EXPECT_EQ(config.store.identity_window, std::chrono::hours(5 * 24));
  EXPECT_THAT(config.consumers, IsEmpty());
}

TEST(ConfigLoad, gives_a_consumer_its_defaults_by_order) {
  const Config config = parsed("consumers:\n  a:\n  b: {order: agent}\n  c: {order: topic, on_exhausted: skip}\n");
  ASSERT_EQ(config.consumers.size(), 3u);
  EXPECT_EQ(config.consumers[0].on_exhausted, OnExhausted::skip);
  EXPECT_EQ(config.consumers[1].on_exhausted, OnExhausted::park);
  EXPECT_EQ(config.consumers[2].on_exhausted, OnExhausted::skip);
  EXPECT_EQ(config.consumers[0].attempts, 5u);
  EXPECT_EQ(config.consumers[0].max_wait, std::chrono::hours(14 * 24));
  EXPECT_EQ(config.consumers[0].filter.json, "{}");
  EXPECT_EQ(std::get<Pulled>(config.consumers[0].sink).visibility_timeout, std::chrono::seconds(30));
}

TEST(ConfigLoad, sets_every_option_of_a_splunk_sink) {
  const Config config = parsed(R"(consumers:
  least: {sink: {splunk_hec: {url: "https://splunk:8088", token: "${env:KEY}"}}}
  siem:
    sink:
      splunk_hec:
        url: https://splunk:8088
        token: "${env:KEY}"
        index: i
        source: s
        sourcetype: st
        host: h
        body: raw
        gzip: false
        tls: {ca: ca.pem}
        timeout: 7s
        connect_timeout: 2s
)");
  const auto& least = std::get<HecSink>(config.consumers.at(0).sink);
  EXPECT_EQ(least.token, Secret("k-1"));
  EXPECT_EQ(least.index + least.source + least.sourcetype + least.host + least.tls_ca, "");
  EXPECT_EQ(least.body, HttpBody::enriched);
  EXPECT_TRUE(least.gzip);
  EXPECT_EQ(least.timeout, std::chrono::seconds(30));
  const auto& hec = std::get<HecSink>(config.consumers.at(1).sink);
  EXPECT_EQ(hec.url, "https://splunk:8088");
  EXPECT_EQ(hec.index + hec.source + hec.sourcetype + hec.host, "isst" + std::string("h"));
  EXPECT_EQ(hec.body, HttpBody::raw);
  EXPECT_FALSE(hec.gzip);
  EXPECT_EQ(hec.tls_ca, "ca.pem");
  EXPECT_EQ(hec.timeout, std::chrono::seconds(7));
  EXPECT_EQ(hec.connect_timeout, std::chrono::seconds(2));
}

constexpr std::string_view kEveryOptionOfAConsumer = R"(consumers:
  all:
    filter: '{"eventType": [{"prefix": "v2."}]}'
    filter_scope: MessageBody
    order: queue
    event_time_window: 30s
    concurrency: 3
    adaptive: false
    shadow: true
    budget: {requests: 1000, reserve: 100, per: 12h, window: calendar, offset: 5h}
    rate: 70
    batch: {messages: 20, bytes: 64KiB, age: 50ms}
    attempts: 7
    on_exhausted: drop
    retry: {base: 1s, cap: 2m, for: 3h}
    breaker: {lanes: 4, percent: 50, window: 20s, probe_every: 1s, probe_cap: 3s}
    max_wait: 2d
    on_full: expire
    paused: true
    sink:
      http:
        url: http://localhost:9000/x?y=1
        headers: {x-tenant: blue, Authorization: "${env:KEY}"}
        secret: ["${file:/run/crm}", "${env:NEXT_KEY}"]
        batch: ndjson
        body: raw
        timeout: 2s
        connect_timeout: 1s
        allow_loopback: true
        allow_private: true
        allowed_cidrs: [10.1.0.0/16, "fd00::/8"]
  file: {sink: {file: {path: ./out.jsonl, rotate_bytes: 2MiB, rotate_age: 1h, keep: 9}}}
  pulled: {visibility_timeout: 45s, max_receive_count: 8}
)";

TEST(ConfigLoad, sets_every_option_of_a_consumer) {
  const Config config = parsed(kEveryOptionOfAConsumer);
  ASSERT_EQ(config.consumers.size(), 3u);
  const Consumer& all = config.consumers[0];
  EXPECT_EQ(all.filter.json, R"({"eventType": [{"prefix": "v2."}]})");
  EXPECT_EQ(all.filter.place, (Place{3, 13}));
  EXPECT_EQ(all.filter_scope, FilterScope::message_body);
  EXPECT_EQ(all.order, Order::queue);
  EXPECT_EQ(all.event_time_window, std::chrono::seconds(30));
  EXPECT_EQ(all.concurrency, 3u);
  EXPECT_FALSE(all.adaptive);
  EXPECT_TRUE(all.shadow);
  EXPECT_EQ(all.budget.requests, 1000u);
  EXPECT_EQ(all.budget.reserve, 100u);
  EXPECT_EQ(all.budget.per, std::chrono::hours(12));
  EXPECT_EQ(all.budget.window, BudgetWindow::calendar);
  EXPECT_EQ(all.budget.offset, std::chrono::hours(5));
  EXPECT_EQ(all.rate, 70u);
  EXPECT_EQ(all.batch.messages, 20u);
  EXPECT_EQ(all.batch.bytes, 65536u);
  EXPECT_EQ(all.batch.age, base::Millis(50));
  EXPECT_EQ(all.attempts, 7u);
  EXPECT_EQ(all.on_exhausted, OnExhausted::drop);
  EXPECT_EQ(all.retry.base, std::chrono::seconds(1));
  EXPECT_EQ(all.retry.cap, std::chrono::minutes(2));
  EXPECT_EQ(all.retry.limit, std::chrono::hours(3));
  EXPECT_EQ(all.breaker.lanes, 4u);
  EXPECT_EQ(all.breaker.percent, 50u);
  EXPECT_EQ(all.breaker.window, std::chrono::seconds(20));
  EXPECT_EQ(all.breaker.probe_every, std::chrono::seconds(1));
  EXPECT_EQ(all.breaker.probe_cap, std::chrono::seconds(3));
  EXPECT_EQ(all.max_wait, std::chrono::hours(48));
  EXPECT_EQ(all.on_full, OnFull::expire);
  EXPECT_TRUE(all.paused);
}

TEST(ConfigLoad, sets_every_option_of_a_sink_and_of_a_pulled_consumer) {
  const Config config = parsed(kEveryOptionOfAConsumer);
  ASSERT_EQ(config.consumers.size(), 3u);
  const auto& http = std::get<HttpSink>(config.consumers[0].sink);
  EXPECT_THAT(http.headers,
              ElementsAre(std::pair("x-tenant", Secret("blue")), std::pair("Authorization", Secret("k-1"))));
  EXPECT_THAT(http.secrets, ElementsAre(Secret("whsec_abc"), Secret("k-2")));
  EXPECT_EQ(http.batch, HttpBatch::ndjson);
  EXPECT_EQ(http.body, HttpBody::raw);
  EXPECT_EQ(http.timeout, std::chrono::seconds(2));
  EXPECT_EQ(http.connect_timeout, std::chrono::seconds(1));
  EXPECT_TRUE(http.allow_loopback && http.allow_private);
  EXPECT_THAT(http.allowed_cidrs, ElementsAre("10.1.0.0/16", "fd00::/8"));
  const auto& file = std::get<FileSink>(config.consumers[1].sink);
  EXPECT_EQ(file.path, "./out.jsonl");
  EXPECT_EQ(file.rotate_bytes, 2u << 20);
  EXPECT_EQ(file.rotate_age, std::chrono::hours(1));
  EXPECT_EQ(file.keep, 9u);
  const auto& pulled = std::get<Pulled>(config.consumers[2].sink);
  EXPECT_EQ(pulled.visibility_timeout, std::chrono::seconds(45));
  EXPECT_EQ(pulled.max_receive_count, 8u);
}

TEST(ConfigLoad, reads_several_keys_with_end_dates) {
  const Config config = parsed(R"(api: {keys: "${env:KEY}"}
sources:
  grid:
    kind: eventgrid
    org: 0a1b
    auth:
      header: x-hub-key
      api_key: ["${env:KEY}"]
      query: k
      query_key:
        - {key: "${env:KEY}", until: 2026-12-01}
        - {key: "${env:NEXT_KEY}", until: "2027-01-01T06:00:00+01:00"}
        - "${env:KEY}"
topics:
  - {pattern: "v2.custom.{id}", category: custom, ids: "agent=topicName segment 3"}
)");
  ASSERT_EQ(config.sources.size(), 1u);
  const Source& source = config.sources[0];
  EXPECT_EQ(config.api_keys.size(), 1u);
  EXPECT_EQ(source.kind, SourceKind::eventgrid);
  EXPECT_EQ(source.org, "0a1b");
  EXPECT_EQ(source.header, "x-hub-key");
  EXPECT_EQ(source.query, "k");
  ASSERT_EQ(source.query_keys.size(), 3u);
  EXPECT_EQ(source.query_keys[0].until, base::WallTime(base::Millis(1'796'083'200'000)));
  EXPECT_EQ(source.query_keys[1].until, base::WallTime(base::Millis(1'798'779'600'000)));
  EXPECT_EQ(source.query_keys[1].key.reveal(), "k-2");
  EXPECT_EQ(source.query_keys[2].until, std::nullopt);
  ASSERT_EQ(config.topics.size(), 1u);
  EXPECT_EQ(config.topics[0].pattern, "v2.custom.{id}");
  EXPECT_EQ(config.topics[0].ids, "agent=topicName segment 3");
}

struct ErrorCase {
  friend void PrintTo(const ErrorCase& each, std::ostream* out) { *out << each.name; }

  std::string name;
  std::string text;
  std::vector<std::string> expected;
};
class ConfigErrors : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(ConfigErrors, are_reported_with_line_and_column) {
  EXPECT_EQ(findings(GetParam().text), GetParam().expected);
}

const std::vector<ErrorCase> kErrorCases = {
    {"unknown_key", "data_dri: x\n", {"t.yaml:1:1: error: unknown key 'data_dri', did you mean 'data_dir'?"}},
    {"unknown_key_far_from_all", "zebra-crossing: x\n", {"t.yaml:1:1: error: unknown key 'zebra-crossing'"}},
    {"unknown_key_in_a_group",
     "log:\n  levle: info\n",
     {"t.yaml:2:3: error: unknown key 'log.levle', did you mean 'level'?"}},
    {"unknown_key_of_a_consumer",
     "consumers:\n  a: {atempts: 3}\n",
     {"t.yaml:2:7: error: unknown key 'consumers.a.atempts', did you mean 'attempts'?"}},
    {"unknown_sink",
     "consumers: {a: {sink: {htpp: {}}}}\n",
     {"t.yaml:1:24: error: unknown key 'consumers.a.sink.htpp', did you mean 'http'?"}},
    {"merge_key", "log:\n  <<: {level: info}\n", {"t.yaml:2:3: error: unknown key 'log.<<'"}},
    {"all_errors_at_once",
     "listen: 80\nlog: {level: loud}\nconsumers:\n  a: {order: talk, sink: {file: {path: x}}, attempts: 0}\n",
     {"t.yaml:1:9: error: 'listen' is host:port such as 127.0.0.1:8080 or [::1]:8080, not '80'",
      "t.yaml:2:14: error: 'log.level' is one of debug, info, warn, error, not 'loud'",
      "t.yaml:4:14: error: 'consumers.a.order' is one of none, conversation, agent, queue, topic, not 'talk'",
      "t.yaml:4:55: error: 'consumers.a.attempts' is 1 to 1000, not 0"}},
    {"duplicate_key",
     "log: {level: info}\nlisten: 127.0.0.1:1\nlog: {format: json}\n",
     {"t.yaml:3:1: error: key 'log' is here twice, first in line 1 column 1"}},
    {"duplicate_consumer",
     "consumers:\n  a: {order: agent}\n  a: {order: queue}\n",
     {"t.yaml:3:3: error: key 'a' is here twice, first in line 2 column 3"}},
    {"number_in_quotes",
     "consumers: {a: {sink: {file: {path: x}}, attempts: \"5\"}}\n",
     {"t.yaml:1:52: error: 'consumers.a.attempts' is a whole number, not '5'"}},
    {"fraction_for_a_number",
     "consumers: {a: {sink: {file: {path: x}}, attempts: 1.5}}\n",
     {"t.yaml:1:52: error: 'consumers.a.attempts' is a whole number, not '1.5'"}},
    {"number_beyond_64_bits",
     "consumers: {a: {sink: {file: {path: x}}, attempts: 99999999999999999999}}\n",
     {"t.yaml:1:52: error: 'consumers.a.attempts' is a whole number, not '99999999999999999999'"}},
    {"text_for_a_boolean",
     "consumers: {a: {paused: yes}}\n",
     {"t.yaml:1:25: error: 'consumers.a.paused' is true or false, not 'yes'"}},
    {"duration_without_unit",
     "store: {retain: 30}\n",
     {"t.yaml:1:17: error: 'store.retain': '30' is not a duration such as 250ms, 30s, 5m, 12h or 3d"}},
    {"duration_out_of_bounds",
     "store: {identity_window: 1m}\n",
     {"t.yaml:1:26: error: 'store.identity_window' is 1h to 365d, not 1m"}},
    {"size_of_unknown_unit",
     "store: {disk_budget: 5gig}\n",
     {"t.yaml:1:22: error: 'store.disk_budget': '5gig' is not a size such as 64KiB, 20MB or 5GiB"}},
    {"size_out_of_bounds",
     "store: {disk_budget: 1KiB}\n",
     {"t.yaml:1:22: error: 'store.disk_budget' is 64MiB to 1024TiB, not 1KiB"}},
    {"choice_with_near_one",
     "consumers: {a: {on_full: refsue}}\n",
     {"t.yaml:1:26: error: 'consumers.a.on_full' is one of refuse, expire, not 'refsue'; did you mean 'refuse'?"}},
    {"nothing_for_a_value", "data_dir:\n", {"t.yaml:1:1: error: 'data_dir' needs a value"}},
    {"empty_text", "data_dir: ''\n", {"t.yaml:1:11: error: 'data_dir' is empty"}},
    {"list_for_a_value", "data_dir: [a]\n", {"t.yaml:1:11: error: 'data_dir' is a single value, not a list"}},
    {"value_for_a_group", "log: info\n", {"t.yaml:1:6: error: 'log' is a map, not a single value"}},
    {"list_for_sources", "sources: [a]\n", {"t.yaml:1:10: error: 'sources' is a map of names, not a list"}},
    {"value_for_a_consumer", "consumers: {a: 5}\n", {"t.yaml:1:16: error: 'consumers.a' is a map, not a single value"}},
    {"value_for_a_sink_kind",
     "consumers: {a: {sink: {http: x}}}\n",
     {"t.yaml:1:30: error: 'consumers.a.sink.http' is a map, not a single value"}},
    {"map_for_topics", "topics: {a: b}\n", {"t.yaml:1:9: error: 'topics' is a list of maps, not a map"}},
    {"value_in_topics", "topics: [x]\n", {"t.yaml:1:10: error: 'topics' holds maps, not a single value"}},
    {"name_with_a_space",
     "consumers: {a b: {}}\n",
     {"t.yaml:1:13: error: 'a b' is no name: 1 to 64 letters, digits, '-' or '_'"}},
    {"missing_required", "sources:\n  a: {org: x}\n", {"t.yaml:2:3: error: 'sources.a.kind' is missing"}},
    {"missing_required_in_a_sink",
     "consumers:\n  a:\n    sink:\n      http:\n",
     {"t.yaml:4:7: error: 'consumers.a.sink.http.url' is missing"}},
    {"two_sinks",
     "consumers: {a: {sink: {file: {path: y}, http: {url: x}}}}\n",
     {"t.yaml:1:23: error: 'consumers.a.sink' is a map with exactly one of http, splunk_hec, elasticsearch, "
      "syslog, datadog, sentinel, salesforce, transcript, template, adherence, adherence_files, "
      "postgres, kafka, hub, s3, file, live"}},
    {"no_sink_named",
     "consumers: {a: {sink: {}}}\n",
     {"t.yaml:1:23: error: 'consumers.a.sink' is a map with exactly one of http, splunk_hec, elasticsearch, "
      "syslog, datadog, sentinel, salesforce, transcript, template, adherence, adherence_files, "
      "postgres, kafka, hub, s3, file, live"}},
    {"sink_of_nothing",
     "consumers:\n  a:\n    sink:\n",
     {"t.yaml:3:5: error: 'consumers.a.sink' is a map with exactly one of http, splunk_hec, elasticsearch, "
      "syslog, datadog, sentinel, salesforce, transcript, template, adherence, adherence_files, "
      "postgres, kafka, hub, s3, file, live"}},
    {"url_without_scheme",
     "consumers: {a: {sink: {http: {url: crm.example}}}}\n",
     {"t.yaml:1:36: error: 'consumers.a.sink.http.url' is an address that begins with http:// or https://, not "
      "'crm.example'"}},
    {"network_without_prefix",
     "consumers: {a: {sink: {http: {url: http://a, allowed_cidrs: [10.0.0.1]}}}}\n",
     {"t.yaml:1:62: error: 'consumers.a.sink.http.allowed_cidrs' holds networks such as 10.1.0.0/16, not "
      "'10.0.0.1'"}},
    {"network_too_long",
     "consumers: {a: {sink: {http: {url: http://a, allowed_cidrs: [10.0.0.0/33]}}}}\n",
     {"t.yaml:1:62: error: 'consumers.a.sink.http.allowed_cidrs' holds networks such as 10.1.0.0/16, not "
      "'10.0.0.0/33'"}},
    {"network_not_in_a_list",
     "consumers: {a: {sink: {http: {url: http://a, allowed_cidrs: 10.0.0.0/8}}}}\n",
     {"t.yaml:1:61: error: 'consumers.a.sink.http.allowed_cidrs' is a list of networks, not a single value"}},
    {"header_name",
     "consumers: {a: {sink: {http: {url: http://a, headers: {\"a b\": c}}}}}\n",
     {"t.yaml:1:56: error: 'a b' is no header name"}},
    {"header_with_a_line_break",
     "consumers: {a: {sink: {http: {url: http://a, headers: {x: \"${env:LINES}\"}}}}}\n",
     {"t.yaml:1:59: error: 'consumers.a.sink.http.headers.x' holds a line break, which no header can"}},
    {"headers_not_a_map",
     "consumers: {a: {sink: {http: {url: http://a, headers: [x]}}}}\n",
     {"t.yaml:1:55: error: 'consumers.a.sink.http.headers' is a map of header names to values, not a list"}},
    {"filter_not_a_map",
     "consumers: {a: {filter: all}}\n",
     {"t.yaml:1:25: error: 'consumers.a.filter' is a map, or a quoted JSON text, not a single value"}},
    {"filter_number_that_json_lacks",
     "consumers:\n  a:\n    filter:\n      ext: [0x1F, 007, .inf]\n",
     {"t.yaml:4:13: error: 0x1F is a number to YAML that JSON cannot write: put it in quotes if a text is meant",
      "t.yaml:4:19: error: 007 is a number to YAML that JSON cannot write: put it in quotes if a text is meant",
      "t.yaml:4:24: error: .inf is a number to YAML that JSON cannot write: put it in quotes if a text is meant"}},
    {"end_date",
     "api: {keys: [{key: \"${env:KEY}\", until: soon}]}\n",
     {"t.yaml:1:41: error: 'api.keys.until' is a date such as 2026-12-01 or a time such as 2026-12-01T06:00:00Z, not "
      "'soon'"}},
    {"key_without_key", "api: {keys: [{until: 2026-12-01}]}\n", {"t.yaml:1:14: error: 'api.keys.key' is missing"}},
    {"retry_base_over_cap",
     "consumers: {a: {sink: {file: {path: x}}, retry: {cap: 100ms}}}\n",
     {"t.yaml:1:50: error: 'retry.base' is longer than 'retry.cap'"}},
    {"push_option_without_sink",
     "consumers: {a: {batch: {age: 1s}}}\n",
     {"t.yaml:1:25: error: 'batch.age' is for a consumer with a sink; 'a' has none and is pulled"}},
    {"pulled_option_with_sink",
     "consumers: {a: {visibility_timeout: 1s, sink: {file: {path: x}}}}\n",
     {"t.yaml:1:17: error: 'visibility_timeout' is for a consumer without a sink"}},
    {"drop_without_sink",
     "consumers: {a: {on_exhausted: drop}}\n",
     {"t.yaml:1:13: error: 'on_exhausted: drop' is for a consumer with a sink; 'a' has none"}},
    {"park_without_order",
     "consumers: {a: {on_exhausted: park, sink: {file: {path: x}}}}\n",
     {"t.yaml:1:13: error: 'on_exhausted: park' holds a lane, and 'a' has none: set 'order', or skip or drop"}},
    {"event_time_window_without_order",
     "consumers: {a: {event_time_window: 2s}}\n",
     {"t.yaml:1:17: error: 'event_time_window' sorts lanes, and 'a' has none: set 'order'"}},
    {"event_time_window_as_long_as_max_wait",
     "consumers: {a: {order: agent, event_time_window: 2m, max_wait: 2m}}\n",
     {"t.yaml:1:31: error: 'event_time_window' of 'a' is not shorter than 'max_wait': all would expire"}},
    {"shadow_of_a_file",
     "consumers: {a: {shadow: true, sink: {file: {path: x}}}}\n",
     {"t.yaml:1:13: error: 'shadow' is for a consumer whose sink sends to another system, and 'a' has none: nothing "
      "would leave this machine anyway"}},
    {"elasticsearch_with_two_credentials",
     "consumers: {a: {sink: {elasticsearch: {url: \"https://es:9200\", user: u, password: \"${env:KEY}\", api_key: "
     "\"${env:KEY}\"}}}}\n",
     {"t.yaml:1:13: error: take one of 'user', 'api_key' and 'aws' for the sink of 'a'"}},
    {"elasticsearch_with_half_a_credential",
     "consumers: {a: {sink: {elasticsearch: {url: \"https://es:9200\", user: u, aws: {region: eu-west-1}}}}}\n",
     {"t.yaml:1:13: error: 'user' and 'password' of the sink of 'a' go together",
      "t.yaml:1:13: error: 'aws.region' and 'aws.access_key_id' of the sink of 'a' go together",
      "t.yaml:1:13: error: take one of 'user', 'api_key' and 'aws' for the sink of 'a'"}},
    {"budget_of_nothing",
     "consumers: {a: {budget: {requests: 5, reserve: 5}, sink: {file: {path: x}}}}\n",
     {"t.yaml:1:13: error: 'budget.reserve' of 'a' leaves nothing of 'budget.requests'"}},
    {"budget_that_begins_after_its_end",
     "consumers: {a: {budget: {requests: 5, per: 1h, offset: 2h}, sink: {file: {path: x}}}}\n",
     {"t.yaml:1:13: error: 'budget.offset' of 'a' is longer than 'budget.per'"}},
    {"budget_without_sink",
     "consumers: {a: {budget: {requests: 5}}}\n",
     {"t.yaml:1:26: error: 'budget.requests' is for a consumer with a sink; 'a' has none and is pulled"}},
    {"two_consumers_write_one_file",
     "consumers:\n  a: {sink: {file: {path: x}}}\n  b: {sink: {file: {path: x}}}\n",
     {"t.yaml:3:3: error: consumers 'a' and 'b' write the same file x"}},
    {"body_larger_than_all_buffers",
     "limits: {body_bytes: 32MiB, buffered_bytes: 16MiB}\n",
     {"t.yaml: error: 'limits.body_bytes' is larger than 'limits.buffered_bytes': no such body could be read"}},
    {"wide_without_authentication",
     "listen: 0.0.0.0:80\nsources:\n  a: {kind: genesys}\n",
     {"t.yaml:1:9: error: 'listen' is wider than loopback (0.0.0.0:80) and needs 'api.keys' or 'api.users'",
      "t.yaml:3:3: error: 'listen' is wider than loopback (0.0.0.0:80) and 'sources.a' has no key: set auth.api_key, "
      "auth.query_key or another credential"}},
    {"wide_over_tls_without_authentication",
     "listen_tls: 0.0.0.0:443\ntls: {cert: c, key: k}\nsources:\n  a: {kind: genesys}\n",
     {"t.yaml:1:13: error: 'listen_tls' is wider than loopback (0.0.0.0:443) and needs 'api.keys' or 'api.users'",
      "t.yaml:4:3: error: 'listen_tls' is wider than loopback (0.0.0.0:443) and 'sources.a' has no key: set "
      "auth.api_key, auth.query_key or another credential"}},
    {"a_client_certificate_stands_for_no_key",
     "listen_tls: 0.0.0.0:443\ntls: {cert: c, key: k, client_ca: a, client_auth: require}\n",
     {"t.yaml:1:13: error: 'listen_tls' is wider than loopback (0.0.0.0:443) and needs 'api.keys' or 'api.users'"}},
    {"tls_without_a_certificate",
     "listen_tls: 127.0.0.1:8443\n",
     {"t.yaml:1:13: error: 'listen_tls' needs 'tls.cert'", "t.yaml:1:13: error: 'listen_tls' needs 'tls.key'"}},
    {"sqs_without_a_key",
     "sqs: {listen: '127.0.0.1:9324'}\n",
     {"t.yaml:1:15: error: 'sqs.listen' needs 'sqs.keys', or 'sqs.unsigned: true' on loopback"}},
    {"sqs_open_to_everybody",
     "sqs: {listen: '0.0.0.0:9324', unsigned: true}\n",
     {"t.yaml:1:41: error: 'sqs.unsigned' is for loopback, and 'sqs.listen' is wider (0.0.0.0:9324)"}},
    {"sqs_on_the_plain_address",
     "sqs: {listen: '127.0.0.1:8080', unsigned: true}\n",
     {"t.yaml:1:15: error: 'sqs.listen' is the address of another listener"}},
    {"sqs_over_tls_without_a_certificate",
     "sqs: {listen: '127.0.0.1:1', listen_tls: '127.0.0.1:2', unsigned: true}\n",
     {"t.yaml:1:42: error: 'sqs.listen_tls' needs 'tls.cert'", "t.yaml:1:42: error: 'sqs.listen_tls' needs 'tls.key'"}},
    {"sqs_over_tls_alone",
     "sqs: {listen_tls: '127.0.0.1:2'}\ntls: {cert: c, key: k}\n",
     {"t.yaml:1:19: error: 'sqs.listen_tls' is a second address and needs 'sqs.listen', which may stay on loopback"}},
    {"sqs_over_tls_open_to_everybody",
     "sqs: {listen: '127.0.0.1:1', listen_tls: '0.0.0.0:2', unsigned: true}\ntls: {cert: c, key: k}\n",
     {"t.yaml:1:65: error: 'sqs.unsigned' is for loopback, and 'sqs.listen_tls' is wider (0.0.0.0:2)"}},
    {"sqs_over_tls_on_the_plain_address",
     "sqs: {listen: '127.0.0.1:1', listen_tls: '127.0.0.1:1', unsigned: true}\ntls: {cert: c, key: k}\n",
     {"t.yaml:1:42: error: 'sqs.listen_tls' and 'sqs.listen' are the same address"}},
    {"sqs_over_tls_on_another_listener",
     "sqs: {listen: '127.0.0.1:1', listen_tls: '127.0.0.1:8080', unsigned: true}\ntls: {cert: c, key: k}\n",
     {"t.yaml:1:42: error: 'sqs.listen_tls' is the address of another listener"}},
    {"a_ca_of_clients_that_the_sqs_listener_does_not_ask",
     "sqs: {listen: '127.0.0.1:1', listen_tls: '127.0.0.1:2', unsigned: true}\n"
     "tls: {cert: c, key: k, client_ca: a, client_auth: require}\n",
     {"t.yaml:2:35: error: 'tls.client_ca' is of no use without 'listen_tls'"}},
    {"sqs_that_nothing_listens_for",
     "sqs: {unsigned: true}\n",
     {"t.yaml:1:17: error: 'sqs.keys' and 'sqs.unsigned' are of no use without 'sqs.listen'"}},
    {"sqs_names_that_are_none",
     "sqs: {listen: '127.0.0.1:1', unsigned: true, account: '12', region: 'EU West'}\n",
     {"t.yaml:1:55: error: 'sqs.account' is twelve digits",
      "t.yaml:1:69: error: 'sqs.region' is small letters, digits and '-'"}},
    {"sqs_key_twice",
     "sqs:\n  listen: '127.0.0.1:1'\n  keys: [{id: a, secret: '${env:KEY}'}, {id: a, secret: '${env:KEY}'}]\n",
     {"t.yaml:3:42: error: 'sqs.keys[1].id' is there before: a"}},
    {"tls_on_the_plain_address",
     "listen_tls: 127.0.0.1:8080\ntls: {cert: c, key: k}\n",
     {"t.yaml:1:13: error: 'listen_tls' and 'listen' are the same address"}},
    {"a_certificate_that_nothing_listens_with",
     "tls: {cert: c, key: k}\n",
     {"t.yaml:1:13: error: 'tls.cert' is of no use without 'listen_tls' or 'sqs.listen_tls'",
      "t.yaml:1:21: error: 'tls.key' is of no use without 'listen_tls' or 'sqs.listen_tls'"}},
    {"client_certificates_without_a_ca",
     "listen_tls: 127.0.0.1:8443\ntls: {cert: c, key: k, client_auth: request}\n",
     {"t.yaml:2:37: error: 'tls.client_auth' needs 'tls.client_ca'"}},
    {"a_ca_for_client_certificates_that_are_not_asked_for",
     "listen_tls: 127.0.0.1:8443\ntls: {cert: c, key: k, client_ca: a}\n",
     {"t.yaml:2:35: error: 'tls.client_ca' is of no use while 'tls.client_auth' is none: set request or require"}},
    {"client_certificates_of_a_source_that_no_listener_asks_for",
     "listen_tls: 127.0.0.1:8443\ntls: {cert: c, key: k}\nsources:\n  a: {kind: genesys, auth: {client_certificate: "
     "{subject: CN=x}}}\n",
     {"t.yaml:4:29: warning: 'sources.a.auth.client_certificate' lets nobody in: no listener asks for client "
      "certificates; set listen_tls, tls.client_ca and tls.client_auth"}},
    {"client_certificate_of_a_sink_without_its_key",
     "consumers: {a: {sink: {http: {url: https://a, tls: {cert: c}}}}}\n",
     {"t.yaml:1:13: error: 'tls.cert' and 'tls.key' of the sink of 'a' go together"}},
    {"an_object_store_without_an_age_of_batches",
     "consumers: {a: {sink: {s3: {bucket: b-1, access_key_id: \"${env:KEY}\", secret_access_key: \"${env:KEY}\"}}}}\n",
     {"t.yaml:1:13: warning: the sink of 'a' stores an object for each batch, and 'batch.age' lets none grow: set "
      "'batch' "
      "to something like {messages: 10000, bytes: 32MiB, age: 5m}"}},
    {"secret_not_in_the_environment",
     "api: {keys: \"${env:NOPE}\"}\n",
     {"t.yaml:1:13: error: 'api.keys': ${env:NOPE} is not in the environment"}},
    {"secret_empty_in_the_environment",
     "api: {keys: \"${env:EMPTY}\"}\n",
     {"t.yaml:1:13: error: 'api.keys': ${env:EMPTY} is empty"}},
    {"secret_file_missing",
     "api: {keys: \"${file:/nope}\"}\n",
     {"t.yaml:1:13: error: 'api.keys': ${file:/nope} cannot be read: No such file or directory"}},
    {"secret_file_blank",
     "api: {keys: \"${file:/run/blank}\"}\n",
     {"t.yaml:1:13: error: 'api.keys': ${file:/run/blank} is empty"}},
    {"secret_with_text_around",
     "api: {keys: \"x${env:KEY}\"}\n",
     {"t.yaml:1:13: error: 'api.keys': a reference is ${env:NAME} or ${file:PATH} and nothing around it"}},
    {"secret_that_is_a_map", "api: {keys: [[x]]}\n", {"t.yaml:1:14: error: 'api.keys' is a credential, not a list"}},
    {"secret_empty", "api: {keys: ''}\n", {"t.yaml:1:13: error: 'api.keys': the credential is empty"}},
    {"secret_in_plain_text",
     "api: {keys: hunter2}\n",
     {"t.yaml:1:13: warning: 'api.keys' holds a credential in plain text: use ${env:NAME} or ${file:PATH}"}},
    {"authorization_in_plain_text",
     "consumers: {a: {sink: {http: {url: http://a, headers: {Authorization: x}}}}}\n",
     {"t.yaml:1:71: warning: 'consumers.a.sink.http.headers.Authorization' holds a credential in plain text: use "
      "${env:NAME} or "
      "${file:PATH}"}},
    {"reference_outside_of_a_credential",
     "data_dir: \"${env:KEY}\"\n",
     {"t.yaml:1:11: error: 'data_dir' is no credential: references are resolved in credentials only"}},
};
INSTANTIATE_TEST_SUITE_P(Every, ConfigErrors, ::testing::ValuesIn(kErrorCases),
                         [](const auto& each) { return each.param.name; });

TEST(ConfigLoad, has_a_config_exactly_if_nothing_is_an_error) {
  EXPECT_TRUE(parse("api: {keys: plain}\n", test_resolver()).config.has_value());
  EXPECT_FALSE(parse("api: {kyes: plain}\n", test_resolver()).config.has_value());
}

TEST(ConfigLoad, takes_wide_listeners_with_authentication) {
  const Config config = parsed(R"(listen: 0.0.0.0:8080
api: {keys: ["${env:KEY}"]}
sources: {a: {kind: eventgrid, auth: {query_key: "${env:KEY}"}}}
)");
  EXPECT_EQ(config.listen, "0.0.0.0:8080");
}

TEST(ConfigLoad, takes_a_tls_listener_and_knows_where_its_files_stand) {
  const Config config = parsed(R"(listen_tls: 0.0.0.0:8443
tls: {cert: c.pem, key: k.pem, client_ca: ca.pem, client_auth: request}
api: {keys: ["${env:KEY}"]}
sources: {a: {kind: eventgrid, auth: {query_key: "${env:KEY}"}}}
consumers: {a: {sink: {http: {url: https://a, tls: {ca: r.pem, cert: m.pem, key: n.pem}}}}}
)");
  EXPECT_EQ(config.listen_tls, "0.0.0.0:8443");
  EXPECT_EQ(config.tls.cert, "c.pem");
  EXPECT_EQ(config.tls.key, "k.pem");
  EXPECT_EQ(config.tls.client_ca, "ca.pem");
  EXPECT_EQ(config.tls.client_auth, ClientAuth::request);
  EXPECT_EQ(config.tls.cert_place, (Place{2, 13}));
  EXPECT_EQ(config.tls.key_place, (Place{2, 25}));
  EXPECT_EQ(config.tls.client_ca_place, (Place{2, 43}));
  EXPECT_EQ(std::get<HttpSink>(config.consumers[0].sink).tls_ca, "r.pem");
  EXPECT_EQ(std::get<HttpSink>(config.consumers[0].sink).tls_cert, "m.pem");
  EXPECT_EQ(std::get<HttpSink>(config.consumers[0].sink).tls_key, "n.pem");
}

TEST(ConfigLoad, lists_what_a_wide_listener_would_leave_open) {
  Config config = parsed("sources:\n  a: {kind: genesys}\n  b: {kind: genesys, auth: {api_key: '${env:KEY}'}}\n");
  EXPECT_THAT(without_credentials(config), IsEmpty());
  config.listen = "0.0.0.0:8080";
  EXPECT_THAT(without_credentials(config), ElementsAre("api", "sources.a"));
  config.listen = "127.0.0.1:8080";
  config.listen_tls = "[::]:8443";
  EXPECT_THAT(without_credentials(config), ElementsAre("api", "sources.a"));
}

TEST(ConfigLoad, users_of_the_api_stand_beside_its_keys) {
  const Config one = parsed("listen: 0.0.0.0:80\napi: {users: {user: ops, password: '${env:KEY}'}}\n");
  ASSERT_EQ(one.api_users.size(), 1u);
  EXPECT_EQ(one.api_users[0].user, "ops");
  EXPECT_THAT(without_credentials(one), IsEmpty());
  const Config two = parsed(
      "api:\n  keys: '${env:KEY}'\n  users:\n    - {user: ops, password: [{key: '${env:KEY}', until: 2027-01-31}, "
      "'${env:KEY}']}\n"
      "    - {user: board, password: '${env:KEY}'}\n");
  ASSERT_EQ(two.api_users.size(), 2u);
  EXPECT_TRUE(two.api_users[0].passwords.at(0).until);
  EXPECT_EQ(two.api_users[1].user, "board");
  EXPECT_EQ(two.api_keys.size(), 1u);
  EXPECT_THAT(findings("api: {users: {user: 'a:b', password: '${env:KEY}'}}\n"),
              ElementsAre("t.yaml:1:15: error: 'api.users.user' holds a colon, which ends the name (RFC 7617)"));
  EXPECT_THAT(findings("api: {users: [{user: a}]}\n"),
              ElementsAre("t.yaml:1:15: error: 'api.users[0].password' is missing"));
  EXPECT_THAT(findings("api: {users: ops}\n"),
              ElementsAre("t.yaml:1:14: error: 'api.users' is a map, not a single value"));
  EXPECT_THAT(findings("api: {user: {}}\n"),
              ElementsAre("t.yaml:1:7: error: unknown key 'api.user', did you mean 'users'?"));
}

TEST(ConfigLoad, keys_of_the_sqs_api_are_one_or_a_list) {
  const Config one = parsed("sqs: {listen: '0.0.0.0:9324', keys: {id: a, secret: '${env:KEY}'}}\n");
  EXPECT_EQ(one.sqs.region, "us-east-1");
  EXPECT_EQ(one.sqs.account, "000000000000");
  ASSERT_EQ(one.sqs.keys.size(), 1u);
  EXPECT_EQ(one.sqs.keys[0].id, "a");
  const Config two = parsed(
      "sqs: {listen: '127.0.0.1:9324', region: eu-west-1, account: '123456789012',\n"
      "  keys: [{id: a, secret: '${env:KEY}'}, {id: b, secret: '${env:KEY}'}]}\n");
  EXPECT_EQ(two.sqs.region, "eu-west-1");
  ASSERT_EQ(two.sqs.keys.size(), 2u);
  EXPECT_EQ(two.sqs.keys[1].id, "b");
}

TEST(ConfigLoad, bounds_lists_and_findings) {
  std::string keys = "api:\n  keys:\n";
  for (int i = 0; i < 65; ++i) keys += "    - \"${env:KEY}\"\n";
  EXPECT_THAT(findings(keys), ElementsAre("t.yaml:3:5: error: 'api.keys' has more than 64 entries"));

  std::string consumers = "consumers:\n";
  for (int i = 0; i <= 1000; ++i) consumers += fmt::format("  c{}:\n", i);
  EXPECT_THAT(findings(consumers), ElementsAre("t.yaml:1:1: error: 'consumers' has more than 1000 entries"));

  std::string unknown;
  for (int i = 0; i < 1000; ++i) unknown += fmt::format("unknown{}: 1\n", i);
  const std::vector<std::string> lines = findings(unknown);
  EXPECT_EQ(lines.size(), Diagnostics::kMax + 1);
  EXPECT_EQ(lines.back(), "t.yaml: error: more than 200 findings, the rest is left out");
}

TEST(ConfigLoad, knows_loopback_by_address_and_not_by_prefix) {
  EXPECT_TRUE(is_loopback("127.0.0.1:1"));
  EXPECT_TRUE(is_loopback("127.9.9.9:0"));
  EXPECT_TRUE(is_loopback("[::1]:8080"));
  EXPECT_TRUE(is_loopback("localhost:8080"));
  EXPECT_FALSE(is_loopback("0.0.0.0:8080"));
  EXPECT_FALSE(is_loopback("[::]:8080"));
  EXPECT_FALSE(is_loopback("127.0.0.1.example.org:80"));
  EXPECT_FALSE(is_loopback("localhost.example.org:80"));
}

TEST(ConfigLoad, says_why_a_file_cannot_be_read) {
  const Loaded missing = load("/nonexistent/trunkline.yaml");
  ASSERT_EQ(missing.diagnostics.size(), 1u);
  EXPECT_EQ(format(missing.diagnostics[0], "x.yaml"), "x.yaml: error: No such file or directory");
  const Loaded directory = load("/");
  ASSERT_EQ(directory.diagnostics.size(), 1u);
  EXPECT_EQ(format(directory.diagnostics[0], "/"), "/: error: Is a directory");
}

TEST(Secret, is_never_printed) {
  const Secret secret("hunter2");
  std::ostringstream stream;
  stream << secret;
  EXPECT_EQ(stream.str(), "***");
  EXPECT_EQ(fmt::format("{} {:>5}", secret, secret), "***   ***");
  EXPECT_EQ(::testing::PrintToString(secret), "***");
}

TEST(Secret, does_not_appear_in_any_finding) {
  for (const std::string& line : findings("data_dir: [x]\napi: {keys: [hunter2, {key: hunter2, until: hunter3}]}\n")) {
    EXPECT_EQ(line.find("hunter2"), std::string::npos) << line;
  }
}

TEST(ConfigLoad, keeps_the_rules_of_a_mapping_as_json_with_their_places) {
  const Config config = parsed(R"(consumers:
  a: {privacy: protect, mapping: ecs-audit}
  b:
    privacy: none
    mapping:
      - cef-audit
      - {topic: v2.audits.*, drop: [a, "b.c"], constant: {x: 5, y: "5"}}
  c: {privacy: none}
)");
  ASSERT_EQ(config.consumers.size(), 3u);
  EXPECT_EQ(config.consumers[0].privacy, Privacy::protect);
  ASSERT_EQ(config.consumers[0].mapping.size(), 1u);
  EXPECT_EQ(config.consumers[0].mapping[0].json, R"("ecs-audit")");
  ASSERT_EQ(config.consumers[1].mapping.size(), 2u);
  EXPECT_EQ(config.consumers[1].privacy, Privacy::none);
  EXPECT_EQ(config.consumers[1].mapping[1].json,
            R"({"topic":"v2.audits.*","drop":["a","b.c"],"constant":{"x":5,"y":"5"}})");
  EXPECT_EQ(config.consumers[1].mapping[1].place.line, 7);
  EXPECT_EQ(config.consumers[2].privacy, Privacy::none);
  EXPECT_EQ(config.privacy.views, Views::automatic);
}

TEST(ConfigLoad, asks_the_other_consumers_once_one_says_what_it_may_have) {
  EXPECT_THAT(findings("consumers: {a: {}, b: {}}"), IsEmpty());
  EXPECT_THAT(
      findings("consumers: {a: {privacy: protect}, b: {}, c: {privacy: none}}"),
      ElementsAre("t.yaml:1:36: warning: personal data leaves to 'b' as far as its mapping does not name it: say "
                  "'privacy: protect', or 'privacy: none' if that is meant"));
}

TEST(ConfigLoad, refuses_a_mapping_that_is_neither_name_nor_rule_and_a_short_key) {
  EXPECT_THAT(findings("consumers: {a: {mapping: [[x]]}}"),
              ElementsAre("t.yaml:1:27: error: 'consumers.a.mapping' is a name, a rule or a list of these, and here is "
                          "a list"));
  EXPECT_THAT(findings("privacy: {key: \"${env:KEY}\"}"), ElementsAre(::testing::HasSubstr("32")));
  EXPECT_THAT(findings("privacy: {views: all}"), ElementsAre(::testing::HasSubstr("auto")));
}

}  // namespace
}  // namespace trunkline::config
