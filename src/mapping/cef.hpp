#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

// Common Event Format, version 0 (ArcSight; also what Microsoft Sentinel files as CommonSecurityLog).
namespace trunkline::mapping {

// One line: CEF:0|Vendor|Product|Version|SignatureID|Name|Severity|key=value … Header fields escape \ and |; values escape
// \, = and line breaks (as \n and \r). Control characters become blanks. Keys are the caller's: letters and digits.
class CefLine {
 public:
  CefLine(std::string_view vendor, std::string_view product, std::string_view version, std::string_view signature_id,
          std::string_view name, std::string_view severity);
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

// The line of what the ready mapping `cef-audit` makes, or a mapping of the same form: {"device_vendor", "device_product",
// "device_version", "signature_id", "name", "severity", "extension": {key: value}}. Header fields that are missing are
// "Genesys", "Genesys Cloud", "2", "event", "event" and 3. A value that is an object or a list is its JSON. Extension keys
// that are not letters and digits are left out. Errc::invalid for what is no JSON object with an `extension` that is one.
base::Result<std::string> cef_line(std::string_view json);

}  // namespace trunkline::mapping
