#pragma once

#include <string_view>

namespace trunkline::app {

constexpr std::string_view kVersion = TRUNKLINE_VERSION;

}  // namespace trunkline::app
