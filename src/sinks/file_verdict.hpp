#pragma once

#include <string>

#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "sinks/file_ops.hpp"

// What sinks that write files say of a disk.
namespace trunkline::sinks {

// Delivered, or `unavailable` with the class "disk_full", "permission" or "io_error": no event is ever at fault.
delivery::EventVerdict file_verdict(const base::Result<void>& written);

// For people: where files would be made, and how much room there is.
std::string room_text(const FileOps::Room& room);

}  // namespace trunkline::sinks
