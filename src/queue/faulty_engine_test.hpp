#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "queue/embedded_fixture.hpp"
#include "queue/keys.hpp"
#include "store/fault_fs.hpp"
#include "store/format_file.hpp"

namespace trunkline::queue {

// An embedded engine on a FaultFs, with the helpers of the contract suite.
class FaultyEngine : public Contract {
 protected:
  void SetUp() override {
    options_.committer.reopen_delay = base::Millis(10);
    options_.committer.reopen_delay_max = base::Millis(50);
  }
  // With options_ as they are then.
  void open(const base::Clock* clock = nullptr) {
    const auto on_faulty_disk = [this](EmbeddedOptions& options) {
      ASSERT_TRUE(store::check_format_file(options.directory, kFormatVersion).ok());
      store::FaultFsOptions with;
      with.root = options.directory + "/db";
      faults_ = store::FaultFs::open(with).value();
      options.file_system = faults_->file_system();
    };
    fixture_ = std::make_unique<EmbeddedFixture>(options_, on_faulty_disk, clock);
  }
  store::FaultFs& faults() { return *faults_; }
  EmbeddedFixture& fixture() { return static_cast<EmbeddedFixture&>(*fixture_); }
  EmbeddedEngine& embedded() { return fixture().embedded(); }
  // A stop flushes, so that everything is read from table files then.
  void reopen_flushed() { fixture().reopen(); }

  // Looks again every 10 ms of the loop's time, for at most a minute.
  void until(std::function<bool()> condition) {
    auto done = std::make_shared<std::promise<void>>();
    auto look = std::make_shared<std::function<void()>>();
    *look = [this, condition, done, weak = std::weak_ptr(look)] {
      if (condition()) return done->set_value();
      fixture_->loop().after(base::Millis(10), [again = weak.lock()] { (*again)(); });
    };
    fixture_->loop().post([look] { (*look)(); });
    auto future = done->get_future();
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "not within a minute";
      std::abort();
    }
  }
  std::future<std::vector<engine::PublishResult>> publish_later(event::Event event, std::vector<base::QueueId> routes) {
    auto promise = std::make_shared<std::promise<std::vector<engine::PublishResult>>>();
    std::vector<engine::PublishItem> items;
    items.emplace_back(engine::PublishEntry{std::move(event), "test", std::move(routes), {1}});
    engine().publish(std::move(items), fixture_->loop(),
                     [promise](std::vector<engine::PublishResult> results) { promise->set_value(std::move(results)); });
    return promise->get_future();
  }
  base::Result<std::vector<engine::Lease>> try_receive(base::QueueId queue, std::size_t messages,
                                                       base::Millis wait = std::chrono::seconds(20)) {
    engine::ReceiveLimits limits;
    limits.max_messages = messages;
    limits.max_messages_per_group = 100;
    limits.wait = wait;
    return await<base::Result<std::vector<engine::Lease>>>(
        engine().loop_of(queue),
        [this, queue, limits](engine::ReceiveCallback done) { engine().receive(queue, limits, std::move(done)); });
  }
  // Receives and settles as delivered until that many have come, or nothing comes. In the order of delivery.
  engine::contract::Ids drain(base::QueueId queue, std::size_t count,
                              const std::function<void(const engine::Record&)>& look = {}) {
    engine::contract::Ids found;
    std::size_t failures = 0;
    while (found.size() < count && failures < 100) {
      const auto leases = try_receive(queue, 50);
      if (!leases.ok()) {
        ++failures;
        continue;
      }
      if (leases->empty()) break;
      for (const engine::Lease& lease : *leases) {
        for (const engine::LeasedMessage& message : lease.messages) {
          found.push_back(message.record->event.envelope_id);
          if (look) look(*message.record);
        }
        EXPECT_TRUE(settle_all(lease, engine::Fate::delivered).ok());
      }
    }
    return found;
  }

  EmbeddedOptions options_;
  std::unique_ptr<store::FaultFs> faults_;
};

}  // namespace trunkline::queue
