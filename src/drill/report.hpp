#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "drill/plan.hpp"
#include "sim/verify.hpp"

namespace trunkline::drill {

struct KillOutcome {
  Kill kill;
  bool reached = false;                    // it died, and as planned
  bool before_ready = false;               // while it was starting
  base::Millis lived{0};                   // from its start
  std::uint64_t answered = 0;              // events, since the drill began
  std::uint64_t unanswered = 0;            // events that were sent and had no answer when it died
  std::uint64_t batches = 0;               // under way to the downstream, just after it died
  std::optional<base::Millis> recovery{};  // from the next start to ready; nothing when that start was killed as well
};
// "power_cut flush@3+100  died after 812 ms, 15230 events answered, 64 unanswered; ready again in 95 ms"
std::string progress_line(std::size_t number, std::size_t of, const KillOutcome& outcome);

struct ConsumerOutcome {
  std::string name;
  sim::VerifyReport report;
};

struct Report {
  std::vector<KillOutcome> kills;
  std::vector<ConsumerOutcome> consumers;
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t retries = 0;
  std::uint64_t malformed = 0;
  std::uint64_t quarantined_promised = 0;  // answers that said so
  std::uint64_t quarantined_missing = 0;   // of them, not in the quarantine
  std::vector<std::string> failures;       // everything else that is not as it must be, each a sentence
  double seconds = 0;

  // Of all consumers and the quarantine. An event whose sequence number was given to another one is lost as well.
  std::uint64_t lost() const;
  std::uint64_t replaced() const;      // those of the last kind
  std::uint64_t out_of_order() const;  // or under way at the same time as their predecessor in the lane
  std::uint64_t repeated() const;      // allowed: a crash repeats, never loses
  std::uint64_t not_reached() const;
  // Every kill happened as planned and nothing was lost, reordered, changed or left behind.
  bool holds() const;
};
std::string to_text(const Report& report);
std::string to_json(const Report& report);

}  // namespace trunkline::drill
