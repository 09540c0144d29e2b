#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/aws_keys.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "sqs/queues.hpp"
#include "sqs/registry.hpp"

namespace trunkline::sqs {

struct ServiceOptions {
  std::string region = "us-east-1";
  std::string account = "000000000000";
  net::AwsKeys keys{};
};

// The SQS API over HTTP: both protocols, on a listener of its own. docs/sqs.md says what of it there is. What is answered
// to a delete or a change of visibility is on disk.
class Service {
 public:
  // `queues`, `registry` and `clock` outlive all requests.
  Service(Queues& queues, Registry& registry, Work work, ServiceOptions options, const base::Clock& clock);
  ~Service();

  // Once, before handle(): tasks that were under way go on.
  base::Result<void> open();

  // On the connection's loop, which outlives the request.
  void handle(net::IoLoop& loop, net::HttpRequest request, net::Responder respond);
  // Any thread. Receives that wait are answered empty, so that a stop need not wait for them.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::sqs
