#pragma once

#include <string>
#include <vector>

#include "api/hub.hpp"
#include "api/metrics.hpp"
#include "base/clock.hpp"
#include "engine/engine.hpp"

namespace trunkline::api {

struct ConsumerView {
  ConsumerInfo info;
  engine::QueueStatistics queue;
};

// The Prometheus text format, version 0.0.4. Counters count from the start of the process.
std::string metrics_text(const HubMetrics& hub, bool ready, const AlarmsInfo& alarms,
                         const std::vector<ConsumerView>& consumers, base::WallTime now);

// docs/metrics.md, made from the table of families, so that the page cannot miss one.
std::string metrics_page();

}  // namespace trunkline::api
