#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json/document.hpp"

namespace trunkline::json {

// One value. A container's children follow it directly; the first child of node i is node i + 1. 32 bytes, so that two
// share a cache line.
struct Node {
  std::uint32_t raw_at = 0;
  std::uint32_t raw_size = 0;
  std::uint32_t name_at = 0;  // in the text, or in the arena when name_decoded
  std::uint32_t name_size = 0;
  std::uint32_t next = 0;        // sibling; 0 is none, since node 0 is the root
  std::uint32_t count = 0;       // children; size of the decoded text when text_decoded
  std::uint32_t decoded_at = 0;  // in the arena, when text_decoded
  Type type = Type::null;
  bool name_decoded = false;
  bool text_decoded = false;
};
static_assert(sizeof(Node) == 32);

// A parsed text: nodes in input order, and the strings that had escapes, decoded, in one arena.
struct Tape {
  std::string_view text;
  std::vector<Node> nodes;
  std::string arena;
};

}  // namespace trunkline::json
