#pragma once

#include <string>
#include <string_view>

#include "json/document.hpp"

namespace trunkline::filter {

// The text that AWS compiles and quotes in its errors: the policy without white space, of equal names the last value at
// the place of the first. Strings are spelled as json::append_string does, numbers as given.
std::string compact_policy(json::Value value);

// "\n at [Source: (String)"…"; line: 1, column: N]" for a byte offset in a compact text. Jackson quotes 500 characters
// at most and counts UTF-16 units.
std::string location_text(std::string_view compact, std::size_t offset);

// Where Jackson stands when it has just come upon a value: behind the first byte of strings and containers, which it
// reads lazily, and behind the whole of numbers and literals.
std::size_t offset_when_met(json::Value value);
// Behind the whole value: a string that was read, a container that was left.
std::size_t offset_behind(json::Value value);

}  // namespace trunkline::filter
