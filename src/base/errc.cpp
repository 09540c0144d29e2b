#include "base/errc.hpp"

#include <array>

namespace trunkline::base {
namespace {

struct Row {
  Errc code;
  std::string_view name;
  int http_status;
};

constexpr std::array kTable = {
    Row{Errc::invalid, "invalid", 400},         Row{Errc::unauthenticated, "unauthenticated", 401},
    Row{Errc::not_found, "not_found", 404},     Row{Errc::conflict, "conflict", 409},
    Row{Errc::too_large, "too_large", 413},     Row{Errc::overloaded, "overloaded", 503},
    Row{Errc::unavailable, "unavailable", 503}, Row{Errc::disk_full, "disk_full", 503},
    Row{Errc::corrupt, "corrupt", 500},         Row{Errc::timeout, "timeout", 504},
    Row{Errc::cancelled, "cancelled", 503},     Row{Errc::unsupported, "unsupported", 501},
};

constexpr bool in_enum_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].code) != i) return false;
  }
  return true;
}
static_assert(in_enum_order());

}  // namespace

std::string_view name(Errc code) {
  return kTable[static_cast<std::size_t>(code)].name;
}
int http_status(Errc code) {
  return kTable[static_cast<std::size_t>(code)].http_status;
}

}  // namespace trunkline::base
