#include "app/drill_command.hpp"

#include <fmt/format.h>

#include <memory>

#include "drill/drill.hpp"

namespace trunkline::app {

void add_drill_command(CLI::App& app, int& code) {
  auto options = std::make_shared<drill::DrillOptions>();
  auto modes = std::make_shared<std::vector<std::string>>();
  auto quick = std::make_shared<bool>(false);
  CLI::App* drill = app.add_subcommand("drill", "Try the hub's promises on this machine");
  drill->require_subcommand(1);
  CLI::App* crash = drill->add_subcommand(
      "crash", "Kill a hub under load at named points and at random, by kill -9 and by power cut, and count");
  crash->add_option("--kills", options->plan.kills, "Of each point in each mode")
      ->check(CLI::Range(1u, 10'000u))
      ->capture_default_str();
  std::string points;
  for (const std::string& point : drill::all_points()) points += (points.empty() ? "" : ", ") + point;
  crash->add_option("--points", options->plan.points, "Only these: " + points)->delimiter(',');
  crash->add_option("--modes", *modes, "Only these: kill, power_cut")
      ->delimiter(',')
      ->check(CLI::IsMember({"kill", "power_cut"}));
  crash->add_option("--seed", options->plan.seed, "Of the load, the counts and the torn logs")->capture_default_str();
  crash->add_option("--rate", options->rate, "Events per second")->capture_default_str();
  crash->add_option("--data-dir", options->directory,
                    "Empty directory for everything; default: a temporary one, removed when all is well");
  std::string defects;
  for (const std::string& defect : drill::all_defects()) defects += (defects.empty() ? "" : ", ") + defect.substr(7);
  crash->add_option("--defect", options->defect, "Plant a defect, which the drill must find: " + defects);
  crash->add_flag("--json", options->json, "Report as JSON; the line per kill goes to standard error");
  crash->add_flag("--quick", *quick, "One kill of each point in each mode");
  crash->footer("Exit codes: 0 nothing lost, nothing reordered, every kill happened; 1 not so; 2 wrong use.");
  crash->callback([options, modes, quick, &code] {
    for (const std::string& mode : *modes) {
      options->plan.modes.push_back(mode == "kill" ? drill::Mode::kill : drill::Mode::power_cut);
    }
    if (*quick) options->plan.kills = 1;
    code = drill::run_drill(*options);
  });
}

}  // namespace trunkline::app
