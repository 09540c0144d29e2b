#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "net/http_server.hpp"
#include "sqs/fault.hpp"
#include "sqs/output.hpp"
#include "sqs/parameters.hpp"
#include "sqs/queues.hpp"
#include "sqs/receive_attempts.hpp"
#include "sqs/registry.hpp"

namespace trunkline::sqs {

class MoveTasks;

// What all requests of one listener share.
struct Context {
  Queues& queues;
  Registry& registry;
  const Work work;
  const base::Clock& clock;
  const std::string region;
  const std::string account;
  MoveTasks& moves;
  ReceiveAttempts attempts{};  // of FIFO queues
};

// One request on its way to its answer. Exactly one of answer() and fail() ends it; one that is dropped is answered 503
// by the server. On the loop of its connection, but for what is said of queues' loops.
struct Call {
  Context& context;
  base::Loop& loop;
  net::Responder respond;
  std::weak_ptr<net::Peer> connection;
  Protocol protocol = Protocol::json;
  std::string operation{};
  Parameters parameters{};
  std::string origin{};  // http://HOST or https://HOST, as the client named it
  std::string path{};
  std::string access_key_id{};  // empty: not signed
  std::string request_id{};

  using Write = std::function<void(Output& output)>;
  void answer(const Write& write, std::string_view xml_namespace = kSqsNamespace);
  void fail(const Fault& fault);
  bool client_gone() const;

  std::string queue_url(const Queue& queue) const;
  std::string queue_arn(const Queue& queue) const { return arn_of(queue.name()); }
  std::string arn_of(std::string_view queue) const;
};
using CallPtr = std::unique_ptr<Call>;

// By the name that the API gives it; nothing where there is none.
std::optional<Queue> find_queue(const Context& context, std::string_view name);
std::vector<Queue> all_queues(const Context& context);
// The queue that QueueUrl names, else the path; nothing when the call has been failed for want of it.
std::optional<Queue> queue_of(Call& call);

}  // namespace trunkline::sqs
