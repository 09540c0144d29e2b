#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"

namespace trunkline::config {

// A YAML document without what a configuration does not need: no anchors, aliases, tags, merge keys or second
// documents.
struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, sequence, map };
  struct Member;

  Kind kind = Kind::null;
  Place place;
  std::string text;     // of a scalar
  bool quoted = false;  // a scalar that can only be text: quoted or a block scalar
  std::vector<YamlNode> items;
  std::vector<Member> members;  // in file order, names differ

  const Member* find(std::string_view name) const;
};
struct YamlNode::Member {
  std::string name;
  Place place;
  YamlNode value;
};

// "a map", "a list", "a text", "nothing"
std::string_view describe(YamlNode::Kind kind);

struct YamlLimits {
  std::size_t bytes_max = 1 << 20;  // a thousand consumers need half of it
  std::size_t depth_max = 32;       // the deepest option stands at 6, a filter of AWS's limits at 8 more
};

// Nothing when the text is no YAML that is taken here; every reason is in `diagnostics`. An empty document is an empty
// map. Time and memory are linear in the text's size; never throws for what the text holds.
std::optional<YamlNode> parse_yaml(std::string_view text, const YamlLimits& limits, Diagnostics& diagnostics);

}  // namespace trunkline::config
