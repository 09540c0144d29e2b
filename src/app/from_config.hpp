#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/keyring.hpp"
#include "app/alarm_webhook.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "delivery/options.hpp"
#include "delivery/sink.hpp"
#include "engine/engine.hpp"
#include "event/enrich.hpp"
#include "event/topic_table.hpp"
#include "filter/policy.hpp"
#include "mapping/mapping.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "queue/embedded_engine.hpp"
#include "sinks/adherence_sink.hpp"
#include "sinks/case_store.hpp"
#include "sinks/live_feed.hpp"
#include "sinks/mapped_sink.hpp"
#include "sinks/shadow.hpp"
#include "sns/http_sink.hpp"
#include "source/source_spec.hpp"
#include "sqs/service.hpp"
#include "watch/observer.hpp"
#include "watch/rest.hpp"

// What the configuration means to each module. The only place that knows both.
namespace trunkline::app {

net::HttpServerOptions server_options(const config::Config& config);
sqs::ServiceOptions sqs_options(const config::Config& config);
sns::HttpSinkOptions sns_http_options(const config::Config& config);
api::ApiCredentials api_credentials(const config::Config& config);
queue::EmbeddedOptions engine_options(const config::Config& config);
std::vector<source::SourceSpec> source_specs(const config::Config& config);
base::Result<event::TopicTable> topic_table(const config::Config& config);
// Nothing when no names file is configured.
base::Result<std::shared_ptr<const event::NameTable>> name_table(const config::Config& config);

engine::QueueSpec queue_spec(const config::Consumer& consumer);
delivery::Options delivery_options(const config::Consumer& consumer);
watch::Limits alarm_limits(const config::Config& config);
AlarmWebhookOptions alarm_webhook_options(const config::AlarmWebhook& webhook);
std::vector<watch::MaintenanceWindow> maintenance_windows(const config::Consumer& consumer);
// Of a policy that somebody asks about; `body_scope`: over the event's own JSON instead of its attributes.
base::Result<filter::Policy> policy_of(const std::string& text, bool body_scope);
// The error names the consumer and the place in the file.
base::Result<filter::Policy> policy_of(const config::Consumer& consumer);
bool is_pulled(const config::Consumer& consumer);
std::string sink_kind(const config::Consumer& consumer);
// Where to, without credentials: a URL, a path; may be empty.
std::string sink_target(const config::Consumer& consumer);
// Nothing when the consumer's sink is another.
std::optional<sinks::LiveOptions> live_options(const config::Consumer& consumer);
// What sinks that remember something are given by the hub; a sink that is only tried gets none of it.
struct SinkMemory {
  std::unique_ptr<sinks::CaseStore> cases;
  std::unique_ptr<sinks::AgentStore> agents;
  std::function<std::optional<base::WallTime>()> oldest_waiting;  // accepted_at, of what waits for the sink
};

// For every kind but live, whose sink is the hub's to make. With a log it sends nothing, and tells that of each request.
// On the consumer's loop, or before the loop runs. Errc::unsupported for a kind that this version does not have.
// Where mappings are given, the sink stands behind a sinks::MappedSink.
base::Result<std::unique_ptr<delivery::Sink>> make_sink(const config::Consumer& consumer, net::IoLoop& loop,
                                                        std::shared_ptr<const event::NameTable> names,
                                                        std::shared_ptr<sinks::ShadowLog> shadow = nullptr,
                                                        const sinks::MappedSinkOptions& mapping = {},
                                                        SinkMemory memory = {});

// The sink, behind the mappings where there are any.
std::unique_ptr<delivery::Sink> mapped_sink(std::unique_ptr<delivery::Sink> sink,
                                            const sinks::MappedSinkOptions& mapping, base::Loop& loop);

// What the consumer gets of events; null where it is all of them as they came. `key` is that of hashes and tokens. The
// error names the rule's place in the file.
base::Result<std::shared_ptr<const mapping::Mapping>> mapping_of(const config::Consumer& consumer,
                                                                 const std::string& key);
// What operators see of events; null where it is all of them as they came.
std::shared_ptr<const mapping::Mapping> views_of(const config::Config& config, const std::string& key);
// The key for a look at a configuration alone, where the store's is not known.
std::string mapping_key(const config::Config& config);

}  // namespace trunkline::app
