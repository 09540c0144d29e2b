#include "app/aws_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "account/findings.hpp"
#include "account/read.hpp"
#include "app/aws_deploy.hpp"
#include "app/aws_plan.hpp"
#include "app/aws_session.hpp"
#include "app/aws_spec.hpp"
#include "json/writer.hpp"

namespace trunkline::app {
namespace {

using account::Account;
using account::Finding;
using base::Errc;
using base::Result;

struct DoctorOptions {
  account::ReadScope scope;
  std::string config;  // whose sources' queues Trunkline reads
  bool json = false;
};

Result<Account> read(const DoctorOptions& options, const std::vector<account::FunctionHere>& functions) {
  return with_aws(options.scope.region, [&](AwsApi& api, const std::string& region) {
    account::ReadScope scope = options.scope;
    scope.region = region;
    scope.functions = functions;
    const bool shown = ::isatty(STDERR_FILENO) == 1;
    auto found = account::read(api, scope, [shown](std::string_view what, std::size_t calls) {
      if (shown) fmt::print(stderr, "\r\033[K{} calls, reading {}", calls, what);
    });
    if (shown) fmt::print(stderr, "\r\033[K");
    return found;
  });
}

void print_json(const Account& account, const std::vector<Finding>& findings) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("account", account.id).member("region", account.region);
  writer.key("findings").begin_array();
  for (const Finding& each : findings) {
    writer.begin_object().member("risk", account::to_string(each.risk)).member("code", each.code);
    writer.member("subject", each.subject).member("what", each.what).member("repair", each.repair).end_object();
  }
  writer.end_array().key("unread").begin_array();
  for (const std::string& each : account.unread) writer.string(each);
  writer.end_array().end_object();
  fmt::print("{}\n", out);
}

void print_text(const Account& account, const std::vector<Finding>& findings) {
  for (const Finding& each : findings)
    fmt::print("{} {}\n  {}\n  {}\n  repair: {}\n\n", account::to_string(each.risk), each.code, each.subject, each.what,
               each.repair);
  for (const std::string& each : account.unread) fmt::print("not read  {}\n", each);
  fmt::print(
      "{} of account {} in {}: {} event sources, {} rules, {} topics, {} queues, {} functions that read queues\n",
      findings.empty() ? "no finding" : fmt::format("{} findings", findings.size()), account.id, account.region,
      account.sources.size(), account.rules.size(), account.topics.size(), account.queues.size(),
      account.functions.size());
}

int run_doctor(const DoctorOptions& options) {
  std::optional<KnownHere> known = KnownHere();
  if (!options.config.empty()) known = load_known(options.config);
  if (!known) return 2;
  auto account = read(options, known->functions);
  if (!account.ok()) {
    fmt::print(stderr, "the account cannot be read: {}\n", account.error().detail);
    return account.error().code == Errc::invalid ? 2 : 1;
  }
  account->read_here = account->unordered = known->queues;
  const bool well = report_account(*account, options.json);
  return well && account->unread.empty() ? 0 : 1;
}

}  // namespace

bool report_account(const account::Account& account, bool json) {
  const auto findings = account::examine(account);
  if (json) {
    print_json(account, findings);
  } else {
    print_text(account, findings);
  }
  return findings.empty();
}

void add_aws(CLI::App& app, int& code) {
  CLI::App* aws = app.add_subcommand("aws", "Events in an AWS account");
  aws->require_subcommand(1);
  add_aws_plan(*aws, code);
  add_aws_deploy(*aws, code);
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* doctor = aws->add_subcommand("doctor", "Which settings would lose or reorder events, each with its repair");
  doctor->add_option("--region", options->scope.region, "Region; else AWS_REGION or the profile's");
  doctor->add_option("--prefix", options->scope.prefix, "Only topics and queues whose names begin so");
  doctor->add_option("--bus", options->scope.buses, "Also rules of this event bus; those of Genesys are always read");
  doctor->add_option("-c,--config", options->config,
                     "Configuration: its sources' queues are read by Trunkline, and its functions must be there");
  doctor->add_flag("--json", options->json, "As JSON");
  doctor->footer(R"(Reads and changes nothing. Credentials are found as the AWS SDKs find them. Permissions:
  events:ListEventSources, ListEventBuses, ListRules, ListTargetsByRule; sns:ListTopics, GetTopicAttributes, ListSubscriptionsByTopic,
  GetSubscriptionAttributes; sqs:ListQueues, GetQueueAttributes; lambda:ListEventSourceMappings, GetFunctionConfiguration,
  GetFunctionConcurrency; cloudwatch:DescribeAlarms; of a configuration's functions lambda:GetPolicy, events:ListRuleNamesByTarget,
  DescribeRule. What is not allowed is said and left out.

Exit code 0: nothing found; 1: findings, or not all could be read; 2: wrong options.

Examples:
  AWS_PROFILE=prod trunkline aws doctor --region eu-central-1
  trunkline aws doctor -c trunkline.yaml
  trunkline aws doctor --prefix genesys- --json | jq '.findings[] | select(.risk == "loses")')");
  doctor->callback([options, &code] { code = run_doctor(*options); });
}

}  // namespace trunkline::app
