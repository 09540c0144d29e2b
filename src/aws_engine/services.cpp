#include "aws_engine/services.hpp"

#include <fmt/format.h>

#include "aws/credential_chain.hpp"
#include "aws/shared_files.hpp"
#include "aws/transport.hpp"

namespace trunkline::aws_engine {
namespace {

constexpr base::Millis kConnectTimeout = std::chrono::seconds(3);
// A page of a query, and a batch of ten messages of SQS, are a mebibyte and their JSON at most; BatchGetItem gives 16 MB.
constexpr std::size_t kAnswerMax = 32 << 20;
constexpr std::size_t kServices = 3;  // each with a host of its own
constexpr std::string_view kSnsVersion = "2010-03-31";

class AwsServices final : public Services {
 public:
  AwsServices(net::IoLoop& loop, const ServiceOptions& options, const aws::Environment& environment)
      : transport_(loop, client_options(options, environment)),
        credentials_(aws::make_credential_chain(loop, environment, options.region)),
        dynamodb_(client("dynamodb", "DynamoDB_20120810", options.dynamodb_endpoint, options), transport_,
                  *credentials_, loop),
        sqs_(client("sqs", "AmazonSQS", options.sqs_endpoint, options), transport_, *credentials_, loop),
        sns_(client("sns", "", options.sns_endpoint, options), transport_, *credentials_, loop) {}

  void call(Service service, std::string_view operation, std::string body, base::Millis timeout,
            aws::ReplyCallback done) override {
    aws::Client& client = service == Service::sqs ? sqs_ : dynamodb_;
    client.call(operation, std::move(body), timeout, std::move(done));
  }
  void query_sns(std::string_view action, const Form& form, base::Millis timeout, aws::ReplyCallback done) override {
    sns_.query(action, form, timeout, std::move(done));
  }

 private:
  static net::HttpClientOptions client_options(const ServiceOptions& options, const aws::Environment& environment) {
    net::HttpClientOptions client;
    client.ca_file = environment("AWS_CA_BUNDLE").value_or("");  // the SDKs' own variable
    client.connections_per_host_max = options.connections_max;
    // Of all hosts together, with those in use: one that ends above it is closed, and the next call makes another.
    client.idle_connections_max = kServices * options.connections_max;
    client.requests_max = 64 * options.connections_max;  // the engine's own bounds are below that
    // An endpoint that the operator has named may be anywhere; VPC endpoints have private addresses.
    client.addresses.allow_private = true;
    client.addresses.allow_loopback = !options.endpoint.empty() || !options.dynamodb_endpoint.empty() ||
                                      !options.sns_endpoint.empty() || !options.sqs_endpoint.empty();
    return client;
  }
  static aws::ClientOptions client(std::string_view service, std::string_view target, const std::string& own,
                                   const ServiceOptions& options) {
    aws::ClientOptions client;
    client.service = service;
    client.target = target;
    if (target.empty()) client.version = kSnsVersion;
    client.region = options.region;
    client.endpoint = !own.empty() ? own : options.endpoint;
    if (client.endpoint.empty()) client.endpoint = aws::public_endpoint(service, options.region);
    client.tries_max = options.tries_max;
    client.connect_timeout = kConnectTimeout;
    client.response_bytes_max = kAnswerMax;
    return client;
  }

  aws::ClientTransport transport_;
  std::unique_ptr<aws::CredentialChain> credentials_;
  aws::Client dynamodb_;
  aws::Client sqs_;
  aws::Client sns_;
};

}  // namespace

std::unique_ptr<Services> make_services(net::IoLoop& loop, const ServiceOptions& options,
                                        const aws::Environment& environment) {
  return std::make_unique<AwsServices>(loop, options, environment);
}

}  // namespace trunkline::aws_engine
