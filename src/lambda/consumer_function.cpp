#include "lambda/consumer_function.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/log.hpp"
#include "base/run_and_wait.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::lambda {
namespace {

using base::Errc;
using base::Result;
using delivery::BreakerState;
using delivery::BreakerWord;

constexpr base::Millis kLoopWithin = std::chrono::seconds(20);
constexpr base::Millis kLook = std::chrono::milliseconds(100);  // for messages that reach a lane after an outage began
constexpr int kProbesMax = 10;                                  // receives that bring nothing to be delivered
constexpr const char* kStateKey = "disabled";
// The next scheduled event is to find the open time over.
constexpr base::Millis kNextProbeMax = std::chrono::seconds(45);

}  // namespace

ConsumerFunction::ConsumerFunction(ConsumerFunctionOptions options, aws_engine::AwsEngine& engine, base::Loop& loop,
                                   std::unique_ptr<delivery::Sink> sink, EventSource& source)
    : options_(std::move(options)), engine_(engine), loop_(loop), source_(source) {
  base::run_and_wait(loop_, kLoopWithin, [this, sink = std::move(sink)](base::Task done) mutable {
    make_consumer(std::move(sink), {});
    done();
  });
}

ConsumerFunction::~ConsumerFunction() {
  base::run_and_wait(loop_, kLoopWithin, [this](base::Task done) {
    consumer_.reset();
    done();
  });
}

void ConsumerFunction::make_consumer(std::unique_ptr<delivery::Sink> sink, const delivery::Statistics& carried) {
  consumer_ = std::make_unique<delivery::Consumer>(options_.name, engine_, options_.queue, std::move(sink),
                                                   options_.delivery, carried);
  const auto set = [signals = signals_](bool open) {
    const std::scoped_lock lock(signals->mutex);
    signals->open = open;
    signals->changed.notify_all();
  };
  set(false);
  consumer_->on_breaker([set](BreakerState state) { set(state == BreakerState::open); });
  consumer_->start();
}

void ConsumerFunction::renew_consumer() {
  base::run_and_wait(loop_, kLoopWithin, [this](base::Task done) {
    consumer_->stop(base::Millis(0), [this, done = std::move(done)]() mutable {
      const delivery::Statistics carried = consumer_->statistics();
      std::unique_ptr<delivery::Sink> sink = consumer_->take_sink();
      consumer_.reset();
      make_consumer(std::move(sink), carried);
      done();
    });
  });
}

bool ConsumerFunction::breaker_open() {
  const std::scoped_lock lock(signals_->mutex);
  return signals_->open;
}

base::Task ConsumerFunction::begin_hand_over() {
  const std::scoped_lock lock(signals_->mutex);
  ++signals_->handed;
  return [signals = signals_] {
    const std::scoped_lock now(signals->mutex);
    --signals->handed;
    signals->changed.notify_all();
  };
}

ConsumerFunction::Ended ConsumerFunction::wait(const Invocation& invocation) {
  std::unique_lock lock(signals_->mutex);
  const base::Millis left = time_left(invocation, loop_.clock(), options_.margin);
  signals_->changed.wait_for(lock, left, [&] { return signals_->handed == 0 || signals_->open; });
  if (signals_->handed == 0) return Ended::done;
  return signals_->open ? Ended::outage : Ended::deadline;
}

// What is in no lease goes back as it comes.
void ConsumerFunction::wait_for_all(base::Millis within) {
  const base::MonoTime until = loop_.clock().mono() + within;
  std::unique_lock lock(signals_->mutex);
  while (signals_->handed > 0 && loop_.clock().mono() < until) {
    lock.unlock();
    engine_.return_handed(options_.queue, options_.hidden);
    lock.lock();
    signals_->changed.wait_for(lock, kLook, [&] { return signals_->handed == 0; });
  }
}

Answer ConsumerFunction::handle(const Invocation& invocation) {
  const auto payload = read_payload(invocation.payload);
  if (!payload.ok()) return failure("Trunkline.InvalidPayload", payload.error().detail);
  if (payload->kind == PayloadKind::scheduled) return probe(invocation);
  if (payload->kind != PayloadKind::messages)
    return failure("Trunkline.InvalidPayload", "neither messages of a queue nor a scheduled event");
  const std::string arn = engine_.arn_of(options_.queue);
  if (payload->queue_arn != arn)
    return failure("Trunkline.WrongQueue",
                   fmt::format("messages of {}, but consumer {} has {}", payload->queue_arn, options_.name, arn));
  return deliver(invocation, *payload);
}

Answer ConsumerFunction::deliver(const Invocation& invocation, const Payload& payload) {
  const base::MonoTime began = loop_.clock().mono();
  const auto fates = std::make_shared<aws_engine::HandedFates>(payload.messages.size());
  const bool away = breaker_open();
  if (away) {
    if (!disabled_) outage(invocation);
    std::vector<std::string> handles;
    for (const QueueMessage& message : payload.messages) handles.push_back(message.receipt_handle);
    engine_.hide(options_.queue, std::move(handles), options_.hidden, begin_hand_over());
    wait_for_all(time_left(invocation, loop_.clock(), options_.margin - options_.grace));
  } else {
    disabled_ = false;
    std::vector<aws_engine::HandedMessage> messages;
    for (const QueueMessage& each : payload.messages)
      messages.push_back({each.id, each.receipt_handle, each.body, each.head, each.receive_count});
    engine_.hand(options_.queue, std::move(messages), fates, begin_hand_over());
    switch (wait(invocation)) {
      case Ended::done:
        break;
      case Ended::outage:
        outage(invocation);
        wait_for_all(time_left(invocation, loop_.clock(), options_.margin));
        [[fallthrough]];
      case Ended::deadline:
        if (wait_for_all(base::Millis(0)); wait(invocation) == Ended::done) break;
        base::log::warn("the time of an invocation is over; what is not delivered comes again", "consumer",
                        options_.name, "request", invocation.id);
        renew_consumer();
        wait_for_all(options_.grace);
        break;
    }
    // A breaker that opened with the last message of the batch.
    if (breaker_open() && !disabled_) outage(invocation);
  }
  std::vector<bool> done;
  for (const auto& settled : fates->settled) done.push_back(settled.load());
  const auto settled = std::ranges::count(done, true);
  const auto count = static_cast<std::int64_t>(done.size());
  report({{"Messages", "Count", count},
          {"Settled", "Count", settled},
          {"Failed", "Count", count - settled},
          {"OldestAge", "Seconds", oldest_age_seconds(payload.messages, loop_.clock().wall())}},
         began);
  return {batch_failures(payload.messages, done)};
}

Result<delivery::BreakerNote> ConsumerFunction::note() {
  TRUNKLINE_TRY(const auto stored, engine_.get_state(delivery::kConsumersOwner, delivery::breaker_key(options_.name)));
  if (!stored) return delivery::BreakerNote{};
  delivery::BreakerNote read = delivery::decode_breaker_note(stored->bytes).value_or(delivery::BreakerNote{});
  read.version = stored->version;
  return read;
}

std::optional<delivery::BreakerNote> ConsumerFunction::say(BreakerWord word, base::Millis lasts, base::Millis open_time,
                                                           const delivery::BreakerNote& known) {
  const delivery::BreakerNote next{known.version + 1, word, lasts, open_time, loop_.clock().wall(), false};
  const auto stored = base::answer_of<Result<void>>([&](engine::DoneCallback done) {
    engine_.put_state(delivery::kConsumersOwner, delivery::breaker_key(options_.name), known.version,
                      delivery::encode(next), loop_, std::move(done));
  });
  if (stored.ok()) return next;
  if (stored.error().code != Errc::conflict)
    base::log::warn("what is known of a downstream cannot be written down", "consumer", options_.name, "error",
                    stored.error().detail);
  return std::nullopt;
}

// The table first: who reads it enables what was disabled.
void ConsumerFunction::outage(const Invocation& invocation) {
  if (const auto known = note(); known.ok() && known->word == BreakerWord::closed)
    say(BreakerWord::open, options_.delivery.open_base, options_.delivery.open_base, *known);
  std::string state;
  json::Writer(state).begin_object().member("since", base::format_time(loop_.clock().wall())).end_object();
  const auto result = base::answer_of<Result<void>>([&](engine::DoneCallback done) {
    engine_.update_state(state_owner(options_.name), {{kStateKey, std::move(state)}}, loop_, std::move(done));
  });
  if (!result.ok()) {
    base::log::error("an outage cannot be written down, so its event source stays enabled", "consumer", options_.name,
                     "error", result.error().detail);
    return;
  }
  const Result<void> told = source_.set_enabled(invocation.function_arn, false);
  disabled_ = told.ok();
  if (told.ok()) {
    base::log::warn("the downstream is away: the event source is disabled until a probe is delivered", "consumer",
                    options_.name);
  } else {
    base::log::error("the event source cannot be disabled; messages come and go back", "consumer", options_.name,
                     "error", told.error().detail);
  }
}

Answer ConsumerFunction::probe(const Invocation& invocation) {
  const base::MonoTime began = loop_.clock().mono();
  const std::string owner = state_owner(options_.name);
  const auto state = engine_.get_state(owner, kStateKey);
  if (!state.ok()) return failure("Trunkline.Unavailable", state.error().detail);
  const auto known = note();
  if (!known.ok()) return failure("Trunkline.Unavailable", known.error().detail);
  const bool open = known->word != BreakerWord::closed;
  if (open && !state->has_value()) outage(invocation);  // a worker has seen it
  const bool away = (open || state->has_value()) && still_away(invocation, *known);
  if (!away && (open || state->has_value())) {
    Result<void> enabled = source_.set_enabled(invocation.function_arn, true);
    if (enabled.ok()) enabled = engine_.remove_state(owner);
    if (!enabled.ok()) return failure("Trunkline.Unavailable", enabled.error().detail);
    disabled_ = false;
    base::log::info("the downstream is back: the event source is enabled", "consumer", options_.name);
  }
  report({{"Disabled", "Count", away ? 1 : 0}}, began);
  return {"{}"};
}

bool ConsumerFunction::still_away(const Invocation& invocation, const delivery::BreakerNote& known) {
  using delivery::SharedBreaker;
  delivery::BreakerNote mine = known;
  if (known.word != BreakerWord::closed) {
    // Whoever has written it is on it until then.
    if (loop_.clock().wall() < known.at + known.lasts + SharedBreaker::kSeenWithin) return true;
    const auto said = say(BreakerWord::probing, SharedBreaker::kProbeLasts, known.open_time, known);
    if (!said) return true;
    mine = *said;
  }
  renew_consumer();  // its breaker's time is not the schedule's
  if (downstream_takes_one(invocation)) {
    if (mine.word != BreakerWord::closed) say(BreakerWord::closed, {}, options_.delivery.open_base, mine);
    return false;
  }
  const base::Millis again = std::clamp(mine.open_time * 2, options_.delivery.open_base, kNextProbeMax);
  say(BreakerWord::open, again, again, mine);
  return true;
}

bool ConsumerFunction::downstream_takes_one(const Invocation& invocation) {
  for (int i = 0; i < kProbesMax; ++i) {
    const auto fates = std::make_shared<aws_engine::HandedFates>(1);
    engine_.receive_one(options_.queue, fates, begin_hand_over());
    const Ended ended = wait(invocation);
    if (ended != Ended::done) {
      wait_for_all(options_.grace);
      if (ended == Ended::deadline) renew_consumer();
      return false;
    }
    if (breaker_open()) return false;
    // Nothing waits that could be delivered now; what comes next shows it.
    if (fates->found.load() == 0 || fates->given.load() > 0) return true;
  }
  return true;
}

void ConsumerFunction::report(std::vector<Figure> figures, base::MonoTime began) {
  const auto took = std::chrono::floor<base::Millis>(loop_.clock().mono() - began);
  figures.push_back({"Duration", "Milliseconds", took.count()});
  fmt::print("{}\n", metrics_line(loop_.clock().wall(), "consumer", options_.name, figures));
  std::fflush(stdout);
}

}  // namespace trunkline::lambda
