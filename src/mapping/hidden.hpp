#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::mapping {

// The values that a mapping has concealed in one event, and what stands for each: for what is made of the event besides
// its body, and for texts that others write about it. Bounded: what is over the bounds makes it `overflowed`, and then
// such texts are withheld as a whole.
class Hidden {
 public:
  void add(std::string_view original, std::string_view replacement);
  void clear();
  void overflow() { overflowed_ = true; }  // nothing is known of what is concealed
  bool empty() const { return values_.empty() && !overflowed_; }
  bool overflowed() const { return overflowed_; }

  // A value of the event that stands outside of its body, such as an id: replaced where it equals a concealed one, or
  // where a part of it between dots does (a topic's name).
  void replace_in(std::string& value) const;
  // A text about the event, such as what a downstream answers: every concealed value in it is replaced, also as JSON, a URL
  // and a page write it. Values of fewer than kShortest bytes are not looked for: they would blot out words.
  // `cut`: the text was cut at its end, which may be the beginning of one.
  std::string scrub(std::string_view text, bool cut = false) const;
  // A text that this program has made of the event, with values as they are. Cheap enough for every event.
  std::string scrub_own(std::string_view text) const;

  static constexpr std::size_t kShortest = 4;

 private:
  struct Value {
    std::string original;
    std::string replacement;
  };
  std::vector<const Value*> longest_first() const;  // a value may be a part of another
  static std::string_view shown(const Value& value);

  // A transcript has some thousand words; a bound of memory for whoever holds it during a delivery.
  static constexpr std::size_t kValuesMax = 4'000;
  static constexpr std::size_t kBytesMax = 256 << 10;
  std::vector<Value> values_;
  std::size_t bytes_ = 0;
  bool overflowed_ = false;
};

// In place of a text that cannot be scrubbed.
inline constexpr std::string_view kWithheld = "withheld: it may hold what the mapping conceals";

}  // namespace trunkline::mapping
