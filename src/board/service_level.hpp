#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "board/conversation.hpp"

namespace trunkline::board {

struct ServiceLevelOptions {
  base::Millis within = std::chrono::seconds(20);  // an answer that came as fast is in time
  base::Millis over = std::chrono::minutes(30);    // of the past that is counted, in steps of kStep
};

// How the waits in one queue ended, by the minute in which they did. Counts can be taken back, so that what is known
// later about a wait replaces what was known before. Pure; not thread-safe.
class ServiceLevel {
 public:
  static constexpr Time kStep = 60'000;
  static constexpr std::size_t kStepsMax = 24 * 60;  // a day: of more the oldest are let go

  struct Counts {
    std::int64_t in_time = 0;
    std::int64_t late = 0;
    std::int64_t abandoned = 0;

    std::int64_t answered() const { return in_time + late; }
    // Genesys's: of those who were answered or gave up, the share answered in time. Nothing where there was nobody.
    std::optional<double> percent() const;
    Counts& operator+=(const Counts& other);
    Counts& operator-=(const Counts& other);  // not below nothing
    bool operator==(const Counts&) const = default;
  };

  // What one wait counts; nothing for one that is not over, or ended otherwise.
  static Counts of(const Conversation::Session& wait, base::Millis within);
  static bool counts(const Conversation::Session& session);

  void add(Time ended, const Counts& counts);
  // Of a wait that was counted; of a step that has been let go it changes nothing.
  void take_back(Time ended, const Counts& counts);
  // Of the steps that end after `from` and begin at `to` at the latest: a sender's clock may be years ahead.
  Counts between(Time from, Time to) const;
  // Lets go the others; whether there were any.
  bool keep_between(Time from, Time to);
  bool empty() const { return steps_.empty(); }
  // When the newest step begins of those that begin at `to` at the latest; 0: there is none.
  Time newest(Time to) const;

  void encode(std::string& out) const;
  bool decode(base::ByteReader& in);

 private:
  std::map<std::int64_t, Counts> steps_;  // by time over kStep
};

}  // namespace trunkline::board
