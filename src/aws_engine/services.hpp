#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/client.hpp"
#include "aws/environment.hpp"
#include "base/clock.hpp"
#include "net/io_loop.hpp"

namespace trunkline::aws_engine {

enum class Service : std::uint8_t { dynamodb, sqs };  // that take a JSON object
using Form = std::vector<std::pair<std::string, std::string>>;

// What the engine needs of AWS, so that tests can play it and cut it off. Loop thread only; the callback runs later, at
// most once.
class Services {
 public:
  virtual ~Services() = default;
  virtual void call(Service service, std::string_view operation, std::string body, base::Millis timeout,
                    aws::ReplyCallback done) = 0;
  // SNS, which speaks the Query protocol only.
  virtual void query_sns(std::string_view action, const Form& form, base::Millis timeout, aws::ReplyCallback done) = 0;
};

struct ServiceOptions {
  std::string region = "us-east-1";
  std::string endpoint{};           // of all three, for an emulator; empty: AWS's own by the region
  std::string dynamodb_endpoint{};  // of one, before that of all
  std::string sns_endpoint{};
  std::string sqs_endpoint{};
  std::size_t connections_max = 256;
  std::uint32_t tries_max = 3;  // of a call; the SDKs' standard mode
};

// AWS itself, by the credential chain of the environment.
std::unique_ptr<Services> make_services(net::IoLoop& loop, const ServiceOptions& options,
                                        const aws::Environment& environment);

}  // namespace trunkline::aws_engine
