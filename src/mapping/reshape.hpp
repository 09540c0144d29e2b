#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "json/document.hpp"
#include "mapping/path.hpp"

namespace trunkline::mapping {

// What is made anew of an event, after its values were concealed: members that move, constants, templates.

// The value of detail.eventBody, else of eventBody, else the event itself.
json::Value body_of(json::Value event);

// Moves and constants, in this order. A member that is not there does not move; nor does one whose new place is taken.
// Errc::invalid where a constant's place stands in a text, number or list. White space between tokens is lost.
base::Result<std::string> rearranged(json::Value event, const std::vector<std::pair<Path, Path>>& moves,
                                     const std::vector<std::pair<Path, std::string>>& constants);

// A new object, made of an event. As JSON: objects and lists stand for themselves, a text, number, true, false or null is
// a constant, and an object with one of the first three members is filled in:
//
//   {"$from": PATH or list of paths}  what stands at the first of these places that has something; more than one value,
//                                     or a list, is a list
//   {"$text": "… {PATH} …"}           the text with the values; nothing when it has none of them
//   {"$list": [ … ]}                  a list of what there is of these
//
//   "$map": {"Create": "creation"}    other values for these; what is not named stays
//   "$only": {"Create": 1}            the same, and what is not named is not there
//   "$default": value                 where there is nothing
//   "$as": WORD                       text; integer; millis (of a time: since 1970); time (RFC 3339); ip (nothing unless
//                                     it is an address); json (the JSON as a text); list (a list also of one value); lower
//
// What has nothing is left out, objects and lists too. Paths are of the event's body, or from its top.
class Template {
 public:
  static base::Result<Template> parse(json::Value value);
  // The template filled in; "{}" at least. Any thread.
  std::string fill(json::Value event) const;

 private:
  enum class Kind : std::uint8_t { object, array, constant, from, text };
  enum class As : std::uint8_t { plain, text, integer, millis, time, ip, json, list, lower };
  struct Piece {
    std::string text;
    std::optional<Path> path;
  };
  using Map = std::map<std::string, std::string, std::less<>>;

  static std::optional<As> parse_as(std::string_view word);
  static base::Result<Template> parse_filled(json::Value value);
  base::Result<void> parse_paths(json::Value value);
  base::Result<void> parse_text(std::string_view text);
  base::Result<void> parse_option(json::Value member);
  bool append(std::string& out, json::Value event) const;
  bool append_members(std::string& out, json::Value event) const;
  bool append_from(std::string& out, json::Value event) const;
  bool append_text(std::string& out, json::Value event) const;
  std::optional<std::string> converted(json::Value value) const;

  Kind kind_ = Kind::constant;
  As as_ = As::plain;
  bool only_ = false;
  std::string raw_;  // of a constant
  std::vector<std::pair<std::string, Template>> members_;
  std::vector<Path> paths_;
  std::vector<Piece> pieces_;
  Map map_;               // values as JSON
  std::string fallback_;  // JSON; empty: none
};

base::Result<void> check_template(json::Value value);

}  // namespace trunkline::mapping
