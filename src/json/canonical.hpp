#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "json/document.hpp"

namespace trunkline::json {

// One text for all spellings of a value: members sorted by the bytes of their decoded names, no white space, strings
// escaped one way (append_string). Numbers keep their text: 1 and 1.0 differ, since a sender that changes the spelling
// has written a new body. Members of one name are all kept, in input order. (Not RFC 8785, which rewrites numbers and
// sorts by UTF-16 units.)
//
// Keeps its buffers: reuse one per thread. Not thread-safe. Recurses once per level, which Document bounds.
class Canonical {
 public:
  // Valid until the next call. The members of the name `without` are left out of the value itself (not of values
  // inside).
  std::string_view text(Value value, std::string_view without = {});
  base::Hash128 hash(Value value, std::string_view without = {});

 private:
  void append(Value value, std::string_view without);
  void append_object(Value value, std::string_view without);
  void append_scalar(Value value);

  std::string out_;
  struct Member {
    std::uint64_t prefix;  // the name's first 8 bytes, big-endian: decides most comparisons
    std::string_view name;
    Value value;
  };
  static bool before(const Member& a, const Member& b);

  std::vector<Member> members_;  // a stack: each open object's members behind its parent's
};

std::string canonical(Value value);
base::Hash128 canonical_hash(Value value);

// The object with `members` ("\"a\":1,\"b\":2") added behind its last member; its own bytes stay as they are.
// `raw_object` must be one valid JSON object; empty `members` add nothing.
std::string splice_members(std::string_view raw_object, std::string_view members);

}  // namespace trunkline::json
