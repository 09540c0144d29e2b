#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "account/account.hpp"
#include "config/config.hpp"
#include "stack/spec.hpp"

namespace trunkline::app {

// What of the configuration is deployed on AWS, and where.
struct AwsDeployment {
  stack::Spec spec;
  std::string region;   // that the queues of sources are in, else the engine's; empty: nothing says one
  std::string account;  // likewise
  std::string code;     // "s3://BUCKET/PREFIX", where the functions' zip goes; empty: the configuration says none
  // Paths that the configuration names, which are not in a zip that is made here.
  std::vector<std::string> files;
  std::vector<std::string> workers_only;  // sources whose events no function can take, where functions take events
};

// Reads the configuration and prints on standard error what is wrong with it or cannot be deployed; nothing then.
// Credentials that cannot be found are no error: the deployment has none of them. Consumers have no numbers yet.
std::optional<AwsDeployment> load_deployment(const std::string& path);

// What a configuration says of an account. Errors as above.
struct KnownHere {
  std::set<std::string> queues;                  // that its sources fetch from
  std::vector<account::FunctionHere> functions;  // that its deployment has
};
std::optional<KnownHere> load_known(const std::string& path);
std::vector<account::FunctionHere> functions_here(const stack::Spec& spec);

}  // namespace trunkline::app
