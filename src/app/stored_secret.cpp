#include "app/stored_secret.hpp"

#include "base/crypto.hpp"
#include "base/run_and_wait.hpp"

namespace trunkline::app {

using base::Result;

Result<std::string> stored_secret(engine::Engine& engine, base::Loop& loop, const std::string& owner,
                                  const std::string& key, const std::string& what) {
  TRUNKLINE_TRY(const auto stored, engine.get_state(owner, key));
  if (stored) return stored->bytes;
  std::string secret = base::random_bytes(32);
  const auto put = base::answer_of<Result<void>>(
      [&](engine::DoneCallback done) { engine.put_state(owner, key, 0, secret, loop, std::move(done)); });
  if (put.ok()) return secret;
  if (put.error().code != base::Errc::conflict) return put.error().with("store " + what);
  TRUNKLINE_TRY(const auto others, engine.get_state(owner, key));  // another one was quicker
  if (others) return others->bytes;
  return put.error().with("store " + what);
}

}  // namespace trunkline::app
