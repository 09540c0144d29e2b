#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace trunkline::postgres {

// Builds the rows of a COPY … FROM STDIN in text format. The first field of each row is its place, from 0, which the
// staging table of Table has in front of the table's columns. The owner bounds it by the batch.
class CopyText {
 public:
  CopyText& begin_row();
  // NUL, which no text of PostgreSQL holds, becomes U+FFFD.
  CopyText& text(std::string_view value);
  // Empty: null.
  CopyText& text_or_null(std::string_view value);
  CopyText& null();
  CopyText& number(std::uint64_t value);
  CopyText& end_row();

  std::size_t rows() const { return rows_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::size_t rows_ = 0;
};

}  // namespace trunkline::postgres
