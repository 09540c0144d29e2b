#include "watch/hours.hpp"

#include <algorithm>
#include <cmath>

#include "base/bytes.hpp"

namespace trunkline::watch {
namespace {

using std::chrono::hours;

constexpr float kNewest = 0.3F;
constexpr char kFormat = 1;
constexpr std::int64_t kWeek = 168;

std::int64_t hour_of(base::WallTime time) {
  return std::chrono::floor<hours>(time.time_since_epoch()).count();
}
// The epoch was a Thursday; which hour is first means nothing, as long as it stays.
std::size_t slot_of(std::int64_t hour) {
  return static_cast<std::size_t>((hour % kWeek + kWeek) % kWeek);
}
// To a hundredth, so that what is stored is the same on every machine.
std::uint32_t hundredths(float value) {
  return static_cast<std::uint32_t>(std::clamp(std::lround(static_cast<double>(value) * 100), 0L, 4'000'000'000L));
}

}  // namespace

void SourceHours::learn(std::size_t slot, std::uint64_t count) {
  Hour& hour = hours_[slot];
  const auto now = static_cast<float>(count);
  if (hour.weeks == 0) {
    hour.mean = now;
    hour.deviation = now / 2;  // one week says nothing about how weeks differ
  } else {
    hour.deviation += kNewest * (std::abs(now - hour.mean) - hour.deviation);
    hour.mean += kNewest * (now - hour.mean);
  }
  hour.weeks = static_cast<std::uint8_t>(std::min(hour.weeks + 1, 255));
}

bool SourceHours::observe(std::uint64_t total, bool refusing, const Now& now) {
  const std::int64_t hour = hour_of(now.wall);
  bool learned = false;
  const bool looked_away = began_ && now.mono - last_look_ > kLookAwayMax;
  const std::uint64_t grown = total >= total_ ? total - total_ : total;
  // Before the hour is learned: it must not be measured by itself.
  if (began_ && grown == 0) {
    const Hour& usual = hours_[slot_of(hour_)];
    known_ = known_ && usual.weeks >= kWeeksMin;
    const double surely = std::max(0.0, static_cast<double>(usual.mean) - 2 * static_cast<double>(usual.deviation));
    missing_ += surely * std::chrono::duration<double, std::ratio<3600>>(now.mono - last_look_).count();
  }
  if (!began_) {
    last_event_ = now.mono;
  } else if (hour != hour_) {
    // A clock that was set makes hours that are none.
    const bool next = hour == hour_ + 1 && !looked_away;
    if (whole_ && next && !refusing) {
      learn(slot_of(hour_), count_);
      learned = true;
    }
    whole_ = next;
    count_ = 0;
  }
  if (!began_ || refusing || looked_away) whole_ = false;
  heard_ = heard_ || total > 0;
  if (began_ && grown > 0) {
    last_event_ = now.mono;
    missing_ = 0;
    known_ = true;
    count_ += grown;
  } else if (!began_ && total > 0) {
    count_ = total;
  }
  began_ = true;
  total_ = total;
  hour_ = hour;
  last_look_ = now.mono;
  return learned;
}

base::Millis SourceHours::silence(const Now& now) const {
  if (!began_) return base::Millis(0);
  return std::chrono::floor<base::Millis>(now.mono - last_event_);
}

std::optional<double> SourceHours::missing(const Now& now) const {
  if (silence(now) < kShortest || !known_) return std::nullopt;
  return missing_;
}

std::string SourceHours::encode() const {
  std::string out(1, kFormat);
  for (const Hour& hour : hours_) {
    base::put_u32(out, hundredths(hour.mean));
    base::put_u32(out, hundredths(hour.deviation));
    out.push_back(static_cast<char>(hour.weeks));
  }
  return out;
}

base::Result<void> SourceHours::decode(std::string_view bytes) {
  base::ByteReader reader(bytes);
  std::array<Hour, 168> hours{};
  const bool known = reader.u8() == kFormat;
  for (Hour& hour : hours) {
    hour.mean = static_cast<float>(reader.u32()) / 100;
    hour.deviation = static_cast<float>(reader.u32()) / 100;
    hour.weeks = reader.u8();
  }
  if (!known || !reader.ok() || !reader.at_end())
    return {base::Errc::corrupt, "the record of a source's usual hours is unreadable"};
  hours_ = hours;
  return {};
}

}  // namespace trunkline::watch
