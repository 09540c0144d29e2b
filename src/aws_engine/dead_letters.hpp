#pragma once

#include <cstdint>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "aws_engine/outbox.hpp"
#include "aws_engine/settle.hpp"
#include "engine/engine.hpp"

// Dead letters of one queue. Every function blocks; any thread but the engine's own loop.
namespace trunkline::aws_engine {

base::Result<std::vector<engine::DeadLetter>> list_dead_letters(Cloud& cloud, const QueueInfo& queue,
                                                                engine::Page page);

// The outbox is told on its loop what to say at once; the entries are in the table.
enum class LetterAction : std::uint8_t { redrive, purge };
base::Result<std::uint64_t> end_dead_letters(Cloud& cloud, Outbox& outbox, const QueueInfo& queue,
                                             const engine::RedriveFilter& filter, LetterAction action);

}  // namespace trunkline::aws_engine
