#pragma once

#include <memory>
#include <string>

#include "app/siem_sinks.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "delivery/sink.hpp"
#include "sinks/case_store.hpp"

// Sinks of systems that keep customers, from their configuration. As make_sink() of from_config.hpp says.
namespace trunkline::app {

// What reaches a system in the Internet: the client, or the shadow's log, behind a token where there is OAuth. `masked` are
// headers that nobody is shown.
base::Result<std::unique_ptr<sinks::HttpSender>> reach_sender(const SinkParts& parts, const config::Reach& reach,
                                                              const config::Oauth& oauth,
                                                              std::vector<std::string> masked);

// Where its requests go, without credentials; empty for a kind of another file.
std::string crm_target(const config::Consumer& consumer);

base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::TemplateSink& sink, SinkParts parts);
// Without a store, which is good for trying it, no case is kept.
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SalesforceSink& sink, SinkParts parts,
                                                           std::unique_ptr<sinks::CaseStore> store);

base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::TranscriptSink& sink, SinkParts parts);

}  // namespace trunkline::app
