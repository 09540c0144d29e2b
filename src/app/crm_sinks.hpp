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

// Where its requests go, without credentials; empty for a kind of another file.
std::string crm_target(const config::Consumer& consumer);

base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::TemplateSink& sink, SinkParts parts);
// Without a store, which is good for trying it, no case is kept.
base::Result<std::unique_ptr<delivery::Sink>> make_sink_of(const config::SalesforceSink& sink, SinkParts parts,
                                                           std::unique_ptr<sinks::CaseStore> store);

}  // namespace trunkline::app
