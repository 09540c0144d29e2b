#include "app/migrate_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "app/crash_disk.hpp"
#include "app/files.hpp"
#include "app/from_config.hpp"
#include "app/migrate_report.hpp"
#include "app/migrate_side.hpp"
#include "base/clock.hpp"
#include "migrate/run.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Result;

struct MigrateOptions {
  std::string from;
  std::string to;
  bool dry_run = false;
  bool json = false;
  bool yes = false;
  bool leave_behind = false;
  bool undo = false;
};

// One run of the command.
struct Session {
  const MigrateOptions& options;
  config::Config from;
  config::Config to;
  base::SystemClock clock{};
  std::vector<engine::QueueSpec> queues{};  // of the destination's configuration; those that go
  MigrationReport report{};
};

bool confirmed(const Session& session, const std::string& what) {
  if (session.options.yes) return true;
  if (::isatty(STDIN_FILENO) != 1) {
    fmt::print(stderr, "nothing is done: nobody can be asked here; --yes does it\n");
    return false;
  }
  fmt::print(stderr, "{} [y/N] ", what);
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "yes";
}

std::vector<std::string> names_of(const std::vector<engine::QueueSpec>& queues) {
  std::vector<std::string> names;
  for (const engine::QueueSpec& spec : queues) names.push_back(spec.name);
  return names;
}

migrate::Wanted wanted(const Session& session) {
  return {{}, session.clock.wall() - session.to.store.identity_window};
}

// What there is, what of it stays behind, and then what goes.
Result<void> look(Session& session, migrate::Origin& origin) {
  MigrationReport& report = session.report;
  report.from = migration_name(session.from);
  report.to = migration_name(session.to);
  report.from_aws = is_on_aws(session.from);
  report.to_aws = is_on_aws(session.to);
  for (const config::Consumer& consumer : session.to.consumers) session.queues.push_back(queue_spec(consumer));
  const migrate::Limits limits = migration_limits(session.to);
  TRUNKLINE_TRY(const std::vector<migrate::OriginQueue> there, origin.queues());
  std::vector<std::string> names;
  for (const migrate::OriginQueue& queue : there) names.push_back(queue.name);
  TRUNKLINE_TRY(report.survey, migrate::survey(origin, wanted(session), names, limits));
  report.obstacles = migrate::obstacles(there, report.survey, session.queues, limits, report.to_aws);
  std::erase_if(session.queues, [&](const engine::QueueSpec& spec) {
    return std::ranges::any_of(report.obstacles,
                               [&](const migrate::Obstacle& each) { return each.stays && each.queue == spec.name; });
  });
  const bool some_stay = std::ranges::any_of(report.obstacles, &migrate::Obstacle::stays);
  if (some_stay) {
    TRUNKLINE_TRY(report.survey, migrate::survey(origin, wanted(session), names_of(session.queues), limits));
  }
  for (const migrate::OriginQueue& queue : there) {
    if (const auto counted = report.survey.queues.find(queue.name); counted != report.survey.queues.end())
      counted->second.order = queue.order;
  }
  return {};
}

// Exit code 1 where something stands in the way.
std::optional<int> refusal(const Session& session) {
  const auto& obstacles = session.report.obstacles;
  if (std::ranges::any_of(obstacles, &migrate::Obstacle::fatal)) {
    fmt::print(stderr, "not migrated: see `cannot go` above\n");
    return 1;
  }
  if (obstacles.empty() || session.options.leave_behind) return std::nullopt;
  fmt::print(stderr,
             "not migrated: not everything can go over as it is. Mend what is named above, or go without it: "
             "--leave-behind\n");
  return 1;
}

Result<int> carry(Session& session, migrate::Origin& origin) {
  TRUNKLINE_TRY(const base::Sequence above, origin.highest());
  TRUNKLINE_TRY(const auto side, open_destination(session.to, session.queues, above));
  migrate::Destination& destination = side->destination();
  TRUNKLINE_TRY(const bool complete, migrate::is_complete(origin, destination));
  if (complete) {
    if (session.options.json) fmt::print("{}", json_of(session.report, "complete", {}));
    fmt::print(stderr, "{} was migrated to {} already: serve that\n", session.report.from, session.report.to);
    return 0;
  }
  migrate::Plan plan{session.queues, session.report.survey, wanted(session).settled_from, session.report.from,
                     session.report.to};
  MigrationProgress progress(session.clock);
  migrate::RunOptions options;
  options.on_step = [&](const migrate::Step& step) { progress.step(step); };
  TRUNKLINE_TRY_VOID(migrate::run(origin, destination, side->origin(), plan, options, session.clock));
  const std::vector<std::string> names = names_of(session.queues);
  TRUNKLINE_TRY(const migrate::Survey there, migrate::survey(side->origin(), wanted(session), names));
  const std::vector<std::string> differences = migrate::differences(plan.survey, there, names);
  if (session.options.json)
    fmt::print("{}", json_of(session.report, differences.empty() ? "migrated" : "differs", differences));
  if (!differences.empty()) {
    for (const std::string& each : differences) fmt::print(stderr, "not the same on both sides: {}\n", each);
    fmt::print(stderr, "neither side is released: run this again, or serve from the origin with --undo\n");
    return 1;
  }
  TRUNKLINE_TRY_VOID(migrate::complete(origin, destination, plan, session.clock));
  fmt::print(stderr, "both sides hold the same; {} may be served now, and {} refuses to be\n", session.report.to,
             session.report.from);
  return 0;
}

Result<int> migrate_all(Session& session) {
  TRUNKLINE_TRY(const auto side, open_origin(session.from));
  TRUNKLINE_TRY_VOID(look(session, side->origin()));
  const bool quiet = session.options.json;
  if (!quiet) fmt::print("{}", text_of(session.report));
  const bool dry = session.options.dry_run;
  if (dry && quiet) fmt::print("{}", json_of(session.report, "dry_run", {}));
  if (const auto refused = refusal(session)) {
    if (!dry && quiet) fmt::print("{}", json_of(session.report, "refused", {}));
    return *refused;
  }
  if (dry) return 0;
  if (!confirmed(session, fmt::format("Every hub and worker of both is stopped, and {} goes to {}?",
                                      session.report.from, session.report.to)))
    return 2;
  return carry(session, side->origin());
}

Result<int> undo_all(Session& session) {
  const std::string from = migration_name(session.from);
  const std::string to = migration_name(session.to);
  TRUNKLINE_TRY(const auto origin, open_origin(session.from));
  if (!confirmed(session,
                 fmt::format("Serve from {} again? What {} has delivered since then is delivered once more, and "
                             "what it has accepted stays there.",
                             from, to)))
    return 2;
  TRUNKLINE_TRY(const auto side, open_destination(session.to, {}, {}));
  TRUNKLINE_TRY_VOID(migrate::undo(origin->origin(), side->destination(), session.clock));
  fmt::print(stderr, "{} may be served again, and {} refuses to be\n", from, to);
  return 0;
}

int run_migrate(const MigrateOptions& options) {
  auto from = load_config(options.from);
  auto to = load_config(options.to);
  if (!from || !to) return 2;
  const bool same = is_on_aws(*from) == is_on_aws(*to) &&
                    (is_on_aws(*from) ? from->aws.table == to->aws.table && from->aws.region == to->aws.region &&
                                            from->aws.endpoint_url == to->aws.endpoint_url
                                      : from->data_dir == to->data_dir);
  if (same) {
    fmt::print(stderr, "both configurations name {}\n", migration_name(*from));
    return 2;
  }
  if (const auto points = failpoints_from_environment(); !points.ok()) {
    fmt::print(stderr, "{}\n", points.error().detail);
    return 2;
  }
  Session session{options, std::move(*from), std::move(*to)};
  const Result<int> code = options.undo ? undo_all(session) : migrate_all(session);
  if (code.ok()) return *code;
  fmt::print(stderr, "{}: {}\n", options.undo ? "not undone" : "not migrated", code.error().detail);
  return 1;
}

}  // namespace

void add_migrate(CLI::App& app, int& code) {
  auto options = std::make_shared<MigrateOptions>();
  CLI::App* command = app.add_subcommand(
      "migrate", "Carry everything that waits, in order, from one engine to another: data directory, AWS");
  command->add_option("--from", options->from, "Configuration file that was served until now")->required();
  command->add_option("--to", options->to, "Configuration file that is to be served from now on")->required();
  command->add_flag("--dry-run", options->dry_run,
                    "Only say what would go, what would not and why; nothing is changed");
  command->add_flag("--leave-behind", options->leave_behind, "Go without what cannot go over");
  command->add_flag("--undo", options->undo, "Serve from the first again, and never from the second");
  command->add_flag("--yes", options->yes, "Do not ask");
  command->add_flag("--json", options->json, "Result as JSON");
  command->footer(R"(Examples:
  trunkline migrate --from trunkline.yaml --to aws.yaml --dry-run     the second has `engine: aws`
  trunkline migrate --from trunkline.yaml --to aws.yaml               killed, run it again: it goes on
  trunkline migrate --from aws.yaml --to trunkline.yaml               and back, into a fresh data directory

Stop every hub and worker of both before. Exit code 1: not migrated, or not the same on both sides; 2: wrong use, or not
confirmed.)");
  command->callback([options, &code] { code = run_migrate(*options); });
}

}  // namespace trunkline::app
