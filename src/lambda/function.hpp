#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "lambda/runtime_api.hpp"

namespace trunkline::lambda {

// What an invocation is answered with: a JSON text, or an error, of which Lambda tries an asynchronous invocation again.
struct Answer {
  std::string body{};
  std::string error_type{};  // empty: none
  std::string message{};     // of the error
};
inline Answer failure(std::string type, std::string message) {
  return {{}, std::move(type), std::move(message)};
}

class Function {
 public:
  virtual ~Function() = default;
  // On the program's main thread; may wait. An answer that comes after the deadline is lost, and Lambda ends the process.
  virtual Answer handle(const Invocation& invocation) = 0;
};

// One invocation after the other, until the runtime API does not answer any more: why. Errors of single answers are logged.
base::Error serve(RuntimeApi& api, Function& function);

// What is left until `margin` before the deadline; never negative.
base::Millis time_left(const Invocation& invocation, const base::Clock& clock, base::Millis margin);

}  // namespace trunkline::lambda
