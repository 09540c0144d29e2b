#include "config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "config/aws_engine_checks.hpp"
#include "config/aws_function_checks.hpp"
#include "config/cross_checks.hpp"
#include "config/maintenance.hpp"
#include "config/mapping.hpp"
#include "config/option.hpp"
#include "config/scope_reader.hpp"
#include "config/source_credentials.hpp"
#include "config/sqs_queue.hpp"
#include "config/template_sink.hpp"
#include "config/yaml_tree.hpp"

namespace trunkline::config {
namespace {

constexpr std::size_t kConsumersMax = 1'000;
constexpr std::size_t kSourcesMax = 1'000;
constexpr std::size_t kTopicsMax = 10'000;
constexpr std::array<std::string_view, 17> kSinkKinds = {
    "http",       "splunk_hec", "elasticsearch", "syslog",          "datadog",  "sentinel", "salesforce",
    "transcript", "template",   "adherence",     "adherence_files", "postgres", "kafka",    "hub",
    "s3",         "file",       "live"};

class Loader {
 public:
  Loader(const Resolver& resolver, Diagnostics& diagnostics)
      : context_{resolver, diagnostics, &config.settings}, diagnostics_(diagnostics) {}

  Config config;

  void load(const YamlNode& root) {
    constexpr std::array<std::string_view, 6> kChildren = {"api.users", "sources", "consumers",
                                                           "topics",    "alarms",  "sqs.keys"};
    const std::vector<Given> given = read_scope(root, root.place, root_table(), {"", kChildren, context_}, config);
    for (const Given& entry : given) {
      const std::string_view path = root_table()[entry.row].option.path;
      places_[path] = entry.node->place;
      if (path == "privacy.key") check_secret_length(config.privacy.key, 32, path, entry.place, diagnostics_);
      if (path == "oauth.signing_secret") check_secret_length(config.token_key, 32, path, entry.place, diagnostics_);
    }
    const YamlNode::Member* api = root.find("api");
    const YamlNode::Member* users = api == nullptr ? nullptr : api->value.find("users");
    if (users != nullptr) read_api_users(*users, context_, config);
    const YamlNode::Member* sqs = root.find("sqs");
    const YamlNode::Member* sqs_keys = sqs == nullptr ? nullptr : sqs->value.find("keys");
    if (sqs_keys != nullptr) read_sqs_keys(*sqs_keys, context_, config);
    named(root, "sources", kSourcesMax, [&](const YamlNode::Member& member) { source(member); });
    named(root, "consumers", kConsumersMax, [&](const YamlNode::Member& member) { consumer(member); });
    topics(root);
    alarms(root);
    config.tls.cert_place = place_of(places_, "tls.cert");
    config.tls.key_place = place_of(places_, "tls.key");
    config.tls.client_ca_place = place_of(places_, "tls.client_ca");
    check_together(config, places_, diagnostics_);
  }

 private:
  template <class Read>
  void named(const YamlNode& root, std::string_view key, std::size_t count_max, Read read) {
    const YamlNode::Member* list = root.find(key);
    if (list == nullptr || list->value.kind == YamlNode::Kind::null) return;
    if (list->value.kind != YamlNode::Kind::map) {
      diagnostics_.error(list->value.place,
                         fmt::format("'{}' is a map of names, not {}", key, describe(list->value.kind)));
      return;
    }
    if (list->value.members.size() > count_max) {
      diagnostics_.error(list->place, fmt::format("'{}' has more than {} entries", key, count_max));
      return;
    }
    for (const YamlNode::Member& member : list->value.members) {
      if (!is_name(member.name)) {
        diagnostics_.error(member.place, fmt::format("'{}' is no name: 1 to {} letters, digits, '-' or '_'",
                                                     member.name, kNameBytesMax));
      }
      const YamlNode::Kind kind = member.value.kind;
      if (kind == YamlNode::Kind::map || kind == YamlNode::Kind::null) {
        read(member);
      } else {
        diagnostics_.error(member.value.place,
                           fmt::format("'{}.{}' is a map, not {}", key, member.name, describe(kind)));
      }
    }
  }

  void source(const YamlNode::Member& member) {
    Source source;
    source.name = member.name;
    source.place = member.place;
    const ScopeReader reader{"sources." + member.name, kSourceChildren, context_};
    const std::vector<Given> given = read_scope(member.value, member.place, source_table(), reader, source);
    if (const YamlNode::Member* auth = member.value.find("auth")) read_credentials(auth->value, reader, source);
    read_sqs_queue(member, reader, source);
    if (config.engine == EngineKind::aws) check_aws_source(source, given, diagnostics_);
    config.sources.push_back(std::move(source));
  }

  void consumer(const YamlNode::Member& member) {
    constexpr std::array<std::string_view, 3> kChildren = {"sink", "maintenance", "mapping"};
    Consumer consumer;
    consumer.name = member.name;
    consumer.place = member.place;
    consumer.filter.place = member.place;
    const ScopeReader reader{"consumers." + member.name, kChildren, context_};
    const std::vector<Given> given = read_scope(member.value, member.place, consumer_table(), reader, consumer);
    if (!consumer.on_exhausted) {
      consumer.on_exhausted = consumer.order == Order::none ? OnExhausted::skip : OnExhausted::park;
    }
    const YamlNode::Member* sink = member.value.find("sink");
    const bool named = sink != nullptr && sink->value.members.size() == 1;
    config.settings.push_back({reader.path + ".sink", named ? sink->value.members.front().name : "pulled", {}, true});
    if (sink != nullptr) consumer.sink = read_sink(*sink, reader.path);
    if (const YamlNode::Member* windows = member.value.find("maintenance"))
      read_maintenance(*windows, reader, consumer);
    if (const YamlNode::Member* mapping = member.value.find("mapping")) read_mapping(*mapping, reader, consumer);
    check_consumer(consumer, sink != nullptr, given, diagnostics_);
    if (config.engine == EngineKind::aws)
      check_aws_consumer(consumer, given, named ? sink->value.members.front().place : member.place, diagnostics_);
    if (config.aws.functions.deliver()) check_aws_function(consumer, given, diagnostics_);
    config.consumers.push_back(std::move(consumer));
  }

  SinkConfig read_sink(const YamlNode::Member& sink, const std::string& consumer_path) {
    const std::string path = consumer_path + ".sink";
    if (sink.value.kind != YamlNode::Kind::map || sink.value.members.size() != 1) {
      diagnostics_.error(sink.value.kind == YamlNode::Kind::map ? sink.value.place : sink.place,
                         fmt::format("'{}' is a map with exactly one of {}", path, fmt::join(kSinkKinds, ", ")));
      return HttpSink();
    }
    const YamlNode::Member& kind = sink.value.members.front();
    if (kind.name == "http") return read_kind(kind, path, http_sink_table());
    if (kind.name == "splunk_hec") return read_kind(kind, path, hec_sink_table());
    if (kind.name == "elasticsearch") return read_kind(kind, path, elasticsearch_sink_table());
    if (kind.name == "syslog") return read_kind(kind, path, syslog_sink_table());
    if (kind.name == "datadog") return read_kind(kind, path, datadog_sink_table());
    if (kind.name == "sentinel") return read_kind(kind, path, sentinel_sink_table());
    if (kind.name == "salesforce") return read_kind(kind, path, salesforce_sink_table());
    if (kind.name == "transcript") return read_kind(kind, path, transcript_sink_table());
    if (kind.name == "adherence") return read_kind(kind, path, adherence_sink_table());
    if (kind.name == "adherence_files") return read_kind(kind, path, adherence_files_sink_table());
    if (kind.name == "template") return read_template_sink(kind, join_path(path, kind.name), context_);
    if (kind.name == "postgres") return read_kind(kind, path, postgres_sink_table());
    if (kind.name == "kafka") return read_kind(kind, path, kafka_sink_table());
    if (kind.name == "hub") return read_kind(kind, path, hub_sink_table());
    if (kind.name == "s3") return read_kind(kind, path, s3_sink_table());
    if (kind.name == "file") return read_kind(kind, path, file_sink_table());
    if (kind.name == "live") return read_kind(kind, path, live_sink_table());
    // One report for the unknown name, by the same words as any other key.
    match_options(sink.value, {}, {path, kSinkKinds, context_});
    return HttpSink();
  }

  template <class Scope>
  Scope read_kind(const YamlNode::Member& kind, const std::string& sink_path, Table<Scope> table) {
    Scope scope;
    const std::string path = join_path(sink_path, kind.name);
    if (kind.value.kind == YamlNode::Kind::map || kind.value.kind == YamlNode::Kind::null) {
      read_scope(kind.value, kind.place, table, {path, {}, context_}, scope);
    } else {
      diagnostics_.error(kind.value.place, fmt::format("'{}' is a map, not {}", path, describe(kind.value.kind)));
    }
    return scope;
  }

  // Without the section its defaults hold.
  void alarms(const YamlNode& root) {
    const YamlNode::Member* member = root.find("alarms");
    if (member != nullptr && member->value.kind != YamlNode::Kind::map && member->value.kind != YamlNode::Kind::null) {
      diagnostics_.error(member->value.place, fmt::format("'alarms' is a map, not {}", describe(member->value.kind)));
      return;
    }
    YamlNode none;
    none.kind = YamlNode::Kind::map;
    const YamlNode& node = member != nullptr && member->value.kind == YamlNode::Kind::map ? member->value : none;
    constexpr std::array<std::string_view, 1> kChildren = {"webhook"};
    read_scope(node, node.place, alarms_table(), {"alarms", kChildren, context_}, config.alarms);
    const YamlNode::Member* webhook = node.find("webhook");
    if (webhook == nullptr || webhook->value.kind == YamlNode::Kind::null) return;
    if (webhook->value.kind != YamlNode::Kind::map) {
      diagnostics_.error(webhook->value.place,
                         fmt::format("'alarms.webhook' is a map, not {}", describe(webhook->value.kind)));
      return;
    }
    read_scope(webhook->value, webhook->place, alarm_webhook_table(), {"alarms.webhook", {}, context_},
               config.alarms.webhook.emplace());
  }

  void topics(const YamlNode& root) {
    const YamlNode::Member* list = root.find("topics");
    if (list == nullptr || list->value.kind == YamlNode::Kind::null) return;
    if (list->value.kind != YamlNode::Kind::sequence) {
      diagnostics_.error(list->value.place,
                         fmt::format("'topics' is a list of maps, not {}", describe(list->value.kind)));
      return;
    }
    if (list->value.items.size() > kTopicsMax) {
      diagnostics_.error(list->place, fmt::format("'topics' has more than {} entries", kTopicsMax));
      return;
    }
    for (const YamlNode& item : list->value.items) {
      if (item.kind != YamlNode::Kind::map) {
        diagnostics_.error(item.place, fmt::format("'topics' holds maps, not {}", describe(item.kind)));
        continue;
      }
      Topic topic;
      topic.place = item.place;
      read_scope(item, item.place, topic_table(), {"topics", {}, context_}, topic);
      config.topics.push_back(std::move(topic));
    }
  }

  ReadContext context_;
  Diagnostics& diagnostics_;
  Places places_;  // of the root's options
};

}  // namespace

Loaded parse(std::string_view text, const Resolver& resolver) {
  Loaded loaded;
  Diagnostics diagnostics;
  if (const std::optional<YamlNode> root = parse_yaml(text, YamlLimits{}, diagnostics)) {
    Loader loader(resolver, diagnostics);
    loader.load(*root);
    if (!diagnostics.failed()) loaded.config = std::move(loader.config);
  }
  loaded.diagnostics = diagnostics.take();
  return loaded;
}

Loaded load(const std::string& path) {
  const base::Result<std::string> text = read_file(path, YamlLimits{}.bytes_max);
  if (!text) return {std::nullopt, {{Severity::error, {}, text.error().detail}}};
  return parse(*text, Resolver::system());
}

}  // namespace trunkline::config
