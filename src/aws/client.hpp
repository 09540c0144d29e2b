#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/answers.hpp"
#include "aws/credential_chain.hpp"
#include "aws/retry.hpp"
#include "aws/transport.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"

namespace trunkline::aws {

struct ClientOptions {
  std::string service;          // that requests are signed for: "sqs"
  std::string target{};         // JSON protocol: before the operation in X-Amz-Target: "AmazonSQS"
  std::string version = "1.0";  // JSON protocol: "1.0" or "1.1"; Query protocol: of the API, "2010-03-31"
  std::string region;
  std::string endpoint;         // "https://sqs.eu-west-1.amazonaws.com"
  std::uint32_t tries_max = 3;  // standard retry mode
  base::Millis connect_timeout = std::chrono::seconds(3);
  std::size_t response_bytes_max = 1 << 20;
};

// What became of a call. `failure` or `body`.
struct Reply {
  std::optional<Failure> failure{};
  std::string body{};
  std::string request_id{};

  bool ok() const { return !failure; }
};
using ReplyCallback = base::UniqueFunction<void(Reply)>;

// Calls operations of one AWS service: signed by Signature Version 4, each try anew; repeated as the
// SDKs' standard retry mode does it (RetryQuota over all calls of the client, full jitter up to 20 s, throttling and
// transient faults only). A clock that is wrong by more than four minutes is made good by the server's Date; credentials
// that a service does not know any more are asked for once more. Loop thread only; the callback runs later, once; what is
// under way when the client is destroyed gets none. `transport`, `credentials` and `loop` must outlive it.
class Client {
 public:
  Client(ClientOptions options, Transport& transport, CredentialChain& credentials, base::Loop& loop,
         Fraction fraction = random_fraction());
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `timeout` of each try.
  // JSON protocol; the body is a JSON object.
  void call(std::string_view operation, std::string body, base::Millis timeout, ReplyCallback done);
  // Query protocol, answered in XML.
  void query(std::string_view action, const std::vector<std::pair<std::string, std::string>>& parameters,
             base::Millis timeout, ReplyCallback done);
  // REST; the path with its query, percent-encoded.
  void get(std::string path, base::Millis timeout, ReplyCallback done);
  void put(std::string path, std::string body, base::Millis timeout, ReplyCallback done,
           std::string_view content_type = "application/json");

  const ClientOptions& options() const;
  base::Millis clock_offset() const;  // that signatures are made with

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with what is under way
};

}  // namespace trunkline::aws
