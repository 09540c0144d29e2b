#pragma once

#include <fmt/format.h>

#include <ostream>
#include <string>
#include <utility>

namespace trunkline::config {

// A credential. Streams and fmt print "***"; reveal() is the only way to the text.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

inline std::ostream& operator<<(std::ostream& out, const Secret&) {
  return out << "***";
}

}  // namespace trunkline::config

template <>
struct fmt::formatter<trunkline::config::Secret> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const trunkline::config::Secret&, Context& context) const {
    return fmt::formatter<std::string_view>::format("***", context);
  }
};
