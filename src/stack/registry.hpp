#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "account/api.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "stack/answers.hpp"
#include "stack/spec.hpp"

namespace trunkline::stack {

// What the engine on AWS knows of queues, in its table: partition "reg", sort key "q#NAME" for each, and "counter" with the
// last number that was given. An entry that is complete spares workers every call that makes something, so that they need
// no permission for it.
class EngineRegistry {
 public:
  EngineRegistry(account::Api& api, std::string table) : api_(api), table_(std::move(table)) {}

  // The last number that was given, also to queues that are gone; 0: none, or there is no table.
  base::Result<std::uint32_t> last_number();

  // Writes the stack's queues down, deletes entries of consumers that are none any more, and answers in words what could
  // not be handed over. An entry with another number than the stack's is left as it is, and said. Nothing changes when
  // everything is there.
  base::Result<std::vector<std::string>> hand_over(const Spec& spec, const std::vector<StackResource>& resources,
                                                   base::WallTime now);
  // After the queues are deleted: their entries, not the counter. No table is no error.
  base::Result<void> forget();

  // Items of the table end by e_ends.
  base::Result<void> ensure_expiry();

 private:
  base::Result<std::map<std::string, RegistryEntry>> entries();
  base::Result<void> write(const Consumer& consumer, const std::map<std::string, std::string>& members,
                           base::WallTime now);
  base::Result<void> remove(const std::string& name, std::uint32_t number);
  base::Result<void> raise_counter(std::uint32_t number);
  // Subscriptions of a topic by what they deliver to.
  base::Result<std::map<std::string, std::string>> subscriptions(const std::string& topic);

  account::Api& api_;
  const std::string table_;
};

}  // namespace trunkline::stack
