#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stack/spec.hpp"

namespace trunkline::stack {

// The CloudFormation template of a Spec without problems, as JSON without white space. The same Spec gives the same bytes.
// What of it may already be there (the table, a bus of a partner event source) stands under a parameter that leaves it out:
// "MakeTable", "MakeBus…".
std::string make_template(const Spec& spec);

// The same JSON for people: two spaces a level, what fits on a line on one line, a line break at the end.
std::string readable(std::string_view json);

// CloudFormation takes so much in a call; above, a template comes from S3, up to 1 MB.
inline constexpr std::size_t kTemplateBytesMax = 51'200;
inline constexpr std::size_t kTemplateByUrlMax = 1'000'000;
inline constexpr std::size_t kResourcesMax = 500;
inline constexpr std::size_t kOutputsMax = 200;

struct ResourceLine {
  std::string id;
  std::string type;
  std::string name;  // in AWS, where the template gives one
  std::string description;
};
// What is in a template of make_template().
std::vector<ResourceLine> resources_of(std::string_view json);

// Logical ids of what is left out when it is there.
std::string table_parameter();
std::string bus_parameter(const Ingest& ingest);

}  // namespace trunkline::stack
