#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <utility>

#include "base/check.hpp"

namespace trunkline::board {

// The text of an id. Genesys's have 36 characters and stand in here; longer ones have memory of their own. Half of what a
// std::string takes for them, and a board holds half a million. At most kBytesMax bytes, which the caller sees to.
class IdText {
 public:
  static constexpr std::size_t kBytesMax = 255;

  IdText() = default;
  explicit IdText(std::string_view text) { assign(text); }
  IdText(const IdText& other) { assign(other.view()); }
  IdText(IdText&& other) noexcept { swap(other); }
  ~IdText() { release(); }
  IdText& operator=(const IdText& other) {
    if (this != &other) *this = other.view();
    return *this;
  }
  IdText& operator=(IdText&& other) noexcept {
    swap(other);
    return *this;
  }
  // `text` is not a part of this one.
  IdText& operator=(std::string_view text) {
    release();
    assign(text);
    return *this;
  }

  std::string_view view() const { return {size_ > kInside ? outside() : bytes_, size_}; }
  operator std::string_view() const { return view(); }
  bool empty() const { return size_ == 0; }

  friend bool operator==(const IdText& a, const IdText& b) { return a.view() == b.view(); }
  friend std::strong_ordering operator<=>(const IdText& a, const IdText& b) { return a.view() <=> b.view(); }

  struct Hash {
    std::size_t operator()(const IdText& id) const { return std::hash<std::string_view>()(id.view()); }
  };

 private:
  static constexpr std::size_t kInside = 39;

  void assign(std::string_view text) {
    TRUNKLINE_CHECK(text.size() <= kBytesMax, "an id is short");
    size_ = static_cast<std::uint8_t>(text.size());
    char* to = bytes_;
    if (size_ > kInside) {
      to = new char[size_];
      std::memcpy(bytes_, &to, sizeof to);
    }
    if (size_ > 0) std::memcpy(to, text.data(), size_);
  }
  char* outside() const {
    char* to = nullptr;
    std::memcpy(&to, bytes_, sizeof to);
    return to;
  }
  void release() {
    if (size_ > kInside) delete[] outside();
    size_ = 0;
  }
  void swap(IdText& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
  }

  char bytes_[kInside] = {};  // or a pointer
  std::uint8_t size_ = 0;
};
static_assert(sizeof(IdText) == 40);

}  // namespace trunkline::board
