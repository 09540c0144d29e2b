#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trunkline::base {

std::string base64_encode(std::string_view bytes);
// Standard alphabet with padding; nothing on any other character. Bits left over must be zero, so that no two texts mean
// the same bytes.
std::optional<std::string> base64_decode(std::string_view text);
// The same in the alphabet for URLs without padding, as JOSE wants it (RFC 7515 section 2).
std::string base64url_encode(std::string_view bytes);
std::optional<std::string> base64url_decode(std::string_view text);
std::string hex_encode(std::string_view bytes);
std::optional<std::string> hex_decode(std::string_view text);  // in either case

std::string hmac_sha256(std::string_view key, std::string_view message);
std::string hmac_sha512(std::string_view key, std::string_view message);
std::string sha256(std::string_view message);
std::string md5(std::string_view message);  // a checksum that SQS's protocol asks for; protects nothing
// Takes the same time wherever the two differ; their lengths may show.
bool equal_constant_time(std::string_view a, std::string_view b);

// From the operating system's generator.
std::string random_bytes(std::size_t count);

}  // namespace trunkline::base
