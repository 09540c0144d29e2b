#pragma once

#include <string>
#include <vector>

#include "filter/message.hpp"
#include "filter/policy.hpp"

namespace trunkline::filter {

// Why a policy lets a message pass, or why not, clause by clause. Nothing is skipped: clauses behind one that fails are
// judged, too. `holds` of the whole always equals matches().
struct Explanation {
  enum class Kind { all, any, clause };
  Kind kind = Kind::all;
  bool holds = false;
  std::string reason;
  // Of a clause:
  std::string path;
  std::string condition;            // the array as it stands in the policy, without white space
  std::vector<std::string> actual;  // the values at the path as JSON; kActualMax of them, long ones cut
  std::size_t actual_count = 0;     // how many there are
  // Of all and any:
  std::vector<Explanation> children;
};

inline constexpr std::size_t kActualMax = 16;
inline constexpr std::size_t kActualBytesMax = 200;

Explanation explain(const Policy& policy, const Message& message);

// One line per clause, indented by its place in the tree.
std::string to_text(const Explanation& explanation);
// {"holds":…,"kind":"all","reason":…,"children":[…]}; clauses have path, condition (as JSON), actual (texts),
// actual_count.
std::string to_json(const Explanation& explanation);

}  // namespace trunkline::filter
