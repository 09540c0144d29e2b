#pragma once

#include <memory>
#include <string>

#include "app/siem_sinks.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "delivery/sink.hpp"

// Sinks of databases and of other systems that programs read from, from their configuration. As make_sink() of
// from_config.hpp says.
namespace trunkline::app {

std::string kafka_target(const config::KafkaSink& sink);
std::string s3_target(const config::S3Sink& sink);
std::string postgres_target(const config::PostgresSink& sink);

base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::PostgresSink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::S3Sink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::HubSink& sink, SinkParts parts);
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::KafkaSink& sink, SinkParts parts);

}  // namespace trunkline::app
