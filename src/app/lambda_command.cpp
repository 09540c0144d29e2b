#include "app/lambda_command.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "app/lambda_functions.hpp"
#include "app/lambda_zip.hpp"
#include "base/log.hpp"
#include "lambda/runtime_api.hpp"

namespace trunkline::app {
namespace {

struct LambdaOptions {
  std::string config;
  std::string name;     // consumer or source
  std::string handler;  // of run
  std::string out;      // of zip
};

// Until the runtime API ends. Lambda ends the process itself where nothing is to be done any more.
int run_function(const base::Result<LambdaHandler>& handler, const std::string& config) {
  const aws::Environment environment = aws::process_environment();
  const auto address = environment("AWS_LAMBDA_RUNTIME_API");
  if (!address) {
    fmt::print(stderr,
               "AWS_LAMBDA_RUNTIME_API is not set: this runs as a function of AWS Lambda, or under an emulator\n");
    return 2;
  }
  net::IoLoop loop("lambda");
  loop.start();
  int code = 1;
  {
    lambda::RuntimeApi api(loop, *address);
    auto made = handler.ok() ? make_function(*handler, config, loop, environment)
                             : base::Result<std::unique_ptr<lambda::Function>>(handler.error());
    if (made.ok()) {
      const base::Error ended = lambda::serve(api, **made);
      base::log::error("the runtime API has ended", "error", ended.detail);
    } else {
      fmt::print(stderr, "cannot start: {}\n", made.error().detail);
      if (made.error().code == base::Errc::invalid) code = 2;
      if (const auto told = api.init_error("Trunkline.Init", made.error().detail); !told.ok())
        fmt::print(stderr, "and nobody could be told: {}\n", told.error().detail);
    }
  }
  loop.stop();
  loop.join();
  return code;
}

CLI::Option* add_config(CLI::App& command, LambdaOptions& options) {
  return command.add_option("-c,--config", options.config, "Configuration file, with engine: aws")
      ->envname("TRUNKLINE_CONFIG")
      ->required();
}

}  // namespace

void add_lambda(CLI::App& app, int& code) {
  CLI::App* lambda = app.add_subcommand("lambda", "Functions of AWS Lambda, on the custom runtime (provided.al2023)");
  lambda->require_subcommand(1);
  auto options = std::make_shared<LambdaOptions>();

  CLI::App* ingest = lambda->add_subcommand("ingest", "Take events: from EventBridge, or from an SQS queue");
  add_config(*ingest, *options);
  ingest->add_option("--source", options->name, "Source that the events are of; else the only one");
  ingest->callback([options, &code] { code = run_function(LambdaHandler{true, options->name}, options->config); });

  CLI::App* consumer = lambda->add_subcommand("consumer", "Deliver what an event source mapping brings of its queue");
  add_config(*consumer, *options);
  consumer->add_option("name", options->name, "Consumer of the configuration")->required();
  consumer->callback([options, &code] { code = run_function(LambdaHandler{false, options->name}, options->config); });

  CLI::App* run = lambda->add_subcommand("run", "The function that the handler names; what a zip's bootstrap runs");
  add_config(*run, *options);
  run->add_option("--handler", options->handler, "ingest, ingest:SOURCE or consumer:NAME")
      ->envname("_HANDLER")
      ->required();
  run->callback([options, &code] { code = run_function(parse_handler(options->handler), options->config); });

  CLI::App* zip =
      lambda->add_subcommand("zip", "Write the zip of a function: this program, its libraries, the configuration");
  zip->add_option("-c,--config", options->config, "Configuration file, with engine: aws")->required();
  zip->add_option("--out", options->out, "The zip; nothing is written over")->default_val("function.zip");
  zip->callback([options, &code] { code = run_lambda_zip(options->config, options->out); });
  lambda->footer(
      R"(One zip is good for every function; the handler says which one it is: ingest, ingest:SOURCE, consumer:NAME.

Examples:
  trunkline lambda zip -c trunkline.yaml --out function.zip
  aws lambda create-function --function-name crm --runtime provided.al2023 --handler consumer:crm --zip-file fileb://function.zip …)");
}

}  // namespace trunkline::app
