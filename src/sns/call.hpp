#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/hash.hpp"
#include "base/loop.hpp"
#include "engine/engine.hpp"
#include "net/http_server.hpp"
#include "sns/fault.hpp"
#include "sns/output.hpp"
#include "sns/registry.hpp"
#include "sqs/parameters.hpp"
#include "sqs/registry.hpp"

namespace trunkline::sns {

// Reads a stored record; the answer comes on the loop, later.
using ReadRecord = std::function<void(base::Sequence sequence, base::Loop& reply_on,
                                      base::UniqueFunction<void(base::Result<engine::RecordPtr>)> done)>;

// Stored records that have this identity, oldest first. Any thread; a look into the store's memory, seldom at the disk.
using FindIdentity = std::function<base::Result<std::vector<base::Sequence>>(const base::Hash128& identity)>;

class HttpDeliveries;

// What all requests share.
struct Context {
  Registry& topics;
  const sqs::Registry& queues;
  engine::Engine& engine;
  const sqs::Work work;
  const ReadRecord read_record;
  const FindIdentity find_identity;
  const base::Clock& clock;
  const std::string region;
  const std::string account;
  HttpDeliveries& deliveries;
  base::Loop& engine_loop;  // one of the engine's, for answers that the thread which may wait waits for
  // Of FIFO topics: a message gets its SequenceNumber and its place before the commit thread together. Held while a
  // publish is handed over, which waits for nothing.
  std::mutex fifo_mutex{};
  std::uint64_t last_sequence = 0;
  std::atomic<std::uint64_t> undelivered{0};  // notifications that no queue took

  std::string arn_head(std::string_view service) const;  // "arn:aws:sns:us-east-1:000000000000:"
};

// One request on its way to its answer. Exactly one of answer() and fail() ends it; one that is dropped is answered 503
// by the server. On the loop of its connection.
struct Call {
  Context& context;
  base::Loop& loop;
  net::Responder respond;
  std::string operation{};
  sqs::Parameters parameters{};
  std::string origin{};  // http://HOST or https://HOST, as the client named it
  std::string request_id{};
  bool authenticated = false;  // it is of somebody who has a key, and not of whoever follows a message's URL

  using Write = std::function<void(Output& output)>;
  void answer(const Write& write);
  void fail(const Fault& fault);

  std::string topic_arn(std::string_view topic) const { return context.arn_head("sns") + std::string(topic); }
  std::string subscription_arn(const Subscription& subscription) const;
  // As the topic wants it, with the certificate on the host that the client named; not signed where that fails.
  Signature sign(const Topic& topic, std::string_view text) const;
};
using CallPtr = std::unique_ptr<Call>;

// The topic that the ARN names; nothing when the call has been failed for want of it. `parameter` is its name.
std::optional<std::string> topic_name(Call& call, std::string_view parameter);
TopicPtr topic_of(Call& call, std::string_view parameter = "TopicArn");
struct SubscriptionPlace {
  std::string topic;
  std::string id;
};
std::optional<SubscriptionPlace> subscription_place(Call& call);

// Runs on the thread that may wait for the disk, and answers on the connection's loop.
struct Outcome {
  std::optional<Fault> fault{};
  Call::Write write = [](Output&) {};
};
void work(CallPtr call, std::function<Outcome(Call& call)> run);
// Of a change that the registry made or refused.
Outcome outcome_of(const Registry::Outcome& changed, Call::Write write = [](Output&) {});

// {"Attributes.entry.1.key": …} and what is like it.
Texts texts_of(const sqs::Parameters& parameters, std::string_view list, std::string_view key, std::string_view value);

// Pages of lists: AWS's own length.
inline constexpr std::size_t kPage = 100;
std::string next_token(std::string_view last);
// What the token says, empty without one; nothing when the call has been failed for it.
std::optional<std::string> after_token(Call& call);

}  // namespace trunkline::sns
