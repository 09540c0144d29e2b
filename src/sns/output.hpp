#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sqs/output.hpp"

namespace trunkline::sns {

inline constexpr std::string_view kNamespace = "http://sns.amazonaws.com/doc/2010-03-31/";

// The Query protocol as SNS spells it: lists are <Name><member>…</member></Name>, maps <Name><entry><key/><value/></entry>.
using Output = sqs::Output;
using Pairs = Output::Pairs;

inline void write_map(Output& output, std::string_view name, const Pairs& pairs) {
  output.begin_item(name);
  for (const auto& [key, value] : pairs) {
    output.begin_item("entry");
    output.text("key", key);
    output.text("value", value);
    output.end_item("entry");
  }
  output.end_item(name);
}

}  // namespace trunkline::sns
