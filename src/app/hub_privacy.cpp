// What of events consumers and operators get to see.
#include <fmt/format.h>

#include <algorithm>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "base/crypto.hpp"

namespace trunkline::app {

using base::Result;

// Without a configured key the store keeps one, so that hashes and tokens live through a restart.
Result<std::string> Hub::stored_mapping_key(const config::Config& config) {
  if (!config.privacy.key.empty()) return config.privacy.key.reveal();
  TRUNKLINE_TRY(const auto stored, engine_->get_state("privacy", "key"));
  if (stored) return stored->bytes;
  std::string key = base::random_bytes(32);
  const Result<void> put = put_state("privacy", "key", 0, key);
  if (!put.ok()) return put.error().with("store the key of hashes and tokens");
  return key;
}

void Hub::take_privacy(const config::Config& config) {
  auto views = views_of(config, mapping_key_);
  const std::scoped_lock lock(views_mutex_);
  views_ = std::move(views);
  raw_by_ = config.privacy.raw_by;
}

Result<sinks::MappedSinkOptions> Hub::mappings_of(const config::Consumer& consumer) {
  sinks::MappedSinkOptions options;
  TRUNKLINE_TRY(options.mapping, mapping_of(consumer, mapping_key_));
  options.views = [this] { return views(); };
  options.names = names_;
  return options;
}

std::shared_ptr<const mapping::Mapping> Hub::views() {
  const std::scoped_lock lock(views_mutex_);
  return views_;
}

bool Hub::may_see_raw(std::string_view caller) {
  const std::scoped_lock lock(views_mutex_);
  return std::ranges::find(raw_by_, caller) != raw_by_.end();
}

}  // namespace trunkline::app
