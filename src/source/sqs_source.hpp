#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"
#include "aws/credential_chain.hpp"
#include "aws/sqs_calls.hpp"
#include "aws/transport.hpp"
#include "base/loop.hpp"
#include "engine/engine.hpp"
#include "source/ingest.hpp"

namespace trunkline::source {

struct SqsSourceOptions {
  std::string name;  // of the source
  std::string queue_url;
  std::size_t receivers = 4;  // receives under way at most
  base::Millis visibility_timeout = std::chrono::seconds(60);
  base::Millis timeout = std::chrono::seconds(10);  // of an answer, beyond the long poll
  base::Millis wait = std::chrono::seconds(20);     // of the long poll: SQS's maximum
};

// A client for one queue, with what it stands on. Destroyed from the bottom up.
struct SqsClient {
  std::unique_ptr<aws::CredentialChain> credentials;
  std::unique_ptr<aws::Transport> transport;
  std::unique_ptr<aws::Client> client;
};

// Fetches events from an SQS queue: an EventBridge rule's target, a subscription of SNS (raw or in its envelope), the
// destination of a Lambda function. A message is deleted when everything in it is on disk: accepted, a duplicate, or in
// the quarantine. While the disk refuses or is slow, its messages are kept here, hidden from others ever anew, and stored
// as soon as that works: an outage uses up no receive of theirs. A process that dies leaves them to come again after
// visibility_timeout; what was stored is then a duplicate by its identity.
//
// A receive takes up to ten messages. One long poll waits while the queue is empty; a full answer begins another receive,
// up to `receivers`, an empty one ends it: so what is held is bounded by 10 * receivers messages of 1 MiB. Within a message
// group of a FIFO queue the order of the queue is kept: SQS gives out no other message of it meanwhile.
//
// An error of SQS is one log line, then another when it is over; meanwhile it asks ever less often, up to once a minute.
// Loop thread only, but for statistics().
class SqsSource {
 public:
  // Turns a message's body into what is to be stored; `first`: not a second time for the same message.
  using Decode = std::function<Ingest::Decoded(std::string_view body, bool first)>;
  // A batch that was stored, or was not.
  using Count = std::function<void(std::uint64_t stored, std::uint64_t failed)>;

  // As of engine::Engine::publish(); the callback comes to the loop.
  using Publish = std::function<void(std::vector<engine::PublishItem> items, engine::PublishCallback done)>;

  // The loop and what the functions use must outlive it.
  SqsSource(SqsSourceOptions options, SqsClient client, base::Loop& loop, Decode decode, Publish publish, Count count,
            aws::Fraction fraction = aws::random_fraction());
  ~SqsSource();
  SqsSource(const SqsSource&) = delete;
  SqsSource& operator=(const SqsSource&) = delete;

  void start();
  // No more receives. `done` runs when what was received is stored and deleted, or given back to the queue; later.
  void stop(base::Task done);

  struct Statistics {
    std::atomic<std::uint64_t> receives{0};  // calls that were answered
    std::atomic<std::uint64_t> received{0};  // messages
    std::atomic<std::uint64_t> deleted{0};
    std::atomic<std::uint64_t> failures{0};  // calls that were not done
  };
  const Statistics& statistics() const;  // any thread

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with callbacks that may come late
};

}  // namespace trunkline::source
