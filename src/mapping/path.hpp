#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace trunkline::mapping {

// A place in an event's JSON.
//
//   ani                     a member of the event's own body (detail.eventBody; of a flat event, its top)
//   participants.name       of each participant: lists are passed through, and need not be written ("participants[].name")
//   attributes.*            every member of attributes
//   **.ani                  a member of that name at any depth of the body
//   $.detail.timestamp      from the top of the event
//   attributes.a\.b         a member whose name holds a dot
struct Path {
  enum class Kind : std::uint8_t { name, any, deep };
  struct Segment {
    Kind kind = Kind::name;
    std::string name{};
    friend bool operator==(const Segment&, const Segment&) = default;
  };
  bool from_top = false;
  std::vector<Segment> segments;

  bool literal() const;  // neither * nor ** in it
  friend bool operator==(const Path&, const Path&) = default;
};

inline constexpr std::size_t kPathBytesMax = 512;  // four times the longest path of Genesys's schemas
inline constexpr std::size_t kPathSegmentsMax = 32;

// Errc::invalid says what is wrong, for people.
base::Result<Path> parse_path(std::string_view text);
std::string to_text(const Path& path);

// `*` stands for any text, also over dots: "v2.audits.*", "*.customer.start".
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace trunkline::mapping
