#include "simulation/puller.hpp"

#include <algorithm>
#include <memory>

namespace trunkline::simulation {

using base::Errc;
using base::Millis;
using engine::Fate;

void Puller::engine_is(engine::Engine* engine, base::QueueId queue) {
  engine_ = engine;
  queue_ = queue;
  ++process_;
  for (std::size_t i = 0; engine != nullptr && i < kClients; ++i) receive_later(Millis(random_.between(0, 500)));
}

void Puller::receive_later(Millis delay) {
  world_.after(delay, [this, process = process_] {
    if (process == process_) receive();
  });
}

void Puller::receive() {
  if (paused_) return receive_later(std::chrono::seconds(1));
  engine::ReceiveLimits limits;
  limits.max_messages = 1 + random_.below(10);
  limits.max_messages_per_group = 1 + random_.below(3);
  limits.wait = std::chrono::seconds(5);
  engine_->loop_of(queue_).post([this, process = process_, limits] {
    engine_->receive(queue_, limits, [this, process](const base::Result<std::vector<engine::Lease>>& leases) {
      if (process == process_) received(leases);
    });
  });
}

void Puller::received(const base::Result<std::vector<engine::Lease>>& leases) {
  if (leases.ok()) {
    for (const engine::Lease& lease : *leases) work(lease);
  }
  receive_later(Millis(leases.ok() ? random_.between(1, 1'000) : 1'000));
}

void Puller::work(const engine::Lease& lease) {
  Work work;
  work.lease = lease.id;
  for (const engine::LeasedMessage& message : lease.messages) {
    oracle_.pulled(consumer_, message);
    work.events.emplace_back(message.record->sequence.value, message.record->event.raw);
  }
  const std::uint64_t dice = healed_ ? 0 : random_.below(100);
  Millis takes(random_.between(10, healed_ ? 100 : 8'000));
  if (dice >= 75) takes = Millis(random_.between(20'000, 70'000));  // some beyond the visibility timeout
  if (dice >= 84) work.settles = false;
  if (dice >= 90) work.fate = Fate::release;
  if (dice >= 95) work.fate = Fate::retry;
  if (work.fate != Fate::delivered) work.settles = true;
  world_.after(takes, [this, work = std::move(work)]() mutable { finish(std::move(work)); });
}

void Puller::finish(Work work) {
  if (work.fate == Fate::delivered) {
    for (const auto& [sequence, bytes] : work.events) oracle_.took(consumer_, sequence, bytes);
  }
  if (work.settles) settle(std::move(work));
}

void Puller::settle(Work work) {
  constexpr int kTriesMax = 30;
  if (++work.tries > kTriesMax) return;
  auto shared = std::make_shared<Work>(std::move(work));
  const auto again = [this, shared] {
    world_.after(std::chrono::seconds(2), [this, shared] { settle(std::move(*shared)); });
  };
  if (engine_ == nullptr) return again();
  std::vector<engine::MessageFate> fates(shared->events.size());
  for (std::size_t i = 0; i < fates.size(); ++i) {
    fates[i].fate = i == 0 || shared->fate == Fate::delivered ? shared->fate : Fate::release;
    fates[i].delay = Millis(2'000);
  }
  // Whether it was done is not known when the process ends before it answers: then it is tried once more.
  auto answered = std::make_shared<bool>(false);
  world_.after(std::chrono::seconds(20), [answered, again] {
    if (!*answered) again();
  });
  engine_->loop_of(queue_).post(
      [this, process = process_, shared, answered, again, fates = std::move(fates)]() mutable {
        engine_->settle(queue_, shared->lease, std::move(fates),
                        [this, process, shared, answered, again](const base::Result<void>& result) {
                          if (process != process_ || std::exchange(*answered, true)) return;
                          if (!result.ok() && result.error().code == Errc::unavailable) return again();
                          if (!result.ok() || shared->fate != Fate::delivered) return;
                          for (const auto& [sequence, bytes] : shared->events) oracle_.proven(consumer_, sequence);
                        });
      });
}

}  // namespace trunkline::simulation
