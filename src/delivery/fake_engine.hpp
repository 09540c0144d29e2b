#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "delivery/fake_queue.hpp"
#include "engine/engine.hpp"

namespace trunkline::delivery {

// One FIFO queue in memory behind the engine port, for tests: receive, cancel and settle behave as the port says,
// callbacks are posted. Everything else answers Errc::unsupported.
class FakeEngine : public engine::Engine {
 public:
  explicit FakeEngine(base::Loop& loop) : loop_(loop) {}

  FakeQueue queue{true};

  void accept(std::uint64_t group) {
    queue.accept(group, loop_.clock().wall());
    answer_soon();
  }
  bool receiving() const { return waiting_.has_value(); }
  void fail_receive(base::Error error) { reply(std::move(error)); }

  base::Loop& loop_of(base::QueueId) override { return loop_; }
  void receive(base::QueueId, const engine::ReceiveLimits& limits, engine::ReceiveCallback done) override {
    TRUNKLINE_CHECK(!waiting_, "one receive is outstanding at most");
    waiting_.emplace(limits, std::move(done));
    answer_soon();
  }
  void cancel_receive(base::QueueId) override {
    if (waiting_) reply(base::Error{base::Errc::cancelled, "cancelled"});
  }
  void settle(base::QueueId, std::uint64_t lease, std::vector<engine::MessageFate> fates,
              engine::DoneCallback done) override {
    queue.settle(lease, fates, loop_.clock().mono());
    for (const engine::MessageFate& fate : fates)
      if (fate.fate == engine::Fate::retry) loop_.after(fate.delay, [this] { answer_soon(); });
    if (done) loop_.post([done = std::move(done)]() mutable { done({}); });
    answer_soon();
  }

  std::vector<engine::Capability> capabilities() const override { return {}; }
  base::Result<base::QueueId> declare(const engine::QueueSpec&) override { return unsupported(); }
  base::Result<void> remove(base::QueueId) override { return unsupported(); }
  void publish(std::vector<engine::PublishItem>, base::Loop&, engine::PublishCallback) override {}
  engine::QueueStatistics statistics(base::QueueId) override { return {}; }
  void dead_letters(base::QueueId, engine::Page, base::Loop&,
                    base::UniqueFunction<void(base::Result<std::vector<engine::DeadLetter>>)> done) override {
    done(unsupported());
  }
  void redrive(base::QueueId, engine::RedriveFilter, base::Loop&,
               base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override {
    done(unsupported());
  }
  void purge_dead_letters(base::QueueId, engine::RedriveFilter, base::Loop&,
                          base::UniqueFunction<void(base::Result<std::uint64_t>)> done) override {
    done(unsupported());
  }
  void quarantine_list(engine::Page, base::Loop&,
                       base::UniqueFunction<void(base::Result<std::vector<engine::Quarantined>>)> done) override {
    done(unsupported());
  }
  void quarantine_remove(std::vector<std::uint64_t>, base::Loop&, engine::DoneCallback done) override {
    done(unsupported());
  }
  base::Result<std::optional<StateValue>> get_state(const std::string& owner, const std::string& key) override {
    const auto found = state.find(owner + "/" + key);
    if (found == state.end()) return std::optional<StateValue>();
    return std::optional(StateValue{std::max<std::uint64_t>(versions[found->first], 1), found->second});
  }
  void update_state(const std::string& owner, std::vector<StateWrite> writes, base::Loop& reply_on,
                    engine::DoneCallback done) override {
    for (StateWrite& write : writes) {
      ++state_writes;
      state[owner + "/" + write.key] = std::move(*write.bytes);
    }
    reply_on.post([done = std::move(done)]() mutable { done({}); });
  }
  std::map<std::string, std::string> state;
  std::size_t state_writes = 0;
  void put_state(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
                 base::Loop& reply_on, engine::DoneCallback done) override {
    base::Result<void> result;
    if (versions[owner + "/" + key] != version) {
      result = base::Error{base::Errc::conflict, "another version is stored"};
    } else {
      ++versions[owner + "/" + key];
      state[owner + "/" + key] = std::move(bytes);
    }
    reply_on.post([done = std::move(done), result]() mutable { done(result); });
  }
  std::map<std::string, std::uint64_t> versions;
  base::Result<std::map<std::string, std::string>> list_state(const std::string&) override { return unsupported(); }
  base::Result<void> remove_state(const std::string&) override { return unsupported(); }
  void write_state(base::QueueId, const std::string&, std::vector<StateWrite>) override {}

 private:
  static base::Error unsupported() { return {base::Errc::unsupported, "not in this fake"}; }

  void answer_soon() {
    loop_.post([this] {
      if (!waiting_ || !queue.ready(loop_.clock().mono())) return;
      reply(queue.lease(waiting_->first, loop_.clock().mono()));
    });
  }
  void reply(base::Result<std::vector<engine::Lease>> result) {
    auto done = std::move(waiting_->second);
    waiting_.reset();
    loop_.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  base::Loop& loop_;
  std::optional<std::pair<engine::ReceiveLimits, engine::ReceiveCallback>> waiting_;
};

}  // namespace trunkline::delivery
