#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "simulation/plan.hpp"

namespace trunkline::simulation {

// What a run met, or many runs together.
struct Report {
  std::array<std::uint64_t, kKinds> fired{};     // by Kind: how often it took effect
  std::array<std::uint64_t, kKinds> followed{};  // of them, with a delivery after it in the same run
  std::uint64_t runs = 0;
  double hours = 0;                // simulated
  std::uint64_t events = 0;        // stored
  std::uint64_t deliveries = 0;    // first ones, over all consumers
  std::uint64_t repeats = 0;       // taken again by a downstream
  std::uint64_t dead_letters = 0;  // seen in listings
  std::uint64_t reopens = 0;       // of the store after an error
  std::uint64_t tasks = 0;

  void add(const Report& other);
};

// What became of the events of one consumer.
struct ConsumerTally {
  std::uint64_t lanes = 0;
  std::uint64_t events = 0;
  std::uint64_t taken = 0;     // of them
  std::uint64_t rejected = 0;  // of them: at least once
};

// One thing that must not be. `rule` is the promise: "I3".
struct Finding {
  std::string rule;
  std::string text;
};

// A table for people.
std::string describe(const Report& report);

}  // namespace trunkline::simulation
