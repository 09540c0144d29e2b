#include "app/aws_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "app/files.hpp"
#include "json/writer.hpp"
#include "stack/price.hpp"

namespace trunkline::app {
namespace {

using base::Result;

struct PlanOptions {
  std::string config;
  std::string out;
  std::string from;    // an earlier template
  std::string prices;  // a file
  bool json = false;
  stack::Traffic traffic;
};

struct Plan {
  AwsDeployment deployment;
  std::string json;  // the template
  stack::Prices prices;
  stack::Price price;
};

// An earlier template keeps its queues' numbers: a consumer that comes or goes renames no other one's queue.
Result<stack::Numbers> known_numbers(const PlanOptions& options) {
  const std::string& path = options.from.empty() ? options.out : options.from;
  if (path.empty()) return stack::Numbers();
  const auto text = read_file(path);
  if (!text.ok() && options.from.empty() && text.error().code == base::Errc::not_found) return stack::Numbers();
  if (!text.ok()) return text.error();
  auto numbers = stack::numbers_of_template(*text);
  if (!numbers.ok()) return numbers.error().with(path);
  return numbers;
}

std::string dollars(double usd) {
  return usd >= 1 ? fmt::format("${:.2f}", usd) : fmt::format("${:.6f}", usd);
}

std::vector<std::string> notes_of(const Plan& plan) {
  const stack::Spec& spec = plan.deployment.spec;
  std::vector<std::string> notes;
  if (spec.alarm_topics.empty() && spec.alarm_email.empty())
    notes.push_back(
        fmt::format("nobody is told of alarms yet: set aws.alarm_email, or subscribe to topic {}-alarms", spec.prefix));
  const auto ordered = [](const stack::Consumer& each) { return stack::is_fifo(each); };
  if (std::any_of(spec.consumers.begin(), spec.consumers.end(), ordered))
    notes.emplace_back("order is that of arrival: EventBridge keeps none on the way to the ingest queue");
  if (stack::function_names(spec).empty()) return notes;
  notes.emplace_back(
      "functions have the zip of the parameters FunctionCodeBucket and FunctionCodeKey: `trunkline aws apply` "
      "makes and puts it; by hand, `trunkline lambda zip`, and --parameter-overrides");
  for (const std::string& each : plan.deployment.files)
    notes.push_back(fmt::format("{} is not in the functions' zip: use ${{env:NAME}}, or add it there", each));
  for (const std::string& each : plan.deployment.workers_only)
    notes.push_back(fmt::format("source {} has no queue that a function could read: workers take its events", each));
  return notes;
}

void print_lines(std::FILE* to, const std::vector<stack::PriceLine>& lines, double total) {
  for (const stack::PriceLine& each : lines)
    fmt::print(to, "  {:>12.6g}  {:>10}  {}\n", each.calls, dollars(each.usd), each.what);
  fmt::print(to, "  {:>12}  {:>10}  together\n", "", dollars(total));
}

void print_text(std::FILE* to, const Plan& plan, const PlanOptions& options) {
  const stack::Spec& spec = plan.deployment.spec;
  const auto resources = stack::resources_of(plan.json);
  const std::string where = plan.deployment.region.empty() ? "" : " in " + plan.deployment.region;
  fmt::print(to, "stack {}{}: {} resources, {} bytes\n", spec.prefix, where, resources.size(), plan.json.size());
  for (const stack::ResourceLine& each : resources)
    fmt::print(to, "  {:<26} {:<36} {}\n", each.type, each.name.empty() ? each.id : each.name, each.description);
  fmt::print(to,
             "\n1,000 events of {} bytes{}, {} messages a call where a call takes several: calls or units, and price\n",
             options.traffic.event_bytes,
             spec.engine ? fmt::format(" that go to all {} consumers", spec.consumers.size()) : std::string(),
             options.traffic.per_call);
  if (!stack::function_names(spec).empty())
    fmt::print(to, "(an invocation of a function lasts {} ms: --function-ms)\n", options.traffic.function_ms);
  print_lines(to, plan.price.per_thousand, plan.price.thousand_usd);
  fmt::print(to, "\na month without events\n");
  print_lines(to, plan.price.per_month, plan.price.month_usd);
  fmt::print(to, "\nprices: {}, {}, {}; put your region's into a file for --prices\n", plan.prices.region,
             plan.prices.as_of, plan.prices.source.empty() ? "of your file" : plan.prices.source);
  for (const std::string& each : notes_of(plan)) fmt::print(to, "note: {}\n", each);
}

void write_lines(json::Writer& out, std::string_view name, const std::vector<stack::PriceLine>& lines, double total) {
  out.key(name).begin_object().key("usd").number(total).key("lines").begin_array();
  for (const stack::PriceLine& each : lines) {
    out.begin_object().member("what", each.what).member("price", each.price);
    out.key("calls").number(each.calls).key("usd").number(each.usd).end_object();
  }
  out.end_array().end_object();
}

void print_json(std::FILE* to, const Plan& plan, const PlanOptions& options) {
  const stack::Spec& spec = plan.deployment.spec;
  std::string text;
  json::Writer out(text);
  out.begin_object().member("stack", spec.prefix).member("region", plan.deployment.region);
  out.member("account", plan.deployment.account).member("bytes", std::uint64_t{plan.json.size()});
  out.key("resources").begin_array();
  for (const stack::ResourceLine& each : stack::resources_of(plan.json)) {
    out.begin_object().member("id", each.id).member("type", each.type).member("name", each.name);
    out.member("description", each.description).end_object();
  }
  out.end_array().member("event_bytes", std::uint64_t{options.traffic.event_bytes});
  out.member("per_call", std::uint64_t{options.traffic.per_call});
  write_lines(out, "per_thousand_events", plan.price.per_thousand, plan.price.thousand_usd);
  write_lines(out, "per_month", plan.price.per_month, plan.price.month_usd);
  out.key("prices").raw(stack::to_json(plan.prices)).key("notes").begin_array();
  for (const std::string& each : notes_of(plan)) out.string(each);
  out.end_array().end_object();
  fmt::print(to, "{}\n", text);
}

Result<Plan> plan_of(AwsDeployment deployment, const PlanOptions& options) {
  Plan plan{std::move(deployment), {}, stack::built_in_prices(), {}};
  TRUNKLINE_TRY(const stack::Numbers numbers, known_numbers(options));
  stack::assign_numbers(plan.deployment.spec, numbers);
  if (!options.prices.empty()) {
    TRUNKLINE_TRY(const std::string text, read_file(options.prices));
    auto prices = stack::read_prices(text);
    if (!prices.ok()) return prices.error().with(options.prices);
    plan.prices = std::move(*prices);
  }
  plan.price = stack::price_of(plan.deployment.spec, options.traffic, plan.prices);
  plan.json = stack::make_template(plan.deployment.spec);
  return plan;
}

int run_plan(const PlanOptions& options) {
  auto deployment = load_deployment(options.config);
  if (!deployment) return 2;
  const auto plan = plan_of(std::move(*deployment), options);
  if (!plan.ok()) {
    fmt::print(stderr, "{}\n", plan.error().detail);
    return 2;
  }
  const std::string text = stack::readable(plan->json);
  std::FILE* summary = stdout;
  if (options.out.empty()) {
    fmt::print("{}", text);
    summary = stderr;
  } else if (const auto written = write_file(options.out, text, true); !written.ok()) {
    fmt::print(stderr, "{}\n", written.error().detail);
    return 2;
  }
  if (options.json) {
    print_json(summary, *plan, options);
  } else {
    print_text(summary, *plan, options);
  }
  const std::string large = too_large(plan->json);
  if (!large.empty()) fmt::print(stderr, "{}: {}\n", options.config, large);
  return large.empty() ? 0 : 1;
}

}  // namespace

std::string too_large(std::string_view json, bool in_s3) {
  const std::size_t resources = stack::resources_of(json).size();
  if (resources > stack::kResourcesMax)
    return fmt::format(
        "{} resources, and a stack has at most {}: deploy some consumers with a configuration and an "
        "aws.prefix of their own",
        resources, stack::kResourcesMax);
  if (in_s3 && json.size() > stack::kTemplateByUrlMax)
    return fmt::format(
        "the template has {} bytes, and CloudFormation takes {}: deploy some consumers with a "
        "configuration and an aws.prefix of their own",
        json.size(), stack::kTemplateByUrlMax);
  if (!in_s3 && json.size() > stack::kTemplateBytesMax)
    return fmt::format(
        "the template has {} bytes, and CloudFormation takes {} in a call: set aws.functions.code: s3://BUCKET/PREFIX, "
        "where `trunkline aws apply` puts it then; or give it from S3, `trunkline aws "
        "plan --out FILE`, then `aws cloudformation deploy --template-file FILE --s3-bucket BUCKET "
        "--capabilities CAPABILITY_IAM`",
        json.size(), stack::kTemplateBytesMax);
  return {};
}

void add_aws_plan(CLI::App& aws, int& code) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* plan = aws.add_subcommand("plan", "What to deploy, as a CloudFormation template, and what it costs");
  plan->add_option("-c,--config", options->config, "Configuration file")->required();
  plan->add_option("--out", options->out, "Write the template to this file; else it goes to standard output");
  plan->add_option("--from", options->from, "An earlier template whose queues keep their numbers; else that of --out");
  plan->add_option("--prices", options->prices, "JSON file with the prices of your region");
  plan->add_option("--event-bytes", options->traffic.event_bytes, "Size of an event")->check(CLI::Range(1, 1'000'000));
  plan->add_option("--per-call", options->traffic.per_call, "Messages in a call: 1 at a trickle, 10 under load")
      ->check(CLI::Range(1, 10));
  plan->add_option("--function-ms", options->traffic.function_ms, "How long an invocation of a function lasts")
      ->check(CLI::Range(1, 900'000));
  plan->add_flag("--json", options->json, "The summary as JSON");
  plan->footer(
      R"(Calls nobody: the template is made of the configuration alone, and the same one gives the same bytes. With --out
the summary is on standard output, else on standard error. Keep the file: it says which queue has which number.

Exit code 0: written; 1: written, and too large for one stack or call; 2: the configuration cannot be deployed.

Examples:
  trunkline aws plan -c trunkline.yaml --out stack.json
  aws cloudformation deploy --stack-name trunkline --template-file stack.json --capabilities CAPABILITY_IAM
  trunkline aws plan -c trunkline.yaml --json 2>&1 >/dev/null | jq .prices > prices.json   # then edit it
  trunkline aws plan -c trunkline.yaml --out stack.json --prices prices.json --per-call 1)");
  plan->callback([options, &code] { code = run_plan(*options); });
}

}  // namespace trunkline::app
