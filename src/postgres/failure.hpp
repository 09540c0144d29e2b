#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace trunkline::postgres {

// Why a write has not happened, or why nobody knows whether it has.
struct Failure {
  enum class Kind : std::uint8_t {
    unreachable,  // no connection, or it broke; in the middle of a commit nobody knows
    timeout,      // no answer within the deadline; nobody knows
    server,       // the server says no, in `sqlstate`; nothing was written
    cancelled,    // the writer has ended
  };
  Kind kind = Kind::unreachable;
  std::string sqlstate{};            // five characters (PostgreSQL's appendix A); empty where the server has said none
  std::string message{};             // for people
  std::optional<std::size_t> row{};  // of a COPY: which of its rows the server names, from 0
};

}  // namespace trunkline::postgres
