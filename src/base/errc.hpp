#pragma once

#include <cstdint>
#include <string_view>

namespace trunkline::base {

// A code exists only if some caller acts on it. errc.cpp holds the one table of names and HTTP statuses.
enum class Errc : std::uint8_t {
  invalid,          // the input can never be accepted as it is
  unauthenticated,  // no credential, or a wrong one
  not_found,
  conflict,     // the state has moved on: a version, a lease or a name is not what the caller believes
  too_large,    // over a bound; the same input smaller would do
  overloaded,   // a bound is full now; try again later
  unavailable,  // a disk, a peer or a key server does not answer now; try again later
  disk_full,    // unavailable, because a budget or the device is full
  corrupt,      // stored bytes are not what was written; never served
  timeout,
  cancelled,    // the program is stopping
  unsupported,  // this engine, kind or version cannot do it
};

std::string_view name(Errc code);
// The HTTP status an API answers for the code (RFC 9110). Sources map their own, by the sender's rules.
int http_status(Errc code);

}  // namespace trunkline::base
