#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "migrate/destination.hpp"
#include "migrate/origin.hpp"

namespace trunkline::migrate {

struct QueueCount {
  event::Order order = event::Order::none;
  std::uint64_t waiting = 0;
  std::uint64_t parked = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t edited = 0;     // of all these: their body is an operator's
  std::uint64_t attempted = 0;  // of those that wait: an attempt has failed, or they were redriven
  std::uint64_t bytes = 0;      // of all these

  std::uint64_t open() const { return waiting + parked + dead_letters; }
};

// What an engine holds that a migration carries.
struct Survey {
  std::map<std::string, QueueCount> queues{};
  std::uint64_t events = 0;            // that some queue is not done with
  std::uint64_t known = 0;             // settled ones that are carried, so that their repeats stay suppressed
  std::uint64_t bytes = 0;             // of both
  std::uint64_t without_identity = 0;  // of `events`
  std::uint64_t largest = 0;           // body
  std::uint64_t too_large = 0;         // of `events` and `known`: over the destination's limit
  std::map<std::string, std::uint64_t> state_keys{};  // by owner
  std::uint64_t quarantined = 0;
  std::map<std::string, base::Sequence> last_special{};  // by queue: the last event that does more than wait
};

// State that is of no use elsewhere: of operations, which go by the log's numbers, and of migrations.
bool is_carried(const std::string& owner);
// Of the queues `only`.
base::Result<Survey> survey(Origin& origin, const Wanted& wanted, const std::vector<std::string>& only,
                            const Limits& limits = {});

// Why something stays behind.
struct Obstacle {
  std::string queue;  // empty: the whole
  std::string reason;
  std::uint64_t events = 0;  // that it concerns
  bool stays = true;         // the queue stays behind, with all that is in it
  bool fatal = false;        // nothing goes over while this holds
};

// `wanted`: the queues as the configuration has them.
std::vector<Obstacle> obstacles(const std::vector<OriginQueue>& queues, const Survey& survey,
                                const std::vector<engine::QueueSpec>& wanted, const Limits& limits, bool to_aws);

// Empty where both hold the same.
std::vector<std::string> differences(const Survey& origin, const Survey& destination,
                                     const std::vector<std::string>& queues);

}  // namespace trunkline::migrate
