#include "lambda/function.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace trunkline::lambda {

using base::Errc;
using base::Result;

base::Millis time_left(const Invocation& invocation, const base::Clock& clock, base::Millis margin) {
  return std::max(invocation.deadline - margin - clock.wall(), base::Millis(0));
}

base::Error serve(RuntimeApi& api, Function& function) {
  for (;;) {
    const Result<Invocation> invocation = api.next();
    if (!invocation.ok()) return invocation.error();
    const Answer answer = invocation->payload.size() > kPayloadMax
                              ? failure("Trunkline.TooLarge", "the payload is larger than any of Lambda's")
                              : function.handle(*invocation);
    Result<void> told;
    if (answer.error_type.empty()) {
      told = api.respond(*invocation, answer.body);
    } else {
      base::log::error("an invocation fails", "request", invocation->id, "type", answer.error_type, "error",
                       answer.message);
      told = api.fail(*invocation, answer.error_type, answer.message);
    }
    if (told.ok()) continue;
    if (told.error().code != Errc::invalid) return told.error();
    base::log::warn("an answer was not taken", "request", invocation->id, "error", told.error().detail);
  }
}

}  // namespace trunkline::lambda
