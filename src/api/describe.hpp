#pragma once

#include <string>
#include <string_view>

#include "api/hub.hpp"
#include "base/clock.hpp"
#include "engine/engine.hpp"
#include "engine/record.hpp"
#include "event/event.hpp"
#include "json/writer.hpp"

namespace trunkline::api {

// How the API spells what it shows. Each writes one JSON object; the members are listed in docs/api.md.
// Times are RFC 3339 in UTC, durations are seconds.

void write_consumer_summary(json::Writer& writer, const ConsumerInfo& consumer, const engine::QueueStatistics& queue,
                            base::WallTime now);
void write_consumer(json::Writer& writer, const ConsumerInfo& consumer, const engine::QueueStatistics& queue,
                    base::WallTime now);
void write_shadow(json::Writer& writer, const std::string& consumer, const ShadowReport& report);
void write_message(json::Writer& writer, const engine::LeasedMessage& message);
// With the event itself, or only what names it.
void write_dead_letter(json::Writer& writer, const engine::DeadLetter& letter, bool with_event);
void write_quarantined(json::Writer& writer, const engine::Quarantined& entry, bool with_bytes);
void write_resubmitted(json::Writer& writer, const ResubmitOutcome& outcome);
void write_record(json::Writer& writer, const engine::Record& record, const std::vector<ConsumerInfo>& consumers);

// null where there is no time.
void write_time(json::Writer& writer, std::string_view name, std::optional<base::WallTime> time);

}  // namespace trunkline::api
