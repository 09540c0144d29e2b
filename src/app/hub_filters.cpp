// What filters do with stored events: the questions of somebody who writes one.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "api/view.hpp"
#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "engine/sent.hpp"
#include "event/decoder.hpp"
#include "event/describe.hpp"
#include "filter/explain.hpp"
#include "filter/policy_index.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

constexpr std::size_t kTypesMax = 100;
constexpr std::size_t kExplainedMax = 100;

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

// The newest events of a kind, newest first.
class Samples {
 public:
  explicit Samples(std::size_t most) : most_(most) {}
  void add(const engine::Record& record) {
    newest_.push_front(std::make_shared<engine::Record>(record));
    if (newest_.size() > most_) newest_.pop_back();
  }
  std::vector<engine::RecordPtr> take() { return {newest_.begin(), newest_.end()}; }

 private:
  const std::size_t most_;
  std::deque<engine::RecordPtr> newest_;
};

// What a policy makes of events, one after the other.
class Matching {
 public:
  Matching(const filter::Policy& policy, std::size_t samples, std::optional<base::QueueId> against)
      : index_({{0, policy}}), against_(against), matched_(samples), gained_(samples), lost_(samples) {
    if (against) report_.backtest.emplace();
  }

  void look(const engine::Record& record) {
    if (!report_.from) report_.from = record.accepted_at;
    const source::EventMessage message(record.event);
    const bool matches = !index_.match(message.message(), scratch_).empty();
    api::MatchesReport::ByType& type = types_[record.event.event_type];
    ++report_.total;
    ++type.total;
    if (matches) {
      ++report_.matched;
      ++type.matched;
      matched_.add(record);
    }
    if (against_) compare(record, matches, type);
  }

  api::MatchesReport report() {
    for (auto& [name, counts] : types_) {
      counts.type = name;
      report_.types.push_back(std::move(counts));
    }
    const auto interest = [this](const api::MatchesReport::ByType& type) {
      return against_ ? type.gained + type.lost : type.matched;
    };
    std::ranges::stable_sort(report_.types, std::greater(), interest);
    if (report_.types.size() > kTypesMax) report_.types.resize(kTypesMax);
    report_.samples = matched_.take();
    if (report_.backtest) {
      report_.backtest->gained_samples = gained_.take();
      report_.backtest->lost_samples = lost_.take();
    }
    return std::move(report_);
  }

 private:
  void compare(const engine::Record& record, bool matches, api::MatchesReport::ByType& type) {
    const bool got = std::ranges::binary_search(record.routes, *against_);
    report_.backtest->got += got ? 1 : 0;
    if (matches == got) return;
    ++(matches ? report_.backtest->gained : report_.backtest->lost);
    ++(matches ? type.gained : type.lost);
    (matches ? gained_ : lost_).add(record);
  }

  const filter::PolicyIndex index_;
  const std::optional<base::QueueId> against_;
  filter::PolicyIndex::Scratch scratch_;
  api::MatchesReport report_;
  std::map<std::string, api::MatchesReport::ByType> types_;
  Samples matched_;
  Samples gained_;
  Samples lost_;
};

}  // namespace

Result<api::MatchesReport> Hub::run_matches(const api::MatchesRequest& request) {
  TRUNKLINE_TRY(const filter::Policy policy, policy_of(request.policy, request.body_scope));
  std::optional<base::QueueId> against;
  if (!request.against.empty()) {
    const auto named = consumer(request.against);
    if (!named) return {Errc::not_found, fmt::format("there is no consumer '{}'", request.against)};
    against = named->queue;
  }
  const auto since = clock_.wall() - base::Millis(static_cast<std::int64_t>(request.hours * 3'600'000));
  const base::Sequence first = first_of_newest(kLookedAtMax);
  Matching matching(policy, request.samples, against);
  bool cut = first.value > 1;
  TRUNKLINE_TRY_VOID(read_log(first, [&](const engine::Record& record) {
    if (stopping_.load(std::memory_order_relaxed)) return false;
    if (engine::is_sent(record)) return true;
    if (record.accepted_at < since) {
      cut = false;  // what was left out is older still
    } else {
      matching.look(record);
    }
    return true;
  }));
  api::MatchesReport report = matching.report();
  report.complete = !cut;
  return report;
}

base::Sequence Hub::first_of_newest(std::uint64_t count) const {
  const std::uint64_t end = embedded_ != nullptr ? embedded_->end().value : 0;
  return {end > count ? end - count + 1 : 1};
}

Result<engine::RecordPtr> Hub::stored_event(base::Sequence sequence) {
  if (aws_ != nullptr) return aws_->read_event(sequence);
  engine::RecordPtr found;
  TRUNKLINE_TRY_VOID(read_log(sequence, [&](const engine::Record& record) {
    if (record.sequence == sequence) found = std::make_shared<engine::Record>(record);
    return false;
  }));
  return found;
}

Result<engine::RecordPtr> Hub::find_event(const api::ExplainRequest& request) {
  if (request.sequence) {
    TRUNKLINE_TRY(engine::RecordPtr stored, stored_event(*request.sequence));
    if (stored) return stored;
    return Error{Errc::not_found, fmt::format("there is no event {} (any more)", request.sequence->value)};
  }
  if (aws_ != nullptr) {
    api::WhyReport report;
    TRUNKLINE_TRY(const std::vector<base::Sequence> sequences, find_in_table(request.id, report));
    for (auto sequence = sequences.rbegin(); sequence != sequences.rend(); ++sequence) {
      TRUNKLINE_TRY(engine::RecordPtr stored, stored_event(*sequence));
      if (stored) return stored;
    }
    return Error{Errc::not_found, fmt::format("no event that is still stored has the envelope id '{}'", request.id)};
  }
  engine::RecordPtr found;
  TRUNKLINE_TRY_VOID(read_log(first_of_newest(kLookedAtMax), [&](const engine::Record& record) {
    // The newest of that id: a conflict stores a second one.
    if (record.event.envelope_id == request.id) found = std::make_shared<engine::Record>(record);
    return !stopping_.load(std::memory_order_relaxed);
  }));
  if (found) return found;
  return Error{Errc::not_found, fmt::format("none of the newest {} events has the id '{}'", kLookedAtMax, request.id)};
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
    // What filters say of an event may repeat values of it.
    api::View view(views());
    if (!view.raw()) view.of(record);
    for (api::ExplainedEvent::Consumer& consumer : events.back().consumers)
      api::show_explanation(view, consumer.why_json, consumer.why_text);
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
  looks_->ask(reply_on, std::move(done), [this, request = std::move(request)] { return run_matches(request); });
}

void Hub::explain(api::ExplainRequest request, base::Loop& reply_on, ExplainCallback done) {
  looks_->ask(reply_on, std::move(done), [this, request = std::move(request)] { return run_explain(request); });
}

}  // namespace trunkline::app
