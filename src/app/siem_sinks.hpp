#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "config/config.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "net/io_loop.hpp"
#include "sinks/render.hpp"
#include "sinks/shadow.hpp"

// Sinks of systems that keep and search events, from their configuration. As make_sink() of from_config.hpp says.
namespace trunkline::app {

// How the consumer's sink reaches its server; nothing for a kind of another file, or one without.
const config::SinkTarget* sink_target_of(const config::Consumer& consumer);

std::string syslog_target(const config::SyslogSink& sink);

struct SinkParts {
  const config::Consumer& consumer;
  event::Order order;
  net::IoLoop& loop;
  sinks::Renderer renderer;
  std::shared_ptr<sinks::ShadowLog> shadow;  // shared with who shows it; none: it sends
};

base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::ElasticsearchSink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SyslogSink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::DatadogSink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SentinelSink& sink, SinkParts parts);

}  // namespace trunkline::app
