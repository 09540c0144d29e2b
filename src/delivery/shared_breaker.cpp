#include "delivery/shared_breaker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace trunkline::delivery {
namespace {

constexpr std::array<std::string_view, 3> kWords = {"closed", "open", "probing"};
// Longer spans than a breaker's own bound are nobody's.
constexpr std::uint64_t kSpanMax = 24 * 3'600'000;

std::optional<std::uint64_t> take_number(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find(' '));
  std::uint64_t value = 0;
  const auto read = std::from_chars(part.data(), part.data() + part.size(), value);
  if (read.ec != std::errc() || read.ptr != part.data() + part.size()) return std::nullopt;
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return value;
}

}  // namespace

std::string breaker_key(const std::string& consumer) {
  return consumer + "/breaker";
}

std::string encode(const BreakerNote& note) {
  return fmt::format("{} {} {} {} {} {}", note.version, note.lasts.count(), note.open_time.count(),
                     note.at.time_since_epoch().count(), note.by_lanes ? 1 : 0,
                     kWords[static_cast<std::size_t>(note.word)]);
}

std::optional<BreakerNote> decode_breaker_note(std::string_view bytes) {
  std::array<std::uint64_t, 5> numbers{};
  for (std::uint64_t& each : numbers) {
    const auto number = take_number(bytes);
    if (!number) return std::nullopt;
    each = *number;
  }
  const auto word = std::ranges::find(kWords, bytes);
  const auto [version, lasts, open_time, at, by_lanes] = numbers;
  if (word == kWords.end() || version == 0 || lasts > kSpanMax || open_time > kSpanMax || at > INT64_MAX / 2)
    return std::nullopt;
  BreakerNote note;
  note.version = version;
  note.word = static_cast<BreakerWord>(word - kWords.begin());
  note.lasts = base::Millis(lasts);
  note.open_time = base::Millis(open_time);
  note.at = base::WallTime(base::Millis(at));
  note.by_lanes = by_lanes != 0;
  return note;
}

void SharedBreaker::changed(bool by_lanes) {
  unsaid_ = true;
  by_lanes_ = !breaker_.closed() && (by_lanes_ || by_lanes);
}

std::optional<BreakerNote> SharedBreaker::plan(Now now, bool may_probe, bool probing) {
  if (writing_ || behind_ || now.mono < not_before_) return std::nullopt;
  BreakerNote note{known_.version + 1, BreakerWord::closed, {}, breaker_.open_time(), now.wall, by_lanes_};
  const bool over = now.mono >= breaker_.open_until();
  if (unsaid_ && breaker_.state() == BreakerState::open) {
    note.word = BreakerWord::open;
    note.lasts = over ? base::Millis(0) : std::chrono::ceil<base::Millis>(breaker_.open_until() - now.mono);
  } else if (breaker_.state() == BreakerState::open
                 ? may_probe && over
                 : probing && breaker_.state() == BreakerState::half_open && now.mono >= renew_at_) {
    note.word = BreakerWord::probing;
    note.lasts = kProbeLasts;
  } else if (!unsaid_ || !breaker_.closed()) {
    return std::nullopt;
  }
  writing_unsaid_ = std::exchange(unsaid_, false);
  writing_ = note;
  return note;
}

void SharedBreaker::stored(NoteStored outcome, Now now) {
  if (!writing_) return;
  const BreakerNote written = *std::exchange(writing_, std::nullopt);
  if (outcome == NoteStored::yes) {
    known_ = written;
    if (written.word != BreakerWord::probing) return;
    renew_at_ = now.mono + kProbeLasts / 2;
    if (breaker_.state() == BreakerState::open) breaker_.begin_probe();
    return;
  }
  // What has been seen meanwhile may have answered it.
  const bool answered = known_.version >= written.version;
  if (!answered) unsaid_ = unsaid_ || writing_unsaid_;
  behind_ = outcome == NoteStored::conflict && !answered;
  if (outcome == NoteStored::unknown) not_before_ = now.mono + kAgainAfter;
}

SharedBreaker::News SharedBreaker::seen(const BreakerNote& note, Now now) {
  // It was taken away, or was never there: notes begin anew.
  if (note.version == 0) {
    if (behind_) known_ = {};
    behind_ = false;
    return News::none;
  }
  if (note.version <= known_.version) return News::none;
  if (writing_) {
    if (encode(note) == encode(*writing_)) return News::none;  // this worker's own; the store is about to say so
    unsaid_ = unsaid_ || writing_unsaid_;
  }
  known_ = note;
  behind_ = false;
  return take(now);
}

SharedBreaker::News SharedBreaker::take(Now now) {
  const bool was_closed = breaker_.closed();
  switch (known_.word) {
    case BreakerWord::closed:
      // What has been seen here since is newer.
      if (was_closed || unsaid_) return News::none;
      by_lanes_ = false;
      breaker_.close(now);
      return News::closed;
    case BreakerWord::probing:
      // A delivery here has shown it already.
      if (was_closed && unsaid_) return News::none;
      break;
    case BreakerWord::open:
      break;
  }
  unsaid_ = false;
  by_lanes_ = known_.by_lanes;
  breaker_.join(now, known_.lasts + kSeenWithin, known_.open_time);
  return was_closed ? News::opened : News::none;
}

std::optional<base::MonoTime> SharedBreaker::wake_at(bool may_probe, bool probing) const {
  if (writing_ || behind_) return std::nullopt;
  if (unsaid_) return not_before_;
  if (breaker_.state() == BreakerState::open && may_probe) return std::max(breaker_.open_until(), not_before_);
  if (breaker_.state() == BreakerState::half_open && probing) return std::max(renew_at_, not_before_);
  return std::nullopt;
}

}  // namespace trunkline::delivery
