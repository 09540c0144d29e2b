#pragma once

#include <string>
#include <string_view>

namespace trunkline::filter {

// What AWS's JSON parser (Jackson 2.16 or later, without the source in its locations) says of a text that is not JSON,
// with line and column as it counts them: "Unexpected character ('i' (code 105)): was expecting double-quote to start
// field name\n at [Source: REDACTED (…); line: 1, column: 2]". The words for unexpected characters, unknown tokens, an
// early end and mismatched brackets are Jackson's; for the rarer faults (numbers, escapes, bytes that are not UTF-8)
// ours, with `otherwise`. Meaningful only for a text that json::Document refuses.
std::string json_fault(std::string_view text, std::string_view otherwise);

}  // namespace trunkline::filter
