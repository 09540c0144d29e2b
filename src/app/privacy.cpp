// What consumers and operators get to see of events, by the configuration.
#include <fmt/format.h>

#include <algorithm>

#include "app/from_config.hpp"

namespace trunkline::app {

using base::Errc;
using base::Result;
using mapping::Mapping;

std::unique_ptr<delivery::Sink> mapped_sink(std::unique_ptr<delivery::Sink> sink,
                                            const sinks::MappedSinkOptions& mapping, base::Loop& loop) {
  if (!mapping.mapping && !mapping.views) return sink;
  return std::make_unique<sinks::MappedSink>(std::move(sink), mapping, loop);
}

Result<std::shared_ptr<const Mapping>> mapping_of(const config::Consumer& consumer, const std::string& key) {
  mapping::MappingOptions options;
  options.protect = consumer.privacy == config::Privacy::protect;
  options.key = key;
  for (const config::MappingItem& item : consumer.mapping) options.items.push_back(item.json);
  if (!options.protect && options.items.empty()) return std::shared_ptr<const Mapping>();
  auto compiled = Mapping::compile(std::move(options));
  if (const auto* fault = std::get_if<Mapping::Fault>(&compiled)) {
    const config::Place place = consumer.mapping[fault->item].place;
    return {Errc::invalid, fmt::format("{}:{}: error: mapping of consumer '{}': {}", place.line, place.column,
                                       consumer.name, fault->text)};
  }
  return std::get<std::shared_ptr<const Mapping>>(std::move(compiled));
}

std::shared_ptr<const Mapping> views_of(const config::Config& config, const std::string& key) {
  const bool any = std::ranges::any_of(
      config.consumers, [](const config::Consumer& consumer) { return consumer.privacy == config::Privacy::protect; });
  const config::Views views = config.privacy.views;
  if (views == config::Views::raw || (views == config::Views::automatic && !any)) return nullptr;
  mapping::MappingOptions options;
  options.protect = true;
  options.key = key;
  auto compiled = Mapping::compile(std::move(options));
  return std::get<std::shared_ptr<const Mapping>>(std::move(compiled));
}

std::string mapping_key(const config::Config& config) {
  return config.privacy.key.empty() ? "the store of the hub keeps the key" : config.privacy.key.reveal();
}

}  // namespace trunkline::app
