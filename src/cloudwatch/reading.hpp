#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trunkline::cloudwatch {

// As CloudWatch's StandardUnit has them.
enum class Unit : std::uint8_t { count, seconds };

// One metric at one moment.
struct Reading {
  std::string name;          // "Waiting"
  std::string dimension{};   // its name, "Consumer"; empty: the metric has none
  std::string belongs_to{};  // its value, "crm"
  double value = 0;
  Unit unit = Unit::count;
  bool grows = false;  // `value` is counted since the process began: what is put is how much it has grown
};

}  // namespace trunkline::cloudwatch
