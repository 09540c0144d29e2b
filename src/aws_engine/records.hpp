#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "engine/record.hpp"

namespace trunkline::aws_engine {

// The largest body that is stored: a transaction is 4 MB, with what goes beside it.
constexpr std::size_t kBodyMax = 3'600'000;

// The items of an event, to be put where none of that sequence is; `ends` in seconds since 1970. `nonce` says whose they
// are, so that a lost answer can be told from a sequence that somebody else has taken.
std::vector<Write> event_writes(const engine::Record& record, std::string_view nonce, std::uint64_t ends);

// Null where there is no such event (any more). Errc::corrupt: it is not what was written.
using RecordDone = base::UniqueFunction<void(base::Result<engine::RecordPtr>)>;
void load_record(Cloud& cloud, base::Sequence sequence, RecordDone done);
base::Result<engine::RecordPtr> load_record_wait(Cloud& cloud, base::Sequence sequence);

}  // namespace trunkline::aws_engine
