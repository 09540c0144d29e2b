#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "delivery/breaker.hpp"
#include "delivery/options.hpp"

namespace trunkline::delivery {

// How many requests a consumer has made of those that its target allows in a span of time, kept over restarts. Pure; not
// thread-safe.
//
// Promise: no more than `requests` less `reserve` are given out in any span (rolling), or in any one window (calendar), over crashes at
// any instant and over wall clocks that are set while the process runs.
//
// Over crashes: requests are claimed in blocks, and none of a block is given out before the claim is on disk. A crash counts what was left of one
// block as used: at most kBlockMax, and at most 1/200 of the budget. What is left is given back when the consumer stops, and when time
// goes on to the next slot.
//
// Over time: a rolling span is divided into kSlots slots, and what was claimed in the present one and the kSlots before it is
// counted, so that a request weighs at least the span and at most one slot longer (10 minutes of 24 hours). A calendar window is a single
// slot. While the process runs ages are the monotonic clock's: when the wall clock is set by over a minute, what was claimed moves
// with it. What stands in the future after a restart was claimed before now whatever the clock said, and is counted as of now.
// A clock that is set forward while the process is down, or in the milliseconds before it is killed, cannot be told from time
// that has passed.
class Budget {
 public:
  static constexpr std::int64_t kSlots = 144;
  static constexpr std::uint64_t kBlockMax = 1'000;

  // Not bounded when options.requests is 0.
  explicit Budget(const BudgetOptions& options);

  bool bounded() const { return options_.requests > 0; }
  // What a predecessor has stored, once, before anything else. False: unreadable; then the whole budget counts as used in the
  // first slot that is seen, since more than allowed must not go out.
  bool restore(std::string_view stored);
  // Before every other call that follows at a later time.
  void tick(Now now);

  // Whether a request may go.
  bool ready() const { return !bounded() || unspent_ > 0; }
  void take();  // only when ready()
  // When the next one is allowed, if that is not now and not once a claim is stored.
  std::optional<base::WallTime> used_up_until() const;

  // What is to be stored so that the next request may go: only when none is ready, and nothing while a claim is under way.
  std::optional<std::string> claim();
  // It is to be stored although no request waits: the wall clock was set, and a restart must not take it for time that has passed.
  bool unsettled() const { return shifted_; }
  // The claim is on disk, or nobody knows: then it is claimed again, and counted once.
  void stored(bool ok);
  // Nothing more will be taken: what to store so that what is left of the block is not counted. Nothing: there is nothing left.
  std::optional<std::string> give_back();

  std::uint64_t limit() const { return options_.requests - options_.reserve; }
  std::uint64_t used() const;  // in the present span, without what is left of the block

 private:
  std::int64_t slot_of(base::WallTime time) const;
  base::WallTime begin_of(std::int64_t slot) const;
  std::uint64_t counted() const;
  std::uint64_t block() const;
  void return_unspent();
  void shift(base::Millis by);
  std::string encode() const;

  const BudgetOptions options_;
  const std::int64_t length_;  // of a slot, in milliseconds
  const std::int64_t before_;  // slots that count before the present one

  std::map<std::int64_t, std::uint64_t> slots_;  // claimed, by slot; at most before_ + 2
  std::int64_t slot_ = 0;                        // the present one
  std::optional<Now> last_;
  std::uint64_t unspent_ = 0;  // of a stored claim
  std::uint64_t claimed_ = 0;  // counted, not known to be stored
  std::int64_t block_slot_ = 0;
  bool storing_ = false;
  bool unreadable_ = false;
  bool shifted_ = false;  // by a clock that was set; what is stored does not know
};

}  // namespace trunkline::delivery
