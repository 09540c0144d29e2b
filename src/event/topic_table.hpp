#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "event/family_rules.hpp"
#include "event/id_rule.hpp"

namespace trunkline::event {

// A topic name cut at its dots. The longest known pattern has 9 segments; a name of more than 32 is matched by none.
struct Segments {
  std::array<std::string_view, 32> items;
  std::size_t count = 0;
  bool all = true;  // false: there were more
  std::span<const std::string_view> view() const { return {items.data(), count}; }
};
Segments split_topic(std::string_view topic_name);

struct Topic {
  std::string pattern;
  std::string family;
  IdRules ids;
  KeyRule key = KeyRule::none;
  const TimeRule* time = nullptr;
};

// A row from the configuration: the first three columns of topics.tsv.
struct TopicRow {
  std::string pattern;
  std::string family;
  std::string ids = "none";
};

// The topic patterns of Genesys Cloud (topics.tsv, compiled in) and those of the configuration. Immutable once made, so
// any thread may use it. A lookup walks a tree of segments: its cost depends on the length of the name, not on the
// number of patterns, and it allocates nothing.
class TopicTable {
 public:
  // A row of `extra` replaces the compiled-in one of the same pattern. Errc::invalid names the row that cannot be read.
  static base::Result<TopicTable> make(std::span<const TopicRow> extra = {});

  struct Match {
    const Topic* topic = nullptr;  // nothing: no pattern is known
    // The topic's family; of an unknown topic that of the longest known prefix, else "unknown".
    std::string_view category = "unknown";
  };
  // `{id}` matches any one segment that is not empty; a literal is preferred to it.
  Match match(const Segments& segments) const;

  std::size_t size() const { return topics_.size(); }
  const std::deque<Topic>& topics() const { return topics_; }

 private:
  struct Node {
    std::vector<std::pair<std::string, std::uint32_t>> children;  // sorted by segment
    std::uint32_t any = 0;                                        // the child for {id}; 0 is none
    std::int32_t topic = -1;
    std::string family;  // what an unknown topic that ends its known prefix here belongs to
    bool family_given = false;
  };

  base::Result<void> add(std::string_view pattern, std::string_view family, std::string_view ids);
  base::Result<void> add_rows(std::string_view table);
  base::Result<void> add_prefixes(std::string_view table);
  base::Result<std::uint32_t> make_node(std::string_view pattern);
  std::vector<std::string_view> settle_family(std::uint32_t node, std::string_view inherited);
  std::uint32_t child(const Node& node, std::string_view segment) const;
  void walk(const Segments& segments, std::size_t depth, std::uint32_t node, Match& match, std::size_t& deepest) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::deque<Topic> topics_;  // addresses stay
};

// Whether a name fits a pattern with {id} segments.
bool fits_pattern(const Segments& name, std::string_view pattern);

}  // namespace trunkline::event
