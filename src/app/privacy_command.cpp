// `trunkline privacy`: what leaves to a consumer, and what does not.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/commands.hpp"
#include "app/files.hpp"
#include "app/from_config.hpp"
#include "event/decoder.hpp"
#include "event/describe.hpp"
#include "json/writer.hpp"
#include "mapping/personal.hpp"
#include "mapping/record.hpp"

namespace trunkline::app {
namespace {

using mapping::Mapping;
using Lines = std::vector<Mapping::Line>;

// Topics of one family for which the same holds.
struct Group {
  std::string category;
  std::vector<std::string> topics;
  Lines lines;
};

bool same(const Lines& a, const Lines& b) {
  return std::ranges::equal(a, b, [](const Mapping::Line& x, const Mapping::Line& y) {
    return x.path == y.path && x.what == y.what && x.by == y.by;
  });
}

// What holds for every topic there is, known or not, and beside that by topic.
struct Overview {
  Lines everywhere;
  std::vector<Group> groups;
};

Lines without(const Lines& lines, const Lines& others) {
  Lines rest;
  for (const Mapping::Line& line : lines) {
    const auto equal = [&](const Mapping::Line& other) {
      return other.path == line.path && other.what == line.what && other.by == line.by;
    };
    if (std::ranges::none_of(others, equal)) rest.push_back(line);
  }
  return rest;
}

Overview overview(const Mapping* mapping, const event::TopicTable& topics, const std::string& only) {
  Overview all;
  if (mapping == nullptr) return all;
  all.everywhere = mapping->lines({"", "", "", false});
  for (const event::Topic& topic : topics.topics()) {
    if (!only.empty() && !mapping::glob_matches(only, topic.pattern) && only != topic.family) continue;
    const Lines lines = without(mapping->lines({topic.pattern, topic.pattern, topic.family, false}), all.everywhere);
    if (lines.empty() && only.empty()) continue;
    const auto group = std::ranges::find_if(
        all.groups, [&](const Group& each) { return each.category == topic.family && same(each.lines, lines); });
    if (group != all.groups.end()) {
      group->topics.push_back(topic.pattern);
    } else {
      all.groups.push_back({topic.family, {topic.pattern}, lines});
    }
  }
  return all;
}

std::string standing(const config::Consumer& consumer, const Mapping* mapping) {
  if (mapping == nullptr)
    return consumer.privacy == config::Privacy::none ? "everything leaves, as `privacy: none` says"
                                                     : "everything leaves: it has neither `privacy` nor `mapping`";
  if (mapping->protects()) return "personal data is concealed, see docs/privacy.md for the list";
  return "what its mapping says; personal data that it does not name leaves";
}

// By what is done, the paths.
void print_lines(const Lines& lines, const char* indent) {
  std::vector<std::pair<std::string, std::string>> done;
  for (const Mapping::Line& line : lines) {
    const std::string head = fmt::format("{} ({})", line.what, line.by);
    if (done.empty() || done.back().first != head) done.emplace_back(head, "");
    done.back().second += (done.back().second.empty() ? "" : ", ") + line.path;
  }
  for (const auto& [head, paths] : done) fmt::print("{}{}: {}\n", indent, head, paths);
}

void print_overview(const config::Consumer& consumer, const Mapping* mapping, const Overview& all) {
  fmt::print("{}: {}\n", consumer.name, standing(consumer, mapping));
  if (mapping == nullptr) return;
  fmt::print("mapping {}\n", mapping->version());
  if (!all.everywhere.empty()) {
    fmt::print("\nevery topic, unknown ones too\n");
    print_lines(all.everywhere, "  ");
  }
  for (const Group& group : all.groups) {
    fmt::print("\n{}: {}\n", group.category, fmt::join(group.topics, ", "));
    if (group.lines.empty()) fmt::print("  nothing besides\n");
    print_lines(group.lines, "  ");
  }
  fmt::print("\nAll else leaves as it came. `--event FILE` shows it on an event.\n");
}

void write_lines(json::Writer& writer, const Lines& lines) {
  writer.begin_array();
  for (const Mapping::Line& line : lines)
    writer.begin_object().member("path", line.path).member("what", line.what).member("by", line.by).end_object();
  writer.end_array();
}

void write_head(json::Writer& writer, const config::Consumer& consumer, const Mapping* mapping) {
  writer.begin_object().member("consumer", consumer.name);
  writer.member("protected", mapping != nullptr && mapping->protects());
  writer.member("leaves", mapping == nullptr ? "everything" : "what the mapping says").key("mapping");
  if (mapping == nullptr) {
    writer.null();
  } else {
    writer.string(mapping->version());
  }
}

void print_json(const config::Consumer& consumer, const Mapping* mapping, const Overview& all) {
  std::string out;
  json::Writer writer(out);
  write_head(writer, consumer, mapping);
  writer.key("every_topic");
  write_lines(writer, all.everywhere);
  writer.key("topics").begin_array();
  for (const Group& group : all.groups) {
    writer.begin_object().member("category", group.category).key("topics").begin_array();
    for (const std::string& topic : group.topics) writer.string(topic);
    writer.end_array().key("besides");
    write_lines(writer, group.lines);
    writer.end_object();
  }
  writer.end_array().end_object();
  fmt::print("{}\n", out);
}

// An event before and after; nothing when it is none or must not leave.
int show_event(const config::Consumer& consumer, const Mapping* mapping, const event::Decoded& item, bool json) {
  const auto* event = std::get_if<event::Event>(&item);
  if (event == nullptr) {
    fmt::print(stderr, "no event: {}\n", event::describe(item));
    return 1;
  }
  mapping::Scratch scratch;
  auto after = mapping == nullptr ? base::Result<std::string>(event->raw)
                                  : mapping->apply(event->raw, mapping::subject_of(*event), scratch);
  if (json) {
    std::string out;
    json::Writer writer(out);
    write_head(writer, consumer, mapping);
    writer.member("type", event->event_type).key("before").raw(event->raw).key("after");
    if (after.ok()) {
      writer.raw(*after);
    } else {
      writer.null().member("error", after.error().detail);
    }
    writer.end_object();
    fmt::print("{}\n", out);
  } else if (after.ok()) {
    fmt::print("{} {}\n- {}\n+ {}\n", consumer.name, event->event_type, event->raw, *after);
  } else {
    fmt::print("{} {}\n- {}\n+ it does not leave: {}\n", consumer.name, event->event_type, event->raw,
               after.error().detail);
  }
  return after.ok() ? 0 : 1;
}

}  // namespace

int run_privacy_show(const PrivacyShowOptions& options) {
  const auto config = load_config(options.config);
  if (!config) return 2;
  const auto consumer = std::ranges::find(config->consumers, options.consumer, &config::Consumer::name);
  if (consumer == config->consumers.end()) {
    fmt::print(stderr, "{} has no consumer '{}'\n", options.config, options.consumer);
    return 2;
  }
  const auto topics = topic_table(*config);
  const auto mapping = mapping_of(*consumer, mapping_key(*config));
  if (!topics.ok() || !mapping.ok()) return 2;  // load_config has refused it
  if (config->privacy.key.empty() && *mapping && !options.json)
    fmt::print(stderr, "without privacy.key the hub's store keeps the key: its hashes, tokens and version differ\n");
  if (options.event.empty()) {
    const Overview all = overview(mapping->get(), *topics, options.topic);
    options.json ? print_json(*consumer, mapping->get(), all) : print_overview(*consumer, mapping->get(), all);
    return 0;
  }
  const auto text = read_file(options.event);
  if (!text.ok()) {
    fmt::print(stderr, "{}\n", text.error().detail);
    return 2;
  }
  std::vector<event::Decoded> items;
  event::Decoder decoder(*topics);
  decoder.decode(*text, {}, items);
  int code = 0;
  for (const event::Decoded& item : items)
    code = std::max(code, show_event(*consumer, mapping->get(), item, options.json));
  return code;
}

int run_privacy_fields(bool json) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const mapping::PersonalField& field : mapping::personal_fields()) {
    const auto kind = std::ranges::find(mapping::personal_kinds(), field.kind, &mapping::PersonalKind::kind);
    if (json) {
      writer.begin_object().member("topic", field.topic).member("path", field.path).member("kind", field.kind);
      writer.member("action", mapping::name(kind->action)).end_object();
    } else {
      fmt::print("{:<40} {:<34} {:<11} {}\n", field.topic, field.path, field.kind, mapping::name(kind->action));
    }
  }
  writer.end_array();
  if (json) fmt::print("{}\n", out);
  return 0;
}

}  // namespace trunkline::app
