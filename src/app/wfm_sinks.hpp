#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/siem_sinks.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "event/enrich.hpp"
#include "sinks/adherence_sink.hpp"
#include "wfm/code_table.hpp"

// Sinks of workforce management, from their configuration. As make_sink() of from_config.hpp says.
namespace trunkline::app {

// The codes of every consumer that has any; the error names the consumer, the file and the line.
base::Result<void> check_codes(const config::Config& config);

// Of the consumer's file of codes as it is now; empty for a consumer without one, or where it cannot be read.
std::string codes_fingerprint(const config::Consumer& consumer);

// Without a store (a sink that is tried) nothing is kept. `names` may be null.
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(
    const config::AdherenceSink& sink, SinkParts parts, std::unique_ptr<sinks::AgentStore> store,
    std::function<std::optional<base::WallTime>()> oldest_waiting, std::shared_ptr<const event::NameTable> names);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(
    const config::AdherenceFilesSink& sink, SinkParts parts,
    std::function<std::optional<base::WallTime>()> oldest_waiting);

}  // namespace trunkline::app
