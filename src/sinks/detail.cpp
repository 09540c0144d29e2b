#include "sinks/detail.hpp"

#include <algorithm>

namespace trunkline::sinks {

std::string detail_text(std::string_view said, std::span<const std::string> secrets, std::size_t bytes_max) {
  std::string text;
  for (std::size_t at = 0; at < said.size() && text.size() <= bytes_max;) {
    std::size_t hidden = 0;
    for (const std::string& secret : secrets) {
      if (said.substr(at).starts_with(secret)) hidden = std::max(hidden, secret.size());
    }
    if (hidden > 0) {
      text += "***";
      at += hidden;
    } else {
      text += said[at++];
    }
  }
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
  for (int i = 0; i < 3 && end > 0 && continues(end); ++i) --end;
  text.resize(end);
  return text;
}

}  // namespace trunkline::sinks
