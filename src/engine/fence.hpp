#pragma once

#include "engine/engine.hpp"

// A store whose events have gone to another engine, or are on their way here, is not to be served: what is delivered from
// both would be delivered twice. The mark is a text in the state, for people: it says what has happened and the way out.
namespace trunkline::engine {

inline constexpr const char* kFenceOwner = "migrate";
inline constexpr const char* kFenceKey = "fence";

// Errc::conflict, with the mark's text, where there is one.
inline base::Result<void> refuse_fenced(Engine& engine) {
  TRUNKLINE_TRY(const auto mark, engine.get_state(kFenceOwner, kFenceKey));
  if (mark && !mark->bytes.empty()) return {base::Errc::conflict, mark->bytes};
  return {};
}

}  // namespace trunkline::engine
