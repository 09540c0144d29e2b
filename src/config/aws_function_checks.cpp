#include "config/aws_function_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

#include "config/option.hpp"

namespace trunkline::config {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
// Of an event source mapping's MaximumConcurrency (Lambda API reference, ScalingConfig).
constexpr std::uint32_t kConcurrencyMin = 2;
constexpr std::uint32_t kConcurrencyMax = 1'000;
// Lambda developer guide, "Defined runtime environment variables": those that are reserved.
constexpr std::array<std::string_view, 11> kReserved = {"AWS_REGION",
                                                        "AWS_DEFAULT_REGION",
                                                        "AWS_EXECUTION_ENV",
                                                        "AWS_ACCESS_KEY",
                                                        "AWS_ACCESS_KEY_ID",
                                                        "AWS_SESSION_TOKEN",
                                                        "AWS_SECRET_ACCESS_KEY",
                                                        "LAMBDA_TASK_ROOT",
                                                        "LAMBDA_RUNTIME_DIR",
                                                        "TZ",
                                                        "AWS_XRAY_DAEMON_ADDRESS"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Environment variables of a function: [a-zA-Z]([a-zA-Z0-9_])+.
bool is_variable(std::string_view name) {
  return name.size() >= 2 && is_letter(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

// "s3://BUCKET" or "s3://BUCKET/PREFIX", of characters that a key may have as they are.
bool is_place(std::string_view text) {
  constexpr std::string_view kScheme = "s3://";
  if (!text.starts_with(kScheme)) return false;
  text.remove_prefix(kScheme.size());
  const std::string_view bucket = text.substr(0, text.find('/'));
  const bool plain = std::ranges::all_of(text, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || std::string_view("-_./").find(c) != std::string_view::npos;
  });
  // Amazon S3 user guide, "Bucket naming rules".
  return plain && bucket.size() >= 3 && bucket.size() <= 63 && text.size() <= 512 && text.find("//") == text.npos &&
         text.find("..") == text.npos && !text.ends_with('/') && text.find("/.") == text.npos;
}

}  // namespace

void check_aws_functions(const Config& config, const Places& places, Diagnostics& diagnostics) {
  const AwsFunctions& functions = config.aws.functions;
  const auto place = [&](std::string_view option) { return place_of(places, fmt::format("aws.functions.{}", option)); };
  if (functions.run != FunctionsRun::none && config.engine != EngineKind::aws)
    diagnostics.error(place("run"), "'aws.functions.run' needs 'engine: aws': functions keep nothing of their own");
  if (functions.memory % kMiB != 0)
    diagnostics.error(place("memory"), "'aws.functions.memory' is whole MiB, as Lambda counts it");
  if (!functions.code.empty() && !is_place(functions.code))
    diagnostics.error(place("code"), fmt::format("'aws.functions.code' is s3://BUCKET/PREFIX, of letters, digits, '-', "
                                                 "'_', '.' and '/', not '{}'",
                                                 functions.code));
  for (const auto& [name, value] : functions.environment) {
    if (!is_variable(name))
      diagnostics.error(place("environment"),
                        fmt::format("'aws.functions.environment.{}' is no name of a variable that a function can "
                                    "have: a letter, then letters, digits and '_'",
                                    name));
    if (std::ranges::find(kReserved, name) != kReserved.end() || name.starts_with("AWS_LAMBDA_"))
      diagnostics.error(place("environment"),
                        fmt::format("'aws.functions.environment.{}' is Lambda's own to set: leave it out", name));
  }
}

void check_aws_function(const Consumer& consumer, const std::vector<Given>& given, Diagnostics& diagnostics) {
  if (!consumer.function) return;
  if (std::holds_alternative<Pulled>(consumer.sink)) {
    diagnostics.error(consumer.place, fmt::format("no function can deliver '{0}', which has no sink: its clients "
                                                  "receive from its queue; say 'function: false' of it",
                                                  consumer.name));
  }
  for (const MaintenanceWindow& window : consumer.maintenance)
    diagnostics.error(window.place, fmt::format("a function does not rest in a window of 'maintenance'; say 'function: "
                                                "false' of '{}' to let a worker have it",
                                                consumer.name));
  for (const Given& entry : given) {
    const std::string_view path = consumer_table()[entry.row].option.path;
    if (path == "shadow" && consumer.shadow)
      diagnostics.error(entry.place, fmt::format("'{}' is a shadow, and nobody could look at what a function would "
                                                 "send; say 'function: false' of it, and let a worker have it",
                                                 consumer.name));
    if (path == "paused" && consumer.paused)
      diagnostics.error(entry.place,
                        "'paused' is not looked at by a function: leave it out, and disable its event "
                        "source mapping, or say 'function: false'");
    const bool capped = consumer.concurrency >= kConcurrencyMin && consumer.concurrency <= kConcurrencyMax;
    if (path == "concurrency" && !capped)
      diagnostics.error(entry.place,
                        fmt::format("'concurrency' of a function is {} to {}, as Lambda's MaximumConcurrency; say "
                                    "'function: false' of '{}' to let a worker have it",
                                    kConcurrencyMin, kConcurrencyMax, consumer.name));
  }
}

}  // namespace trunkline::config
