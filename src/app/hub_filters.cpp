// What filters do with stored events: the questions of somebody who writes one.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "event/decoder.hpp"
#include "event/describe.hpp"
#include "filter/explain.hpp"
#include "filter/policy_index.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

// Events one question looks at: about two seconds of reading. The newest are the ones a filter is written for.
constexpr std::uint64_t kEventsMax = 200'000;
constexpr std::size_t kTypesMax = 100;
constexpr std::size_t kExplainedMax = 100;

Error too_many_looks() {
  return {Errc::overloaded, "too many questions wait for a look into the log: ask again in a while"};
}

base::Sequence newest(base::Sequence end) {
  return {end.value > kEventsMax ? end.value - kEventsMax + 1 : 1};
}

api::ExplainedEvent explained(const event::Event& event, const std::vector<api::ConsumerInfo>& consumers,
                              const std::vector<filter::Policy>& policies, const engine::Record* record) {
  api::ExplainedEvent result;
  result.type = event.event_type;
  result.envelope_id = event.envelope_id;
  if (record != nullptr) result.sequence = record->sequence;
  const source::EventMessage message(event);
  for (std::size_t i = 0; i < consumers.size(); ++i) {
    const filter::Explanation why = filter::explain(policies[i], message.message());
    api::ExplainedEvent::Consumer consumer{
        consumers[i].name, why.holds, {}, filter::to_json(why), filter::to_text(why)};
    if (record != nullptr) consumer.got = std::ranges::binary_search(record->routes, consumers[i].queue);
    result.consumers.push_back(std::move(consumer));
  }
  return result;
}

}  // namespace

Result<api::MatchesReport> Hub::run_matches(const api::MatchesRequest& request) {
  TRUNKLINE_TRY(const filter::Policy policy, policy_of(request.policy, request.body_scope));
  const filter::PolicyIndex index({{0, policy}});
  filter::PolicyIndex::Scratch scratch;
  const auto since = clock_.wall() - base::Millis(static_cast<std::int64_t>(request.hours * 3'600'000));
  const base::Sequence first = newest(engine_->end());
  api::MatchesReport report;
  std::map<std::string, api::MatchesReport::ByType> types;
  std::deque<engine::RecordPtr> samples;
  bool cut = first.value > 1;
  TRUNKLINE_TRY_VOID(engine_->read_log(first, [&](const engine::Record& record) {
    if (stopping_.load(std::memory_order_relaxed)) return false;
    if (record.accepted_at < since) {
      cut = false;  // what was left out is older still
      return true;
    }
    if (!report.from) report.from = record.accepted_at;
    const source::EventMessage message(record.event);
    const bool matched = !index.match(message.message(), scratch).empty();
    ++report.total;
    auto& type = types[record.event.event_type];
    ++type.total;
    if (!matched) return true;
    ++report.matched;
    ++type.matched;
    samples.push_front(std::make_shared<engine::Record>(record));
    if (samples.size() > request.samples) samples.pop_back();
    return true;
  }));
  report.complete = !cut;
  for (auto& [name, counts] : types) {
    counts.type = name;
    report.types.push_back(std::move(counts));
  }
  std::ranges::stable_sort(report.types, std::greater(), &api::MatchesReport::ByType::matched);
  if (report.types.size() > kTypesMax) report.types.resize(kTypesMax);
  report.samples.assign(samples.begin(), samples.end());
  return report;
}

Result<engine::RecordPtr> Hub::find_event(const api::ExplainRequest& request) {
  engine::RecordPtr found;
  TRUNKLINE_TRY_VOID(engine_->read_log(request.sequence ? *request.sequence : newest(engine_->end()),
                                       [&](const engine::Record& record) {
                                         if (request.sequence) {
                                           if (record.sequence == *request.sequence)
                                             found = std::make_shared<engine::Record>(record);
                                           return false;
                                         }
                                         // The newest of that id: a conflict stores a second one.
                                         if (record.event.envelope_id == request.id)
                                           found = std::make_shared<engine::Record>(record);
                                         return !stopping_.load(std::memory_order_relaxed);
                                       }));
  if (found) return found;
  if (request.sequence)
    return Error{Errc::not_found, fmt::format("there is no event {} (any more)", request.sequence->value)};
  return Error{Errc::not_found, fmt::format("none of the newest {} events has the id '{}'", kEventsMax, request.id)};
}

Result<std::vector<api::ExplainedEvent>> Hub::run_explain(const api::ExplainRequest& request) {
  std::vector<api::ConsumerInfo> infos;
  std::vector<filter::Policy> policies;
  for (const auto& consumer : consumers_.all()) {
    if (!consumer->routed()) continue;
    TRUNKLINE_TRY(filter::Policy policy, policy_of(consumer->config()));
    infos.push_back(consumer->info());
    policies.push_back(std::move(policy));
  }
  std::vector<api::ExplainedEvent> events;
  if (request.payload.empty()) {
    TRUNKLINE_TRY(const engine::RecordPtr record, find_event(request));
    events.push_back(explained(record->event, infos, policies, record.get()));
    return events;
  }
  event::Decoder decoder(*topics_);
  std::vector<event::Decoded> items;
  decoder.decode(request.payload, {}, items);
  if (items.size() > kExplainedMax)
    return Error{Errc::too_large, fmt::format("{} events; {} are the most", items.size(), kExplainedMax)};
  for (const event::Decoded& item : items) {
    if (const auto* event = std::get_if<event::Event>(&item)) {
      events.push_back(explained(*event, infos, policies, nullptr));
    } else {
      const auto& rejected = std::get<event::Rejected>(item);
      events.push_back({});
      events.back().problem = fmt::format("{}: {}", event::name(rejected.reason), rejected.detail);
    }
  }
  return events;
}

void Hub::matches(api::MatchesRequest request, base::Loop& reply_on, MatchesCallback done) {
  auto ask = std::make_shared<MatchesCallback>(std::move(done));  // shared with the task, which may be refused
  const bool posted = looks_->post([this, request = std::move(request), &reply_on, ask] {
    auto report = run_matches(request);
    reply_on.post([report = std::move(report), ask]() mutable { (*ask)(std::move(report)); });
  });
  if (!posted) (*ask)(too_many_looks());
}

void Hub::explain(api::ExplainRequest request, base::Loop& reply_on, ExplainCallback done) {
  auto ask = std::make_shared<ExplainCallback>(std::move(done));  // shared with the task, which may be refused
  const bool posted = looks_->post([this, request = std::move(request), &reply_on, ask] {
    auto events = run_explain(request);
    reply_on.post([events = std::move(events), ask]() mutable { (*ask)(std::move(events)); });
  });
  if (!posted) (*ask)(too_many_looks());
}

}  // namespace trunkline::app
