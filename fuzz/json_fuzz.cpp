#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "json/canonical.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace {

using trunkline::json::Type;
using trunkline::json::Value;

// Reads everything that a value offers; returns how many values there are.
std::size_t visit(Value value, std::string& written) {
  std::size_t count = 1;
  const std::string_view raw = value.raw();
  TRUNKLINE_CHECK(!raw.empty(), "a value has bytes");
  if (value.is(Type::string)) {
    written.clear();
    trunkline::json::append_string(written, value.string());
  }
  if (const auto integer = value.integer(); integer)
    TRUNKLINE_CHECK(value.number().has_value(), "an integer is a number");
  TRUNKLINE_CHECK(!value.boolean() || raw == "true", "only true is true");
  std::size_t children = 0;
  for (auto child = value.first(); child; child = child->next(), ++children) {
    TRUNKLINE_CHECK(child->offset() > value.offset(), "a child lies inside its parent");
    TRUNKLINE_CHECK(child->offset() + child->raw().size() < value.offset() + raw.size(),
                    "a child lies inside its parent");
    count += visit(*child, written);
  }
  TRUNKLINE_CHECK(children == value.size(), "size() is the number of children");
  if (const auto first = value.first(); first && value.is(Type::object)) {
    TRUNKLINE_CHECK(value.find(first->name())->offset() == first->offset(), "find() takes the first of a name");
    TRUNKLINE_CHECK(value.string_at(first->name()) == first->string(), "string_at() is find() and string()");
  }
  return count;
}

}  // namespace

// What parses keeps its structure through the canonical text, and the canonical text is its own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static trunkline::json::Document document;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = document.parse(text);
  if (!parsed) return 0;
  std::string written;
  const std::size_t count = visit(*parsed, written);

  const std::string canonical = trunkline::json::canonical(*parsed);
  trunkline::json::Document again;
  const auto second = again.parse(canonical);
  TRUNKLINE_CHECK(second.ok(), "the canonical text parses");
  TRUNKLINE_CHECK(visit(*second, written) == count, "the canonical text has as many values");
  TRUNKLINE_CHECK(trunkline::json::canonical(*second) == canonical, "the canonical text is its own canonical text");
  TRUNKLINE_CHECK(trunkline::json::canonical_hash(*second) == trunkline::json::canonical_hash(*parsed), "equal hashes");

  if (parsed->is(Type::object)) {
    const std::string spliced = trunkline::json::splice_members(parsed->raw(), "\"_a\":1,\"_b\":\"2\"");
    const auto third = again.parse(spliced);
    TRUNKLINE_CHECK(third.ok() && third->size() == parsed->size() + 2, "splicing adds two members");
  }
  return 0;
}
