#include "app/aws_api.hpp"

#include <fmt/format.h>

#include <array>
#include <future>

#include "base/run_and_wait.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;

namespace {

constexpr base::Millis kTry = std::chrono::seconds(20);
constexpr base::Millis kLoopWithin = std::chrono::minutes(3);
// Of some 15 MB, over a slow line.
constexpr base::Millis kUploadTry = std::chrono::minutes(5);
constexpr base::Millis kUpload = std::chrono::minutes(16);
// A page of a hundred rules or topics with their attributes.
constexpr std::size_t kAnswerBytesMax = 8 << 20;

struct Service {
  std::string_view name;      // that is signed for, and of its host
  std::string_view variable;  // of AWS_ENDPOINT_URL_<SERVICE>, as the SDKs spell it
  std::string_view target;
  std::string_view version;
};
constexpr std::array<Service, 9> kServices = {{
    {"sts", "sts", "", "2011-06-15"},
    {"events", "eventbridge", "AWSEvents", "1.1"},
    {"sns", "sns", "", "2010-03-31"},
    {"sqs", "sqs", "AmazonSQS", "1.0"},
    {"lambda", "lambda", "", ""},
    {"monitoring", "cloudwatch", "", "2010-08-01"},
    {"cloudformation", "cloudformation", "", "2010-05-15"},
    {"dynamodb", "dynamodb", "DynamoDB_20120810", "1.0"},
    {"s3", "s3", "", ""},
}};

const Service& service_named(std::string_view name) {
  for (const Service& each : kServices) {
    if (each.name == name) return each;
  }
  return kServices.front();
}

// What the caller acts on: account::Api has the meanings.
Errc errc_of(const aws::Failure& failure) {
  const auto has = [&](std::string_view word) { return failure.code.find(word) != std::string::npos; };
  if (has("AccessDenied") || has("AuthorizationError") || has("UnauthorizedOperation")) return Errc::unauthenticated;
  if (has("NotFound") || has("DoesNotExist") || has("NonExistent") || failure.status == 404) return Errc::not_found;
  if (has("UnknownOperation") || has("InvalidAction") || has("NotImplemented") || failure.status >= 500)
    return Errc::unsupported;
  return failure.errc;
}

}  // namespace

AwsApi::AwsApi(net::IoLoop& loop, aws::Environment environment, aws::SharedFiles files, std::string region)
    : loop_(loop), environment_(std::move(environment)), files_(std::move(files)), region_(std::move(region)) {
  base::run_and_wait(loop_, kLoopWithin, [this](base::Task done) {
    credentials_ = aws::make_credential_chain(loop_, environment_, region_);
    net::HttpClientOptions options;
    options.addresses = {true, true, {}};  // who runs the command names the endpoints
    options.ca_file = environment_("AWS_CA_BUNDLE").value_or("");
    transport_ = std::make_unique<aws::ClientTransport>(loop_, std::move(options));
    done();
  });
}

AwsApi::~AwsApi() {
  base::run_and_wait(loop_, kLoopWithin, [this](base::Task done) {
    clients_.clear();
    transport_.reset();
    credentials_.reset();
    done();
  });
}

aws::Client& AwsApi::client(std::string_view name) {
  auto& found = clients_[std::string(name)];
  if (found) return *found;
  const Service& service = service_named(name);
  aws::ClientOptions options;
  options.service = service.name;
  options.target = service.target;
  options.version = service.version;
  options.region = region_;
  options.endpoint = aws::endpoint_of(service.variable, environment_, files_);
  if (options.endpoint.empty()) options.endpoint = aws::public_endpoint(service.name, region_);
  options.response_bytes_max = kAnswerBytesMax;
  found = std::make_unique<aws::Client>(std::move(options), *transport_, *credentials_, loop_);
  return *found;
}

Result<std::string> AwsApi::wait(std::string_view service, Call call, base::Millis within) {
  auto answered = std::make_shared<std::promise<aws::Reply>>();
  auto reply = answered->get_future();
  loop_.post([this, name = std::string(service), call = std::move(call), answered]() mutable {
    call(client(name), [answered](aws::Reply got) { answered->set_value(std::move(got)); });
  });
  if (reply.wait_for(within) != std::future_status::ready)
    return {Errc::timeout, fmt::format("{} does not answer", service)};
  aws::Reply got = reply.get();
  if (got.failure) return Error{errc_of(*got.failure), fmt::format("{}: {}", service, got.failure->text())};
  return std::move(got.body);
}

Result<std::string> AwsApi::json(std::string_view service, std::string_view operation, std::string body) {
  return wait(service, [operation = std::string(operation), body = std::move(body)](aws::Client& client,
                                                                                    aws::ReplyCallback done) mutable {
    client.call(operation, std::move(body), kTry, std::move(done));
  });
}
Result<std::string> AwsApi::query(std::string_view service, std::string_view action,
                                  const account::Parameters& parameters) {
  return wait(service, [action = std::string(action), parameters](aws::Client& client, aws::ReplyCallback done) {
    client.query(action, parameters, kTry, std::move(done));
  });
}
Result<std::string> AwsApi::get(std::string_view service, std::string path) {
  return wait(service, [path = std::move(path)](aws::Client& client, aws::ReplyCallback done) mutable {
    client.get(std::move(path), kTry, std::move(done));
  });
}
Result<std::string> AwsApi::put(std::string_view service, std::string path, std::string body) {
  return wait(service,
              [path = std::move(path), body = std::move(body)](aws::Client& client, aws::ReplyCallback done) mutable {
                client.put(std::move(path), std::move(body), kTry, std::move(done));
              });
}

Result<void> AwsApi::put_object(const std::string& bucket, const std::string& key, std::string bytes) {
  const auto stored = wait(
      "s3",
      [path = fmt::format("{}/{}", bucket, key), bytes = std::move(bytes)](aws::Client& client,
                                                                           aws::ReplyCallback done) mutable {
        client.put(std::move(path), std::move(bytes), kUploadTry, std::move(done), "application/octet-stream");
      },
      kUpload);
  return stored.ok() ? Result<void>() : Result<void>(stored.error());
}

}  // namespace trunkline::app
