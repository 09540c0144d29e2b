#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "delivery/options.hpp"
#include "event/event.hpp"
#include "simulation/traffic.hpp"

namespace trunkline::simulation {

// What a step of a plan does. All but `publish` are counted by the report.
enum class Kind : std::uint8_t {
  publish,
  // the process
  power_cut,               // at any moment
  power_cut_in_sync,       // what was being synced is torn
  power_cut_after_commit,  // on disk, not answered
  restart,                 // asked to stop, started again
  // the disk
  sync_error,
  append_error,
  disk_full,
  slow_disk,
  // the clock
  clock_forward,
  clock_back,
  // a downstream
  refused,
  hang,
  answers_503,
  answers_401,
  every_item_fails,
  some_items_fail,
  busy,  // 429 with Retry-After
  slow,
  lost_answer,  // takes the events, then the connection breaks
  poison,       // some events are refused until it is over
  // the senders
  duplicate,
  republished,
  conflict,
  reordered,
  garbage,  // goes to the quarantine
  // the operators
  pause,
  resume,
  redrive,
  purge,
  filter_change,
  new_consumer,
  remove_consumer,
  redrive_operation,
  replay,
  steer,  // an operation is paused, resumed or cancelled
  // what time does
  expired,  // not a step: something has waited longer than max_wait
};
inline constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::expired) + 1;
std::string_view name(Kind kind);
// Whether it is a state of a downstream that lasts.
constexpr bool is_downstream(Kind kind) {
  return kind >= Kind::refused && kind <= Kind::poison;
}

// One thing to send: an event's content in one of its envelopes, or bytes that are no event.
struct Item {
  EventKey key;
  std::uint32_t copy = 0;
  bool garbage = false;
};

struct Step {
  std::uint32_t id = 0;  // place in the full plan: what a shrunk run keeps is named by it
  base::Millis at{0};    // since the start
  Kind kind = Kind::publish;
  std::uint32_t consumer = 0;
  base::Millis span{0};
  std::uint64_t value = 0;
  std::vector<Item> items;
};

enum class SinkKind : std::uint8_t {
  webhook,        // one event a request
  webhook_lines,  // a batch a request, all or nothing
  hec,            // names the bad event of a batch
  bulk,           // a verdict for each item
  pulled,         // no sink: clients receive and settle
};

struct ConsumerPlan {
  std::string name;
  SinkKind sink = SinkKind::webhook;
  event::Order order = event::Order::none;
  std::size_t filter = 0;
  delivery::Options options;
  base::Millis event_time_window{0};                    // of some that have an order
  base::Millis begins{0};                               // 0: there from the start
  base::Millis answers_after{0};                        // of its downstream, besides its faults, until these end
  base::Millis max_wait = std::chrono::hours(24 * 14);  // longer than any run, but where expiry is meant
};

struct Plan {
  std::uint64_t seed = 1;
  base::Millis length = std::chrono::hours(1);
  std::size_t loops = 2;
  std::uint32_t lanes = 20;
  std::size_t tail_bytes_max = 1 << 20;
  // Of the store, which merges no files here: a long run with little of it has thousands of them, each read anew.
  std::uint64_t memory_budget = 16 << 20;
  std::size_t window = 1'000;
  bool shuffle = true;                // loops take turns at random
  base::Millis disk_tick{0};          // > 0: commits happen at its multiples only; 0: after random times
  std::uint64_t poison_percent = 15;  // of the events, while there is poison
  base::Millis replay_max = std::chrono::minutes(30);  // as much of the past a replay gives again
  std::vector<ConsumerPlan> consumers;
  std::vector<Step> steps;  // by time
};

// All of a run that is decided before it begins. Each seed has its own share of every kind of fault, none among them.
Plan make_plan(std::uint64_t seed, base::Millis length);

// Events one after the other until the plan's end, at a rate, so many at a time as are due.
void publish_steadily(Plan& plan, base::Millis every, std::uint32_t events_a_second);
// Brings the steps into the order of their times and numbers them, once all are there.
void number_steps(Plan& plan);

// A part of a plan: steps by their ids and consumers by their places, as a shrunk run names them.
struct Mask {
  std::vector<bool> steps;      // empty: all
  std::vector<bool> consumers;  // empty: all
};
Plan masked(const Plan& plan, const Mask& mask);

}  // namespace trunkline::simulation
