#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "engine/operations.hpp"

namespace trunkline::operation {

struct RampOptions {
  double rate = 100;               // events a second, in the end
  double stop_share = 0.2;         // of the latest outcomes that may be failures; 1: never stops
  std::uint64_t open_max = 1'000;  // given and without an outcome: what a tenth of a second of 10,000/s is
};

// How fast an operation may go: one event, then one a second, doubled each second in which some were delivered and none
// failed, up to the rate; halved when some fail. And whether it must stop: of the latest 50 outcomes more than the share
// failed, and at least three. Pure; time is passed in.
class Ramp {
 public:
  Ramp(RampOptions options, const engine::OperationTally& begin, base::MonoTime now);

  void observe(const engine::OperationTally& tally, base::MonoTime now);
  // How many may be given now; bounded by what is open, too.
  std::size_t allowance(base::MonoTime now);
  void gave(std::size_t count);
  // Why it must stop, for people.
  std::optional<std::string> stop_reason() const;
  double rate() const { return rate_now_; }

 private:
  struct Outcomes {
    std::uint64_t delivered = 0;
    std::uint64_t failed = 0;
  };

  const RampOptions options_;
  engine::OperationTally seen_;
  double rate_now_;
  double tokens_ = 1;
  base::MonoTime filled_at_;
  base::MonoTime doubled_at_;
  bool good_ = false;            // something was delivered, and nothing failed, since the rate was changed
  std::deque<Outcomes> latest_;  // at most 50 outcomes, and the observation that reaches beyond
  Outcomes sum_;
};

}  // namespace trunkline::operation
