#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

// What all HTTP sinks ask of their options, and what they say to people of an endpoint that was tried.
namespace trunkline::sinks {

// http or https, a host, no user name or password, percent-encoded ASCII. Errc::invalid says what is wrong.
base::Result<void> validate_url(std::string_view url);

// 100 ms <= connect_timeout <= timeout <= 5 min.
base::Result<void> validate_timeouts(base::Millis connect_timeout, base::Millis timeout);

// No control characters (RFC 9110 section 5.5).
bool is_header_value(std::string_view text);

// After an answer, whatever it was: "https://crm.example is reachable, its certificate is valid".
std::string reachable(std::string_view url);
// The client's error with the way out.
base::Error unreachable(std::string_view url, const base::Error& error);

}  // namespace trunkline::sinks
