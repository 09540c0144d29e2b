#include "sns/http_deliveries.hpp"

#include <chrono>
#include <future>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "delivery/consumer.hpp"
#include "sns/delivery_policy.hpp"
#include "sns/endpoint.hpp"

namespace trunkline::sns {
namespace {

// A loop that is busy answers within milliseconds; one that is stuck is the hub's end anyway.
constexpr base::Millis kWithin = std::chrono::seconds(60);
// Every delivery ends within its time-out of 15 s.
constexpr base::Millis kDrain = std::chrono::seconds(20);

// The sink says when a message is tried again and when no more: delivery keeps its places and its durable attempts. An
// endpoint that is down is told from messages that are bad by nobody here, hence the breaker never opens: a thousand
// messages do not fail within 10 ms.
delivery::Options delivery_options(std::int64_t per_second) {
  delivery::Options options;
  options.ordered = false;
  options.concurrency = HttpSink::kConcurrency;
  options.adaptive = false;
  options.rate = static_cast<double>(per_second);
  options.burst = per_second > 0 ? 1 : 0;
  options.max_attempts = 1'000;
  options.on_exhausted = delivery::OnExhausted::drop;
  options.backoff_base = base::Millis(1);
  options.backoff_cap = base::Millis(1);
  options.retry_for = std::chrono::hours(24 * 14);
  options.breaker_window = base::Millis(10);
  options.breaker_lanes_min = 1'000;
  options.breaker_lanes_max = 1'000;
  options.breaker_share = 1;
  return options;
}

}  // namespace

// All but the constants on the loop.
struct HttpDeliveries::Delivery : std::enable_shared_from_this<HttpDeliveries::Delivery> {
  Delivery(std::string subscription, base::QueueId queue_id, net::IoLoop& on)
      : id(std::move(subscription)), queue(queue_id), loop(on) {}

  void start(std::unique_ptr<delivery::Sink> sink, engine::Engine& engine, std::int64_t rate) {
    consumer =
        std::make_unique<delivery::Consumer>("sns/" + id, engine, queue, std::move(sink), delivery_options(rate));
    consumer->start();
  }
  // What is under way ends by the former rate.
  void change(engine::Engine& engine, std::int64_t rate) {
    next_rate = rate;
    if (!consumer || std::exchange(changing, true)) return;
    consumer->stop(kDrain, [self = shared_from_this(), &engine] {
      self->changing = false;
      if (self->ending || !self->consumer) return;
      self->start(self->consumer->take_sink(), engine, self->next_rate);
    });
  }

  // `done` runs on the loop when nothing is under way any more.
  void end(base::Millis deadline, base::Task done) {
    ending = true;
    if (!consumer) return done();
    consumer->stop(deadline, [self = shared_from_this(), done = std::move(done)]() mutable {
      self->consumer.reset();
      done();
    });
  }

  const std::string id;
  const base::QueueId queue;
  net::IoLoop& loop;
  std::int64_t per_second = 0;  // the thread's that calls follow()
  std::int64_t next_rate = 0;
  bool changing = false;
  bool ending = false;
  std::unique_ptr<delivery::Consumer> consumer;
};

HttpDeliveries::HttpDeliveries(Registry& topics, const sqs::Registry& queues, engine::Engine& engine, LoopOf loop_of,
                               HttpSinkOptions options)
    : topics_(topics), queues_(queues), engine_(engine), loop_of_(std::move(loop_of)), options_(std::move(options)) {}
HttpDeliveries::~HttpDeliveries() = default;

void HttpDeliveries::follow() {
  std::vector<std::string> gone;
  for (const auto& [id, delivery] : running_) gone.push_back(id);
  for (const TopicPtr& topic : topics_.all()) {
    for (const auto& [id, subscription] : topic->subscriptions) {
      if (!subscription->http() || subscription->queue.value == 0) continue;
      std::erase(gone, id);
      const std::int64_t rate =
          effective_policy(topic->topic.text("DeliveryPolicy"), subscription->text("DeliveryPolicy")).per_second;
      const auto found = running_.find(id);
      if (found == running_.end()) {
        begin(*subscription, rate);
      } else if (std::exchange(found->second->per_second, rate) != rate) {
        found->second->loop.post([this, delivery = found->second, rate] { delivery->change(engine_, rate); });
      }
    }
  }
  for (const std::string& id : gone) end(id);
}

void HttpDeliveries::begin(const Subscription& subscription, std::int64_t per_second) {
  net::IoLoop& loop = loop_of_(subscription.queue);
  auto delivery = std::make_shared<Delivery>(subscription.id, subscription.queue, loop);
  delivery->per_second = per_second;
  running_.emplace(subscription.id, delivery);
  loop.post([this, delivery, topic = subscription.topic, per_second] {
    delivery->start(
        std::make_unique<HttpSink>(topic, delivery->id, delivery->loop, topics_, queues_, engine_, options_, lost_),
        engine_, per_second);
  });
}

void HttpDeliveries::end(const std::string& id) {
  const auto delivery = running_.at(id);
  running_.erase(id);
  base::run_and_wait(delivery->loop, kWithin,
                     [delivery](base::Task done) { delivery->end(base::Millis(0), std::move(done)); });
  // What is left of it goes at the next start.
  if (const auto removed = engine_.remove(delivery->queue);
      !removed.ok() && removed.error().code != base::Errc::not_found)
    base::log::warn("the queue of a subscription that is gone goes at the next start", "subscription", id, "error",
                    removed.error().detail);
}

// All at once: they share the time.
void HttpDeliveries::stop(base::Millis deadline) {
  std::vector<std::future<void>> ended;
  for (const auto& each : std::exchange(running_, {})) {
    auto promise = std::make_shared<std::promise<void>>();
    ended.push_back(promise->get_future());
    each.second->loop.post(
        [delivery = each.second, deadline, promise] { delivery->end(deadline, [promise] { promise->set_value(); }); });
  }
  const auto until = std::chrono::steady_clock::now() + deadline + kWithin;
  for (std::future<void>& each : ended) each.wait_until(until);
}

std::optional<std::string> HttpDeliveries::forbidden(std::string_view url) const {
  const auto host = literal_address(url);
  return host ? net::forbidden_address(*host, options_.addresses) : std::nullopt;
}

}  // namespace trunkline::sns
