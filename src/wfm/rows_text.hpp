#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wfm/timeline.hpp"

namespace trunkline::wfm {

enum class RowFormat : std::uint8_t { csv, jsonl };

// "csv", "jsonl": of a file's name.
std::string_view suffix(RowFormat format);

// The rows of an interval as texts of files. CSV has a first row that names the columns, also where no other follows; times
// are RFC 3339 with milliseconds, UTC; seconds have three decimals. JSON Lines have the same members, seconds as a number,
// and what is not known as null.
//
//  changes   at, agent, code, previous, presence, routing, reason
//  times     begin, end, agent, code, seconds
//  late      at, interval, agent, code, presence, routing, reason
std::string changes_text(const IntervalRows& rows, RowFormat format);
std::string times_text(const IntervalRows& rows, RowFormat format);
std::string late_text(const IntervalRows& rows, RowFormat format);

// "20261126T101500Z", for names of files.
std::string stamp(Time at);

}  // namespace trunkline::wfm
