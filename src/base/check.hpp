#pragma once

#include <string_view>

namespace trunkline::base {

// Prints the place and the message and aborts. For what cannot happen; expected failures are Results.
[[noreturn]] void check_failed(const char* file, int line, const char* expression, std::string_view message);

}  // namespace trunkline::base

// Always on, in every build.
#define TRUNKLINE_CHECK(condition, message)                                     \
  do {                                                                          \
    if (!(condition)) [[unlikely]]                                              \
      ::trunkline::base::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)
