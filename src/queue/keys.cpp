#include "queue/keys.hpp"

namespace trunkline::queue {

std::vector<store::Family> families(std::function<bool(std::string_view, std::string_view)> identity_expired) {
  using store::Shape;
  return {{"log", Shape::log, {}},
          {"scan", Shape::log, {}},
          {"identity", Shape::lookup, std::move(identity_expired)},
          {"queue", Shape::small, {}},
          {"quarantine", Shape::small, {}},
          {"meta", Shape::small, {}},
          {"state", Shape::small, {}}};
}

base::Result<base::Sequence> newest_sequence(const store::Store& store) {
  TRUNKLINE_TRY(const auto last, store.last_key(handle(Table::scan)));
  base::Sequence newest{last ? sequence_of(*last).value : 0};
  for (const std::string_view key : {kEndKey, kSweptKey}) {
    TRUNKLINE_TRY(const auto bound, store.get(handle(Table::meta), key));
    if (bound) newest = std::max(newest, sequence_of(*bound));
  }
  return newest;
}

std::string prefix_end(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace trunkline::queue
