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

std::string prefix_end(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace trunkline::queue
