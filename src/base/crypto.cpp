#include "base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>

#include "base/check.hpp"
#include "base/text.hpp"

namespace trunkline::base {
namespace {

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

std::string hmac(const EVP_MD* digest, std::string_view key, std::string_view message) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  const auto* done =
      HMAC(digest, key.data(), static_cast<int>(key.size()), octets(message), message.size(), octets(out), &length);
  TRUNKLINE_CHECK(done != nullptr, "HMAC failed");
  out.resize(length);
  return out;
}

constexpr std::uint8_t kNoDigit = 0xFF;

// By character.
constexpr std::array<std::uint8_t, 256> base64_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  std::uint8_t value = 0;
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
    values[static_cast<unsigned char>(c)] = value++;
  return values;
}
std::uint8_t base64_value(char c) {
  static constexpr auto kValues = base64_values();
  return kValues[static_cast<unsigned char>(c)];
}

std::string digest(const EVP_MD* method, std::string_view message) {
  TRUNKLINE_CHECK(method != nullptr, "OpenSSL lacks a digest");
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  const int done = EVP_Digest(message.data(), message.size(), octets(out), &length, method, nullptr);
  TRUNKLINE_CHECK(done == 1, "a digest failed");
  out.resize(length);
  return out;
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL ends it with a zero byte
  const int length = EVP_EncodeBlock(octets(out), octets(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  // OpenSSL skips white space at both ends; here it is an error.
  if (text.size() % 4 != 0) return std::nullopt;
  const std::string_view digits = text.substr(0, text.size() - padding);
  for (const char c : digits) {
    if (base64_value(c) == kNoDigit) return std::nullopt;
  }
  const std::uint8_t left_over = padding == 2 ? 0xF : padding == 1 ? 0x3 : 0;
  if (left_over != 0 && (base64_value(digits.back()) & left_over) != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(octets(out), octets(text), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(length) - padding);
  return out;
}

std::string base64url_encode(std::string_view bytes) {
  std::string out = base64_encode(bytes);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.size() % 4 == 1 || text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string standard(text);
  for (char& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  standard.append((4 - text.size() % 4) % 4, '=');
  return base64_decode(standard);
}

std::optional<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

std::string hex_encode(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(bytes.size() * 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kDigits[static_cast<unsigned char>(bytes[i]) >> 4];
    out[2 * i + 1] = kDigits[static_cast<unsigned char>(bytes[i]) & 0xF];
  }
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  return hmac(EVP_sha256(), key, message);
}

std::string hmac_sha512(std::string_view key, std::string_view message) {
  return hmac(EVP_sha512(), key, message);
}

// EVP_sha256() and its like are looked up among the providers at each use: these are fetched once for the process, which
// changes nothing in them.
std::string sha256(std::string_view message) {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  return digest(method, message);
}

std::string md5(std::string_view message) {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "MD5", nullptr);
  return digest(method, message);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  TRUNKLINE_CHECK(RAND_bytes(octets(out), static_cast<int>(count)) == 1, "no random bytes from the operating system");
  return out;
}

}  // namespace trunkline::base
