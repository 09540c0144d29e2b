#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace trunkline::account {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// Calls of AWS that wait for their answer: not for a loop's thread. Answers are the bodies as they came.
// Errc::unauthenticated: these credentials may not; Errc::unsupported: the endpoint does not know the operation, or fails at it;
// Errc::not_found; anything else: no call can be made.
class Api {
 public:
  virtual ~Api() = default;
  // In the JSON protocol: "events", "ListRules".
  virtual base::Result<std::string> json(std::string_view service, std::string_view operation, std::string body) = 0;
  // In the Query protocol: "sns", "ListTopics".
  virtual base::Result<std::string> query(std::string_view service, std::string_view action,
                                          const Parameters& parameters) = 0;
  // GET of a REST service: "lambda"; the path with its query, percent-encoded.
  virtual base::Result<std::string> get(std::string_view service, std::string path) = 0;
  // PUT of one, with a JSON text. By default none can be made.
  virtual base::Result<std::string> put(std::string_view /*service*/, std::string /*path*/, std::string /*body*/) {
    return base::Error{base::Errc::unsupported, "nothing is written here"};
  }
};

}  // namespace trunkline::account
