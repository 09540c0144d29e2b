#pragma once

#include <cstdint>
#include <string>

#include "sim/histogram.hpp"

namespace trunkline::bench {

// Appends of `bytes` bytes with an fdatasync each, for so long: what the disk itself takes. A fresh file, removed.
sim::Histogram time_fdatasync(const std::string& directory, std::size_t bytes, double seconds);

// Makes a hub's store that knows so many identities and holds nothing else; the time it took, in seconds.
double fill_identities(const std::string& directory, std::uint64_t identities);

}  // namespace trunkline::bench
