#pragma once

#include <string>
#include <string_view>

#include "engine/engine.hpp"

// Common Event Format, version 0 (ArcSight; also what Microsoft Sentinel files as CommonSecurityLog).
namespace trunkline::sinks {

// One line: CEF:0|Vendor|Product|Version|SignatureID|Name|Severity|key=value … Header fields escape \ and |; values escape
// \, = and line breaks (as \n and \r). Control characters become blanks. Keys are the caller's: letters and digits.
class CefLine {
 public:
  // `severity` is 0 to 10.
  CefLine(std::string_view vendor, std::string_view product, std::string_view version, std::string_view signature_id,
          std::string_view name, int severity);
  // Left out when the value is empty.
  CefLine& add(std::string_view key, std::string_view value);
  CefLine& add(std::string_view key, std::uint64_t value);
  std::string take() { return std::move(line_); }

 private:
  void key(std::string_view name);
  std::string line_;
  bool first_ = true;
};

// What every event of Genesys Cloud has: rt, externalId, cat, act, suid, msg, deviceExternalId, and by labels the conversation
// (cs1), the queue (cs2), the organisation (cs3), the lane (cs4) and the place in the hub's log (cn1). The event's body is not in it.
std::string cef_of(const engine::LeasedMessage& message, std::string_view version, int severity, std::string_view lane);

}  // namespace trunkline::sinks
