#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/engine.hpp"

namespace trunkline::source {

// An engine in front of another one, for tests: keeps a copy of what is published, and can hold or fail publishes.
// Thread-safe as the port demands.
class GatedEngine final : public engine::Engine {
 public:
  explicit GatedEngine(engine::Engine& behind) : behind_(behind) {}

  // Publishes wait until open().
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  void open() {
    std::vector<base::Task> held;
    {
      const std::lock_guard lock(mutex_);
      closed_ = false;
      held.swap(held_);
    }
    for (base::Task& task : held) task();
  }
  // Every item of every publish from now on; nothing: no more.
  void fail_with(std::optional<base::Error> error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  std::vector<engine::PublishItem> published() {
    const std::lock_guard lock(mutex_);
    return published_;
  }

  void publish(std::vector<engine::PublishItem> items, base::Loop& reply_on, engine::PublishCallback done) override {
    std::unique_lock lock(mutex_);
    published_.insert(published_.end(), items.begin(), items.end());
    if (error_) {
      std::vector<engine::PublishResult> failed(items.size(), {engine::PublishVerdict::failed, 0, error_});
      return reply_on.post([failed, done = std::move(done)]() mutable { done(std::move(failed)); });
    }
    if (closed_) {
      held_.push_back([this, items = std::move(items), &reply_on, done = std::move(done)]() mutable {
        behind_.publish(std::move(items), reply_on, std::move(done));
      });
      return;
    }
    lock.unlock();
    behind_.publish(std::move(items), reply_on, std::move(done));
  }

  std::vector<engine::Capability> capabilities() const override { return behind_.capabilities(); }
  base::Result<base::QueueId> declare(const engine::QueueSpec& spec) override { return behind_.declare(spec); }
  base::Result<void> remove(base::QueueId queue) override { return behind_.remove(queue); }
  base::Loop& loop_of(base::QueueId queue) override { return behind_.loop_of(queue); }
  void receive(base::QueueId queue, const engine::ReceiveLimits& limits, engine::ReceiveCallback done) override {
    behind_.receive(queue, limits, std::move(done));
  }
  void cancel_receive(base::QueueId queue) override { behind_.cancel_receive(queue); }
  void settle(base::QueueId queue, std::uint64_t lease, std::vector<engine::MessageFate> fates,
              engine::DoneCallback done) override {
    behind_.settle(queue, lease, std::move(fates), std::move(done));
  }
  void extend(base::QueueId queue, std::uint64_t lease, base::Millis visibility_timeout,
              engine::DoneCallback done) override {
    behind_.extend(queue, lease, visibility_timeout, std::move(done));
  }
  engine::QueueStatistics statistics(base::QueueId queue) override { return behind_.statistics(queue); }
  void dead_letters(base::QueueId queue, engine::Page page, base::Loop& reply_on,
                    base::UniqueFunction<void(base::Result<std::vector<engine::DeadLetter>>)> done) override {
    behind_.dead_letters(queue, page, reply_on, std::move(done));
  }
  void redrive(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
               base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override {
    behind_.redrive(queue, std::move(filter), reply_on, std::move(done));
  }
  void purge_dead_letters(base::QueueId queue, engine::RedriveFilter filter, base::Loop& reply_on,
                          base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override {
    behind_.purge_dead_letters(queue, std::move(filter), reply_on, std::move(done));
  }
  void quarantine_list(engine::Page page, base::Loop& reply_on,
                       base::UniqueFunction<void(base::Result<std::vector<engine::Quarantined>>)> done) override {
    behind_.quarantine_list(page, reply_on, std::move(done));
  }
  void quarantine_remove(std::vector<std::uint64_t> ids, base::Loop& reply_on, engine::DoneCallback done) override {
    behind_.quarantine_remove(std::move(ids), reply_on, std::move(done));
  }
  base::Result<std::optional<StateValue>> get_state(const std::string& owner, const std::string& key) override {
    return behind_.get_state(owner, key);
  }
  void put_state(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
                 base::Loop& reply_on, engine::DoneCallback done) override {
    behind_.put_state(owner, key, version, std::move(bytes), reply_on, std::move(done));
  }
  base::Result<std::map<std::string, std::string>> list_state(const std::string& owner) override {
    return behind_.list_state(owner);
  }
  base::Result<void> remove_state(const std::string& owner) override { return behind_.remove_state(owner); }
  void write_state(base::QueueId queue, const std::string& owner, std::vector<StateWrite> writes) override {
    behind_.write_state(queue, owner, std::move(writes));
  }

 private:
  engine::Engine& behind_;
  std::mutex mutex_;
  bool closed_ = false;
  std::optional<base::Error> error_;
  std::vector<base::Task> held_;
  std::vector<engine::PublishItem> published_;
};

}  // namespace trunkline::source
