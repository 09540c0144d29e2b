#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "json/document.hpp"
#include "mapping/hidden.hpp"
#include "mapping/matcher.hpp"

namespace trunkline::mapping {

// What a walk needs to know of a mapping, for one event.
struct WalkRules {
  const Matcher& matcher;
  const std::vector<std::uint8_t>& active;  // by rule: whether it is for this event
  const std::vector<std::string>& names;    // what members are renamed to
  std::string_view key;
  bool flat = false;
  std::int64_t last_sparing = -1;  // the last active rule that lets something leave: a later drop needs no look inside
};

// Walks an event beside the matcher and notes what changes, so that all other bytes stay as they are. Keeps its buffers;
// not thread-safe. The event's depth is bounded by who parses it: one level is one level of recursion.
class Walk {
 public:
  // The event's text with what the rules select, drop, conceal and rename. An object from which nothing is left becomes
  // "{}". `hidden`, where given, is told of every value that does not leave as it is.
  std::string run(std::string_view text, json::Value root, const WalkRules& rules, Hidden* hidden);

  // What becomes of a member at the event's top that is not in its text: nothing when it does not leave.
  std::optional<std::string> member(std::string_view name, std::string_view value, const WalkRules& rules);

 private:
  struct Edit {
    std::size_t begin;
    std::size_t end;
    std::size_t text_begin;
    std::size_t text_size;
  };
  // What holds at a place.
  struct Hold {
    std::int64_t rule = -1;  // that decides; -1: none
    Action action = Action::keep;
    std::int64_t renaming = -1;
    std::uint32_t name = 0;
    bool in_region = false;
    bool selected = false;
    bool leaves() const { return (!in_region || selected) && action != Action::drop; }
  };
  Hold hold(std::size_t from, std::size_t to, Hold above) const;
  bool visit(json::Value value, std::size_t from, std::size_t to, const Hold& holds);
  bool visit_scalar(json::Value value, const Hold& holds);
  bool visit_all(json::Value value, std::size_t from, std::size_t to, const Hold& holds);
  void rename(json::Value parent, json::Value member, std::size_t begin, std::uint32_t name);
  void hide_all(json::Value value);
  std::string concealed(Action action, std::string_view value) const;
  void edit(std::size_t begin, std::size_t end, std::string_view replacement);
  void undo(std::size_t edits, std::size_t pool);
  std::string assemble(std::string_view text) const;

  const WalkRules* rules_ = nullptr;
  Hidden* hidden_ = nullptr;
  std::string_view text_;
  Matcher::States states_;
  std::vector<Edit> edits_;  // ascending
  std::string pool_;
};

}  // namespace trunkline::mapping
