#include "aws_engine/standing.hpp"

#include <chrono>

#include "aws_engine/codec.hpp"
#include "aws_engine/settle.hpp"

namespace trunkline::aws_engine {

base::Result<Standing> standing_wait(Cloud& cloud, base::QueueId queue, base::Sequence sequence) {
  Standing standing;
  TRUNKLINE_TRY(const auto message, cloud.get_wait(message_key(sequence, queue)));
  if (message) {
    standing.fate = message->text("e_fate");
    standing.attempts = static_cast<std::uint32_t>(message->number("e_attempts"));
    standing.redriven = message->number("e_redriven") != 0;
    standing.error_class = message->text("e_class");
    const std::uint64_t ends = message->number("e_ends");
    if (!standing.fate.empty() && ends > kFateKeepSeconds) standing.since = wall((ends - kFateKeepSeconds) * 1'000);
  }
  TRUNKLINE_TRY(const auto letter, cloud.get_wait(dead_letter_key(queue, sequence)));
  if (letter) {
    standing.dead_letter = true;
    standing.attempts = static_cast<std::uint32_t>(letter->number("e_attempts"));
    standing.error_class = letter->text("e_class");
    standing.error_detail = letter->text("e_detail");
    standing.since = wall(letter->number("e_since"));
  }
  return standing;
}

}  // namespace trunkline::aws_engine
