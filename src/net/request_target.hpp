#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trunkline::net {

struct RequestTarget {
  std::string path;   // percent-decoded; starts with '/', or is "*"
  std::string query;  // as sent, without '?'
};

// Origin form, absolute form and asterisk form (RFC 9112 section 3.2). Nothing for anything else: the authority form is
// for proxies, and a path with broken percent-encoding or an encoded NUL names nothing.
std::optional<RequestTarget> parse_request_target(std::string_view target);

}  // namespace trunkline::net
