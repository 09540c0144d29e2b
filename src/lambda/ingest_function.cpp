#include "lambda/ingest_function.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <future>
#include <utility>

#include "base/log.hpp"
#include "json/writer.hpp"
#include "lambda/metrics.hpp"

namespace trunkline::lambda {
namespace {

using engine::PublishItem;
using engine::PublishResult;
using engine::PublishVerdict;

constexpr base::Millis kFlushMax = std::chrono::seconds(20);

}  // namespace

IngestFunction::IngestFunction(IngestFunctionOptions options, base::Loop& loop, Decode decode, Engine engine)
    : options_(std::move(options)), loop_(loop), decode_(std::move(decode)), engine_(std::move(engine)) {}

Answer IngestFunction::handle(const Invocation& invocation) {
  const base::MonoTime began = loop_.clock().mono();
  const auto payload = read_payload(invocation.payload);
  if (!payload.ok()) return failure("Trunkline.InvalidPayload", payload.error().detail);
  const auto left = [&] { return std::min(time_left(invocation, loop_.clock(), options_.margin), kFlushMax); };
  if (payload->kind == PayloadKind::scheduled) {
    if (!engine_.sweep(left())) base::log::warn("what waits to be published could not all be looked at");
    return {"{}"};
  }
  Counts counts;
  std::vector<bool> done;
  if (payload->kind == PayloadKind::event) {
    done = store(invocation, {invocation.payload}, counts);
  } else if (payload->fifo) {
    done = store_in_order(invocation, *payload, counts);
  } else {
    std::vector<std::string_view> bodies;
    for (const QueueMessage& message : payload->messages) bodies.push_back(message.body);
    done = store(invocation, bodies, counts);
  }
  if (counts.accepted + counts.conflicts > 0 && !engine_.flush(left()))
    base::log::warn("events are stored and will be published later", "request", invocation.id);
  report(counts, began);
  if (payload->kind == PayloadKind::messages) return {batch_failures(payload->messages, done)};
  if (!done.front())
    return failure("Trunkline.NotStored", fmt::format("{} events are not stored: try again", counts.failed));
  std::string body;
  json::Writer out(body);
  out.begin_object().member("accepted", counts.accepted).member("duplicates", counts.duplicates);
  out.member("conflicts", counts.conflicts).member("quarantined", counts.quarantined).end_object();
  return {std::move(body)};
}

std::vector<bool> IngestFunction::store(const Invocation& invocation, const std::vector<std::string_view>& bodies,
                                        Counts& counts) {
  std::promise<void> decoded;
  std::vector<PublishItem> items;
  std::vector<std::size_t> body_of;  // by item
  loop_.post([&] {
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      for (PublishItem& item : decode_(bodies[i]).items) {
        items.push_back(std::move(item));
        body_of.push_back(i);
      }
    }
    decoded.set_value();
  });
  decoded.get_future().wait();
  std::vector<bool> done(bodies.size(), true);  // of nothing to store, all is stored
  if (items.empty()) return done;
  const std::vector<PublishResult> results = publish(invocation, std::move(items));
  for (std::size_t i = 0; i < body_of.size(); ++i) {
    switch (i < results.size() ? results[i].verdict : PublishVerdict::failed) {
      case PublishVerdict::accepted:
        ++counts.accepted;
        break;
      case PublishVerdict::duplicate:
        ++counts.duplicates;
        break;
      case PublishVerdict::conflict:
        ++counts.conflicts;
        break;
      case PublishVerdict::quarantined:
        ++counts.quarantined;
        break;
      case PublishVerdict::failed:
        ++counts.failed;
        done[body_of[i]] = false;
        break;
    }
  }
  return done;
}

std::vector<bool> IngestFunction::store_in_order(const Invocation& invocation, const Payload& payload, Counts& counts) {
  std::vector<bool> done(payload.messages.size(), false);
  for (std::size_t i = 0; i < payload.messages.size(); ++i) {
    done[i] = store(invocation, {payload.messages[i].body}, counts).front();
    if (!done[i]) break;
  }
  return done;
}

// Without an answer in time the results are missing.
std::vector<PublishResult> IngestFunction::publish(const Invocation& invocation, std::vector<PublishItem> items) {
  auto promise = std::make_shared<std::promise<std::vector<PublishResult>>>();
  auto answered = promise->get_future();
  engine_.publish(std::move(items),
                  [promise](std::vector<PublishResult> results) { promise->set_value(std::move(results)); });
  const base::Millis left = time_left(invocation, loop_.clock(), options_.margin);
  if (answered.wait_for(left) != std::future_status::ready) {
    base::log::error("the time of an invocation is over before its events are stored", "request", invocation.id);
    return {};
  }
  std::vector<PublishResult> results = answered.get();
  for (const PublishResult& result : results) {
    if (result.verdict != PublishVerdict::failed) continue;
    base::log::warn("an event is not stored", "request", invocation.id, "error",
                    result.error ? result.error->detail : "unknown");
    break;  // the others failed alike
  }
  return results;
}

void IngestFunction::report(const Counts& counts, base::MonoTime began) const {
  const auto took = std::chrono::floor<base::Millis>(loop_.clock().mono() - began);
  fmt::print("{}\n", metrics_line(loop_.clock().wall(), "source", options_.name,
                                  {{"Accepted", "Count", counts.accepted},
                                   {"Duplicates", "Count", counts.duplicates},
                                   {"Conflicts", "Count", counts.conflicts},
                                   {"Quarantined", "Count", counts.quarantined},
                                   {"NotStored", "Count", counts.failed},
                                   {"Duration", "Milliseconds", took.count()}}));
  std::fflush(stdout);
}

}  // namespace trunkline::lambda
