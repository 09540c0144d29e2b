#include "app/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <vector>

#include "cli/commands.hpp"

namespace trunkline::app {
namespace {

constexpr std::string_view kNamesCommand = "complete-consumers";

enum class Meant : std::uint8_t { nothing, text, file, consumer };

// What an option or argument takes, by its name: the scripts offer it.
Meant meant_by(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return Meant::nothing;
  const std::string name = option.get_single_name();
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
  };
  if (is({"consumer", "drop"})) return Meant::consumer;
  if (is({"config", "file", "files", "event", "data-dir", "ready-file", "ledger", "accepted", "delivered", "directory",
          "out", "client-secret-file", "ca"}))
    return Meant::file;
  return Meant::text;
}

struct Flag {
  std::string name;  // with its dashes
  std::string help;
  Meant takes = Meant::nothing;
};
struct Command {
  std::string path;  // "dlq ls"; empty for the program itself
  std::string help;
  std::vector<std::pair<std::string, std::string>> subcommands;  // name, help
  std::vector<Flag> flags;
  Meant argument = Meant::nothing;
};

// One line, and nothing that a quoted string of a shell would take for its own.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, text.find_first_of("\n;"))) {
    if (std::string_view("'\"\\`$[]:").find(c) == std::string_view::npos) out.push_back(c);
  }
  return out;
}

// Consumers are named by the argument "name" of the commands that act on one.
Meant argument_of(const CLI::App& app, const CLI::Option& option) {
  if (option.get_single_name() != "name") return meant_by(option);
  const std::string& command = app.get_name();
  return command == "pause" || command == "resume" || command == "consumers" ? Meant::consumer : Meant::text;
}

// Depth first; recursion as deep as commands are nested, which is two.
void collect(const CLI::App& app, const std::string& path, std::vector<Command>& commands) {
  Command command;
  command.path = path;
  command.help = plain(app.get_description());
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : app.get_options()) options.push_back(option);
  for (const CLI::App* group : app.get_subcommands([](const CLI::App* sub) { return sub->get_name().empty(); })) {
    for (const CLI::Option* option : group->get_options()) options.push_back(option);
  }
  for (const CLI::Option* option : options) {
    if (option->get_positional()) {
      if (command.argument == Meant::nothing) command.argument = argument_of(app, *option);
      continue;
    }
    // A group of options has a --help of its own, which is the command's.
    const auto add = [&](std::string name) {
      if (std::ranges::find(command.flags, name, &Flag::name) == command.flags.end())
        command.flags.push_back({std::move(name), plain(option->get_description()), meant_by(*option)});
    };
    for (const std::string& name : option->get_snames()) add("-" + name);
    for (const std::string& name : option->get_lnames()) add("--" + name);
  }
  const auto named = [](const CLI::App* sub) { return !sub->get_name().empty() && !sub->get_group().empty(); };
  const auto subcommands = app.get_subcommands(named);
  for (const CLI::App* sub : subcommands)
    command.subcommands.emplace_back(sub->get_name(), plain(sub->get_description()));
  commands.push_back(std::move(command));
  for (const CLI::App* sub : subcommands)
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), commands);
}

std::string words_of(const Command& command) {
  std::string words;
  for (const auto& [name, help] : command.subcommands) words += name + " ";
  for (const Flag& flag : command.flags) words += flag.name + " ";
  if (!words.empty()) words.pop_back();
  return words;
}

// bash and zsh find the command in the same way and differ in how they offer.
std::string find_path(const std::vector<Command>& commands, std::string_view words, std::string_view from,
                      std::string_view until) {
  std::string known;
  for (const Command& command : commands) {
    if (!command.path.empty()) known += fmt::format("{}\"{}\"", known.empty() ? "" : "|", command.path);
  }
  return fmt::format(R"(  local at="" word i
  for ((i = {2}; i < {3}; i++)); do
    word="${{{1}[i]}}"
    case "${{at:+$at }}$word" in
      {0}) at="${{at:+$at }}$word" ;;
    esac
  done
)",
                     known, words, from, until);
}

std::string bash_script(const std::vector<Command>& commands) {
  std::string out = "# bash completion of trunkline: source <(trunkline completion bash)\n_trunkline() {\n";
  out += "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" words=\"\" argument=\"\"\n";
  out += find_path(commands, "COMP_WORDS", "1", "COMP_CWORD");
  out += "  COMPREPLY=()\n  case \"$at|$prev\" in\n";
  const auto answer = [&](Meant what, std::string_view reply) {
    for (const Command& command : commands) {
      for (const Flag& flag : command.flags) {
        if (flag.takes == what) out += fmt::format("    \"{}|{}\") {} ;;\n", command.path, flag.name, reply);
      }
    }
  };
  constexpr std::string_view kNames =
      "COMPREPLY=($(compgen -W \"$(trunkline complete-consumers 2>/dev/null)\" -- \"$cur\")); return";
  constexpr std::string_view kFiles = "COMPREPLY=($(compgen -f -- \"$cur\")); return";
  answer(Meant::consumer, kNames);
  answer(Meant::file, kFiles);
  answer(Meant::text, "return");
  out += "  esac\n  case \"$at\" in\n";
  for (const Command& command : commands) {
    out += fmt::format("    \"{}\") words=\"{}\"", command.path, words_of(command));
    if (command.argument == Meant::consumer) out += " argument=consumer";
    if (command.argument == Meant::file) out += " argument=file";
    out += " ;;\n";
  }
  out += R"bash(  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [[ "$cur" == -* ]] && return
  case "$argument" in
    consumer) COMPREPLY+=($(compgen -W "$(trunkline complete-consumers 2>/dev/null)" -- "$cur")) ;;
    file) COMPREPLY+=($(compgen -f -- "$cur")) ;;
  esac
}
complete -o filenames -F _trunkline trunkline
)bash";
  return out;
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::string out =
      "#compdef trunkline\n# zsh completion of trunkline: trunkline completion zsh > \"${fpath[1]}/_trunkline\"\n";
  out += "_trunkline() {\n  local prev=\"${words[CURRENT-1]}\"\n  local -a offers\n";
  out += find_path(commands, "words", "2", "CURRENT");
  out += "  case \"$at|$prev\" in\n";
  for (const Command& command : commands) {
    for (const auto& [what, reply] :
         {std::pair(Meant::consumer, "compadd -- $(trunkline complete-consumers 2>/dev/null); return"),
          std::pair(Meant::file, "_files; return"), std::pair(Meant::text, "return")}) {
      for (const Flag& flag : command.flags) {
        if (flag.takes == what) out += fmt::format("    \"{}|{}\") {} ;;\n", command.path, flag.name, reply);
      }
    }
  }
  out += "  esac\n  case \"$at\" in\n";
  for (const Command& command : commands) {
    out += fmt::format("    \"{}\")\n      offers=(", command.path);
    for (const auto& [name, help] : command.subcommands) out += fmt::format(" '{}:{}'", name, help);
    for (const Flag& flag : command.flags) out += fmt::format(" '{}:{}'", flag.name, flag.help);
    out += " )\n";
    if (command.argument == Meant::consumer)
      out += "      [[ $PREFIX == -* ]] || compadd -- $(trunkline complete-consumers 2>/dev/null)\n";
    if (command.argument == Meant::file) out += "      [[ $PREFIX == -* ]] || _files\n";
    out += "      ;;\n";
  }
  out += "  esac\n  _describe command offers\n}\ncompdef _trunkline trunkline\n";
  return out;
}

std::string fish_script(const std::vector<Command>& commands) {
  std::string out =
      "# fish completion of trunkline: trunkline completion fish > ~/.config/fish/completions/trunkline.fish\n";
  out +=
      "function __trunkline_at\n  set -l at ''\n  for word in (commandline -opc)[2..-1]\n    switch (string trim \"$at "
      "$word\")\n";
  out += "      case";
  for (const Command& command : commands) {
    if (!command.path.empty()) out += fmt::format(" '{}'", command.path);
  }
  out += "\n        set at (string trim \"$at $word\")\n    end\n  end\n  test \"$at\" = \"$argv\"\nend\n";
  out += "complete -c trunkline -f\n";
  const auto argument = [](Meant what) -> std::string_view {
    if (what == Meant::consumer) return " -a '(trunkline complete-consumers 2>/dev/null)'";
    return what == Meant::file ? " -F" : "";
  };
  for (const Command& command : commands) {
    const std::string when = fmt::format("complete -c trunkline -n '__trunkline_at {}'", command.path);
    for (const auto& [name, help] : command.subcommands) out += fmt::format("{} -a {} -d '{}'\n", when, name, help);
    for (const Flag& flag : command.flags) {
      const bool long_name = flag.name.starts_with("--");
      out += fmt::format("{} {} {}{}{} -d '{}'\n", when, long_name ? "-l" : "-s", flag.name.substr(long_name ? 2 : 1),
                         flag.takes == Meant::nothing ? "" : " -r", argument(flag.takes), flag.help);
    }
    if (!argument(command.argument).empty()) out += when + std::string(argument(command.argument)) + "\n";
  }
  return out;
}

// What is completed comes from a hub that may be slow or absent: nothing then, and no message in the middle of a line.
int print_consumers(const std::string& url) {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in;
  cli::ConsumerNamesOptions options;
  if (!url.empty()) options.connection.url = url;
  const int code = cli::run_consumer_names(options, {out, err, in, false});
  fmt::print("{}", out.str());
  return code;
}

}  // namespace

std::string completion_script(const CLI::App& app, Shell shell) {
  std::vector<Command> commands;
  collect(app, "", commands);
  switch (shell) {
    case Shell::bash:
      return bash_script(commands);
    case Shell::zsh:
      return zsh_script(commands);
    case Shell::fish:
      return fish_script(commands);
  }
  return {};
}

void add_completion(CLI::App& app, int& code) {
  auto shell = std::make_shared<std::string>();
  CLI::App* completion = app.add_subcommand("completion", "Completion of commands, options and consumers for a shell");
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer(R"(bash:  source <(trunkline completion bash)          in ~/.bashrc
zsh:   trunkline completion zsh > "${fpath[1]}/_trunkline"
fish:  trunkline completion fish > ~/.config/fish/completions/trunkline.fish

Names of consumers are those of the hub at TRUNKLINE_URL, else at http://127.0.0.1:8080.)");
  completion->callback([&app, shell] {
    const Shell kind = *shell == "bash" ? Shell::bash : *shell == "zsh" ? Shell::zsh : Shell::fish;
    fmt::print("{}", completion_script(app, kind));
  });
  CLI::App* names = app.add_subcommand(std::string(kNamesCommand), "For completion");
  names->group("");
  auto url = std::make_shared<std::string>();
  names->add_option("--url", *url)->envname("TRUNKLINE_URL");
  names->callback([url, &code] { code = print_consumers(*url); });
}

}  // namespace trunkline::app
