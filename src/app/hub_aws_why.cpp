// What the table of the engine on AWS says of an event, for `trunkline why`.
#include <set>

#include "app/hub.hpp"
#include "app/why_consumer.hpp"
#include "aws_engine/keys.hpp"

namespace trunkline::app {

using base::Result;
using base::Sequence;

namespace {

constexpr base::Millis kReadWithin = std::chrono::seconds(15);  // a client waits for a minute

api::WhyState state_of(const aws_engine::Standing& standing) {
  namespace fate = aws_engine::fate;
  if (standing.fate == fate::kDelivered) return api::WhyState::delivered;
  if (standing.fate == fate::kDropped) return api::WhyState::dropped;
  if (standing.fate == fate::kPurged) return api::WhyState::purged;
  if (standing.fate == fate::kExpired) return api::WhyState::expired;
  if (standing.fate == fate::kSkipped) return api::WhyState::dead_letter;
  if (standing.fate == fate::kParked) return api::WhyState::parked;
  if (standing.fate == fate::kRetry) return api::WhyState::backing_off;
  return api::WhyState::waiting;  // nothing has been decided, or it was redriven
}

}  // namespace

Result<api::WhyConsumer> Hub::why_in_table(const api::ConsumerInfo& consumer, const engine::Record& record) {
  api::WhyConsumer why;
  take_consumer(why, consumer);
  TRUNKLINE_TRY(const aws_engine::Standing standing, aws_->standing(consumer.queue, record.sequence));
  why.state = state_of(standing);
  why.group = event::group_text(record.event, consumer.spec.order);
  why.before_complete = false;  // what stands before it is SQS's to know
  why.redriven = standing.redriven;
  why.attempts = standing.attempts;
  why.error_class = standing.error_class;
  why.error_detail = standing.error_detail;
  why.since = standing.since;
  if (why.state == api::WhyState::delivered && standing.since) why.delivered_at.push_back(*standing.since);
  const base::WallTime at = why.delivered_at.empty() ? clock_.wall() : why.delivered_at.front();
  TRUNKLINE_TRY(why.mapping, mapping_at(consumer.name, at));
  return why;
}

Result<std::vector<Sequence>> Hub::find_in_table(const std::string& what, api::WhyReport& report) {
  report.as = "envelope_id";
  TRUNKLINE_TRY(const std::vector<std::string> noted, aws_->organisations());
  std::set<std::string> organisations(noted.begin(), noted.end());
  organisations.insert("");
  TRUNKLINE_TRY(std::vector<Sequence> identified, find_identified(organisations, what));
  if (!identified.empty()) return identified;
  report.as = "conversation";
  const base::MonoTime begun = clock_.mono();
  TRUNKLINE_TRY(aws_engine::FoundEvents events, aws_->find_conversation(what, api::kWhyEventsMax, [&] {
    return clock_.mono() - begun > kReadWithin || stopping_.load(std::memory_order_relaxed);
  }));
  report.complete = events.complete;
  TRUNKLINE_TRY_VOID(find_quarantined(what, report));
  return std::move(events.sequences);
}

}  // namespace trunkline::app
