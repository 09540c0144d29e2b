#include "app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "app/aws_command.hpp"
#include "app/client_commands.hpp"
#include "app/commands.hpp"
#include "app/completion.hpp"
#include "app/demo_command.hpp"
#include "app/drill_command.hpp"
#include "app/durations.hpp"
#include "app/init_command.hpp"
#include "app/lambda_command.hpp"
#include "app/migrate_command.hpp"
#include "app/names_command.hpp"
#include "app/sim_commands.hpp"
#include "app/version.hpp"

namespace trunkline::app {
namespace {

constexpr const char* kFooter = R"(Start here:
  trunkline demo                           see it work, on a page in the browser
  trunkline check -c trunkline.yaml        is the configuration right?
  trunkline serve -c trunkline.yaml        run it
  trunkline sim --to http://127.0.0.1:8080/ingest/SOURCE --rate 100 --for 10s
  trunkline consumers                      what has arrived where

Exit codes: 0 done, 1 no or not all, 2 wrong use or configuration, 3 hub out of reach, 4 key refused.)";

void add_serve(CLI::App& app, int& code) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Run the hub until SIGINT or SIGTERM");
  command->add_option("-c,--config", options->config, "Configuration file")->required();
  command->add_option("--listen", options->listen,
                      "Address to listen on, instead of the configuration's; port 0 takes a free one");
  command->add_option("--data-dir", options->data_dir, "Data directory, instead of the configuration's");
  command->add_option("--ready-file", options->ready_file, "File that gets the address once the hub is ready");
  command->add_option("--loops", options->loops, "Threads for connections and consumers; 0: one per core")
      ->default_val(0);
  command
      ->add_option("--drop", options->drop,
                   "Start although this consumer has left the configuration, and give up the events that wait for it")
      ->allow_extra_args(false);
  command->add_option("--cloudwatch", options->cloudwatch, "Put metrics into CloudWatch, in this namespace: Trunkline")
      ->envname("TRUNKLINE_CLOUDWATCH");
  add_duration(*command, "--cloudwatch-every", options->cloudwatch_every, "How often, at least 1s")
      ->envname("TRUNKLINE_CLOUDWATCH_EVERY");
  command->footer(
      "SIGHUP reads the configuration again and applies what has changed (see trunkline reload --help).\n"
      "SIGTERM and SIGINT stop: new events are refused, what is in flight finishes.\n"
      "With `engine: aws` it keeps nothing here: any number of them run with the same file, on what `trunkline aws "
      "apply`\n"
      "has made; credentials and region are found as the AWS SDKs find them.");
  command->callback([options, &code] { code = run_serve(*options); });
}

void add_check(CLI::App& app, int& code) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand("check", "Check a configuration; errors name line and column");
  command->add_option("-c,--config", options->config, "Configuration file")->required();
  command->add_flag("--json", options->json, "Result as JSON");
  command->add_flag(
      "--try", options->try_targets,
      "Also try it here: data directory or table, address, and every consumer's target; no event is sent");
  command->footer(
      "Without --try nothing but the files named in it is looked at, so that it runs anywhere. Exit code 1: something "
      "that was\n"
      "tried does not work; 2: the configuration is wrong.");
  command->callback([options, &code] { code = run_check(*options); });
  CLI::App* reference = app.add_subcommand("options", "Every configuration option with its default and bounds");
  reference->callback([&code] { code = run_options(); });
}

void add_restore(CLI::App& app, int& code) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App* command = app.add_subcommand("restore", "Make a data directory from a backup, with no hub running on it");
  command->add_option("backup", options->backup, "Directory that `trunkline backup` has made")->required();
  command->add_option("--to", options->to, "Data directory to be made; not there yet, or empty")->required();
  command->add_flag("--json", options->json, "Result as JSON");
  command->callback([options, &code] { code = run_restore(*options); });
}

void add_inspect(CLI::App& app, int& code) {
  auto decode = std::make_shared<DecodeOptions>();
  CLI::App* command = app.add_subcommand("decode", "What is understood of events in files, one JSON object each");
  command->add_option("files", decode->files, "Files with events; '-' is standard input")->required();
  command->add_option("--org", decode->org, "Organisation of bare notifications, which name none");
  command->callback([decode, &code] { code = run_decode(*decode); });

  auto explain = std::make_shared<ExplainOptions>();
  command = app.add_subcommand("explain", "Who gets an event, clause by clause, and why not");
  command
      ->add_option("event", explain->event,
                   "File with the event, '-' for standard input; of the running hub also a sequence number or an id")
      ->required();
  auto* config = command->add_option("-c,--config", explain->config, "By the filters of this file, without a hub");
  command->add_option("--url", explain->connection.url, "By the filters of this hub")
      ->capture_default_str()
      ->envname("TRUNKLINE_URL")
      ->excludes(config);
  command->add_option("--key", explain->connection.key, "API key of the hub")->envname("TRUNKLINE_API_KEY");
  command->add_flag("--json", explain->connection.json, "As JSON");
  command->footer(R"(Examples:
  trunkline explain event.json -c trunkline.yaml     before it is deployed
  trunkline explain event.json                       by what the running hub does now
  trunkline explain 4711                             why event 4711 went where it went, and where it would go now)");
  command->callback([explain, &code] { code = run_explain(*explain); });

  auto policy = std::make_shared<PolicyOptions>();
  command = app.add_subcommand("policy", "Answer a table of filter policy cases, one JSON object a line");
  command->footer(
      R"(A line in:  {"policy":{"a":["x"]},"scope":"MessageAttributes","attributes":{"a":{"DataType":"String","StringValue":"x"}}}
            {"policy":{"a":["x"]},"scope":"MessageBody","body":"{\"a\":\"x\"}"}
            neither attributes nor body: only validate; "policy_text" for a policy that may be no JSON
A line out: {"match":true}  {"valid":true}  {"error":{"code":"InvalidParameter","message":"…"}})");
  command->add_option("file", policy->file, "File with cases; '-' is standard input")->required();
  command->add_flag("!--no-limits", policy->limits,
                    "Without AWS's limits on size, keys and complexity, as the hub takes policies");
  command->callback([policy, &code] { code = run_policy(*policy); });
}

void add_privacy(CLI::App& app, int& code) {
  CLI::App* privacy = app.add_subcommand("privacy", "What of events leaves to a consumer, and what does not");
  privacy->require_subcommand(1);
  auto options = std::make_shared<PrivacyShowOptions>();
  CLI::App* show =
      privacy->add_subcommand("show", "What leaves to a consumer by a configuration file, and what does not");
  show->add_option("-c,--config", options->config, "Configuration file")->required();
  show->add_option("--consumer", options->consumer, "Of the file")->required();
  show->add_option("--topic", options->topic, "Only of these topics: a pattern with '*', or a category");
  show->add_option("--event", options->event, "File with events: each before and after; '-' is standard input");
  show->add_flag("--json", options->json, "As JSON");
  show->footer(R"(Examples:
  trunkline privacy show -c trunkline.yaml --consumer siem
  trunkline privacy show -c trunkline.yaml --consumer siem --topic 'v2.audits.*'
  trunkline privacy show -c trunkline.yaml --consumer siem --event event.json     exit code 1: it would not leave)");
  show->callback([options, &code] { code = run_privacy_show(*options); });
  CLI::App* fields = privacy->add_subcommand("fields", "The list of personal data that `privacy: protect` conceals");
  auto as_json = std::make_shared<bool>(false);
  fields->add_flag("--json", *as_json, "As JSON");
  fields->callback([as_json, &code] { code = run_privacy_fields(*as_json); });
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app(
      "Trunkline takes every event that Genesys Cloud publishes, loses none, and brings each one, in order, to every "
      "system "
      "that wants it.");
  app.name("trunkline");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  int code = 0;
  add_demo_command(app, code);
  add_serve(app, code);
  add_check(app, code);
  add_restore(app, code);
  add_inspect(app, code);
  add_privacy(app, code);
  add_sim_commands(app, code);
  add_drill_command(app, code);
  add_client_commands(app, code);
  add_init(app, code);
  add_names(app, code);
  add_aws(app, code);
  add_lambda(app, code);
  add_migrate(app, code);
  add_completion(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int parsed = app.exit(error);
    return parsed == 0 ? 0 : 2;
  }
  return code;
}

}  // namespace trunkline::app
