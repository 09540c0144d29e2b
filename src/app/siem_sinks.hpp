#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "net/io_loop.hpp"
#include "sinks/http_sender.hpp"
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

// What leaves of an event: its own bytes, or enriched.
sinks::Body body_of(config::HttpBody body);

// Such systems stand in the own network as a rule, or on this machine. `masked` and `answer` are the shadow's.
std::unique_ptr<sinks::HttpSender> sender_of(SinkParts& parts, const config::SinkTarget& target,
                                             std::vector<std::string> masked, std::string answer);

base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::ElasticsearchSink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SyslogSink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::DatadogSink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SentinelSink& sink, SinkParts parts);

}  // namespace trunkline::app
