#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mapping/path.hpp"
#include "mapping/rules.hpp"

namespace trunkline::mapping {

// The personal data of Genesys Cloud's events, as shipped: personal.tsv, compiled in.
struct PersonalField {
  std::string_view topic;  // a glob; "*": every topic, known or not
  std::string_view path;
  std::string_view kind;  // "phone", "address", "name", "ip", "text", "attributes", "location", "secret"
  std::string_view note;
};
const std::vector<PersonalField>& personal_fields();

// What `privacy: protect` does with a kind.
struct PersonalKind {
  std::string_view kind;
  Action action;
  std::string_view note;  // for people
};
// In the order in which they hold: what drops is behind what conceals, so that nothing is left of what is dropped.
const std::vector<PersonalKind>& personal_kinds();

}  // namespace trunkline::mapping
