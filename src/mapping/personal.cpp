#include "mapping/personal.hpp"

#include <algorithm>
#include <array>

#include "mapping/mapping_data.hpp"

namespace trunkline::mapping {
namespace {

std::vector<PersonalField> read() {
  std::vector<PersonalField> fields;
  for (std::string_view rest = kPersonalTable; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::array<std::string_view, 4> columns;
    for (std::string_view& column : columns) {
      column = line.substr(0, line.find('\t'));
      line.remove_prefix(std::min(line.size(), column.size() + 1));
    }
    if (!columns[1].empty()) fields.push_back({columns[0], columns[1], columns[2], columns[3]});
  }
  return fields;
}

}  // namespace

const std::vector<PersonalField>& personal_fields() {
  static const std::vector<PersonalField> kFields = read();
  return kFields;
}

const std::vector<PersonalKind>& personal_kinds() {
  static const std::vector<PersonalKind> kKinds = {
      {"phone", Action::mask, "telephone numbers: the last four digits stay"},
      {"address", Action::hash, "mail and messaging addresses, account names"},
      {"name", Action::hash, "names of people"},
      {"ip", Action::hash, "network addresses"},
      {"text", Action::drop, "what people say and write: transcripts, messages, subjects, notes"},
      {"attributes", Action::drop, "free maps, which hold what a flow puts into them"},
      {"location", Action::drop, "places of people"},
      {"secret", Action::drop, "credentials and what is made of them"},
  };
  return kKinds;
}

}  // namespace trunkline::mapping
