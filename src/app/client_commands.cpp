#include "app/client_commands.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/durations.hpp"
#include "cli/commands.hpp"

namespace trunkline::app {
namespace {

// A subcommand with the options that every command against a running hub has; `run` is called with what was parsed.
template <class Options>
std::pair<CLI::App*, std::shared_ptr<Options>> add_command(CLI::App& parent, const char* name, const char* help,
                                                           int& code,
                                                           int (*run)(const Options&, const cli::Terminal&)) {
  auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("--url", options->connection.url, "Of the hub")->capture_default_str()->envname("TRUNKLINE_URL");
  command->add_option("--key", options->connection.key, "API key")->envname("TRUNKLINE_API_KEY");
  command->add_option("--user", options->connection.user,
                      "NAME:PASSWORD of a user, instead of a key [TRUNKLINE_API_USER]");
  command->add_flag("--json", options->connection.json, "What the API answers, as it is, for scripts");
  command->callback([options, run, &code] { code = run(*options, cli::standard_terminal()); });
  return {command, options};
}

void add_consumers(CLI::App& app, int& code) {
  add_command<cli::StatusOptions>(app, "status", "Is the hub ready, and what has it taken", code, cli::run_status);
  const auto [consumers, shown] = add_command<cli::ConsumersOptions>(
      app, "consumers", "Every consumer: what waits, how old, what went wrong", code, cli::run_consumers);
  consumers->add_option("name", shown->name, "Show this one in full");
  const auto [alarms, listed] =
      add_command<cli::AlarmsOptions>(app, "alarms", "What is wrong now: alarms that are open", code, cli::run_alarms);
  alarms->add_flag("--recent", listed->recent, "Those that were resolved lately, too");
  alarms->footer("Exit code 1 while an alarm is open. What raises one is under `alarms` in docs/config.md.");
  const auto [pause, paused] =
      add_command<cli::PauseOptions>(app, "pause", "Stop delivering to a consumer; events wait", code, cli::run_pause);
  pause->add_option("name", paused->name, "Of the consumer")->required();
  add_duration(*pause, "--for", paused->for_time, "It goes on by itself after this time: 30m, 2h, 3d");
  pause->add_option("--reason", paused->reason, "Shown wherever the pause is");
  const auto [resume, resumed] = add_command<cli::PauseOptions>(app, "resume", "Deliver again", code, cli::run_resume);
  resume->add_option("name", resumed->name, "Of the consumer")->required();
}

void add_backup(CLI::App& app, int& code) {
  const auto [backup, made] = add_command<cli::BackupOptions>(
      app, "backup", "Copy the store of a running hub; `restore` makes a data directory of it", code, cli::run_backup);
  backup->add_option("directory", made->directory, "Absolute, on the hub's machine, not there yet")->required();
}

void add_reload(CLI::App& app, int& code) {
  const auto [reload, reloaded] = add_command<cli::ReloadOptions>(
      app, "reload", "Have the hub read its configuration again, and say what changes", code, cli::run_reload);
  reload->add_flag("--dry-run", reloaded->dry_run, "Only say what would change");
  reload->add_option("--drop", reloaded->drop, "Remove this consumer with the events that wait for it")
      ->allow_extra_args(false);
  reload->footer(
      R"(All changes are applied, or none: what needs a restart, or is wrong, refuses the whole reload. Nothing in flight is
lost or repeated. SIGHUP does the same; then the log has the answer.)");
}

void add_matches(CLI::App& app, int& code) {
  const auto [matches, asked] = add_command<cli::MatchesOptions>(
      app, "matches", "What a filter would have let pass of the events that are still stored", code, cli::run_matches);
  auto* which = matches->add_option_group("which", "Exactly one of");
  which->add_option("policy", asked->policy, "An SNS filter policy as JSON");
  which->add_option("--consumer", asked->consumer, "The filter of this consumer");
  which->require_option(1);
  matches->add_flag("--body-scope", asked->body_scope, "The filter looks at the event's own JSON");
  matches->add_option("--hours", asked->hours, "Of the last so many hours")->capture_default_str();
  matches->footer(R"(Looks at the newest 200,000 events at most. Exit code 1 when nothing matched.

  trunkline matches '{"eventType":[{"prefix":"v2.detail.events.conversation."}]}' --hours 2)");
}

void add_raw(CLI::App& command, bool& raw) {
  command.add_flag("--raw", raw,
                   "Events as they came, where the configuration protects views: for those whom privacy.raw_by names, "
                   "and written down in the audit record");
}

void add_why(CLI::App& app, int& code) {
  const auto [why, asked] = add_command<cli::WhyOptions>(
      app, "why", "Every decision about an event or a conversation: where it is, and why", code, cli::run_why);
  why->add_option("what", asked->what, "A sequence number, an envelope id or a conversation id")->required();
  why->add_flag("--full", asked->full, "Every filter clause by clause, and every event of a conversation in full");
  add_raw(*why, asked->raw);
  why->footer(
      R"(Says of an event when it came, whether it was known, and for each consumer: filtered out (by which clause of the filter of that
time), waiting (behind what), in flight, failed (how often, with what), parked, in the dead-letter queue, expired, purged or delivered,
and when. An id that is not known as an event's is looked for among suppressed repeats and in the quarantine.

  trunkline why 4711
  trunkline why 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0)");
}

void add_shadow(CLI::App& app, int& code) {
  const auto [shadow, asked] = add_command<cli::ShadowOptions>(
      app, "shadow", "What a consumer with `shadow: true` would have sent", code, cli::run_shadow);
  shadow->add_option("name", asked->name, "Of the consumer")->required();
  shadow->add_option("--last", asked->last, "Show so many of its newest requests, 20 at most")->capture_default_str();
  add_raw(*shadow, asked->raw);
  shadow->footer(
      R"(A shadow does everything but send: its filter, order, batches and signatures are those of a consumer, its requests end here.
Credentials are shown as ***. Take `shadow: true` out of the configuration and reload: delivery begins where the shadow stands.

  trunkline shadow new-crm
  trunkline shadow new-crm --last 20 --json)");
}

void add_backtest(CLI::App& app, int& code) {
  const auto [backtest, asked] = add_command<cli::BacktestOptions>(
      app, "backtest", "What a consumer would have got more, and less, with another filter", code, cli::run_backtest);
  backtest->add_option("consumer", asked->consumer, "Whose filter is to be changed")->required();
  backtest->add_option("policy", asked->policy, "The new one: an SNS filter policy as JSON")->required();
  backtest->add_flag("--body-scope", asked->body_scope, "The filter looks at the event's own JSON");
  backtest->add_option("--hours", asked->hours, "Of the last so many hours")->capture_default_str();
  backtest->footer(
      R"(What the consumer did get is what was routed to it when it was accepted, under whichever filter it had then. Looks at
the newest 200,000 events at most. Exit code 1 when nothing would change.

  trunkline backtest crm '{"eventCategory":["conversation"],"mediaType":["VOICE"]}' --hours 48)");
}

void add_top(CLI::App& app, int& code) {
  const auto [top, shown] = add_command<cli::TopOptions>(
      app, "top", "Consumers live: rates, what waits and for how long, what is blocked", code, cli::run_top);
  top->add_flag("--once", shown->once, "Print the table once and end");
  add_duration(*top, "--interval", shown->interval, "Between two looks");
  top->footer(
      R"(IN/s and OUT/s are events a second, BLOCKED are lanes that back off or are parked, P99 is from accepted to delivered of what was
delivered since the last look. DRAINED IN is how long what waits will take at the rates of the last minute; growing: more comes than goes.
EXPIRES IN is when the oldest event has waited for max_wait. STATE: ok, paused, parked (a lane waits for a redrive), down and probing (the downstream is unavailable).
q quits.)");
}

void add_tap(CLI::App& app, int& code) {
  const auto [tap, tapped] = add_command<cli::TapOptions>(
      app, "tap", "Watch events as they are accepted: what they are and who gets them", code, cli::run_tap);
  tap->add_option("--filter", tapped->filter, "Only what this SNS filter policy lets pass, as JSON");
  tap->add_flag("--body-scope", tapped->body_scope, "The filter looks at the event's own JSON, not at its attributes");
  tap->add_option("--category", tapped->categories, "Only of these categories; several with commas")->delimiter(',');
  tap->add_option("--consumer", tapped->consumers, "Only what goes to one of these; several with commas")
      ->delimiter(',');
  tap->add_option("--rate", tapped->rate, "At most so many a second; says how many are not shown. 0: all")
      ->check(CLI::NonNegativeNumber);
  tap->add_option("--count", tapped->count, "End after so many. 0: go on until Ctrl-C");
  tap->add_flag("--body", tapped->body, "With the events' own JSON");
  add_raw(*tap, tapped->raw);
  tap->footer(R"(Examples:
  trunkline tap --category conversation --consumer crm
  trunkline tap --filter '{"eventType":[{"prefix":"v2.users."}]}' --rate 5
  trunkline tap --json --count 100 --body > sample.jsonl

Nothing waits for this command: when it reads too slowly it is told how many events it has missed.)");
}

void add_which(CLI::App& command, cli::DlqActOptions& options) {
  command.add_option("consumer", options.consumer, "Of the dead letters")->required();
  auto* which = command.add_option_group("which", "Exactly one of");
  which->add_option("--sequence", options.sequence, "Only this one");
  which->add_option("--error-class", options.error_class, "Only those that failed this way");
  which->add_flag("--all", options.all, "Every one");
  which->require_option(1);
}

void add_pace(CLI::App& command, cli::PaceOptions& pace) {
  command.add_option("--rate", pace.rate, "Events a second, once it is at full speed")
      ->check(CLI::Range(0.1, 100'000.0))
      ->capture_default_str();
  command
      .add_option("--stop-share", pace.stop_share,
                  "Stop when more than this share of the latest 50 fail again; 1 never stops")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_flag("--dry-run", pace.dry_run, "Only say what it would give");
  command.add_flag("--wait", pace.wait, "Show how far it is, and end with it");
}

void add_redrive(CLI::App& dlq, int& code) {
  const auto [redrive, redriven] = add_command<cli::RedriveOptions>(
      dlq, "redrive", "Deliver again: a parked event first, then its successors", code, cli::run_dlq_redrive);
  redrive->add_option("consumer", redriven->consumer, "Of the dead letters")->required();
  redrive->add_flag("--all", redriven->all, "Every one there is now");
  redrive->add_option("--sequence", redriven->sequence, "Only this one");
  redrive->add_option("--error-class", redriven->error_class, "Only those that failed this way");
  redrive->add_option("--type", redriven->type, "Only events of this type");
  redrive->add_option("--group", redriven->group, "Only of this message group or conversation");
  add_duration(*redrive, "--older-than", redriven->older_than, "Only those that are dead letters for longer");
  add_duration(*redrive, "--newer-than", redriven->newer_than, "Only those that became dead letters since");
  add_pace(*redrive, redriven->pace);
  redrive->add_flag("--at-once", redriven->at_once, "All in one go, without an operation");
  redrive->footer(
      R"(An operation of the hub: it begins with one event a second and doubles while they are delivered, stops by itself when they
fail again, and goes on after a restart. `trunkline operations` shows, pauses, resumes and cancels it.

  trunkline dlq redrive crm --all --dry-run
  trunkline dlq redrive crm --error-class http_500 --older-than 1h --rate 50 --wait)");
}

void add_replay(CLI::App& app, int& code) {
  const auto [replay, asked] = add_command<cli::ReplayOptions>(
      app, "replay", "Give the past to one consumer once more, beside the live events", code, cli::run_replay);
  replay->add_option("--consumer", asked->consumer, "Who gets it")->required();
  replay->add_option("--from", asked->from, "Accepted from this time on: RFC 3339, or how long ago (2h)")->required();
  replay->add_option("--to", asked->to, "And before this time. None: now");
  replay->add_option("--type", asked->type, "Only events of this type");
  replay->add_option("--conversation", asked->conversation, "Only of this conversation");
  replay->add_flag("--all-routed", asked->all_routed,
                   "What went there when it was accepted, instead of what its filter of now matches");
  add_pace(*replay, asked->pace);
  replay->footer(
      R"(Events of the stored history (store.retain), marked: a webhook has the header trunkline-replay, Splunk the field
trunkline_replay. In a lane they keep their order, and are never in flight together with a live event of it.

  trunkline replay --consumer wfm --from 2026-03-02T08:00:00Z --to 2026-03-02T09:30:00Z --rate 200 --dry-run)");
}

void add_operations(CLI::App& app, int& code) {
  CLI::App* operations = app.add_subcommand("operations", "Redrives and replays: how far they are, and to hold them");
  operations->require_subcommand(1);
  const auto [list, listed] = add_command<cli::OperationsListOptions>(*operations, "ls", "List them, newest first",
                                                                      code, cli::run_operations_ls);
  list->add_option("--consumer", listed->consumer, "Only of this one");
  using Run = int (*)(const cli::OperationOptions&, const cli::Terminal&);
  const auto add = [&](const char* name, const char* help, Run run) {
    const auto [command, options] = add_command<cli::OperationOptions>(*operations, name, help, code, run);
    command->add_option("id", options->id, "Of the operation")->required();
    return std::pair(command, options);
  };
  const auto [show, shown] =
      add("show", "One in full. Exit code 1: stopped, cancelled, or some failed again", cli::run_operations_show);
  show->add_flag("--wait", shown->wait, "Show how far it is, and end with it");
  add("pause", "Give nothing more for now; what is in the lanes goes on", cli::run_operations_pause);
  add("resume", "Go on, slowly first; also one that stopped by itself", cli::run_operations_resume);
  add("cancel", "End it: what is not in flight is not given", cli::run_operations_cancel);
}

void add_audit(CLI::App& app, int& code) {
  const auto [audit, asked] = add_command<cli::AuditOptions>(
      app, "audit", "Who redrove, replayed or gave up what, and what came of it", code, cli::run_audit);
  audit->add_option("--consumer", asked->consumer, "Only about this one");
  audit->add_option("--before", asked->before, "Older than this entry");
  audit->add_option("--limit", asked->limit, "At most so many")->capture_default_str();
}

void add_dlq(CLI::App& app, int& code) {
  CLI::App* dlq = app.add_subcommand("dlq", "Dead letters and parked lanes of a consumer");
  dlq->require_subcommand(1);
  const auto [list, listed] = add_command<cli::DlqListOptions>(*dlq, "ls", "List them", code, cli::run_dlq_ls);
  list->add_option("consumer", listed->consumer, "Of the dead letters")->required();
  list->add_option("--after", listed->after, "Begin behind this sequence number");
  list->add_option("--limit", listed->limit, "At most so many")->capture_default_str();
  add_raw(*list, listed->raw);
  const auto [show, shown] =
      add_command<cli::DlqShowOptions>(*dlq, "show", "One in full, with its event", code, cli::run_dlq_show);
  show->add_option("consumer", shown->consumer, "Of the dead letter")->required();
  show->add_option("sequence", shown->sequence, "Of the event")->required();
  add_raw(*show, shown->raw);
  add_redrive(*dlq, code);
  const auto [edit, edited] = add_command<cli::DlqEditOptions>(
      *dlq, "edit", "Give one another body; the log keeps its own, the audit both hashes", code, cli::run_dlq_edit);
  edit->add_option("consumer", edited->consumer, "Of the dead letter")->required();
  edit->add_option("sequence", edited->sequence, "Of the event")->required();
  edit->add_option("--body,--file", edited->body, "File with the new JSON; '-' is standard input")->required();
  const auto [purge, purged] = add_command<cli::DlqActOptions>(
      *dlq, "purge", "Give up: settled without delivery, parked lanes go on", code, cli::run_dlq_purge);
  add_which(*purge, *purged);
  purge->add_flag("--yes", purged->yes, "Without asking");
}

void add_quarantine(CLI::App& app, int& code) {
  CLI::App* quarantine = app.add_subcommand("quarantine", "Input that could not be understood");
  quarantine->require_subcommand(1);
  const auto [list, listed] =
      add_command<cli::QuarantineListOptions>(*quarantine, "ls", "List it", code, cli::run_quarantine_ls);
  list->add_option("--after", listed->after, "Begin behind this id");
  list->add_option("--limit", listed->limit, "At most so many")->capture_default_str();
  list->add_option("--reason", listed->reason, "Only what was refused for this reason");
  const auto [show, shown] =
      add_command<cli::QuarantineShowOptions>(*quarantine, "show", "One in full", code, cli::run_quarantine_show);
  show->add_option("id", shown->id, "Of the entry")->required();
  add_raw(*show, shown->raw);
  show->add_flag("--bytes", shown->bytes, "Write the bytes as received, nothing else");
  const auto [resubmit, resubmitted] = add_command<cli::QuarantineResubmitOptions>(
      *quarantine, "resubmit", "Take entries in again, as they are or corrected", code, cli::run_quarantine_resubmit);
  resubmit->add_option("ids", resubmitted->ids, "Of the entries");
  resubmit->add_flag("--all", resubmitted->all, "Every entry there is now");
  resubmit->add_option("--reason", resubmitted->reason, "With --all: only those refused for this reason");
  resubmit->add_option("--file", resubmitted->file, "With one id: the corrected bytes instead; '-' is standard input");
  const auto [remove, removed] =
      add_command<cli::QuarantineRemoveOptions>(*quarantine, "rm", "Throw entries away", code, cli::run_quarantine_rm);
  remove->add_option("ids", removed->ids, "Of the entries")->required();
  remove->add_flag("--yes", removed->yes, "Without asking");
}

}  // namespace

void add_client_commands(CLI::App& app, int& code) {
  add_consumers(app, code);
  add_backup(app, code);
  add_tap(app, code);
  add_top(app, code);
  add_why(app, code);
  add_matches(app, code);
  add_backtest(app, code);
  add_shadow(app, code);
  add_reload(app, code);
  add_dlq(app, code);
  add_replay(app, code);
  add_operations(app, code);
  add_audit(app, code);
  add_quarantine(app, code);
}

}  // namespace trunkline::app
