#include "config/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_set>
#include <utility>

#include "base/text.hpp"

namespace trunkline::config {
namespace {

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

// Ends the parse from inside yaml-cpp, whose handlers have no other way to.
struct TooDeep {
  Place place;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::size_t depth_max, Diagnostics& diagnostics) : depth_max_(depth_max), diagnostics_(diagnostics) {}

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(make(YamlNode::Kind::null, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    diagnostics_.error(place_of(mark), "aliases are not taken in a configuration: write the value out");
    add(make(YamlNode::Kind::null, mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    YamlNode node = make(YamlNode::Kind::scalar, mark);
    node.text = value;
    node.quoted = tag == "!";
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    open(make(YamlNode::Kind::sequence, mark));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    open(make(YamlNode::Kind::map, mark));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    std::unordered_set<std::string> names;
    bool value_next = false;  // of a map: its last member waits for the value
    bool drop_value = false;  // of a member whose name was refused
    Place name_place;         // of the last member
  };

  static YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode node;
    node.kind = kind;
    node.place = place_of(mark);
    return node;
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) diagnostics_.error(place_of(mark), "anchors are not taken in a configuration");
  }
  // "?" is a plain scalar or collection without a tag, "!" a quoted one.
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    diagnostics_.error(place_of(mark), "tags are not taken in a configuration");
  }

  void open(YamlNode node) {
    if (frames_.size() >= depth_max_) throw TooDeep{node.place};
    frames_.push_back({std::move(node), {}, false, false, {}});
  }
  void close() {
    YamlNode node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }
  void add(YamlNode node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == YamlNode::Kind::sequence) {
      frame.node.items.push_back(std::move(node));
    } else if (frame.value_next) {
      frame.value_next = false;
      // An absent value has the mark of whatever comes next, lines away.
      if (node.kind == YamlNode::Kind::null) node.place = frame.name_place;
      if (!std::exchange(frame.drop_value, false)) frame.node.members.back().value = std::move(node);
    } else {
      add_name(frame, std::move(node));
    }
  }
  void add_name(Frame& frame, YamlNode name) {
    frame.value_next = true;
    frame.name_place = name.place;
    if (name.kind != YamlNode::Kind::scalar) {
      diagnostics_.error(name.place, fmt::format("a key is a text, not {}", describe(name.kind)));
      frame.drop_value = true;
    } else if (!frame.names.insert(name.text).second) {
      const Place first = frame.node.find(name.text)->place;
      diagnostics_.error(name.place, fmt::format("key '{}' is here twice, first in line {} column {}", name.text,
                                                 first.line, first.column));
      frame.drop_value = true;
    } else {
      frame.node.members.push_back({std::move(name.text), name.place, {}});
    }
  }

  std::size_t depth_max_;
  Diagnostics& diagnostics_;
  std::vector<Frame> frames_;
  YamlNode root_;
};

bool readable(std::string_view text, const YamlLimits& limits, Diagnostics& diagnostics) {
  if (text.size() > limits.bytes_max) {
    diagnostics.error({}, fmt::format("the file is larger than {} bytes", limits.bytes_max));
    return false;
  }
  // yaml-cpp would guess UTF-16 and UTF-32 from the first bytes.
  const bool utf16 = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  if (utf16 || !base::is_valid_utf8(text) || text.find('\0') != std::string_view::npos) {
    diagnostics.error({}, "the file is not UTF-8 text");
    return false;
  }
  return true;
}

// The parser itself recurses per nesting level, up to 500 levels on its own count; the builder stops it far before.
bool run_parser(std::string_view text, TreeBuilder& builder, Diagnostics& diagnostics) {
  try {
    // yaml-cpp 0.7 takes an open quote and a key without a colon at the very end of a text for complete (its issue
    // 819); a comment behind them makes it look.
    std::istringstream stream(fmt::format("{}\n#", text));
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TreeBuilder second(YamlLimits{}.depth_max, diagnostics);
    if (parser.HandleNextDocument(second)) {
      diagnostics.error(second.take_root().place, "a second document begins here; a configuration is one document");
    }
    return true;
  } catch (const YAML::Exception& error) {
    diagnostics.error(place_of(error.mark), fmt::format("not YAML: {}", error.msg));
  } catch (const TooDeep& error) {
    diagnostics.error(error.place, "nested too deep");
  }
  return false;
}

}  // namespace

const YamlNode::Member* YamlNode::find(std::string_view name) const {
  for (const Member& member : members) {
    if (member.name == name) return &member;
  }
  return nullptr;
}

std::string_view describe(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::scalar:
      return "a single value";
    case YamlNode::Kind::sequence:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
  }
  return "?";
}

std::optional<YamlNode> parse_yaml(std::string_view text, const YamlLimits& limits, Diagnostics& diagnostics) {
  if (!readable(text, limits, diagnostics)) return std::nullopt;
  TreeBuilder builder(limits.depth_max, diagnostics);
  if (!run_parser(text, builder, diagnostics)) return std::nullopt;
  YamlNode root = builder.take_root();
  if (root.kind == YamlNode::Kind::null) root.kind = YamlNode::Kind::map;
  if (root.kind != YamlNode::Kind::map) {
    diagnostics.error(root.place, fmt::format("a configuration is a map, not {}", describe(root.kind)));
    return std::nullopt;
  }
  return root;
}

}  // namespace trunkline::config
