#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/aws_keys.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "sns/call.hpp"

namespace trunkline::sns {

struct ServiceOptions {
  std::string region = "us-east-1";
  std::string account = "000000000000";
  net::AwsKeys keys{};
};

// The SNS API over HTTP (Query protocol, 2010-03-31), on the listener of the SQS API. docs/sns.md says what of it there is.
// What is answered to a Publish is on disk in all queues that get it, or in none.
class Service {
 public:
  // All references outlive all requests.
  // `engine_loop` is one of the engine's, for its answers.
  Service(Registry& topics, const sqs::Registry& queues, engine::Engine& engine, HttpDeliveries& deliveries,
          base::Loop& engine_loop, sqs::Work work, ReadRecord read_record, FindIdentity find_identity,
          ServiceOptions options, const base::Clock& clock);
  ~Service();

  // By the service that the signature is for; unsigned ones by the version of the API. The certificate, too.
  static bool owns(const net::HttpRequest& request);
  // On the connection's loop, which outlives the request.
  void handle(net::IoLoop& loop, const net::HttpRequest& request, net::Responder respond);

 private:
  std::optional<Fault> authenticate(const net::HttpRequest& request, Call& call) const;
  net::HttpResponse certificate(const net::HttpRequest& request) const;

  const ServiceOptions options_;
  const std::unique_ptr<Context> context_;
};

}  // namespace trunkline::sns
