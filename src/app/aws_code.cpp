#include "app/aws_code.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/lambda_zip.hpp"
#include "base/crypto.hpp"
#include "base/text.hpp"
#include "stack/functions.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Error;
using base::Result;

#ifdef __aarch64__
constexpr std::string_view kThisArchitecture = "arm64";
#else
constexpr std::string_view kThisArchitecture = "x86_64";
#endif

Result<void> can_be_made_here(const AwsDeployment& deployment) {
  if (deployment.code.empty())
    return {Errc::invalid,
            "the functions need their zip in S3: set aws.functions.code: s3://BUCKET/PREFIX, where it is put, or give "
            "one that is there by --code s3://BUCKET/KEY"};
  if (deployment.spec.functions.architecture != kThisArchitecture)
    return {
        Errc::invalid,
        fmt::format("the functions are {}, and this program is {}: make their zip (`trunkline lambda zip`) where it "
                    "runs, put it into S3 and give it by --code s3://BUCKET/KEY",
                    deployment.spec.functions.architecture, kThisArchitecture)};
  if (!deployment.files.empty())
    return {Errc::invalid,
            fmt::format("the configuration names files that the functions' zip has not: {}; use ${{env:NAME}}, or add "
                        "them to the zip of `trunkline lambda zip` and give it by --code s3://BUCKET/KEY",
                        fmt::join(deployment.files, ", "))};
  return {};
}

// Below "s3://BUCKET/PREFIX", by what is in it.
Result<CodePlace> place_of(const std::string& prefix, std::string_view bytes, std::string_view ending) {
  const std::string hash = base::hex_encode(base::sha256(bytes));
  return parse_code(fmt::format("{}/trunkline-{}.{}", prefix, hash.substr(0, 32), ending));
}

bool has(const std::optional<stack::StackState>& stack, std::string_view name, const std::string& value) {
  if (!stack) return false;
  const auto found = stack->parameters.find(std::string(name));
  return found != stack->parameters.end() && found->second == value;
}

}  // namespace

Result<CodePlace> parse_code(const std::string& text) {
  constexpr std::string_view kScheme = "s3://";
  const std::size_t slash = text.find('/', kScheme.size());
  if (!text.starts_with(kScheme) || slash == std::string::npos || slash == kScheme.size() || slash + 1 == text.size())
    return Error{Errc::invalid, fmt::format("'{}' is no s3://BUCKET/KEY", text)};
  return CodePlace{text.substr(kScheme.size(), slash - kScheme.size()), text.substr(slash + 1)};
}

Result<std::map<std::string, std::string>> code_parameters(AwsApi& api, const AwsDeployment& deployment,
                                                           const std::optional<stack::StackState>& before,
                                                           const CodeOptions& options) {
  std::map<std::string, std::string> parameters;
  if (stack::function_names(deployment.spec).empty()) {
    if (!options.code.empty()) return Error{Errc::invalid, "--code: there are no functions (aws.functions.run)"};
    return parameters;
  }
  CodePlace place;
  if (!options.code.empty()) {
    TRUNKLINE_TRY(place, parse_code(options.code));
  } else {
    TRUNKLINE_TRY_VOID(can_be_made_here(deployment));
    TRUNKLINE_TRY(LambdaZip zip, make_lambda_zip(options.config));
    TRUNKLINE_TRY(place, place_of(deployment.code, zip.bytes, "zip"));
    const bool there =
        has(before, stack::kCodeKeyParameter, place.key) && has(before, stack::kCodeBucketParameter, place.bucket);
    if (!there && !options.dry_run) {
      const double megabytes = static_cast<double>(zip.bytes.size()) / 1e6;
      const auto put = api.put_object(place.bucket, place.key, std::move(zip.bytes));
      if (!put.ok()) return put.error().with(fmt::format("the functions' zip cannot be put to s3://{}", place.bucket));
      fmt::print(stderr, "s3://{}/{}: {:.1f} MB\n", place.bucket, place.key, megabytes);
    }
  }
  parameters.emplace(stack::kCodeBucketParameter, place.bucket);
  parameters.emplace(stack::kCodeKeyParameter, place.key);
  return parameters;
}

Result<std::string> put_template(AwsApi& api, const std::string& code, const std::string& region,
                                 const std::string& json) {
  TRUNKLINE_TRY(const CodePlace place, place_of(code, json, "json"));
  const auto put = api.put_object(place.bucket, place.key, json);
  if (!put.ok()) return put.error().with(fmt::format("the template cannot be put to s3://{}", place.bucket));
  return fmt::format("{}/{}/{}", aws::public_endpoint("s3", region), place.bucket, place.key);
}

}  // namespace trunkline::app
