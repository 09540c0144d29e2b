#pragma once

#include <string>
#include <string_view>

namespace trunkline::mapping {

// What becomes of a value that may not leave as it is. Deterministic: the same value under the same key becomes the same
// text in every event, field and consumer, so that what is concealed can still be counted and joined.

// HMAC-SHA-256, its first 16 bytes as 32 hexadecimal digits: 2^64 values until two of them meet.
std::string hashed(std::string_view key, std::string_view value);
// "tok_" and 16 characters for URLs, of another HMAC-SHA-256: a token tells nothing of the hash of the same value.
std::string tokenised(std::string_view key, std::string_view value);
// All but the last four characters become '*'; of a value with fewer than nine characters everything, as "****". Where it
// is no UTF-8, bytes count.
std::string masked(std::string_view value);

// Says which key was used, and nothing about it.
std::string key_print(std::string_view key);

}  // namespace trunkline::mapping
