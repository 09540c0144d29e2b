// What of events consumers and operators get to see.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "app/stored_secret.hpp"
#include "sinks/live_sink.hpp"

namespace trunkline::app {

using base::Result;

// Without a configured key the engine keeps one, so that hashes and tokens live through a restart.
Result<std::string> Hub::stored_mapping_key(const config::Config& config) {
  if (!config.privacy.key.empty()) return config.privacy.key.reveal();
  return stored_secret(*engine_, *loops_[0], "privacy", "key", "the key of hashes and tokens");
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

// ---- which mapping a consumer had when

namespace {

constexpr std::size_t kPartBytes = 64 << 10;  // of one value of the engine's state
constexpr const char* kTexts = "mappings";
constexpr const char* kLog = "log";
// Changes of one consumer that are kept, the oldest forgotten first.
constexpr std::size_t kChangesMax = 500;
constexpr int kTriesMax = 10;  // while other workers note theirs

std::string log_owner(const std::string& consumer) {
  return "mapping/" + consumer;
}
std::string part_key(const std::string& version, std::size_t part) {
  return fmt::format("{}/{:04}", version, part);
}

// Lines of milliseconds and a version, which is empty for none.
struct Change {
  std::int64_t since_ms = 0;
  std::string version;
};
std::vector<Change> parse_log(std::string_view text) {
  std::vector<Change> changes;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    Change change;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), change.since_ms);
    change.version = line.substr(std::min(line.size(), static_cast<std::size_t>(parsed.ptr - line.data()) + 1));
    changes.push_back(std::move(change));
  }
  return changes;
}
std::string log_text(const std::vector<Change>& changes) {
  std::string text;
  const std::size_t from = changes.size() - std::min(changes.size(), kChangesMax);
  for (std::size_t i = from; i < changes.size(); ++i)
    text += fmt::format("{} {}\n", changes[i].since_ms, changes[i].version);
  return text;
}

}  // namespace

Result<void> Hub::note_mapping(const config::Consumer& consumer) {
  TRUNKLINE_TRY(const auto mapping, mapping_of(consumer, mapping_key_));
  const std::string version = mapping ? mapping->version() : "";
  const std::string owner = log_owner(consumer.name);
  const auto same = [&](const std::vector<Change>& changes) {
    return changes.empty() ? version.empty() : changes.back().version == version;
  };
  TRUNKLINE_TRY(const auto stored, engine_->get_state(owner, kLog));
  if (same(parse_log(stored ? stored->bytes : ""))) return {};
  // The last part is the one that is not full.
  for (std::size_t part = 0; mapping; ++part) {
    const std::string bytes = mapping->text().substr(std::min(mapping->text().size(), part * kPartBytes), kPartBytes);
    TRUNKLINE_TRY_VOID(put_state(kTexts, part_key(version, part), bytes));
    if (bytes.size() < kPartBytes) break;
  }
  // What a board was told before is by another mapping.
  if (live_options(consumer)) TRUNKLINE_TRY_VOID(engine_->remove_state(sinks::LiveSink::state_owner(consumer.name)));
  for (int tries = 1;; ++tries) {
    TRUNKLINE_TRY(const auto now, engine_->get_state(owner, kLog));
    std::vector<Change> changes = parse_log(now ? now->bytes : "");
    if (same(changes)) return {};  // another worker was quicker
    changes.push_back({clock_.wall().time_since_epoch().count(), version});
    auto put = put_state(owner, kLog, now ? now->version : 0, log_text(changes));
    if (put.ok() || put.error().code != base::Errc::conflict || tries == kTriesMax) return put;
  }
}

Result<std::string> Hub::mapping_at(const std::string& consumer, base::WallTime at) {
  TRUNKLINE_TRY(const auto stored, engine_->get_state(log_owner(consumer), kLog));
  std::string version;
  for (Change& change : parse_log(stored ? stored->bytes : "")) {
    if (change.since_ms <= at.time_since_epoch().count()) version = std::move(change.version);
  }
  return version;
}

Result<std::string> Hub::run_mapping(const std::string& version) {
  std::string text;
  for (std::size_t part = 0;; ++part) {
    TRUNKLINE_TRY(const auto state, engine_->get_state(kTexts, part_key(version, part)));
    if (!state && part == 0)
      return base::Error{base::Errc::not_found,
                         fmt::format("no consumer has had a mapping of the version '{}'", version)};
    if (!state) return text;
    text += state->bytes;
    if (state->bytes.size() < kPartBytes) return text;
  }
}

void Hub::mapping_text(std::string version, base::Loop& reply_on, MappingCallback done) {
  looks_->ask(reply_on, std::move(done), [this, version = std::move(version)] { return run_mapping(version); });
}

}  // namespace trunkline::app
