#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"

namespace trunkline::kafka {

struct ProducerOptions {
  std::string brokers;  // "a:9092,b:9092"
  std::string topic;
  enum class Security : std::uint8_t { plaintext, ssl, sasl_plaintext, sasl_ssl };
  Security security = Security::ssl;
  std::string mechanism{};  // of SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
  std::string user{};
  std::string password{};
  std::string ca_file{};  // PEM; empty: the system's
  std::string certificate_file{};
  std::string key_file{};
  std::string compression = "lz4";
  std::size_t message_bytes_max = 1'000'000;  // key, value and headers; not above the topic's max.message.bytes
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);  // from produce() to its callback
};

inline constexpr std::uint32_t kNoLane = UINT32_MAX;

struct Message {
  std::string key{};  // decides the partition (murmur2, as Java's clients do); empty: any
  std::string value{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::uint32_t lane =
      kNoLane;  // messages of one lane have one key; behind one that was not taken none of its lane is sent
};

struct Failure {
  enum class Kind : std::uint8_t {
    full,         // too many messages wait here; nothing was sent
    behind,       // not sent: one before it in its lane was not taken
    message,      // the broker, or the bound, does not take such a message
    unreachable,  // not acknowledged in time, or nobody knows
    setting,      // credential, topic, right: a configuration
  };
  Kind kind = Kind::unreachable;
  std::string name{};  // Kafka's: "MSG_SIZE_TOO_LARGE"
  std::string detail{};

  bool operator==(const Failure&) const = default;
};

// What a look at the cluster has found.
struct Found {
  std::size_t brokers = 0;
  std::optional<std::size_t> partitions{};  // of the topic; nothing: it is not there
};

// An idempotent producer of librdkafka for one topic: acknowledged by all in-sync replicas, and while the process lives
// each message is in its partition once and in order, over retries and changes of leaders. What is not acknowledged in time
// is taken back all at once, so that of a key nothing goes out behind one that did not. librdkafka's threads, which it makes
// at the first use, hand their reports over to the loop.
//
// A fatal error of the protocol (its state at the broker is gone) ends the handle, and the next message gets a new one.
// Loop thread only. The destructor waits for librdkafka's threads, at most for a look-up of a name; of what is under way no
// callback comes.
class Producer {
 public:
  // Errc::invalid: librdkafka does not take the options. The loop must outlive it.
  static base::Result<std::unique_ptr<Producer>> make(base::Loop& loop, ProducerOptions options);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // The callback runs later on the loop, exactly once, with one entry for each message in order: nothing means
  // acknowledged. The caller bounds how many are under way.
  using Outcome = std::vector<std::optional<Failure>>;
  using Callback = base::UniqueFunction<void(Outcome)>;
  void produce(std::vector<Message> messages, Callback done);
  // Asks the cluster for its topics, and makes none. On a thread of its own, one at a time.
  using Look = std::variant<Found, Failure>;
  void look(base::UniqueFunction<void(Look)> done);

 private:
  struct Impl;
  explicit Producer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::kafka
