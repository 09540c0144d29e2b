#include "base/check.hpp"
#include "peers.hpp"

#ifdef TRUNKLINE_BENCH_RABBITMQ
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <set>
#include <utility>
#endif

namespace trunkline::bench {

#ifndef TRUNKLINE_BENCH_RABBITMQ

RabbitResult run_rabbit(std::uint16_t, double, std::uint32_t, std::uint32_t) {
  return {0, 0, "built without librabbitmq"};
}

#else

namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr std::size_t kQueues = 3;
constexpr std::uint16_t kPrefetch = 500;
constexpr std::uint64_t kAcknowledgeEvery = 100;

class Connection {
 public:
  explicit Connection(std::uint16_t port) : state_(::amqp_new_connection()) {
    amqp_socket_t* const socket = ::amqp_tcp_socket_new(state_);
    TRUNKLINE_CHECK(::amqp_socket_open(socket, "127.0.0.1", port) == 0, "rabbitmq listens");
    const amqp_rpc_reply_t login = ::amqp_login(state_, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    TRUNKLINE_CHECK(login.reply_type == AMQP_RESPONSE_NORMAL, "rabbitmq takes the guest");
    ::amqp_channel_open(state_, kChannel);
    check("channel");
  }
  ~Connection() { ::amqp_destroy_connection(state_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  amqp_connection_state_t state() const { return state_; }
  void check(const char* what) const {
    TRUNKLINE_CHECK(::amqp_get_rpc_reply(state_).reply_type == AMQP_RESPONSE_NORMAL, what);
  }

 private:
  amqp_connection_state_t state_;
};

std::string queue_name(std::size_t number, std::uint32_t salt) {
  return "q" + std::to_string(salt) + "." + std::to_string(number);
}

void declare(Connection& connection, const std::string& exchange, std::uint32_t salt) {
  ::amqp_exchange_declare(connection.state(), kChannel, ::amqp_cstring_bytes(exchange.c_str()),
                          ::amqp_cstring_bytes("fanout"), 0, 1, 0, 0, amqp_empty_table);
  connection.check("exchange");
  for (std::size_t i = 0; i < kQueues; ++i) {
    const std::string name = queue_name(i, salt);
    amqp_table_entry_t entry;
    entry.key = ::amqp_cstring_bytes("x-queue-type");
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = ::amqp_cstring_bytes("quorum");
    const amqp_table_t arguments{1, &entry};
    ::amqp_queue_declare(connection.state(), kChannel, ::amqp_cstring_bytes(name.c_str()), 0, 1, 0, 0, arguments);
    connection.check("queue");
    ::amqp_queue_bind(connection.state(), kChannel, ::amqp_cstring_bytes(name.c_str()),
                      ::amqp_cstring_bytes(exchange.c_str()), amqp_empty_bytes, amqp_empty_table);
    connection.check("binding");
  }
}

void consume(std::uint16_t port, const std::string& name, std::atomic<std::uint64_t>& count,
             const std::atomic<bool>& stopping) {
  Connection connection(port);
  ::amqp_basic_qos(connection.state(), kChannel, 0, kPrefetch, 0);
  ::amqp_basic_consume(connection.state(), kChannel, ::amqp_cstring_bytes(name.c_str()), amqp_empty_bytes, 0, 0, 0,
                       amqp_empty_table);
  connection.check("consume");
  std::uint64_t open = 0;
  std::uint64_t last = 0;
  while (!stopping.load(std::memory_order_relaxed)) {
    timeval pause{0, 20'000};
    amqp_envelope_t envelope;
    ::amqp_maybe_release_buffers(connection.state());
    const amqp_rpc_reply_t got = ::amqp_consume_message(connection.state(), &envelope, &pause, 0);
    if (got.reply_type == AMQP_RESPONSE_NORMAL) {
      last = envelope.delivery_tag;
      ++open;
      ::amqp_destroy_envelope(&envelope);
      if (open < kAcknowledgeEvery) continue;
    }
    if (open == 0) continue;
    ::amqp_basic_ack(connection.state(), kChannel, last, 1);
    count.fetch_add(std::exchange(open, 0), std::memory_order_relaxed);
  }
}

// Publishes and waits for confirms; what is confirmed out of order is kept until the gap closes.
class Publisher {
 public:
  Publisher(Connection& connection, std::string exchange, std::uint32_t salt)
      : connection_(connection), exchange_(std::move(exchange)), events_({.salt = salt}) {
    ::amqp_confirm_select(connection_.state(), kChannel);
    connection_.check("confirms");
  }

  std::uint64_t open() const { return sent_ - confirmed_; }
  std::uint64_t confirmed() const { return confirmed_; }

  bool publish() {
    body_.clear();
    events_.append(body_, sent_++);
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = 2;
    return ::amqp_basic_publish(connection_.state(), kChannel, ::amqp_cstring_bytes(exchange_.c_str()),
                                amqp_empty_bytes, 0, 0, &properties, {body_.size(), body_.data()}) == AMQP_STATUS_OK;
  }

  // Takes the confirms that are there; with `wait`, at least one.
  bool take_confirms(bool wait) {
    for (;;) {
      amqp_frame_t frame;
      timeval pause{wait ? 10 : 0, 0};
      ::amqp_maybe_release_buffers(connection_.state());
      const int outcome = ::amqp_simple_wait_frame_noblock(connection_.state(), &frame, &pause);
      if (outcome == AMQP_STATUS_TIMEOUT) return !wait;
      if (outcome != AMQP_STATUS_OK || frame.frame_type != AMQP_FRAME_METHOD) return false;
      if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) return false;
      const auto* ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
      if (ack->multiple != 0) {
        for (std::uint64_t tag = confirmed_ + 1; tag <= ack->delivery_tag; ++tag) early_.insert(tag);
      } else {
        early_.insert(ack->delivery_tag);
      }
      while (early_.erase(confirmed_ + 1) != 0) ++confirmed_;
      wait = false;
    }
  }

 private:
  Connection& connection_;
  const std::string exchange_;
  EventMaker events_;
  std::string body_;
  std::uint64_t sent_ = 0;
  std::uint64_t confirmed_ = 0;
  std::set<std::uint64_t> early_;
};

}  // namespace

RabbitResult run_rabbit(std::uint16_t port, double seconds, std::uint32_t outstanding, std::uint32_t salt) {
  RabbitResult result;
  Connection connection(port);
  const std::string exchange = "events" + std::to_string(salt);
  declare(connection, exchange, salt);
  std::vector<std::atomic<std::uint64_t>> counts(kQueues);
  std::atomic<bool> stopping{false};
  std::vector<std::thread> consumers;
  for (std::size_t i = 0; i < kQueues; ++i) {
    consumers.emplace_back([&, i] { consume(port, queue_name(i, salt), counts[i], stopping); });
  }
  Publisher publisher(connection, exchange, salt);
  const std::int64_t begun = now_nanoseconds();
  const auto passed = [&] { return static_cast<double>(now_nanoseconds() - begun) / 1e9; };
  while (result.error.empty() && passed() < seconds) {
    while (publisher.open() < outstanding && publisher.publish()) {
    }
    if (!publisher.take_confirms(publisher.open() >= outstanding)) result.error = "a publish was not confirmed";
  }
  while (result.error.empty() && publisher.open() > 0) {
    if (!publisher.take_confirms(true)) result.error = "a publish was not confirmed";
  }
  result.events = publisher.confirmed();
  for (const auto& count : counts) {
    while (count.load() < result.events && passed() < seconds + 60) ::usleep(1000);
    if (count.load() < result.events) result.error = "not all was consumed";
  }
  result.seconds = passed();
  stopping.store(true);
  for (std::thread& consumer : consumers) consumer.join();
  return result;
}

#endif

}  // namespace trunkline::bench
