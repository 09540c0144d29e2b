#include "app/init_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "config/config.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Result;

// As a YAML double-quoted scalar: JSON's escapes are YAML's (YAML 1.2 section 5.7).
Result<std::string> quoted(std::string_view what, const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return {Errc::invalid, fmt::format("{} holds a control character", what)};
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

bool is_loopback_url(std::string_view url) {
  const std::string_view rest = url.substr(url.find("//") + 2);
  std::string host(rest.substr(0, rest.find_first_of("/?#")));
  if (host.rfind(':') == std::string::npos || host.ends_with(']')) host += ":80";
  return config::is_loopback(host);
}

constexpr std::string_view kConsumerHelp = R"(
# Who gets the events. Each consumer has a queue of its own: when one is down, the others do not notice, and its events wait.
#   filter   an SNS filter policy; {} is everything. trunkline explain EVENT.json -c FILE says who gets an event, and why
#   order    none, conversation, agent, queue or topic: within it events arrive in order, one batch at a time
# Every option: trunkline options
consumers:
)";

Result<std::string> consumer_text(const std::string& given, std::set<std::string>& names) {
  const std::size_t equals = given.find('=');
  const std::string name = given.substr(0, equals);
  if (!config::is_name(name))
    return {Errc::invalid, fmt::format("'{}' is no name of a consumer: letters, digits, '-' and '_'", name)};
  if (!names.insert(name).second) return {Errc::invalid, fmt::format("two consumers are named '{}'", name)};
  if (equals == std::string::npos) {
    return fmt::format(
        "  {}:\n    filter: {{}}\n    order: conversation\n    # no sink: clients fetch events with POST "
        "/api/v1/consumers/{}/receive\n",
        name, name);
  }
  const std::string target = given.substr(equals + 1);
  if (target.empty()) return {Errc::invalid, fmt::format("'{}' lacks an address or path behind the '='", given)};
  TRUNKLINE_TRY(const std::string text, quoted("the address of " + name, target));
  if (!is_url(target)) {
    return fmt::format(
        "  {}:\n    filter: {{}}\n    sink:\n      file: {{path: {}}}                # JSON Lines, one event a line\n",
        name, text);
  }
  return fmt::format(
      "  {}:\n    filter: {{eventCategory: [conversation]}}\n    order: conversation\n    sink:\n      http:\n        "
      "url: {}\n"
      "{}        # secret: \"${{file:./{}.secret}}\"     # signs requests by Standard Webhooks\n",
      name, text,
      is_loopback_url(target) ? "        allow_loopback: true               # calling this machine has to be allowed\n"
                              : "",
      name);
}

std::string source_comment(const std::string& kind) {
  if (kind == "eventgrid")
    return "an Azure Event Grid subscription with a webhook endpoint; the key is in its URL: ?code=KEY";
  if (kind == "genesys")
    return "Genesys notifications as they are, or {\"id\",\"type\",…}; the key is the header x-api-key";
  return "an EventBridge rule whose target is an API destination; the key is the header x-api-key of its connection";
}

Result<std::string> source_text(const InitAnswers& answers) {
  if (!config::is_name(answers.source_name))
    return {Errc::invalid,
            fmt::format("'{}' is no name of a source: letters, digits, '-' and '_'", answers.source_name)};
  std::string text =
      fmt::format("\n# Where events come from: {}.\n# They are posted to /ingest/{}.\nsources:\n  {}:\n    kind: {}\n",
                  source_comment(answers.source), answers.source_name, answers.source_name, answers.source);
  if (answers.key.empty()) return text + "    # no auth: open to every program on this machine\n";
  TRUNKLINE_TRY(const std::string key, quoted("the key", answers.key));
  const std::string_view option = answers.source == "eventgrid" ? "query_key" : "api_key";
  return text +
         fmt::format("    auth: {{{}: [{}]}}    # a list: add the next key, change the sender, remove the old one\n",
                     option, key);
}

}  // namespace

Result<std::string> config_text(const InitAnswers& answers) {
  constexpr std::array<std::string_view, 3> kKinds = {"eventbridge", "eventgrid", "genesys"};
  if (std::ranges::find(kKinds, answers.source) == kKinds.end())
    return {Errc::invalid, fmt::format("'{}' is none of eventbridge, eventgrid, genesys", answers.source)};
  const bool loopback = config::is_loopback(answers.listen);
  if (!loopback && (answers.key.empty() || answers.api_key.empty()))
    return {Errc::invalid,
            fmt::format("{} is wider than loopback: it needs a key for senders and one for the API", answers.listen)};
  TRUNKLINE_TRY(const std::string data_dir, quoted("the data directory", answers.data_dir));
  TRUNKLINE_TRY(const std::string listen, quoted("the address", answers.listen));
  std::string text = fmt::format(
      "# Trunkline's configuration. Check it with: trunkline check -c FILE\n"
      "# A running hub takes changes with: trunkline reload\n\n"
      "data_dir: {}    # the store; relative to the directory the hub is started in\n"
      "listen: {}    # ingest, API, metrics and page\n",
      data_dir, listen);
  if (!answers.api_key.empty()) {
    TRUNKLINE_TRY(const std::string key, quoted("the API key", answers.api_key));
    text += fmt::format("api:\n  keys: [{}]    # for commands and the page: TRUNKLINE_API_KEY\n", key);
  }
  TRUNKLINE_TRY(const std::string source, source_text(answers));
  text += source;
  text += kConsumerHelp;
  if (answers.consumers.empty()) return base::Error{Errc::invalid, "without a consumer nobody would get anything"};
  std::set<std::string> names;
  for (const std::string& consumer : answers.consumers) {
    TRUNKLINE_TRY(const std::string one, consumer_text(consumer, names));
    text += one;
  }
  return text;
}

}  // namespace trunkline::app
