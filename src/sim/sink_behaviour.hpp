#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "sim/random.hpp"

namespace trunkline::sim {

struct SinkRules {
  base::Millis latency{0};
  base::Millis latency_p99{0};  // 0: always `latency`
  std::vector<std::pair<int, double>> errors{};
  double hang = 0;
  double rate = 0;  // events per second; 0: no limit
  std::string poison{};
};

// What a simulated downstream does with one request. Pure: time and the seed are passed in. One thread.
class SinkBehaviour {
 public:
  enum class Mode : std::uint8_t { ok, hang, status, refuse };
  struct Decision {
    bool hang = false;
    int status = 200;
    base::Millis delay{0};
    base::Millis retry_after{0};  // with 429
  };

  SinkBehaviour(SinkRules rules, std::uint64_t seed);

  // `ok`: as the rules say; `hang`: no answer to anything; a status from 100 to 599: that one for everything; `refuse`:
  // no connections (the server's business). Errc::invalid names the modes.
  base::Result<void> set_mode(std::string_view text);
  Mode mode() const { return mode_; }
  // Replaces latency: fixed, or with a 99th percentile.
  void set_latency(base::Millis mean, base::Millis p99);

  // Whether these bytes hold what is always answered 400.
  bool is_poison(std::string_view bytes) const {
    return !rules_.poison.empty() && bytes.find(rules_.poison) != std::string_view::npos;
  }
  Decision decide(std::string_view body, std::size_t events, base::MonoTime now);

 private:
  base::Millis draw_latency();
  bool over_rate(std::size_t events, base::MonoTime now, base::Millis& retry_after);

  SinkRules rules_;
  Random random_;
  Mode mode_ = Mode::ok;
  int forced_status_ = 0;
  double log_mean_ = 0;  // of the lognormal that has the given mean and 99th percentile
  double log_deviation_ = 0;
  double tokens_ = 0;  // events that may come now; at most one second's worth
  base::MonoTime refilled_{};
};

}  // namespace trunkline::sim
