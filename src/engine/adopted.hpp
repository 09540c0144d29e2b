#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "engine/record.hpp"

namespace trunkline::engine {

// Where an event that is not settled stands in one queue, as it is carried from one engine to another.
struct Adopted {
  enum class Place : std::uint8_t {
    waiting,      // or it backs off, or was leased
    parked,       // it holds its lane
    dead_letter,  // it was skipped; its lane went on
  };
  base::QueueId queue;
  RecordPtr record;  // with its number in the engine that adopts it, or is asked
  Place place = Place::waiting;
  std::uint32_t attempts = 0;       // of a waiting one: 0 where it is not the first of its lane
  std::uint32_t receive_count = 0;  // of a pulled queue, where the engine keeps it
  std::string error_class{};        // of the last attempt
  std::string error_detail{};
  base::WallTime since{};  // of the last attempt
  bool redriven = false;
  bool gap = false;                     // a dead letter: nothing of its lane has been delivered since
  std::optional<std::string> edited{};  // the body that is delivered instead of the event's own
};

}  // namespace trunkline::engine
