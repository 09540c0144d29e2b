#include "source/sqs_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/crypto.hpp"
#include "base/log.hpp"

namespace trunkline::source {
namespace {

using base::Millis;
using engine::PublishResult;
using engine::PublishVerdict;

constexpr Millis kBackoff = std::chrono::seconds(1);
constexpr Millis kBackoffMax = std::chrono::seconds(60);
// SQS hides a message for 12 hours at most after its receive; then it comes again, whoever holds it.
constexpr Millis kHeldMax = std::chrono::hours(11);
// An empty answer that comes sooner did not wait: a server without long polls is not asked in a circle.
constexpr Millis kEmptyMin = std::chrono::seconds(1);

// Random up to a doubling bound.
Millis backoff(std::uint32_t failures, double fraction) {
  const Millis bound = std::min(kBackoff * (1 << std::min(failures > 0 ? failures - 1 : 0, 6u)), kBackoffMax);
  return Millis(static_cast<std::int64_t>(fraction * static_cast<double>(bound.count())));
}

// Messages of one receive that are not settled yet.
struct Batch {
  std::vector<aws::ReceivedMessage> messages;
  base::MonoTime received_at{};
  base::Loop::TimerId heartbeat = 0;
  base::Loop::TimerId retry = 0;
  std::uint32_t failures = 0;  // publishes in a row
};
using BatchPtr = std::shared_ptr<Batch>;

std::vector<std::string> handles_of(const std::vector<aws::ReceivedMessage>& messages) {
  std::vector<std::string> handles;
  for (const aws::ReceivedMessage& message : messages) handles.push_back(message.receipt_handle);
  return handles;
}

}  // namespace

struct SqsSource::Impl : std::enable_shared_from_this<Impl> {
  Impl(SqsSourceOptions given, SqsClient with, base::Loop& its_loop, Decode reader, Publish publisher, Count counter,
       aws::Fraction jitter)
      : options(std::move(given)),
        sqs(std::move(with)),
        loop(its_loop),
        decode(std::move(reader)),
        publish_items(std::move(publisher)),
        count(std::move(counter)),
        fraction(std::move(jitter)),
        fifo(options.queue_url.ends_with(".fifo")) {}

  // Runs `what` later unless the source has gone by then.
  template <class What>
  base::Loop::TimerId after(Millis delay, What what) {
    return loop.after(delay, [weak = weak_from_this(), what = std::move(what)]() mutable {
      if (const auto self = weak.lock()) what(*self);
    });
  }

  void receive();
  void received(aws::Reply reply, base::MonoTime asked_at);
  void take(std::vector<aws::ReceivedMessage> messages);
  void publish(const BatchPtr& batch);
  void stored(const BatchPtr& batch, const std::vector<std::size_t>& items, const std::vector<PublishResult>& results);
  void settle(const BatchPtr& batch, std::vector<aws::ReceivedMessage> done, bool failed);
  void go_on(const BatchPtr& batch, bool failed);
  void keep_hidden(const BatchPtr& batch);
  void give_back(const BatchPtr& batch);
  void end(const BatchPtr& batch);
  void receiver_ends();
  void failed(std::string_view what, const std::string& why);
  void worked();

  const SqsSourceOptions options;
  SqsClient sqs;
  base::Loop& loop;
  const Decode decode;
  const Publish publish_items;
  const Count count;
  const aws::Fraction fraction;
  const bool fifo;
  Statistics statistics;
  std::set<BatchPtr> batches;  // one for each receiver that has messages
  std::size_t receivers = 0;   // that receive, hold messages or wait to receive again
  std::uint32_t failures = 0;  // receives in a row
  std::string trouble;         // what was logged; empty: all is well
  std::string attempt_id;      // of a FIFO receive that was not answered
  bool stopping = false;
  base::Task stopped;
};

void SqsSource::Impl::failed(std::string_view what, const std::string& why) {
  statistics.failures.fetch_add(1, std::memory_order_relaxed);
  if (trouble == what) return;
  trouble = what;
  base::log::warn("an SQS source is in trouble; its messages stay in the queue", "source", options.name, "what", what,
                  "error", why);
}

void SqsSource::Impl::worked() {
  if (trouble.empty()) return;
  trouble.clear();
  base::log::info("an SQS source works again", "source", options.name);
}

void SqsSource::Impl::receiver_ends() {
  --receivers;
  if (stopping && receivers == 0) loop.post(std::exchange(stopped, {}));
}

void SqsSource::Impl::receive() {
  if (stopping) return;
  aws::ReceiveCall call{options.queue_url, options.visibility_timeout, options.wait, {}};
  // After a call without an answer the same messages come by the same id; else their groups would wait for the timeout.
  if (fifo) call.attempt_id = attempt_id.empty() ? base::hex_encode(base::random_bytes(16)) : attempt_id;
  if (fifo) attempt_id.clear();
  const base::MonoTime asked_at = loop.clock().mono();
  sqs.client->call("ReceiveMessage", aws::receive_body(call), options.wait + options.timeout,
                   [weak = weak_from_this(), asked_at, id = call.attempt_id](aws::Reply reply) {
                     const auto self = weak.lock();
                     if (!self) return;
                     if (!reply.ok() && reply.failure->status == 0) self->attempt_id = id;
                     self->received(std::move(reply), asked_at);
                   });
}

void SqsSource::Impl::received(aws::Reply reply, base::MonoTime asked_at) {
  // Not counted any more, and what came comes again.
  if (stopping) return;
  auto messages = reply.ok()
                      ? aws::parse_received(reply.body)
                      : base::Result<std::vector<aws::ReceivedMessage>>(reply.failure->errc, reply.failure->text());
  if (!messages.ok()) {
    failed("ReceiveMessage", messages.error().detail);
    ++failures;
    // One that asks is enough to see when it is over.
    if (receivers > 1) return receiver_ends();
    after(backoff(failures, fraction()) + kEmptyMin, [](Impl& self) { self.receive(); });
    return;
  }
  statistics.receives.fetch_add(1, std::memory_order_relaxed);
  failures = 0;
  if (trouble == "ReceiveMessage") worked();
  if (messages->empty()) {
    if (receivers > 1) return receiver_ends();
    const auto waited = std::chrono::floor<Millis>(loop.clock().mono() - asked_at);
    if (waited >= kEmptyMin) return receive();
    after(kEmptyMin, [](Impl& self) { self.receive(); });
    return;
  }
  const bool full = messages->size() == aws::kReceiveMax;
  take(std::move(*messages));
  if (full && receivers < options.receivers) {
    ++receivers;
    receive();
  }
}

void SqsSource::Impl::take(std::vector<aws::ReceivedMessage> messages) {
  statistics.received.fetch_add(messages.size(), std::memory_order_relaxed);
  auto batch = std::make_shared<Batch>();
  batch->messages = std::move(messages);
  batch->received_at = loop.clock().mono();
  batches.insert(batch);
  batch->heartbeat = after(options.visibility_timeout / 2, [batch](Impl& self) { self.keep_hidden(batch); });
  publish(batch);
}

void SqsSource::Impl::publish(const BatchPtr& batch) {
  std::vector<engine::PublishItem> items;
  std::vector<std::size_t> message_of;  // by item
  for (std::size_t i = 0; i < batch->messages.size(); ++i) {
    Ingest::Decoded decoded = decode(batch->messages[i].body, batch->failures == 0);
    for (engine::PublishItem& item : decoded.items) {
      items.push_back(std::move(item));
      message_of.push_back(i);
    }
  }
  if (items.empty()) return stored(batch, {}, {});
  publish_items(std::move(items), [weak = weak_from_this(), batch, message_of](std::vector<PublishResult> results) {
    if (const auto self = weak.lock()) self->stored(batch, message_of, results);
  });
}

void SqsSource::Impl::stored(const BatchPtr& batch, const std::vector<std::size_t>& items,
                             const std::vector<PublishResult>& results) {
  std::vector<bool> bad(batch->messages.size());
  std::uint64_t failures_now = 0;
  std::string why;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i < results.size() && results[i].verdict != PublishVerdict::failed) continue;
    bad[items[i]] = true;
    ++failures_now;
    if (why.empty() && i < results.size() && results[i].error) why = results[i].error->detail;
  }
  count(items.size() - failures_now, failures_now);
  std::vector<aws::ReceivedMessage> done;
  std::vector<aws::ReceivedMessage> left;
  std::set<std::string> held;  // message groups: what follows a message that is kept is kept, too
  for (std::size_t i = 0; i < batch->messages.size(); ++i) {
    aws::ReceivedMessage& message = batch->messages[i];
    const bool behind = fifo && held.contains(message.group);
    if (bad[i] && fifo) held.insert(message.group);
    (bad[i] || behind ? left : done).push_back(std::move(message));
  }
  batch->messages = std::move(left);
  batch->failures = failures_now > 0 ? batch->failures + 1 : 0;
  if (failures_now > 0) failed("store", why);
  settle(batch, std::move(done), failures_now > 0);
}

void SqsSource::Impl::settle(const BatchPtr& batch, std::vector<aws::ReceivedMessage> done, bool failed_some) {
  if (done.empty()) return go_on(batch, failed_some);
  const std::size_t size = done.size();
  const std::vector<std::string> handles = handles_of(done);
  sqs.client->call("DeleteMessageBatch", aws::delete_body(options.queue_url, handles), options.timeout,
                   [weak = weak_from_this(), batch, size, failed_some](const aws::Reply& reply) {
                     const auto self = weak.lock();
                     if (!self) return;
                     // What is not deleted comes again and is a duplicate.
                     const auto refused = reply.ok() ? aws::parse_batch_failure(reply.body)
                                                     : std::optional<std::string>(reply.failure->text());
                     if (refused) {
                       self->failed("DeleteMessageBatch", *refused);
                     } else {
                       self->statistics.deleted.fetch_add(size, std::memory_order_relaxed);
                       if (!failed_some) self->worked();
                     }
                     self->go_on(batch, failed_some);
                   });
}

void SqsSource::Impl::go_on(const BatchPtr& batch, bool failed_some) {
  if (!failed_some) return end(batch);
  if (stopping) return give_back(batch);
  if (loop.clock().mono() - batch->received_at > kHeldMax) return end(batch);
  batch->retry = after(backoff(batch->failures, fraction()), [batch](Impl& self) {
    batch->retry = 0;
    self.publish(batch);
  });
}

void SqsSource::Impl::keep_hidden(const BatchPtr& batch) {
  if (!batches.contains(batch) || batch->messages.empty()) return;
  const std::vector<std::string> handles = handles_of(batch->messages);
  sqs.client->call("ChangeMessageVisibilityBatch",
                   aws::visibility_body(options.queue_url, handles, options.visibility_timeout), options.timeout,
                   [weak = weak_from_this()](const aws::Reply& reply) {
                     const auto self = weak.lock();
                     if (self && !reply.ok()) self->failed("ChangeMessageVisibilityBatch", reply.failure->text());
                   });
  batch->heartbeat = after(options.visibility_timeout / 2, [batch](Impl& self) { self.keep_hidden(batch); });
}

// To whoever receives next; without an answer they come when their time is over.
void SqsSource::Impl::give_back(const BatchPtr& batch) {
  const std::vector<std::string> handles = handles_of(batch->messages);
  sqs.client->call("ChangeMessageVisibilityBatch", aws::visibility_body(options.queue_url, handles, Millis(0)),
                   options.timeout, [weak = weak_from_this(), batch](const aws::Reply&) {
                     if (const auto self = weak.lock()) self->end(batch);
                   });
}

void SqsSource::Impl::end(const BatchPtr& batch) {
  loop.cancel(batch->heartbeat);
  batches.erase(batch);
  if (stopping) return receiver_ends();
  receive();
}

SqsSource::SqsSource(SqsSourceOptions options, SqsClient client, base::Loop& loop, Decode decode, Publish publish,
                     Count count, aws::Fraction fraction)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(client), loop, std::move(decode), std::move(publish),
                                   std::move(count), std::move(fraction))) {}
SqsSource::~SqsSource() = default;

void SqsSource::start() {
  ++impl_->receivers;
  impl_->receive();
}

void SqsSource::stop(base::Task done) {
  Impl& impl = *impl_;
  impl.stopping = true;
  impl.stopped = std::move(done);
  // Those that wait for a message hold nothing; what SQS gives them now comes again.
  impl.receivers = impl.batches.size();
  for (const BatchPtr& batch : std::set<BatchPtr>(impl.batches)) {
    if (batch->retry == 0) continue;  // its publish or delete is under way
    impl.loop.cancel(batch->retry);
    batch->retry = 0;
    impl.give_back(batch);
  }
  if (impl.receivers == 0) impl.loop.post(std::exchange(impl.stopped, {}));
}

const SqsSource::Statistics& SqsSource::statistics() const {
  return impl_->statistics;
}

}  // namespace trunkline::source
