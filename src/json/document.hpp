#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace trunkline::json {

enum class Type : std::uint8_t { object, array, string, number, boolean, null };

class Document;
struct Tape;

// A node of a Document, cheap to copy. Valid until the document is parsed again or destroyed (moving it is allowed),
// and while the parsed text lives. Reading from several threads is safe.
class Value {
 public:
  Type type() const;
  bool is(Type type) const { return this->type() == type; }

  // Its bytes in the input as they stand there: quotes, escapes, number text, inner white space.
  std::string_view raw() const;
  std::size_t offset() const;  // of raw() in the input

  std::string_view string() const;              // decoded; empty unless a string
  std::optional<std::int64_t> integer() const;  // a number without fraction or exponent that fits
  std::optional<double> number() const;         // nothing beyond the range of double; the text stays readable as raw()
  bool boolean() const;                         // false unless the literal true

  // Objects: the first member of that name (decoded names are compared). Nothing on other types. Linear in the members.
  std::optional<Value> find(std::string_view name) const;
  // The decoded string member of that name; empty when it is absent or no string.
  std::string_view string_at(std::string_view name) const;

  // Members or elements in input order: for (auto c = v.first(); c; c = c->next()). name() is decoded, empty in arrays.
  std::optional<Value> first() const;
  std::optional<Value> next() const;
  std::string_view name() const;
  std::size_t size() const;

 private:
  friend class Document;
  Value(const Tape* tape, std::uint32_t index) : tape_(tape), index_(index) {}
  const Tape* tape_;
  std::uint32_t index_;
};

// Strict RFC 8259 over simdjson: UTF-8 is validated, a lone surrogate escape, a byte order mark or anything behind the
// value is an error. Numbers are checked by grammar only, so that one beyond every C++ type is carried as text. Not
// thread-safe: reuse one per thread. Parsing allocates only while buffers grow; what a text over 1 MiB needed is given
// back before the next smaller one, so an idle document holds 40 MiB at the very most. `text` is not copied and must
// outlive the values.
class Document {
 public:
  Document();
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  static constexpr std::size_t kDepthMax = 1000;  // EventBridge documents 1,000 to 1,100

  // Errc::invalid with the byte offset in the text; Errc::too_large for nesting beyond depth_max and for a text of 4
  // GiB. depth_max counts open objects and arrays: `[[1]]` has depth 2. After an error the former values are gone, too.
  base::Result<Value> parse(std::string_view text, std::size_t depth_max = kDepthMax);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::json
