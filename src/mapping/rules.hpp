#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "mapping/path.hpp"

namespace trunkline::mapping {

enum class Action : std::uint8_t { keep, drop, mask, hash, tokenise };
std::string_view name(Action action);

// Which events a rule is for. Empty lists are all.
struct Scope {
  std::vector<std::string> topics{};      // globs, over the topic's name and its pattern
  std::vector<std::string> categories{};  // families
  friend bool operator==(const Scope&, const Scope&) = default;
};

struct Rule {
  Scope scope;
  std::vector<Path> select;  // of the body (or, from the top, of the event) only this leaves
  std::vector<std::pair<Action, std::vector<Path>>> actions;
  std::vector<std::pair<Path, std::string>> rename;    // to another name in the same object
  std::vector<std::pair<Path, Path>> move;             // to another place; both literal
  std::vector<std::pair<Path, std::string>> constant;  // JSON scalars
  std::string make;                                    // a template (reshape.hpp) as JSON text; empty: none
};

// One rule of the configuration:
//
//   {"topic": GLOB or list, "category": WORD or list,            which events; none: all
//    "select" | "keep" | "drop" | "mask" | "hash" | "tokenise": PATH or list,
//    "rename": {PATH: NAME or PATH}, "constant": {PATH: scalar}, "make": {template}}
//
// Errc::invalid says what is wrong with it, for people.
base::Result<Rule> parse_rule(std::string_view json);

inline constexpr std::size_t kPathsPerRuleMax = 500;

}  // namespace trunkline::mapping
