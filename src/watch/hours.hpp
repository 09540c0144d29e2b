#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "watch/alarms.hpp"

namespace trunkline::watch {

// How many events a source usually sends in each hour of the week (UTC), and whether its silence is against that. For
// each of the 168 hours: the mean and the mean deviation of the counts of past weeks, the newest weighing three tenths,
// and of how many weeks they are.
//
// The rule: what is surely expected of an hour is its mean less twice its deviation. A source is silent against its
// usual hour when, over the hours that its silence covers, at least kSurely events were surely expected, every one of
// these hours was known from kWeeksMin weeks when it began, and the silence is longer than kShortest. Silence begins with the last event, or
// with the start of the process where that is later: a hub that has just started knows of no silence. An hour that
// the hub has not seen whole, or in which it refused events, teaches nothing.
class SourceHours {
 public:
  static constexpr double kSurely = 20;  // were they independent, none of them has a chance of 2 in a thousand million
  static constexpr std::uint8_t kWeeksMin = 3;
  static constexpr base::Millis kShortest = std::chrono::minutes(10);

  // `total`: events of the source since the process started. Call about once a second; an hour that was not looked at
  // for kLookAwayMax is not learned from. True when an hour was learned, which is to be stored.
  static constexpr base::Millis kLookAwayMax = std::chrono::minutes(2);
  bool observe(std::uint64_t total, bool refusing, const Now& now);

  // Since its last event, or since the process started.
  base::Millis silence(const Now& now) const;
  bool heard() const { return heard_; }  // an event has come since the process started
  // How many events were surely expected in that time; nothing where an hour of it is not known well enough, or it is
  // too short to say.
  std::optional<double> missing(const Now& now) const;

  std::string encode() const;
  // Errc::corrupt leaves what is there.
  base::Result<void> decode(std::string_view bytes);

 private:
  struct Hour {
    float mean = 0;
    float deviation = 0;
    std::uint8_t weeks = 0;
  };
  void learn(std::size_t hour, std::uint64_t count);

  std::array<Hour, 168> hours_{};
  bool began_ = false;
  bool heard_ = false;
  double missing_ = 0;  // surely expected since the last event
  bool known_ = true;   // of every hour since then
  std::uint64_t total_ = 0;
  base::MonoTime last_event_{};  // or the first look
  base::MonoTime last_look_{};
  std::int64_t hour_ = 0;  // since the epoch, of the count
  std::uint64_t count_ = 0;
  bool whole_ = false;
};

}  // namespace trunkline::watch
