#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "json/document.hpp"

namespace trunkline::sim {

enum class Verdict : std::uint8_t { accepted, duplicate, conflict, quarantined, ignored, failed };
std::string_view name(Verdict verdict);

struct ItemAnswer {
  Verdict verdict = Verdict::failed;
  std::uint64_t sequence = 0;  // of a duplicate: its twin's; 0: none
};

// Reads the hub's answer to a POST: {"results":[{"verdict":"accepted","sequence":123,"id":"…"},…],…}, one result per
// event in the order of the POST. Errc::invalid when it is not that or names an unknown verdict.
class AnswerReader {
 public:
  base::Result<std::vector<ItemAnswer>> read(std::string_view body);

 private:
  json::Document document_;
};

}  // namespace trunkline::sim
