#include "config/mapping.hpp"

#include <fmt/format.h>

#include "config/policy.hpp"

namespace trunkline::config {
namespace {

constexpr std::size_t kItemsMax = 500;

void read_item(const YamlNode& node, const std::string& path, const ScopeReader& reader, Consumer& consumer) {
  Diagnostics& diagnostics = reader.context.diagnostics;
  if (node.kind != YamlNode::Kind::map && node.kind != YamlNode::Kind::scalar) {
    diagnostics.error(node.place, fmt::format("'{}' is a name, a rule or a list of these, and here is {}", path,
                                              describe(node.kind)));
    return;
  }
  YamlNode item = node;
  item.quoted = item.quoted || item.kind == YamlNode::Kind::scalar;  // a name is a text
  if (auto json = to_json(item, diagnostics)) consumer.mapping.push_back({std::move(*json), node.place});
}

}  // namespace

void read_mapping(const YamlNode::Member& member, const ScopeReader& reader, Consumer& consumer) {
  if (member.value.kind == YamlNode::Kind::null) return;
  const std::string path = join_path(reader.path, "mapping");
  if (member.value.kind != YamlNode::Kind::sequence) {
    read_item(member.value, path, reader, consumer);
  } else if (member.value.items.size() > kItemsMax) {
    reader.context.diagnostics.error(member.place, fmt::format("'{}' has more than {} entries", path, kItemsMax));
  } else {
    for (const YamlNode& item : member.value.items) read_item(item, path, reader, consumer);
  }
  if (reader.context.settings == nullptr) return;
  std::string all;
  for (const MappingItem& item : consumer.mapping) all += item.json + "\n";
  reader.context.settings->push_back(
      {path, fmt::format("{} rules", consumer.mapping.size()), Secret(std::move(all)), true});
}

}  // namespace trunkline::config
