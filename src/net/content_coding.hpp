#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/http_types.hpp"

namespace trunkline::net {

enum class DecodeOutcome : std::uint8_t {
  ok,          // decoded, or there was nothing to undo, or body_error says why it was left as it is
  over_bound,  // the decoded body would be longer than allowed; the body is gone
};

// Undoes Content-Encoding gzip, x-gzip (RFC 1952, several members allowed) and deflate (RFC 1950, and bare RFC 1951 as
// some clients send it). Memory is bounded by `decoded_bytes_max` and the body itself, whatever the ratio.
DecodeOutcome decode_content(HttpRequest& request, std::size_t decoded_bytes_max);

enum class Inflated : std::uint8_t { ok, damaged, over_bound };
enum class Coding : std::uint8_t { gzip, zlib, raw_deflate };
Inflated inflate_bytes(std::string_view coded, Coding coding, std::size_t decoded_bytes_max, std::string& decoded);

// As one gzip member (RFC 1952), fast rather than small: JSON of events becomes about a fifth. At most 1 GiB.
std::string gzip_bytes(std::string_view bytes);

}  // namespace trunkline::net
