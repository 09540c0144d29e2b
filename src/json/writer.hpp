#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trunkline::json {

// Appends one JSON value to a string; commas and quoting are its own. Wrong nesting, a second value at the top and more
// than 64 open containers are failed checks. Invalid UTF-8 in a string is replaced by U+FFFD, so that what is written
// always parses.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& string(std::string_view value);
  Writer& integer(std::int64_t value);
  Writer& unsigned_integer(std::uint64_t value);
  Writer& number(double value);  // shortest text that reads back equal; not finite: null
  Writer& boolean(bool value);
  Writer& null();
  Writer& raw(std::string_view json);  // a JSON value, written as it is

  // key and value in one: member("id", "x").
  Writer& member(std::string_view name, std::string_view value) { return key(name).string(value); }
  Writer& member(std::string_view name, const char* value) { return key(name).string(value); }
  Writer& member(std::string_view name, bool value) { return key(name).boolean(value); }
  Writer& member(std::string_view name, std::int64_t value) { return key(name).integer(value); }
  Writer& member(std::string_view name, std::uint64_t value) { return key(name).unsigned_integer(value); }

 private:
  void separate();
  void begin(bool object, char bracket);
  void end(bool object, char bracket);
  bool in_object() const { return depth_ > 0 && (objects_ >> (depth_ - 1) & 1) != 0; }

  std::string& out_;
  std::uint64_t objects_ = 0;  // bit i: the container at depth i + 1 is an object
  std::size_t depth_ = 0;
  bool first_ = true;
  bool after_key_ = false;
};

// The quoted JSON string, always spelled the same way: " and \ and the short escapes of control characters, \u00xx in
// lower case for the other ones, everything else as UTF-8.
void append_string(std::string& out, std::string_view text);

}  // namespace trunkline::json
