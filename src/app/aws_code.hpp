#pragma once

#include <map>
#include <optional>
#include <string>

#include "app/aws_api.hpp"
#include "app/aws_spec.hpp"
#include "stack/answers.hpp"

// What of a deployment is in S3: the zip of its functions, and a template that is too large for a call.
namespace trunkline::app {

struct CodePlace {
  std::string bucket;
  std::string key;
};
// "s3://BUCKET/KEY". Errc::invalid.
base::Result<CodePlace> parse_code(const std::string& text);

struct CodeOptions {
  std::string config;  // the file that goes into the zip
  std::string code;    // "s3://BUCKET/KEY" of a zip that is there; empty: it is made and put below `deployment.code`
  bool dry_run = false;
};
// The template's parameters of the functions' zip; none where there are no functions. The key of a zip that is made here
// says what is in it, so that another program or configuration updates the functions, and the same one changes nothing: then,
// and in a dry run, nothing is put.
base::Result<std::map<std::string, std::string>> code_parameters(AwsApi& api, const AwsDeployment& deployment,
                                                                 const std::optional<stack::StackState>& before,
                                                                 const CodeOptions& options);

// Puts a template below `code`, "s3://BUCKET/PREFIX": its URL for CloudFormation.
base::Result<std::string> put_template(AwsApi& api, const std::string& code, const std::string& region,
                                       const std::string& json);

}  // namespace trunkline::app
