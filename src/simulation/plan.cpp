#include "simulation/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simulation/random.hpp"

namespace trunkline::simulation {
namespace {

using base::Millis;

struct Often {
  Kind kind;
  double an_hour;           // on average, where a plan has it at all
  std::int64_t span_least;  // milliseconds
  std::int64_t span_most;
};
constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::array kFaults = {
    Often{Kind::power_cut, 1.5, 100, 2 * kMinute},
    Often{Kind::power_cut_in_sync, 1.5, 100, kMinute},
    Often{Kind::power_cut_after_commit, 1.5, 100, kMinute},
    Often{Kind::restart, 1, 100, 20 * kSecond},
    Often{Kind::sync_error, 1.5, 0, 0},
    Often{Kind::append_error, 1, 0, 0},
    Often{Kind::disk_full, 1, kSecond, 3 * kMinute},
    Often{Kind::slow_disk, 1, kSecond, 2 * kMinute},
    Often{Kind::clock_forward, 1, kSecond, 90 * kMinute},
    Often{Kind::clock_back, 1, kSecond, 90 * kMinute},
    Often{Kind::refused, 2, 2 * kSecond, 20 * kMinute},
    Often{Kind::hang, 2, 2 * kSecond, 20 * kMinute},
    Often{Kind::answers_503, 2, 2 * kSecond, 20 * kMinute},
    Often{Kind::answers_401, 1.5, 2 * kSecond, 20 * kMinute},
    Often{Kind::every_item_fails, 2, 2 * kSecond, 20 * kMinute},
    Often{Kind::some_items_fail, 2, 10 * kSecond, 20 * kMinute},
    Often{Kind::busy, 2, 2 * kSecond, 10 * kMinute},
    Often{Kind::slow, 2, 10 * kSecond, 10 * kMinute},
    Often{Kind::lost_answer, 2, 2 * kSecond, 5 * kMinute},
    Often{Kind::poison, 2, kMinute, 30 * kMinute},
    Often{Kind::pause, 2, kSecond, 15 * kMinute},
    Often{Kind::redrive, 6, 0, 0},
    Often{Kind::purge, 6, 0, 0},
    Often{Kind::filter_change, 1.5, 0, 0},
    Often{Kind::remove_consumer, 2, 0, 0},
    Often{Kind::redrive_operation, 6, 0, 0},
    Often{Kind::replay, 3, 0, 0},
};

class Planner {
 public:
  Planner(std::uint64_t seed, Millis length) : random_(seed, "plan") {
    plan_.seed = seed;
    plan_.length = length;
  }

  Plan make() {
    plan_.loops = 1 + random_.below(3);
    plan_.lanes = static_cast<std::uint32_t>(3 + random_.below(60));
    plan_.tail_bytes_max = random_.chance(0.5) ? 8'000 : 1 << 20;
    plan_.window = random_.chance(0.3) ? 20 : 1'000;
    make_consumers();
    make_traffic();
    make_faults();
    number_steps(plan_);
    return std::move(plan_);
  }

 private:
  Millis any_time() { return Millis(random_.between(1'000, plan_.length.count() - 1)); }
  std::uint32_t any_consumer() { return static_cast<std::uint32_t>(random_.below(plan_.consumers.size())); }

  void make_consumers() {
    const std::size_t count = 2 + random_.below(4);
    for (std::size_t i = 0; i < count; ++i) {
      ConsumerPlan consumer;
      consumer.name = fmt::format("consumer-{}", i);
      consumer.sink = static_cast<SinkKind>(random_.below(5));
      consumer.order = static_cast<event::Order>(random_.below(5));
      consumer.filter = random_.chance(0.5) ? 0 : random_.below(kFilters);
      if (i > 1 && random_.chance(0.5)) {
        consumer.begins = any_time();
        add(Kind::new_consumer, consumer.begins, static_cast<std::uint32_t>(i));
      }
      make_options(consumer);
      plan_.consumers.push_back(std::move(consumer));
    }
  }
  void make_options(ConsumerPlan& consumer) {
    delivery::Options& options = consumer.options;
    options.ordered = consumer.order != event::Order::none;
    options.concurrency = 1 + random_.below(8);
    options.batch_messages = consumer.sink == SinkKind::webhook ? 1 : 1 + random_.below(20);
    if (random_.chance(0.2)) options.batch_age = Millis(random_.between(1, 2'000));
    if (random_.chance(0.2)) options.rate = static_cast<double>(5 + random_.below(20));
    if (random_.chance(0.3)) consumer.max_wait = Millis(random_.between(5 * kMinute, 40 * kMinute));
    options.max_attempts = static_cast<std::uint32_t>(1 + random_.below(5));
    if (random_.chance(0.5)) options.on_exhausted = static_cast<delivery::OnExhausted>(random_.below(3));
    if (random_.chance(0.3)) options.retry_for = Millis(random_.between(10 * kSecond, 10 * kMinute));
    if (consumer.sink == SinkKind::pulled) {
      // What a client forgets counts as received: more often than by bad luck.
      options.max_attempts += 2;
      if (options.exhausted() == delivery::OnExhausted::drop) options.on_exhausted = delivery::OnExhausted::skip;
    }
    options.backoff_cap = Millis(random_.between(5 * kSecond, 5 * kMinute));
    options.seed = random_.next();
    if (options.ordered && options.seed % 3 == 0)
      consumer.event_time_window = Millis(100 + static_cast<std::int64_t>(options.seed / 3 % 30'000));
  }

  void make_traffic() {
    const double a_second = 0.1 + static_cast<double>(random_.below(12)) / 10.0;
    const bool repeats = random_.chance(0.8);
    std::int64_t at = 200;
    while (at < plan_.length.count()) {
      Step step;
      step.at = Millis(at);
      const std::uint64_t count = random_.chance(0.1) ? 1 + random_.below(30) : 1 + random_.below(3);
      for (std::uint64_t i = 0; i < count; ++i) step.items.push_back({{next_event_++, 0}, 0, false});
      plan_.steps.push_back(std::move(step));
      if (repeats) add_repeats(at);
      at += random_.between(1, static_cast<std::int64_t>(4'000.0 / a_second));
    }
  }
  void add_repeats(std::int64_t at) {
    const auto one_in = [this](std::uint64_t n) { return random_.below(n) == 0; };
    const Millis later(at + random_.between(0, one_in(4) ? 10 * kMinute : 2 * kSecond));
    const EventKey newest{next_event_ - 1, 0};
    if (one_in(25)) publish(Kind::duplicate, later, {newest, 0, false});
    if (one_in(40))
      publish(Kind::republished, later, {newest, static_cast<std::uint32_t>(1 + random_.below(3)), false});
    if (one_in(60)) publish(Kind::conflict, later, {{newest.number, 1}, 0, false});
    if (one_in(60)) publish(Kind::garbage, later, {newest, 0, true});
    // An event that comes long after its successors.
    if (one_in(40)) publish(Kind::reordered, later, {{next_event_++, 0}, 0, false});
  }
  void publish(Kind kind, Millis at, Item item) {
    Step step;
    step.at = at;
    step.kind = kind;
    step.items.push_back(item);
    plan_.steps.push_back(std::move(step));
  }
  Step& add(Kind kind, Millis at, std::uint32_t consumer) {
    Step step;
    step.at = at;
    step.kind = kind;
    step.consumer = consumer;
    step.value = random_.next();
    return plan_.steps.emplace_back(std::move(step));
  }

  void make_faults() {
    const double hours = static_cast<double>(plan_.length.count()) / 3'600'000.0;
    for (const Often& often : kFaults) {
      if (!random_.chance(0.7)) continue;
      const double mean = often.an_hour * hours * static_cast<double>(1 + random_.below(20)) / 7.0;
      auto count = static_cast<std::uint64_t>(mean);
      if (random_.chance(mean - static_cast<double>(count))) ++count;
      for (std::uint64_t i = 0; i < count; ++i) {
        // Most are short: the product of two dice.
        const double share = static_cast<double>(random_.below(1000) * random_.below(1000)) / 1e6;
        const auto range = static_cast<double>(often.span_most - often.span_least);
        const Millis span(often.span_least + static_cast<std::int64_t>(range * share));
        const Millis at = any_time();
        const std::uint32_t consumer = any_consumer();
        add(often.kind, at, consumer).span = span;
        if (often.kind == Kind::pause) add(Kind::resume, at + span, consumer);
        if (often.kind == Kind::redrive_operation || often.kind == Kind::replay) steer(at);
      }
    }
  }

  // Somebody has second thoughts, soon: operations of a few events end within seconds.
  void steer(Millis at) {
    for (std::uint64_t i = random_.below(4); i > 0; --i) {
      at += Millis(random_.between(100, random_.chance(0.5) ? 3 * kSecond : kMinute));
      add(Kind::steer, at, 0);
    }
  }

  Random random_;
  Plan plan_;
  std::uint32_t next_event_ = 1;
};

}  // namespace

std::string_view name(Kind kind) {
  static constexpr std::array<std::string_view, kKinds> kNames = {"publish",
                                                                  "power cut",
                                                                  "power cut in a sync",
                                                                  "power cut after a commit",
                                                                  "restart",
                                                                  "sync error",
                                                                  "append error",
                                                                  "disk full",
                                                                  "slow disk",
                                                                  "clock forward",
                                                                  "clock back",
                                                                  "refused",
                                                                  "hang",
                                                                  "503",
                                                                  "401",
                                                                  "every item fails",
                                                                  "some items fail",
                                                                  "busy",
                                                                  "slow downstream",
                                                                  "lost answer",
                                                                  "poison",
                                                                  "duplicate",
                                                                  "republished",
                                                                  "conflict",
                                                                  "reordered",
                                                                  "garbage",
                                                                  "pause",
                                                                  "resume",
                                                                  "redrive",
                                                                  "purge",
                                                                  "filter change",
                                                                  "new consumer",
                                                                  "consumer removed",
                                                                  "redrive by operation",
                                                                  "replay",
                                                                  "operation steered",
                                                                  "expired"};
  return kNames.at(static_cast<std::size_t>(kind));
}

Plan make_plan(std::uint64_t seed, Millis length) {
  return Planner(seed, length).make();
}

void publish_steadily(Plan& plan, Millis every, std::uint32_t events_a_second) {
  std::uint32_t number = 1;
  for (Millis at = every; at < plan.length; at += every) {
    Step step;
    step.at = at;
    const auto due = static_cast<std::uint32_t>(at.count() * events_a_second / 1'000);
    while (number <= due) step.items.push_back({{number++, 0}, 0, false});
    if (!step.items.empty()) plan.steps.push_back(std::move(step));
  }
}

void number_steps(Plan& plan) {
  std::stable_sort(plan.steps.begin(), plan.steps.end(),
                   [](const Step& one, const Step& other) { return one.at < other.at; });
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) plan.steps[i].id = i;
}

Plan masked(const Plan& plan, const Mask& mask) {
  Plan part = plan;
  if (!mask.consumers.empty()) {
    // Places stay what they are: a consumer that is left out never begins.
    for (std::size_t i = 0; i < part.consumers.size(); ++i) {
      if (i >= mask.consumers.size() || !mask.consumers[i]) part.consumers[i].begins = Millis::max();
    }
  }
  std::erase_if(part.steps, [&](const Step& step) {
    if (!mask.steps.empty() && (step.id >= mask.steps.size() || !mask.steps[step.id])) return true;
    const bool of_consumer = is_downstream(step.kind) || step.kind >= Kind::pause;
    return of_consumer && part.consumers[step.consumer].begins == Millis::max();
  });
  return part;
}

}  // namespace trunkline::simulation
