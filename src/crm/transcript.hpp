#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace trunkline::crm {

// What was said in one communication, for people to read.
struct TranscriptText {
  std::string text;
  std::size_t phrases = 0;
  bool cut = false;  // not all of them are in the text, which says so at its end
};

// Of the JSON that Genesys's transcript URL leads to (transcripts[].phrases[] with text, decoratedText, participantPurpose,
// and startTimeMs or offsetMs): a line for each phrase, in order of time, "00:01:07 Customer: …", the time counted from the
// first one. `external` is the customer, `internal` the agent; others keep their name. Phrases without a text and members of
// another type than that are passed over. At most `bytes_max`, cut between phrases. Errc::invalid: it is no JSON, or there is
// no list of transcripts in it. Pure.
base::Result<TranscriptText> transcript_text(std::string_view json, std::size_t bytes_max);

}  // namespace trunkline::crm
