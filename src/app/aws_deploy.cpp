#include "app/aws_deploy.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

#include "account/answer.hpp"
#include "account/findings.hpp"
#include "account/read.hpp"
#include "app/aws_code.hpp"
#include "app/aws_command.hpp"
#include "app/aws_plan.hpp"
#include "app/aws_session.hpp"
#include "stack/deploy.hpp"
#include "stack/registry.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Result;

struct DeployOptions {
  std::string config;
  std::string stack;   // empty: aws.prefix
  std::string region;  // empty: that of the queues
  std::string code;    // s3://BUCKET/KEY of the functions' zip
  bool dry_run = false;
  bool yes = false;
  bool even_with_messages = false;
  bool with_table = false;
};

// One deployment in one account.
struct Session {
  AwsApi& api;
  AwsDeployment& deployment;
  std::string stack;
  std::string region;
  std::string account;
  stack::Deployer deployer;
};

void tell(const stack::Event& each) {
  fmt::print(stderr, "{:<28} {:<26} {}{}\n", each.status, each.type, each.resource,
             each.reason.empty() ? "" : "  " + each.reason);
}

stack::Waiting waiting() {
  stack::Waiting waiting;
  waiting.sleep = [](base::Millis time) { std::this_thread::sleep_for(time); };
  return waiting;
}

// The account that the credentials are of must be the one that the configuration's queues are in.
Result<std::string> account_of(AwsApi& api, const AwsDeployment& deployment) {
  TRUNKLINE_TRY(const std::string body, api.query("sts", "GetCallerIdentity", {}));
  TRUNKLINE_TRY(std::string account, account::text_of(body, "Account"));
  if (!deployment.account.empty() && deployment.account != account)
    return {Errc::invalid,
            fmt::format("the credentials are of account {}, and queue_url of the sources names account {}: "
                        "choose others (AWS_PROFILE), or mend queue_url",
                        account, deployment.account)};
  return account;
}

// The beginning that all names have, so that nothing else of the account is read.
std::string common_prefix(const stack::Spec& spec) {
  std::string prefix = spec.prefix + "-";
  for (const stack::Ingest& each : spec.ingests) {
    const auto differs = std::mismatch(prefix.begin(), prefix.end(), each.queue.begin(), each.queue.end());
    prefix.erase(differs.first, prefix.end());
  }
  return prefix;
}

Result<account::Account> examined(Session& session) {
  const stack::Spec& spec = session.deployment.spec;
  account::ReadScope scope;
  scope.region = session.region;
  scope.prefix = common_prefix(spec);
  for (const stack::Ingest& each : spec.ingests) scope.buses.push_back(each.bus);
  scope.functions = functions_here(spec);
  TRUNKLINE_TRY(account::Account found, account::read(session.api, scope, [](std::string_view, std::size_t) {}));
  for (const stack::Ingest& each : spec.ingests) {
    found.unordered.insert(each.queue);
    found.read_here.insert(each.queue);
  }
  for (const stack::Consumer& each : spec.consumers) {
    if (!stack::is_fifo(each)) found.unordered.insert(stack::queue_name(spec, each));
    found.read_here.insert(stack::queue_name(spec, each));
  }
  return found;
}

Result<int> preview(Session& session, const stack::Wanted& wanted) {
  TRUNKLINE_TRY(const auto changes, session.deployer.preview(wanted));
  for (const stack::Change& each : changes) {
    const bool lost = each.replacement == "True" || each.replacement == "Conditional";
    fmt::print("{:<8} {:<26} {}{}\n", each.action, each.type, each.id,
               lost ? "  made anew: what the old one holds is lost" : "");
  }
  fmt::print("stack {} in {}: {}\n", session.stack, session.region,
             changes.empty() ? "no change" : fmt::format("{} changes, none made", changes.size()));
  return 0;
}

// Workers find their queues in the table; false: not all of them.
Result<bool> handed_over(Session& session) {
  const stack::Spec& spec = session.deployment.spec;
  if (!spec.engine) return true;
  stack::EngineRegistry registry(session.api, spec.table);
  TRUNKLINE_TRY_VOID(registry.ensure_expiry());
  TRUNKLINE_TRY(const auto resources, session.deployer.resources(session.stack));
  TRUNKLINE_TRY(const auto left, registry.hand_over(spec, resources, base::SystemClock().wall()));
  for (const std::string& each : left) fmt::print(stderr, "not handed over to workers: {}\n", each);
  return left.empty();
}

Result<int> apply(Session& session, const DeployOptions& options) {
  stack::Spec& spec = session.deployment.spec;
  TRUNKLINE_TRY(stack::Numbers numbers, session.deployer.numbers(session.stack, spec.prefix));
  if (spec.engine) {
    // Of a table that stayed when its stack was deleted: no number is given twice.
    TRUNKLINE_TRY(const std::uint32_t last, stack::EngineRegistry(session.api, spec.table).last_number());
    numbers.last = std::max(numbers.last, last);
  }
  stack::assign_numbers(spec, numbers);
  stack::Wanted wanted{session.stack, stack::make_template(spec), {}};
  const bool in_s3 = wanted.json.size() > stack::kTemplateBytesMax && !session.deployment.code.empty();
  if (std::string large = too_large(wanted.json, in_s3); !large.empty()) return {Errc::too_large, std::move(large)};
  TRUNKLINE_TRY(const auto before, session.deployer.find(session.stack));
  TRUNKLINE_TRY(wanted.parameters, session.deployer.parameters(spec, before));
  TRUNKLINE_TRY(const auto code, code_parameters(session.api, session.deployment, before,
                                                 {options.config, options.code, options.dry_run}));
  wanted.parameters.insert(code.begin(), code.end());
  if (in_s3) {
    TRUNKLINE_TRY(wanted.url, put_template(session.api, session.deployment.code, session.region, wanted.json));
  }
  if (options.dry_run) return preview(session, wanted);
  TRUNKLINE_TRY(const stack::Outcome outcome, session.deployer.apply(wanted));
  constexpr std::string_view kWords[] = {"created", "updated", "no change"};
  fmt::print("stack {} of account {} in {}: {}\n", session.stack, session.account, session.region,
             kWords[static_cast<std::size_t>(outcome)]);
  TRUNKLINE_TRY(const bool complete, handed_over(session));
  const auto account = examined(session);
  if (!account.ok()) return account.error().with("deployed, and the doctor cannot read the account");
  return report_account(*account, false) && complete ? 0 : 1;
}

bool confirmed(const Session& session, const DeployOptions& options) {
  if (options.yes) return true;
  if (::isatty(STDIN_FILENO) != 1) {
    fmt::print(stderr, "stack {} is not deleted: nobody can be asked here; --yes does it\n", session.stack);
    return false;
  }
  fmt::print(stderr,
             "Delete stack {} of account {} in {}? Events of Genesys Cloud are dropped from then on.{}\nIts name: ",
             session.stack, session.account, session.region,
             options.with_table
                 ? fmt::format(" Table {} is deleted, too, with every event in it.", session.deployment.spec.table)
                 : std::string());
  std::string line;
  std::getline(std::cin, line);
  return line == session.stack;
}

Result<int> destroy(Session& session, const DeployOptions& options) {
  const std::string& table = session.deployment.spec.table;
  TRUNKLINE_TRY(const auto stack, session.deployer.find(session.stack));
  if (!stack && !options.with_table) {
    fmt::print("there is no stack {} in {}\n", session.stack, session.region);
    return 0;
  }
  if (stack && !options.even_with_messages) {
    TRUNKLINE_TRY(const auto queues, session.deployer.waiting_messages(session.stack));
    for (const auto& [queue, messages] : queues) fmt::print(stderr, "{} holds some {} messages\n", queue, messages);
    if (!queues.empty())
      return {Errc::conflict,
              fmt::format("stack {} is not deleted: let the workers empty its queues, or lose what is in "
                          "them with --even-with-messages",
                          session.stack)};
  }
  if (!confirmed(session, options)) return 2;
  TRUNKLINE_TRY_VOID(session.deployer.remove(session.stack));
  if (session.deployment.spec.engine && !options.with_table) {
    TRUNKLINE_TRY_VOID(stack::EngineRegistry(session.api, table).forget());
  }
  if (options.with_table) {
    TRUNKLINE_TRY_VOID(session.deployer.remove_table(table));
  }
  const bool stays = session.deployment.spec.engine && !options.with_table;
  fmt::print(
      "stack {} of account {} in {}: deleted{}\n", session.stack, session.account, session.region,
      stays ? fmt::format("; table {} stays, with every event in it (--with-table deletes it)", table) : std::string());
  return 0;
}

int run(const DeployOptions& options, Result<int> (*work)(Session&, const DeployOptions&)) {
  if (const auto code = parse_code(options.code); !options.code.empty() && !code.ok()) {
    fmt::print(stderr, "--code: {}\n", code.error().detail);
    return 2;
  }
  auto deployment = load_deployment(options.config);
  if (!deployment) return 2;
  std::string region = options.region.empty() ? deployment->region : options.region;
  if (!deployment->region.empty() && region != deployment->region) {
    fmt::print(stderr, "--region {}: the queues of the sources are in {}\n", region, deployment->region);
    return 2;
  }
  const auto done = with_aws(std::move(region), [&](AwsApi& api, const std::string& in) -> Result<int> {
    TRUNKLINE_TRY(std::string account, account_of(api, *deployment));
    Session session{api, *deployment,        options.stack.empty() ? deployment->spec.prefix : options.stack,
                    in,  std::move(account), stack::Deployer(api, waiting(), tell)};
    return work(session, options);
  });
  if (done.ok()) return *done;
  fmt::print(stderr, "{}\n", done.error().detail);
  return done.error().code == Errc::invalid ? 2 : 1;
}

void add_common(CLI::App& command, DeployOptions& options) {
  command.add_option("-c,--config", options.config, "Configuration file")->required();
  command.add_option("--stack", options.stack, "Name of the stack; else aws.prefix");
  command.add_option("--region", options.region,
                     "Region; else that in queue_url of the sources, AWS_REGION, the profile's");
}

}  // namespace

void add_aws_deploy(CLI::App& aws, int& code) {
  auto options = std::make_shared<DeployOptions>();
  CLI::App* applied = aws.add_subcommand("apply", "Makes or changes the deployment, then runs the doctor");
  add_common(*applied, *options);
  applied->add_flag("--dry-run", options->dry_run, "Show what would change, by a change set that is deleted again");
  applied->add_option("--code", options->code,
                      "s3://BUCKET/KEY of the functions' zip; else it is made and put to aws.functions.code");
  applied->footer(
      R"(The template of `trunkline aws plan` as a stack of CloudFormation. Applied again it changes nothing. Each resource is told
on standard error as it goes; what fails is rolled back, and the reason is said. Credentials are found as the AWS SDKs find
them. They need cloudformation:* on the stack, what the stack makes (events, sqs, sns, dynamodb, cloudwatch, iam: the roles and
policies of this stack; with functions lambda, logs and s3:PutObject and GetObject below aws.functions.code), dynamodb:GetItem, Query, PutItem, UpdateItem and DeleteItem on the table, and what `trunkline aws doctor --help` names.

Exit code 0: as it should be; 1: it failed, or the doctor has findings; 2: the configuration or the command line is wrong.

Examples:
  trunkline aws apply -c trunkline.yaml --dry-run
  AWS_PROFILE=prod trunkline aws apply -c trunkline.yaml
  trunkline aws apply -c trunkline.yaml --code s3://my-bucket/trunkline/function-arm64-1.zip)");
  applied->callback([options, &code] { code = run(*options, apply); });

  auto gone = std::make_shared<DeployOptions>();
  CLI::App* destroyed = aws.add_subcommand("destroy", "Deletes the deployment; the table stays");
  add_common(*destroyed, *gone);
  destroyed->add_flag("--yes", gone->yes, "Do not ask");
  destroyed->add_flag("--even-with-messages", gone->even_with_messages,
                      "Also while queues hold messages: they are lost");
  destroyed->add_flag("--with-table", gone->with_table, "The table, too, with every event in it");
  destroyed->footer(
      R"(Asks for the stack's name, and does nothing while a queue of the stack holds messages (SQS counts them approximately).

Exit code 0: deleted, or there was none; 1: it failed, or queues hold messages; 2: not confirmed, or wrong options.

Examples:
  trunkline aws destroy -c trunkline.yaml
  trunkline aws destroy -c trunkline.yaml --yes --with-table)");
  destroyed->callback([gone, &code] { code = run(*gone, destroy); });
}

}  // namespace trunkline::app
