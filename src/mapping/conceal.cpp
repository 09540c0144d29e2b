#include "mapping/conceal.hpp"

#include "base/crypto.hpp"

namespace trunkline::mapping {
namespace {

constexpr std::size_t kShown = 4;
constexpr std::size_t kMaskedWhole = 8;  // of so few characters four would be half

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

std::string keyed(std::string_view key, std::string_view purpose, std::string_view value) {
  std::string message(purpose);
  message += '\0';
  message += value;
  return base::hmac_sha256(key, message);
}

}  // namespace

std::string hashed(std::string_view key, std::string_view value) {
  return base::hex_encode(keyed(key, "trunkline hash", value).substr(0, 16));
}

std::string tokenised(std::string_view key, std::string_view value) {
  return "tok_" + base::base64url_encode(keyed(key, "trunkline token", value).substr(0, 12));
}

std::string masked(std::string_view value) {
  std::size_t characters = 0;
  for (const char c : value) characters += begins_character(c) ? 1 : 0;
  if (characters <= kMaskedWhole) return std::string(kShown, '*');
  std::size_t from = value.size();
  for (std::size_t left = kShown; left > 0; --left) {
    do {
      --from;
    } while (!begins_character(value[from]));
  }
  return std::string(characters - kShown, '*') + std::string(value.substr(from));
}

std::string key_print(std::string_view key) {
  return base::hex_encode(keyed(key, "trunkline key print", "").substr(0, 6));
}

}  // namespace trunkline::mapping
