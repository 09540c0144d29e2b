#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/path.hpp"
#include "mapping/rules.hpp"

namespace trunkline::mapping {

// The paths of all rules as one tree that is walked beside an event: a step costs the same however many rules there are.
// Immutable once made.
class Matcher {
 public:
  enum class What : std::uint8_t {
    act,     // `value` is an Action
    region,  // what is not selected below here does not leave
    select,
    rename,  // `value` is the place of the new name
  };
  struct End {
    What what = What::act;
    std::uint32_t rule = 0;  // later ones are stronger
    std::uint32_t value = 0;
    bool flat = false;  // counts in events of the flat form alone
  };

  // Relative to the event's body, wherever it stands in an event: below detail.eventBody, below eventBody, and at the top
  // of the flat form.
  void add(const Path& path, const End& end);
  void add_region(bool from_top, std::uint32_t rule);

  using States = std::vector<std::uint32_t>;
  // What the top of an event is at; appended to `states`.
  void begin(States& states) const;
  // From states[from, to) by a member's name; appended behind.
  void step(States& states, std::size_t from, std::size_t to, std::string_view name) const;
  const std::vector<End>& ends(std::uint32_t state) const { return nodes_[state].ends; }

 private:
  struct Node {
    std::map<std::string, std::uint32_t, std::less<>> names;
    std::uint32_t any = 0;   // 0: there is none, since nothing leads back to the top
    std::uint32_t deep = 0;  // reached without a step, and from itself by every one
    bool loops = false;
    std::vector<End> ends;
  };
  std::uint32_t child(std::uint32_t node, const Path::Segment& segment);
  void insert(std::uint32_t node, const std::vector<Path::Segment>& segments, const End& end);
  void enter(States& states, std::size_t from, std::uint32_t node) const;

  std::vector<Node> nodes_{1};
};

}  // namespace trunkline::mapping
