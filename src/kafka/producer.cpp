#include "kafka/producer.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <set>
#include <thread>

#include "kafka/failure.hpp"

namespace trunkline::kafka {
namespace {

using base::Errc;
using base::Result;

// What waits for an acknowledgement: more than any consumer has under way, so that librdkafka's own bounds are a last net.
constexpr const char* kQueueMessages = "1000000";
constexpr const char* kQueueKilobytes = "1048576";
// Between two looks at what is overdue.
constexpr base::Millis kLookEvery{100};
// Handles that are ending at a time. Each ends within milliseconds but for a look-up of a name that hangs.
constexpr std::size_t kEndingMax = 8;

struct Free {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, Free>;
using Event = std::unique_ptr<rd_kafka_event_t, Free>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Free>;

const char* name(ProducerOptions::Security security) {
  constexpr std::array<const char*, 4> kNames = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
  return kNames[static_cast<std::size_t>(security)];
}

std::vector<std::pair<const char*, std::string>> settings(const ProducerOptions& o) {
  std::vector<std::pair<const char*, std::string>> all = {
      {"bootstrap.servers", o.brokers},
      {"client.id", "trunkline"},
      {"security.protocol", name(o.security)},
      {"enable.idempotence", "true"},
      {"acks", "all"},
      // What is overdue is taken back here, all at once. A time-out of each message would let a later one of a key pass an
      // earlier one.
      {"message.timeout.ms", "0"},
      {"partitioner", "murmur2_random"},
      {"compression.type", o.compression},
      {"message.max.bytes", std::to_string(o.message_bytes_max)},
      {"queue.buffering.max.messages", kQueueMessages},
      {"queue.buffering.max.kbytes", kQueueKilobytes},
      {"socket.connection.setup.timeout.ms",
       std::to_string(std::max<base::Millis::rep>(1'000, o.connect_timeout.count()))},
      {"reconnect.backoff.max.ms", "2000"},
      {"socket.keepalive.enable", "true"},
      {"topic.metadata.propagation.max.ms", "5000"},
      {"ssl.ca.location", o.ca_file},
      {"ssl.certificate.location", o.certificate_file},
      {"ssl.key.location", o.key_file},
  };
  if (o.security == ProducerOptions::Security::sasl_plaintext || o.security == ProducerOptions::Security::sasl_ssl) {
    all.emplace_back("sasl.mechanism", o.mechanism);
    all.emplace_back("sasl.username", o.user);
    all.emplace_back("sasl.password", o.password);
  }
  std::erase_if(all, [](const auto& each) { return each.second.empty(); });
  return all;
}

// Failures are in the reports; one line for each try to connect would fill the log in an outage.
void ignore_log(const rd_kafka_t*, int, const char*, const char*) {}

Result<Conf> conf_of(const ProducerOptions& options) {
  Conf conf(rd_kafka_conf_new());
  std::array<char, 512> why{};
  for (const auto& [name, value] : settings(options)) {
    if (rd_kafka_conf_set(conf.get(), name, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      return {Errc::invalid, why.data()};
  }
  rd_kafka_conf_set_log_cb(conf.get(), ignore_log);
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  return conf;
}

}  // namespace

struct Producer::Impl {
  // The messages of one produce(). Its entries are the librdkafka messages' opaques, so that it stays where it is.
  struct Batch;
  struct Entry {
    Batch* batch;
    std::size_t at;
  };
  struct Batch {
    Outcome outcome;
    std::vector<Entry> entries;
    std::size_t open = 0;  // without a report
    base::MonoTime deadline;
    Callback done;
  };
  // How librdkafka's threads reach the loop, and what is left of this object when it has gone. Loop thread but for `loop`.
  struct Link {
    base::Loop& loop;
    Impl* owner;
  };

  Impl(base::Loop& its_loop, ProducerOptions given)
      : loop(its_loop), options(std::move(given)), link(std::make_shared<Link>(Link{its_loop, this})) {}
  ~Impl();

  static void on_reports(rd_kafka_t*, void* opaque);
  std::optional<Failure> open();
  void bury();
  void send(std::vector<Message>& messages, Batch& batch);
  rd_kafka_resp_err_t send_one(const Message& message, Entry& entry);
  void drain();
  void end_if_fatal();
  void report(rd_kafka_event_t* event);
  void fail_all(const Failure& failure);
  void settle_finished();
  void look_later();
  void take_back_overdue();
  Look look_now(rd_kafka_t* handle) const;

  base::Loop& loop;
  const ProducerOptions options;
  const std::shared_ptr<Link> link;  // shared with posts under way
  // Handed to librdkafka; lives as long as the queue calls back.
  std::unique_ptr<std::shared_ptr<Link>> opaque;
  rd_kafka_t* handle = nullptr;
  Queue queue;
  std::deque<std::unique_ptr<Batch>> batches;  // in order of their deadlines; bounded by the callers
  std::string last_error;
  base::Loop::TimerId timer = 0;
  // A handle that is ending, on a thread of its own.
  struct Ending {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> over;  // shared with the thread
  };
  std::vector<Ending> endings;  // at most kEndingMax
  std::thread looker;
};

Producer::Impl::~Impl() {
  link->owner = nullptr;
  if (timer != 0) loop.cancel(timer);
  bury();
  for (Ending& each : endings) each.thread.join();
}

// A thread of librdkafka: the queue was empty and is no more.
void Producer::Impl::on_reports(rd_kafka_t*, void* opaque) {
  const std::shared_ptr<Link>& link = *static_cast<std::shared_ptr<Link>*>(opaque);
  link->loop.post([link] {
    if (link->owner != nullptr) link->owner->drain();
  });
}

std::optional<Failure> Producer::Impl::open() {
  if (handle != nullptr) return std::nullopt;
  auto conf = conf_of(options);
  if (!conf.ok()) return failure_of(RD_KAFKA_RESP_ERR__INVALID_ARG, conf.error().detail);
  std::array<char, 512> why{};
  handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), why.data(), why.size());
  if (handle == nullptr) return failure_of(RD_KAFKA_RESP_ERR__INVALID_ARG, why.data());
  (void)conf->release();  // the handle's now
  queue.reset(rd_kafka_queue_get_main(handle));
  opaque = std::make_unique<std::shared_ptr<Link>>(link);
  rd_kafka_queue_cb_event_enable(queue.get(), [](rd_kafka_t* from, void* to) { on_reports(from, to); }, opaque.get());
  return std::nullopt;
}

// Its reports do not come any more. Ending takes time, as long as a look-up of a name that is under way.
void Producer::Impl::bury() {
  if (handle == nullptr) return;
  if (looker.joinable()) looker.join();
  rd_kafka_queue_cb_event_enable(queue.get(), nullptr, nullptr);
  rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
  queue.reset();
  for (std::size_t i = 0; i < endings.size();) {
    if (!*endings[i].over && endings.size() < kEndingMax) {
      ++i;
      continue;
    }
    endings[i].thread.join();
    endings.erase(endings.begin() + static_cast<std::ptrdiff_t>(i));
  }
  auto over = std::make_shared<std::atomic<bool>>(false);
  std::thread thread([dead = handle, over] {
    rd_kafka_destroy(dead);
    *over = true;
  });
  endings.push_back({std::move(thread), std::move(over)});
  handle = nullptr;
  opaque.reset();
}

rd_kafka_resp_err_t Producer::Impl::send_one(const Message& message, Entry& entry) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
  for (const auto& [name, value] : message.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  std::array<rd_kafka_vu_t, 6> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = options.topic.c_str();
  parts[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[1].u.i = RD_KAFKA_MSG_F_COPY;
  parts[2].vtype = RD_KAFKA_VTYPE_KEY;
  parts[2].u.mem = {message.key.empty() ? nullptr : const_cast<char*>(message.key.data()), message.key.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[3].u.mem = {const_cast<char*>(message.value.data()), message.value.size()};
  parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[4].u.headers = headers;
  parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[5].u.ptr = &entry;
  rd_kafka_error_t* const failed = rd_kafka_produceva(handle, parts.data(), parts.size());
  const rd_kafka_resp_err_t error = failed != nullptr ? rd_kafka_error_code(failed) : RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_error_destroy(failed);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
  return error;
}

void Producer::Impl::send(std::vector<Message>& messages, Batch& batch) {
  std::set<std::uint32_t> cut;  // lanes that end in this batch; at most one for each of its messages
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.lane != kNoLane && cut.contains(message.lane)) {
      batch.outcome[i] = Failure{Failure::Kind::behind, "BEHIND", "one before it in its lane was not taken"};
      continue;
    }
    batch.entries[i] = {&batch, i};
    const rd_kafka_resp_err_t error = send_one(message, batch.entries[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++batch.open;
      continue;
    }
    batch.outcome[i] = failure_of(error);
    if (message.lane != kNoLane) cut.insert(message.lane);
  }
}

// What is under way gets its verdicts by settle_finished().
void Producer::Impl::end_if_fatal() {
  std::array<char, 512> why{};
  if (handle == nullptr || rd_kafka_fatal_error(handle, why.data(), why.size()) == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  bury();
  fail_all(failure_of(RD_KAFKA_RESP_ERR__FATAL, why.data()));
}

void Producer::Impl::drain() {
  while (queue) {
    const Event event(rd_kafka_queue_poll(queue.get(), 0));
    if (!event) break;
    report(event.get());
  }
  end_if_fatal();
  settle_finished();
}

void Producer::Impl::report(rd_kafka_event_t* event) {
  if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
    const char* said = rd_kafka_event_error_string(event);
    last_error = said == nullptr ? "" : said;
    return;
  }
  while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
    auto* entry = static_cast<Entry*>(message->_private);
    if (entry == nullptr) continue;
    Batch& batch = *entry->batch;
    --batch.open;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    batch.outcome[entry->at] = failure_of(message->err);
  }
}

// Of a handle that has ended: its reports do not come any more.
void Producer::Impl::fail_all(const Failure& failure) {
  for (const auto& batch : batches) {
    if (batch->open == 0) continue;
    for (std::size_t i = 0; i < batch->outcome.size(); ++i) {
      // Which of the batch were acknowledged before is not kept: they come again.
      if (!batch->outcome[i]) batch->outcome[i] = failure;
    }
    batch->open = 0;
  }
}

void Producer::Impl::settle_finished() {
  std::vector<std::unique_ptr<Batch>> finished;
  for (auto& batch : batches) {
    if (batch->open == 0) finished.push_back(std::move(batch));
  }
  std::erase(batches, nullptr);
  // A callback may let the producer go.
  for (const auto& batch : finished) batch->done(std::move(batch->outcome));
}

void Producer::Impl::look_later() {
  if (timer != 0) return;
  timer = loop.after(kLookEvery, [this, mine = link] {
    timer = 0;
    take_back_overdue();
    // A callback may have let the producer go.
    if (mine->owner != nullptr && !batches.empty()) look_later();
  });
}

// All that is under way, in time or not: what was sent behind an overdue message must not stay when that is taken back.
// By a new handle, since librdkafka takes back in the background, and would take from what is sent meanwhile.
void Producer::Impl::take_back_overdue() {
  const auto is_overdue = [&] { return !batches.empty() && loop.clock().mono() >= batches.front()->deadline; };
  if (!is_overdue()) return;
  const std::shared_ptr<Link> mine = link;
  drain();
  if (mine->owner == nullptr || !is_overdue() || handle == nullptr) return;
  bury();
  fail_all(failure_of(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
                      fmt::format("not acknowledged within {} ms{}{}", options.timeout.count(),
                                  last_error.empty() ? "" : "; ", last_error)));
  settle_finished();
}

Producer::Look Producer::Impl::look_now(rd_kafka_t* of) const {
  const struct rd_kafka_metadata* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(of, 1, nullptr, &metadata, static_cast<int>(options.timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return failure_of(error);
  Found found;
  found.brokers = static_cast<std::size_t>(metadata->broker_cnt);
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    if (options.topic != metadata->topics[i].topic) continue;
    found.partitions = static_cast<std::size_t>(metadata->topics[i].partition_cnt);
  }
  rd_kafka_metadata_destroy(metadata);
  return found;
}

Result<std::unique_ptr<Producer>> Producer::make(base::Loop& loop, ProducerOptions options) {
  const auto conf = conf_of(options);
  if (!conf.ok()) return conf.error();
  return std::unique_ptr<Producer>(new Producer(std::make_unique<Impl>(loop, std::move(options))));
}

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() = default;

void Producer::produce(std::vector<Message> messages, Callback done) {
  auto batch = std::make_unique<Impl::Batch>();
  batch->outcome.resize(messages.size());
  batch->entries.resize(messages.size());
  batch->deadline = impl_->loop.clock().mono() + impl_->options.timeout;
  batch->done = std::move(done);
  impl_->end_if_fatal();
  if (const auto failed = impl_->open()) {
    batch->outcome.assign(messages.size(), failed);
  } else {
    impl_->send(messages, *batch);
  }
  impl_->batches.push_back(std::move(batch));
  if (std::ranges::any_of(impl_->batches, [](const auto& each) { return each->open == 0; })) {
    impl_->loop.post([link = impl_->link] {
      if (link->owner != nullptr) link->owner->settle_finished();
    });
  }
  impl_->look_later();
}

void Producer::look(base::UniqueFunction<void(Look)> done) {
  const auto failed = impl_->open();
  if (failed) {
    impl_->loop.post([done = std::move(done), said = *failed]() mutable { done(std::move(said)); });
    return;
  }
  if (impl_->looker.joinable()) impl_->looker.join();
  // Joined before the handle ends and before this object does.
  impl_->looker = std::thread([impl = impl_.get(), handle = impl_->handle, done = std::move(done)]() mutable {
    impl->loop.post([done = std::move(done), said = impl->look_now(handle)]() mutable { done(std::move(said)); });
  });
}

}  // namespace trunkline::kafka
