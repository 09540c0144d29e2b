#include <fmt/format.h>

#include <filesystem>

#include "app/check_targets.hpp"
#include "app/commands.hpp"
#include "app/files.hpp"
#include "app/from_config.hpp"
#include "app/tls_files.hpp"
#include "app/wfm_sinks.hpp"
#include "config/reference.hpp"
#include "event/decoder.hpp"
#include "event/describe.hpp"
#include "filter/explain.hpp"
#include "filter/policy_case.hpp"
#include "json/writer.hpp"
#include "source/router.hpp"

namespace trunkline::app {
namespace {

std::vector<event::Decoded> decode_text(const event::TopicTable& topics, std::string_view text, std::string_view org) {
  std::vector<event::Decoded> items;
  event::Decoder decoder(topics);
  decoder.decode(text, {org}, items);
  return items;
}

void explain_text(const event::Event& event, const config::Config& config) {
  fmt::print("{} {}\n", event.event_type, event.envelope_id);
  for (const config::Consumer& consumer : config.consumers) {
    const auto policy = policy_of(consumer);
    if (!policy.ok()) continue;  // load_config has refused it
    const source::EventMessage message(event);
    const filter::Explanation explanation = filter::explain(*policy, message.message());
    fmt::print("  {}: {}\n", consumer.name, explanation.holds ? "gets it" : "does not get it");
    std::string_view rest;
    const std::string text = filter::to_text(explanation);
    for (rest = text; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      fmt::print("    {}\n", line);
    }
  }
}

void explain_json(const event::Event& event, const config::Config& config) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("eventType", event.event_type).member("envelopeId", event.envelope_id);
  writer.key("consumers").begin_array();
  for (const config::Consumer& consumer : config.consumers) {
    const auto policy = policy_of(consumer);
    if (!policy.ok()) continue;
    const source::EventMessage message(event);
    const filter::Explanation explanation = filter::explain(*policy, message.message());
    writer.begin_object().member("consumer", consumer.name).member("gets", explanation.holds);
    writer.key("why").raw(filter::to_json(explanation)).end_object();
  }
  writer.end_array().end_object();
  fmt::print("{}\n", out);
}

}  // namespace

int run_decode(const DecodeOptions& options) {
  const auto topics = event::TopicTable::make();
  if (!topics.ok()) return 2;
  bool all = true;
  for (const std::string& file : options.files) {
    const auto text = read_file(file);
    if (!text.ok()) {
      fmt::print(stderr, "{}\n", text.error().detail);
      return 2;
    }
    for (const event::Decoded& item : decode_text(*topics, *text, options.org)) {
      fmt::print("{}\n", event::describe(item));
      all = all && std::holds_alternative<event::Event>(item);
    }
  }
  return all ? 0 : 1;
}

namespace {

// A file where there is one of that name, else what names a stored event.
int explain_live(const ExplainOptions& options) {
  cli::ExplainLiveOptions live;
  live.connection = options.connection;
  live.event = options.event;
  if (options.event == "-" || std::filesystem::exists(options.event)) {
    auto text = read_file(options.event);
    if (!text.ok()) {
      fmt::print(stderr, "{}\n", text.error().detail);
      return 2;
    }
    live.payload = std::move(*text);
  }
  return cli::run_explain_live(live, cli::standard_terminal());
}

}  // namespace

int run_explain(const ExplainOptions& options) {
  if (options.config.empty()) return explain_live(options);
  const auto config = load_config(options.config);
  if (!config) return 2;
  const auto topics = topic_table(*config);
  const auto text = read_file(options.event);
  if (!topics.ok() || !text.ok()) {
    fmt::print(stderr, "{}\n", text.ok() ? topics.error().detail : text.error().detail);
    return 2;
  }
  int code = 0;
  for (const event::Decoded& item : decode_text(*topics, *text, {})) {
    if (const auto* event = std::get_if<event::Event>(&item)) {
      options.connection.json ? explain_json(*event, *config) : explain_text(*event, *config);
    } else {
      fmt::print(stderr, "no event: {}\n", event::describe(item));
      code = 1;
    }
  }
  return code;
}

int run_policy(const PolicyOptions& options) {
  const auto text = read_file(options.file);
  if (!text.ok()) {
    fmt::print(stderr, "{}\n", text.error().detail);
    return 2;
  }
  const filter::Limits limits = options.limits ? filter::Limits{} : filter::Limits::unlimited();
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    fmt::print("{}\n", filter::answer_policy_case(line, limits));
  }
  return 0;
}

namespace {

std::string_view word_of(Finding::Outcome outcome) {
  switch (outcome) {
    case Finding::Outcome::good:
      return "ok";
    case Finding::Outcome::unknown:
      return "?";
    case Finding::Outcome::bad:
      return "FAILED";
  }
  return "?";
}

void print_check_json(bool valid, const std::vector<Finding>& findings) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("valid", valid).key("tried").begin_array();
  for (const Finding& finding : findings) {
    writer.begin_object().member("what", finding.what).key("ok");
    if (finding.outcome == Finding::Outcome::unknown) {
      writer.null();
    } else {
      writer.boolean(finding.outcome == Finding::Outcome::good);
    }
    writer.member("detail", finding.detail).end_object();
  }
  writer.end_array().end_object();
  fmt::print("{}\n", out);
}

}  // namespace

int run_check(const CheckOptions& options) {
  const auto config = load_config(options.config);
  const auto names = config ? name_table(*config) : base::Result<std::shared_ptr<const event::NameTable>>(nullptr);
  if (!names.ok()) fmt::print(stderr, "{}: error: names: {}\n", options.config, names.error().detail);
  const auto codes = config ? check_codes(*config) : base::Result<void>();
  if (!codes.ok()) fmt::print(stderr, "{}: error: {}\n", options.config, codes.error().detail);
  const bool valid = config && names.ok() && codes.ok() &&
                     print_diagnostics(inspect_tls(*config, base::SystemClock().wall()), options.config);
  std::vector<Finding> findings;
  if (valid && options.try_targets) findings = try_everything(*config);
  if (options.json) print_check_json(valid, findings);
  if (!valid) return 2;
  bool all = true;
  for (const Finding& finding : findings) {
    all = all && finding.outcome != Finding::Outcome::bad;
    if (!options.json) fmt::print("  {:<6} {}: {}\n", word_of(finding.outcome), finding.what, finding.detail);
  }
  if (!options.json) {
    fmt::print("{}: {} sources, {} consumers, no errors{}\n", options.config, config->sources.size(),
               config->consumers.size(), all ? "" : " in the file; but see above");
  }
  return all ? 0 : 1;
}

int run_options() {
  fmt::print("{}", config::reference_text());
  return 0;
}

}  // namespace trunkline::app
