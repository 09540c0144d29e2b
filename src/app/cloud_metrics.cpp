#include "app/cloud_metrics.hpp"

#include <algorithm>
#include <set>

#include "aws/credential_chain.hpp"
#include "aws/shared_files.hpp"
#include "aws/transport.hpp"
#include "engine/engine.hpp"
#include "watch/alarms.hpp"

namespace trunkline::app {
namespace {

using base::Result;
using cloudwatch::Reading;
using cloudwatch::Unit;

constexpr int kRefused = 400;  // status of an answer, and above

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

void add_hub(const api::HubMetrics& hub, bool ready, std::vector<Reading>& to) {
  const auto grown = [&](const char* name, std::uint64_t count) {
    to.push_back({name, {}, {}, number(count), Unit::count, true});
  };
  grown("Accepted", hub.accepted);
  grown("Duplicates", hub.duplicates);
  grown("Conflicts", hub.conflicts);
  std::uint64_t quarantined = 0;
  for (const auto& [reason, count] : hub.quarantined) quarantined += count;
  grown("Quarantined", quarantined);
  std::uint64_t refused = 0;
  for (const auto& each : hub.requests) refused += each.status >= kRefused ? each.count : 0;
  grown("RefusedRequests", refused);
  to.push_back({"InQuarantine", {}, {}, number(hub.in_quarantine)});
  to.push_back({"Ready", {}, {}, ready ? 1.0 : 0.0});
}

void add_consumer(const std::string& name, const engine::QueueStatistics& queue, base::WallTime now,
                  std::vector<Reading>& to) {
  const auto is = [&](const char* metric, double value, Unit unit, bool grows) {
    to.push_back({metric, "Consumer", name, value, unit, grows});
  };
  is("Waiting", number(queue.waiting), Unit::count, false);
  is("InFlight", number(queue.in_flight), Unit::count, false);
  is("BackingOff", number(queue.backing_off), Unit::count, false);
  is("Parked", number(queue.parked), Unit::count, false);
  is("DeadLetters", number(queue.dead_letters), Unit::count, false);
  // The engine's clock may be another machine's.
  const base::Millis age =
      queue.oldest_waiting ? std::max(now - *queue.oldest_waiting, base::Millis(0)) : base::Millis(0);
  is("OldestAge", static_cast<double>(age.count()) / 1'000, Unit::seconds, false);
  is("Delivered", number(queue.delivered), Unit::count, true);
  is("Expired", number(queue.expired), Unit::count, true);
}

}  // namespace

std::vector<Reading> readings_of(api::Hub& hub, base::WallTime now) {
  std::vector<Reading> readings;
  add_hub(hub.metrics(), hub.readiness().ready, readings);
  for (const api::ConsumerInfo& consumer : hub.consumers())
    add_consumer(consumer.name, hub.engine().statistics(consumer.queue), now, readings);
  std::set<watch::Alarm> open;
  for (const watch::Incident& incident : hub.alarms().open) open.insert(incident.alarm);
  for (std::size_t i = 0; i < watch::kAlarms; ++i) {
    const auto alarm = static_cast<watch::Alarm>(i);
    readings.push_back({"OpenAlarm", "Alarm", std::string(watch::name(alarm)), open.contains(alarm) ? 1.0 : 0.0});
  }
  return readings;
}

Result<std::unique_ptr<CloudMetrics>> CloudMetrics::start(api::Hub& hub, CloudMetricsOptions options,
                                                          const aws::Environment& environment) {
  TRUNKLINE_TRY(const aws::SharedFiles files, aws::SharedFiles::load(environment));
  if (options.region.empty()) options.region = aws::region_of(environment, files);
  if (options.region.empty())
    return {base::Errc::invalid, "metrics for CloudWatch need a region: set AWS_REGION, or the profile's"};
  std::string endpoint = aws::endpoint_of("cloudwatch", environment, files);
  if (endpoint.empty()) endpoint = options.endpoint;
  std::unique_ptr<CloudMetrics> made(new CloudMetrics(hub, std::move(options), std::move(endpoint), environment));
  made->loop_.start();
  made->loop_.post([metrics = made.get()] { metrics->next(); });
  return made;
}

CloudMetrics::CloudMetrics(api::Hub& hub, CloudMetricsOptions options, std::string endpoint,
                           const aws::Environment& environment)
    : hub_(hub), options_(std::move(options)), loop_("cloudwatch") {
  net::HttpClientOptions client;
  // An endpoint that the operator has named may be anywhere; VPC endpoints have private addresses.
  client.addresses.allow_private = true;
  client.addresses.allow_loopback = !endpoint.empty();
  credentials_ = aws::make_credential_chain(loop_, environment, options_.region);
  transport_ = std::make_unique<aws::ClientTransport>(loop_, std::move(client));
  aws::ClientOptions cloudwatch;
  cloudwatch.service = "monitoring";
  cloudwatch.version = "2010-08-01";
  cloudwatch.region = options_.region;
  cloudwatch.endpoint = endpoint.empty() ? aws::public_endpoint("monitoring", options_.region) : std::move(endpoint);
  client_ = std::make_unique<aws::Client>(std::move(cloudwatch), *transport_, *credentials_, loop_);
  publisher_ = std::make_unique<cloudwatch::Publisher>(*client_, cloudwatch::PublisherOptions{options_.name_space});
}

CloudMetrics::~CloudMetrics() {
  loop_.stop();
  loop_.join();
}

void CloudMetrics::next() {
  loop_.after(options_.every, [this] {
    const base::WallTime now = loop_.clock().wall();
    (void)publisher_->put(readings_of(hub_, now), now);
    next();
  });
}

}  // namespace trunkline::app
