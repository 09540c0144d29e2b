#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace trunkline::mapping {

// One record of ArcSight's Common Event Format, version 0, of what the ready mapping `cef-audit` makes (or a mapping of
// the same form): {"device_vendor", "device_product", "device_version", "signature_id", "name", "severity", "extension":
// {key: value}}. Header fields that are missing are "Genesys", "Genesys Cloud", "2", "event", "event" and 3. Escaped as
// the format says: backslash and pipe in the header, backslash, equals sign and line breaks in values; a value that is an
// object or a list is its JSON. Extension keys that are not letters and digits are left out. One line without a line
// break. Errc::invalid for what is no JSON object.
base::Result<std::string> cef_line(std::string_view json);

}  // namespace trunkline::mapping
