#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "engine/engine.hpp"

// The fixture of the contract suite (contract_suite.hpp), for tests of one engine's own, too.
namespace trunkline::engine::contract {

// An engine with running loops, made by the factory. reopen() closes it and opens the same data again.
class Fixture {
 public:
  virtual ~Fixture() = default;
  virtual Engine& engine() = 0;
  virtual base::Loop& loop() = 0;
  virtual void reopen() = 0;
};
using Factory = std::function<std::unique_ptr<Fixture>()>;

inline event::Event make_event(const std::string& id, const std::string& conversation, const std::string& body = "{}") {
  event::Event event;
  event.raw = R"({"id":")" + id + R"(","detail":)" + body + "}";
  event.envelope_id = id;
  event.topic_name = "v2.detail.events.conversation." + conversation + ".customer.start";
  event.event_type = "v2.detail.events.conversation.{id}.customer.start";
  event.category = "conversation";
  event.org_id = "org";
  event.conversation_id = conversation;
  event.envelope_identity = base::hash128("envelope " + id);
  event.body_hash = base::hash128(body);
  return event;
}

class Contract : public testing::TestWithParam<Factory> {
 protected:
  void SetUp() override { fixture_ = GetParam()(); }
  Engine& engine() { return fixture_->engine(); }

  // Runs `start` on the loop and waits for its answer.
  template <class T>
  T await(base::Loop& loop, std::function<void(base::UniqueFunction<void(T)>)> start) {
    auto promise = std::make_shared<std::promise<T>>();
    std::future<T> future = promise->get_future();
    loop.post([promise, start] { start([promise](T value) { promise->set_value(std::move(value)); }); });
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer within a minute";
      std::abort();
    }
    return future.get();
  }

  base::QueueId declare(QueueSpec spec) {
    const auto id = engine().declare(spec);
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().detail);
    return id.ok() ? *id : base::QueueId{};
  }
  // That happened so long before now.
  event::Event happened(base::Millis ago, event::Event event) {
    event.business_time = fixture_->loop().clock().wall() - ago;
    event.business_time_has_millis = true;
    return event;
  }
  QueueSpec spec(const std::string& name, event::Order order) {
    QueueSpec made;
    made.name = name;
    made.order = order;
    return made;
  }
  PublishResult publish(event::Event event, std::vector<base::QueueId> routes) {
    return publish_items({PublishEntry{std::move(event), "test", std::move(routes), {1}}}).at(0);
  }
  std::vector<PublishResult> publish_items(std::vector<PublishItem> items) {
    auto shared = std::make_shared<std::vector<PublishItem>>(std::move(items));
    return await<std::vector<PublishResult>>(fixture_->loop(), [this, shared](PublishCallback done) {
      engine().publish(std::move(*shared), fixture_->loop(), std::move(done));
    });
  }
  std::vector<Lease> receive(base::QueueId queue, std::size_t messages, std::size_t per_group = 100,
                             base::Millis wait = std::chrono::seconds(20)) {
    ReceiveLimits limits;
    limits.max_messages = messages;
    limits.max_messages_per_group = per_group;
    limits.wait = wait;
    return receive_by(queue, limits);
  }
  std::vector<Lease> receive_by(base::QueueId queue, const ReceiveLimits& limits) {
    auto result = await<base::Result<std::vector<Lease>>>(
        engine().loop_of(queue),
        [this, queue, limits](ReceiveCallback done) { engine().receive(queue, limits, std::move(done)); });
    EXPECT_TRUE(result.ok());
    return result.ok() ? std::move(*result) : std::vector<Lease>();
  }
  base::Result<void> settle(const Lease& lease, std::vector<MessageFate> fates) {
    return await<base::Result<void>>(engine().loop_of(lease.queue), [this, lease, fates](DoneCallback done) {
      engine().settle(lease.queue, lease.id, fates, std::move(done));
    });
  }
  base::Result<void> extend(const Lease& lease, base::Millis visible) {
    return await<base::Result<void>>(engine().loop_of(lease.queue), [this, lease, visible](DoneCallback done) {
      engine().extend(lease.queue, lease.id, visible, std::move(done));
    });
  }
  base::Result<void> settle_all(const Lease& lease, Fate fate, std::uint32_t attempts = 1, base::Millis delay = {}) {
    std::vector<MessageFate> fates(lease.messages.size());
    for (MessageFate& each : fates) {
      each.fate = fate;
      each.attempts = attempts;
      each.delay = delay;
      each.error_class = "http_500";
      each.error_detail = "the test said so";
    }
    return settle(lease, fates);
  }
  // The ids of the next `count` messages, each settled as delivered. An event is answered on the publisher's loop and
  // may reach the queue's loop a moment later, so one receive need not hold all.
  std::vector<std::string> deliver(base::QueueId queue, std::size_t count) {
    std::vector<std::string> found;
    while (found.size() < count) {
      const auto leases = receive(queue, count - found.size());
      for (const std::string& id : ids(leases)) found.push_back(id);
      for (const Lease& lease : leases) EXPECT_TRUE(settle_all(lease, Fate::delivered).ok());
      if (leases.empty()) break;
    }
    return found;
  }
  std::vector<DeadLetter> dead_letters(base::QueueId queue) {
    auto result = await<base::Result<std::vector<DeadLetter>>>(
        fixture_->loop(), [this, queue](base::UniqueFunction<void(base::Result<std::vector<DeadLetter>>)> done) {
          engine().dead_letters(queue, {}, fixture_->loop(), std::move(done));
        });
    return result.ok() ? std::move(*result) : std::vector<DeadLetter>();
  }
  std::uint64_t redrive(base::QueueId queue, RedriveFilter filter = {}) {
    auto result = await<base::Result<std::uint64_t>>(
        fixture_->loop(), [this, queue, filter](base::UniqueFunction<void(base::Result<std::uint64_t>)> done) {
          engine().redrive(queue, filter, fixture_->loop(), std::move(done));
        });
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().detail);
    return result.ok() ? *result : 0;
  }
  base::Result<StepResult> step(std::function<void(Engine::StepCallback)> start) {
    return await<base::Result<StepResult>>(fixture_->loop(), std::move(start));
  }
  base::Result<StepResult> redrive_step(base::QueueId queue, base::OperationId id, RedriveFilter filter,
                                        std::size_t limit) {
    return step([=, this](Engine::StepCallback done) {
      engine().redrive_step(queue, {id, filter, limit}, fixture_->loop(), std::move(done));
    });
  }
  base::Result<StepResult> replay_step(base::QueueId queue, ReplayStep what) {
    return step(
        [=, this](Engine::StepCallback done) { engine().replay_step(queue, what, fixture_->loop(), std::move(done)); });
  }
  OperationTally tally(base::QueueId queue, base::OperationId id) {
    const auto result = step([=, this](Engine::StepCallback done) {
      engine().operation_tally(queue, id, fixture_->loop(), std::move(done));
    });
    EXPECT_TRUE(result.ok());
    return result.ok() ? result->tally : OperationTally{};
  }
  base::Result<StepResult> end_operation(base::QueueId queue, base::OperationId id, bool forget) {
    return step([=, this](Engine::StepCallback done) {
      engine().end_operation(queue, id, forget, fixture_->loop(), std::move(done));
    });
  }
  bool can(Capability wanted) {
    for (const Capability has : engine().capabilities()) {
      if (has == wanted) return true;
    }
    return false;
  }
  static std::vector<std::string> ids(const std::vector<Lease>& leases) {
    std::vector<std::string> found;
    for (const Lease& lease : leases) {
      for (const LeasedMessage& message : lease.messages) found.push_back(message.record->event.envelope_id);
    }
    return found;
  }

  std::unique_ptr<Fixture> fixture_;
};

using Ids = std::vector<std::string>;

}  // namespace trunkline::engine::contract
