#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "json/document.hpp"

namespace trunkline::event {

// Where one id of an event is found: places in order of preference.
class IdRule {
 public:
  // The first non-empty string among the places. `segments` are those of the topic name. The view lives as long as the
  // body's document and the topic name. Allocates nothing.
  std::string_view find(json::Value body, std::span<const std::string_view> segments) const;

 private:
  friend base::Result<IdRule> parse_places(std::string_view text);
  struct Step {
    std::string member;
    bool each = false;  // the member is an array: its elements in order
  };
  struct Place {
    std::size_t segment = 0;  // of the topic name, from 1; 0: the path counts
    std::vector<Step> path;   // in eventBody
    bool user_entity_only = false;
  };
  static std::string_view walk(json::Value at, std::span<const Step> path);

  std::vector<Place> places_;
};

// The column `ids` of topics.tsv.
struct IdRules {
  IdRule conversation;
  IdRule agent;
  IdRule queue;
};

// "none" or "conversation=…; agent=…; queue=…", each a list of places joined by " or ": `eventBody.a.b`,
// `eventBody.list[].c`, `topicName segment N` with N from 1 (v2). Remarks in parentheses are skipped, but for one that
// holds "entityType is a user type": that place counts only when eventBody.entityType names a user. Errc::invalid for
// anything else.
base::Result<IdRules> parse_id_rules(std::string_view text);

}  // namespace trunkline::event
