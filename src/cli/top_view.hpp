#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "json/document.hpp"

namespace trunkline::cli {

// What `trunkline top` shows: made of the API's answers, without a terminal. Rates and the 99th percentile are of the
// time between the last two samples; without a former one they are not known.
class TopView {
 public:
  struct Row {
    std::string name;
    std::string state;
    double in = 0;  // events a second; negative: not known yet
    double out = 0;
    std::uint64_t waiting = 0;
    double oldest_seconds = 0;  // negative: nothing waits
    std::string drain;          // as people read it: "12m 3s", "growing", "-"
    std::string expiry;         // of the oldest: "13d 2h", "-"
    double drain_seconds = 0;   // negative: it does not drain, or nothing waits
    double expiry_seconds = 0;  // negative: nothing waits
    std::uint64_t in_flight = 0;
    std::uint64_t blocked = 0;  // lanes that back off or are parked
    std::uint64_t dead = 0;
    double p99_millis = 0;  // accepted to delivered, an upper bound; negative: nothing was delivered
  };

  // `status` is GET /api/v1/status, each of `consumers` is GET /api/v1/consumers/NAME.
  void add_sample(json::Value status, const std::vector<json::Value>& consumers, base::MonoTime now);

  const std::vector<Row>& rows() const { return rows_; }
  // Lines of at most `width` bytes, at most `height` of them; each ends with a line feed.
  std::string render(std::size_t width, std::size_t height) const;
  // {"accepted","in","consumers":[…]} for scripts.
  std::string json() const;

 private:
  struct Counts {
    std::uint64_t taken = 0;
    std::uint64_t delivered = 0;
    std::map<double, std::uint64_t> latencies;  // by upper bound, in milliseconds
  };
  Row row_of(json::Value consumer, const Counts& now, const Counts* former, double seconds) const;

  std::map<std::string, Counts> former_;
  base::MonoTime at_{};
  bool sampled_ = false;
  std::uint64_t accepted_ = 0;
  double accepted_rate_ = -1;
  std::string reason_;  // why not ready
  double disk_bytes_ = 0;
  double disk_budget_ = 0;
  std::uint64_t quarantine_ = 0;
  double uptime_ = 0;
  std::vector<Row> rows_;
};

}  // namespace trunkline::cli
