#include "migrate/aws.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <thread>

#include "aws_engine/adopt.hpp"
#include "aws_engine/records.hpp"
#include "aws_engine/sequences.hpp"
#include "base/run_and_wait.hpp"

namespace trunkline::migrate {

using base::Errc;
using base::Result;
using base::Sequence;

namespace {

constexpr std::size_t kLoaded = 32;  // bodies held at once, of 3.6 MB each at most
constexpr base::Millis kLook = std::chrono::seconds(1);
constexpr int kLooksMax = 1'800;

}  // namespace

Result<std::vector<OriginQueue>> AwsOrigin::queues() {
  TRUNKLINE_TRY(const auto registered, aws_engine::registered_queues(engine_.cloud()));
  std::vector<OriginQueue> queues;
  for (const aws_engine::RegisteredQueue& queue : registered)
    queues.push_back({queue.name, queue.order, false, 0, queue.in_flight});
  return queues;
}

Result<void> AwsOrigin::read(const Wanted& wanted, const Take& take) {
  TRUNKLINE_TRY(const auto registered, aws_engine::registered_queues(engine_.cloud()));
  std::map<base::QueueId, std::string> names;
  for (const aws_engine::RegisteredQueue& queue : registered) names[queue.id] = queue.name;
  TRUNKLINE_TRY(auto events, aws_engine::read_table(engine_.cloud()));
  for (auto& [sequence, event] : events)
    std::erase_if(event.open, [&](const engine::Adopted& at) { return !names.contains(at.queue); });
  std::erase_if(events, [&](const auto& each) {
    return each.first <= wanted.after || (each.second.open.empty() && each.second.accepted_at < wanted.settled_from);
  });
  auto at = events.begin();
  while (at != events.end()) {
    std::vector<Sequence> some;
    auto end = at;
    for (; end != events.end() && some.size() < kLoaded; ++end) some.push_back(end->first);
    TRUNKLINE_TRY(auto records, aws_engine::load_records(engine_.cloud(), some));
    for (engine::RecordPtr& record : records) {
      std::vector<engine::Adopted> open = std::move((at++)->second.open);
      if (!record) continue;  // its time in the table had come
      OriginEvent event{std::move(record), {}};
      for (engine::Adopted& each : open) {
        each.record = event.record;
        const std::string& name = names.at(each.queue);
        event.open.push_back({name, std::move(each)});
      }
      TRUNKLINE_TRY_VOID(take(std::move(event)));
    }
  }
  return {};
}

Result<std::vector<engine::Quarantined>> AwsOrigin::quarantine(engine::Page page) {
  std::promise<Result<std::vector<engine::Quarantined>>> answered;
  engine_.quarantine_list(page, engine_.loop_of({}), [&](Result<std::vector<engine::Quarantined>> found) {
    answered.set_value(std::move(found));
  });
  return answered.get_future().get();
}

Result<void> AwsOrigin::states(const TakeState& take) {
  return aws_engine::read_states(engine_.cloud(), take);
}

// Above what any worker has given or gives from its clock now.
Result<Sequence> AwsOrigin::highest() {
  TRUNKLINE_TRY(const auto events, aws_engine::read_table(engine_.cloud()));
  const Sequence now = aws_engine::Sequences::first_of(engine_.cloud().loop().clock().wall());
  return events.empty() ? now : std::max(now, events.rbegin()->first);
}

Limits AwsDestination::limits_there() {
  return {aws_engine::kBodyMax, false};
}

Result<void> AwsDestination::declare(const std::vector<engine::QueueSpec>& specs) {
  for (const engine::QueueSpec& spec : specs) {
    TRUNKLINE_TRY(const base::QueueId id, engine_.declare(spec));
    ids_[spec.name] = id;
  }
  return {};
}

std::vector<engine::PublishResult> AwsDestination::publish_accepted(std::vector<engine::PublishItem> items,
                                                                    const std::vector<base::WallTime>& accepted_at) {
  return base::answer_of<std::vector<engine::PublishResult>>([&](engine::PublishCallback done) {
    engine_.publish_accepted(std::move(items), accepted_at, loop_, std::move(done));
  });
}

Result<void> AwsDestination::adopt(const std::string& queue, const std::vector<engine::Adopted>& events,
                                   Sequence /*through*/) {
  return engine_.adopt(ids_.at(queue), events);
}

// What a run that was killed has left is published by this one's sweep.
Result<void> AwsDestination::finish() {
  for (int look = 0; look < kLooksMax; ++look) {
    TRUNKLINE_TRY(const std::uint64_t unsaid, aws_engine::count_unsaid(engine_.cloud()));
    if (unsaid == 0) return {};
    std::this_thread::sleep_for(kLook);
  }
  return {Errc::timeout, "events still wait in the outbox: run this again, it goes on where it was"};
}

}  // namespace trunkline::migrate
