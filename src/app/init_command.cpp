#include "app/init_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "app/commands.hpp"
#include "app/files.hpp"
#include "app/init_config.hpp"
#include "base/crypto.hpp"
#include "config/config.hpp"

namespace trunkline::app {
namespace {

constexpr const char* kIngestKey = "TRUNKLINE_INGEST_KEY";
constexpr const char* kApiKey = "TRUNKLINE_API_KEY";

struct InitOptions {
  std::string file = "trunkline.yaml";
  std::optional<std::string> source;
  std::optional<std::string> key;
  std::optional<std::string> data_dir;
  std::optional<std::string> listen;
  std::vector<std::string> consumers;
  bool no_key = false;
  bool yes = false;
  bool force = false;
};

// The answer, or what stands in brackets when nothing was typed. At the end of the input everything is as proposed.
std::string ask(const std::string& question, const std::string& otherwise) {
  std::cerr << question << " [" << otherwise << "] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer.empty() ? otherwise : answer;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> list;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!one.empty()) list.emplace_back(one);
  }
  return list;
}

std::string random_key() {
  std::string text;
  for (const char byte : base::random_bytes(24)) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

// A reference to the key: the environment where it is set, else a new key in a file beside the configuration.
base::Result<std::string> key_reference(const InitOptions& options, const char* variable,
                                        const std::string& file_name) {
  if (const char* value = std::getenv(variable); value != nullptr && *value != '\0')
    return fmt::format("${{env:{}}}", variable);
  const auto path = std::filesystem::path(options.file).parent_path() / file_name;
  if (!std::filesystem::exists(path)) {
    TRUNKLINE_TRY_VOID(write_file(path.string(), random_key() + "\n", false));
    std::cerr << "a new key is in " << path.string() << "\n";
  }
  return fmt::format("${{file:{}}}", path.string());
}

base::Result<InitAnswers> collect(const InitOptions& options, bool interactive) {
  InitAnswers answers;
  const auto answer = [&](const std::optional<std::string>& given, const std::string& question, std::string& target) {
    if (given) {
      target = *given;
    } else if (interactive) {
      target = ask(question, target);
    }
  };
  answer(options.source, "1/5 What sends the events: eventbridge, eventgrid (Azure) or genesys (notifications)?",
         answers.source);
  std::string auth = options.no_key ? "none" : "key";
  if (!options.no_key && !options.key && interactive)
    auth = ask("2/5 How do senders prove who they are: key, or none (this machine only)?", auth);
  if (auth != "key" && auth != "none") return {base::Errc::invalid, fmt::format("'{}' is neither key nor none", auth)};
  if (!options.consumers.empty()) {
    answers.consumers = options.consumers;
  } else if (interactive) {
    answers.consumers =
        split(ask("3/5 Who gets them? NAME=https://… is a webhook, NAME=./FILE.jsonl a file, NAME alone is fetched by "
                  "its clients; commas between",
                  answers.consumers.front()));
  }
  answer(options.data_dir, "4/5 Where does the hub keep its data?", answers.data_dir);
  answer(options.listen, "5/5 Where does it listen?", answers.listen);
  answers.key.clear();
  if (options.key) {
    answers.key = *options.key;
  } else if (auth == "key") {
    TRUNKLINE_TRY(answers.key, key_reference(options, kIngestKey, "trunkline-ingest.key"));
  }
  if (!config::is_loopback(answers.listen)) {
    TRUNKLINE_TRY(answers.api_key, key_reference(options, kApiKey, "trunkline-api.key"));
  }
  return answers;
}

void print_next_steps(const InitOptions& options, const InitAnswers& answers) {
  std::string key;
  const std::string& reference = answers.key;
  if (reference.starts_with("${env:")) key = fmt::format(" --key \"${}\"", reference.substr(6, reference.size() - 7));
  if (reference.starts_with("${file:"))
    key = fmt::format(" --key \"$(cat {})\"", reference.substr(7, reference.size() - 8));
  fmt::print(R"(
Next:
  trunkline serve -c {0}
  trunkline sim --to http://{1}/ingest/{2}{3} --rate 20 --for 10s     (another terminal: events as Genesys writes them)
  trunkline top                                                       what goes where; trunkline tap shows the events
docs/sources.md says what to set on the sender's side.
)",
             options.file, answers.listen, answers.source_name, key);
}

int run_init(const InitOptions& options) {
  const auto refuse = [](const base::Error& error) {
    fmt::print(stderr, "trunkline: {}\n", error.detail);
    return 2;
  };
  // Before anything is asked: five answers for nothing are annoying.
  if (!options.force && std::filesystem::exists(options.file))
    return refuse({base::Errc::conflict, fmt::format("{} is there already: --force writes over it", options.file)});
  const bool interactive = !options.yes && ::isatty(STDIN_FILENO) == 1;
  const auto answers = collect(options, interactive);
  if (!answers.ok()) return refuse(answers.error());
  const auto text = config_text(*answers);
  if (!text.ok()) return refuse(text.error());
  if (const auto written = write_file(options.file, *text, options.force); !written.ok())
    return refuse(written.error());
  fmt::print("{} is written\n", options.file);
  CheckOptions check;
  check.config = options.file;
  if (const int code = run_check(check); code != 0) return code;
  print_next_steps(options, *answers);
  return 0;
}

}  // namespace

void add_init(CLI::App& app, int& code) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* command = app.add_subcommand("init", "Write a first configuration: five questions, or options instead");
  command->add_option("-c,--config", options->file, "File to write")->capture_default_str();
  command->add_option("--source", options->source, "What sends: eventbridge, eventgrid or genesys")
      ->check(CLI::IsMember({"eventbridge", "eventgrid", "genesys"}));
  auto* key = command->add_option("--key", options->key, "Reference to the senders' key: ${env:NAME} or ${file:PATH}");
  command->add_flag("--no-key", options->no_key, "Senders need no key; on loopback only")->excludes(key);
  command
      ->add_option(
          "--consumer", options->consumers,
          "NAME=URL is a webhook, NAME=PATH a JSON Lines file, NAME is fetched by its clients; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--data-dir", options->data_dir, "Directory of the store");
  command->add_option("--listen", options->listen, "Address to listen on");
  command->add_flag("-y,--yes", options->yes, "Ask nothing: what is not given is as proposed");
  command->add_flag("--force", options->force, "Write over a file that is there");
  command->footer(
      R"(Without --key, the key is $TRUNKLINE_INGEST_KEY where that is set, else a new one in trunkline-ingest.key beside the file.
Ends by checking what it has written.

Examples:
  trunkline init
  trunkline init --yes --consumer crm=https://crm.example/hook --consumer archive=./archive/events.jsonl --consumer wfm)");
  command->callback([options, &code] { code = run_init(*options); });
}

}  // namespace trunkline::app
