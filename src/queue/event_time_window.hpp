#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "queue/codec.hpp"
#include "queue/scanned.hpp"

namespace trunkline::queue {

// The events of a queue that wait for what may still come before them. Pure, like QueueCore, which owns one.
//
// An event is due when the window's length has passed since its acceptance, on a clock of the queue's own that the log
// drives: while older events are read it goes by the times between their acceptances, so that a backlog after an outage
// or a restart is sorted as it would have been; where the scan stands at the end of the log it goes by the monotonic
// clock. It never goes back, whatever the wall clock does: no jump holds an event for longer than the window once the
// end is reached, and a jump of a clock that runs lets nothing go early.
//
// With a due event all those of its lane leave that have an earlier (event time, sequence). At most the owner's bound of
// events is in it.
class EventTimeWindow {
 public:
  // Every event that is scanned, before it enters or is found to be late.
  void pass(const Scanned& event, Now now);
  void enter(const Scanned& event);
  // Whether all of the log has been scanned.
  void stands_at_end(bool at_end, Now now);

  // The events that leave with the first one that is due, in order; none: nothing is due. Call until then.
  std::vector<Scanned> take_due(base::Millis length, Now now);
  std::vector<Scanned> take_earliest();  // with the one accepted first; not empty while size() > 0
  std::vector<Scanned> take_until(base::GroupKey group, base::Sequence sequence);  // with that one; none: not here
  // When take_due() will have something without anything scanned; nothing: not before something is.
  std::optional<base::MonoTime> next_due(base::Millis length);

  std::size_t size() const { return size_; }
  struct Place {
    std::int64_t accepted_ms = 0;
    std::uint32_t before = 0;  // events of its lane in the window that leave before it, or with it and first
  };
  std::optional<Place> place(base::GroupKey group, base::Sequence sequence) const;

 private:
  struct Entry {
    std::int64_t event_ms = 0;
    base::Sequence sequence;
    std::int64_t accepted_ms = 0;
    std::uint32_t bytes = 0;
    std::strong_ordering operator<=>(const Entry& other) const {
      if (event_ms != other.event_ms) return event_ms <=> other.event_ms;
      return sequence <=> other.sequence;
    }
    bool operator==(const Entry& other) const { return (*this <=> other) == std::strong_ordering::equal; }
  };
  using Lane = std::set<Entry>;
  using Span = base::MonoTime::duration;
  // In the order of the scan, and so of `at`. Those that left with a later one stay until they are met: never more than
  // were in the window when what stands before them entered.
  struct Arrival {
    base::GroupKey group;
    Entry entry;
    Span at{};  // on the queue's clock
  };

  Span clock(Now now) const { return at_end_ ? clock_ + (now.mono - reference_) : clock_; }
  bool front_is_here();  // drops what has left from the front of arrivals_
  std::vector<Scanned> take(base::GroupKey group, const Entry& last);

  std::unordered_map<base::GroupKey, Lane> lanes_;
  std::deque<Arrival> arrivals_;
  std::size_t size_ = 0;
  Span clock_{};                         // when `last_ms_` was
  base::MonoTime reference_{};           // likewise, at the end of the log
  std::optional<std::int64_t> last_ms_;  // acceptance of the last event, or when the end was reached
  bool at_end_ = false;
};

// What has left the window, by lane, to know who is late. At most `lanes_max`; of more, those are forgotten that nothing
// has left for longest, and who comes late there is not marked so (it goes behind all the same).
class LeftWindows {
 public:
  explicit LeftWindows(std::size_t lanes_max) : lanes_max_(lanes_max) {}

  bool is_late(const Scanned& event) const;
  // The mark of the event's lane now, to be kept, and a lane that was forgotten.
  struct Noted {
    LeftWindow left;
    std::optional<base::GroupKey> forgotten;
  };
  Noted note(const Scanned& event);
  bool restore(base::GroupKey group, const LeftWindow& left);  // false: no room, it is not known
  std::vector<base::GroupKey> clear();                         // the lanes that were known
  std::size_t size() const { return lanes_.size(); }

 private:
  struct Mark {
    LeftWindow left;
    bool fresh = false;  // something has left it since it came to the end of `order_`
  };
  const std::size_t lanes_max_;
  std::unordered_map<base::GroupKey, Mark> lanes_;
  std::deque<base::GroupKey> order_;  // each lane once
};

}  // namespace trunkline::queue
