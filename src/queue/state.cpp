#include "queue/state.hpp"

#include "queue/keys.hpp"

namespace trunkline::queue {

std::string state_key(const std::string& owner, const std::string& key) {
  std::string out = owner;
  out.push_back('\0');
  return out + key;
}

void stage_state(store::Batch& batch, const std::string& owner, const engine::Engine::StateWrite& write) {
  const std::string key = state_key(owner, write.key);
  if (!write.bytes) return batch.remove(handle(Table::state), key);
  std::string value;
  base::put_u64(value, 1);
  value += *write.bytes;
  batch.put(handle(Table::state), key, value);
}

}  // namespace trunkline::queue
