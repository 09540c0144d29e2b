#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

// The commands that talk to a running hub over its API. Each runs to its end on the calling thread, writes what was
// asked for to `out` and everything else to `err`, and returns an exit code. The comment at each field is its help
// text.
namespace trunkline::cli {

enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,       // what was asked for failed, in whole or in part, or nothing matched
  exit_usage = 2,        // wrong options; also a confirmation that could not be asked for or was not given
  exit_unreachable = 3,  // no hub answers at the URL, or not in time
  exit_refused = 4,      // the hub refuses the key
};

struct Terminal {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  bool interactive = false;  // whether somebody sits at `in` and `err`, who can be asked
};
// Standard output, error and input of the process.
Terminal standard_terminal();

struct Connection {
  std::string url = "http://127.0.0.1:8080";  // of the hub
  std::string key{};                          // API key; default: environment variable TRUNKLINE_API_KEY
  bool json = false;                          // what the API answers, as it is, for scripts
  std::string user{};                         // NAME:PASSWORD instead of a key; default: TRUNKLINE_API_USER
};

struct StatusOptions {
  Connection connection{};
};
int run_status(const StatusOptions& options, const Terminal& terminal);

struct AlarmsOptions {
  Connection connection{};
  bool recent = false;  // those that are resolved, too
};
int run_alarms(const AlarmsOptions& options, const Terminal& terminal);  // exit_failed while one is open

struct ReloadOptions {
  Connection connection{};
  std::vector<std::string> drop{};  // consumers that may go with what waits for them
  bool dry_run = false;             // only say what would change
};
int run_reload(const ReloadOptions& options, const Terminal& terminal);

struct ExplainLiveOptions {
  Connection connection{};
  std::string event{};    // a sequence number, or the id of an envelope
  std::string payload{};  // instead: events as a source would post them
};
int run_explain_live(const ExplainLiveOptions& options, const Terminal& terminal);

struct WhyOptions {
  Connection connection{};
  std::string what{};  // a sequence number, an envelope id or a conversation id
  bool full = false;   // every clause of every filter and every try, of a conversation's events, too
  bool raw = false;    // events as they came, where views are protected
};
int run_why(const WhyOptions& options, const Terminal& terminal);

struct ShadowOptions {
  Connection connection{};
  std::string name{};
  std::size_t last = 3;  // of its newest requests
  bool raw = false;      // events as they came, where views are protected
};
int run_shadow(const ShadowOptions& options, const Terminal& terminal);

struct MatchesOptions {
  Connection connection{};
  std::string policy{};     // as JSON
  std::string consumer{};   // or that of this consumer
  bool body_scope = false;  // the policy looks at the event's own JSON
  double hours = 24;
};
int run_matches(const MatchesOptions& options, const Terminal& terminal);

struct BacktestOptions {
  Connection connection{};
  std::string consumer{};
  std::string policy{};     // the new one, as JSON
  bool body_scope = false;  // the policy looks at the event's own JSON
  double hours = 24;
};
int run_backtest(const BacktestOptions& options, const Terminal& terminal);

struct TopOptions {
  Connection connection{};  // json: one look, for scripts
  bool once = false;        // one look instead of a screen that is kept up to date
  std::chrono::milliseconds interval{1000};
};
int run_top(const TopOptions& options, const Terminal& terminal);

struct TapOptions {
  Connection connection{};  // json: one event a line
  std::string filter{};     // an SNS filter policy as JSON
  bool body_scope = false;  // the filter looks at the event's own JSON
  std::vector<std::string> categories{};
  std::vector<std::string> consumers{};
  double rate = 0;          // at most so many events a second; 0: all
  std::uint64_t count = 0;  // ends after so many; 0: never
  bool body = false;        // the events' own JSON, too
  bool raw = false;         // events as they came, where views are protected
};
int run_tap(const TapOptions& options, const Terminal& terminal);

struct ConsumersOptions {
  Connection connection{};
  std::string name{};  // show this one in full
};
int run_consumers(const ConsumersOptions& options, const Terminal& terminal);

struct ConsumerNamesOptions {
  Connection connection{};
};
int run_consumer_names(const ConsumerNamesOptions& options, const Terminal& terminal);  // one a line

struct PauseOptions {
  Connection connection{};
  std::string name{};
  std::string reason{};                   // for people; only when it pauses, as the next
  std::chrono::milliseconds for_time{0};  // it goes on by itself afterwards; 0: until it is resumed
};
int run_pause(const PauseOptions& options, const Terminal& terminal);
int run_resume(const PauseOptions& options, const Terminal& terminal);

struct BackupOptions {
  Connection connection{};
  std::string directory{};  // of the hub's machine, absolute, not there yet
};
int run_backup(const BackupOptions& options, const Terminal& terminal);

struct DlqListOptions {
  Connection connection{};
  std::string consumer{};
  std::uint64_t after = 0;    // begin behind this sequence number
  std::uint32_t limit = 100;  // at most so many
  bool raw = false;           // events as they came, where views are protected
};
int run_dlq_ls(const DlqListOptions& options, const Terminal& terminal);

struct DlqShowOptions {
  Connection connection{};
  std::string consumer{};
  std::uint64_t sequence = 0;
  bool raw = false;  // events as they came, where views are protected
};
int run_dlq_show(const DlqShowOptions& options, const Terminal& terminal);

struct DlqEditOptions {
  Connection connection{};
  std::string consumer{};
  std::uint64_t sequence = 0;
  std::string body{};  // file with the new body ("-": standard input)
};
int run_dlq_edit(const DlqEditOptions& options, const Terminal& terminal);

// Which dead letters to give up: exactly one of the three.
struct DlqActOptions {
  Connection connection{};
  std::string consumer{};
  std::uint64_t sequence = 0;  // only this one
  std::string error_class{};   // only those that failed this way
  bool all = false;            // every one
  bool yes = false;            // purge without asking
};
int run_dlq_purge(const DlqActOptions& options, const Terminal& terminal);

// How fast an operation goes, and whether the command waits for its end.
struct PaceOptions {
  double rate = 100;        // events a second, in the end
  double stop_share = 0.2;  // stop by itself when more of the latest outcomes are failures; 1: never
  bool dry_run = false;     // only say what it would give
  bool wait = false;        // show how far it is until it ends
};

// Which dead letters: all, or what matches everything that is given.
struct RedriveOptions {
  Connection connection{};
  std::string consumer{};
  bool all = false;
  std::uint64_t sequence = 0;
  std::string error_class{};
  std::string type{};                       // of the event
  std::string group{};                      // message group, or conversation
  std::chrono::milliseconds older_than{0};  // dead for longer; 0: not asked
  std::chrono::milliseconds newer_than{0};
  PaceOptions pace{};
  bool at_once = false;  // no operation: all that match in one go
};
int run_dlq_redrive(const RedriveOptions& options, const Terminal& terminal);

struct ReplayOptions {
  Connection connection{};
  std::string consumer{};
  std::string from{};  // accepted from this time on: RFC 3339, or how long ago: "2h"
  std::string to{};    // and before this time; empty: now
  std::string type{};
  std::string conversation{};
  bool all_routed = false;  // what went there when it was accepted, instead of what the filter of now matches
  PaceOptions pace{};
};
int run_replay(const ReplayOptions& options, const Terminal& terminal);

struct OperationsListOptions {
  Connection connection{};
  std::string consumer{};  // only of this one
};
int run_operations_ls(const OperationsListOptions& options, const Terminal& terminal);

struct OperationOptions {
  Connection connection{};
  std::uint64_t id = 0;
  bool wait = false;  // show how far it is until it ends or stops
};
int run_operations_show(const OperationOptions& options, const Terminal& terminal);
int run_operations_pause(const OperationOptions& options, const Terminal& terminal);
int run_operations_resume(const OperationOptions& options, const Terminal& terminal);
int run_operations_cancel(const OperationOptions& options, const Terminal& terminal);

struct AuditOptions {
  Connection connection{};
  std::string consumer{};     // only about this one
  std::uint64_t before = 0;   // older than this entry
  std::uint32_t limit = 100;  // at most so many
};
int run_audit(const AuditOptions& options, const Terminal& terminal);

struct QuarantineListOptions {
  Connection connection{};
  std::uint64_t after = 0;    // begin behind this id
  std::uint32_t limit = 100;  // at most so many
  std::string reason{};       // only those that were refused for this reason
};
int run_quarantine_ls(const QuarantineListOptions& options, const Terminal& terminal);

struct QuarantineShowOptions {
  Connection connection{};
  std::uint64_t id = 0;
  bool bytes = false;  // write the bytes as received, nothing else
  bool raw = false;    // events as they came, where views are protected
};
int run_quarantine_show(const QuarantineShowOptions& options, const Terminal& terminal);

// Which entries: ids, or all.
struct QuarantineResubmitOptions {
  Connection connection{};
  std::vector<std::uint64_t> ids{};
  bool all = false;      // every entry there is now
  std::string reason{};  // with all: only those that were refused for this reason
  std::string file{};    // with one id: the corrected bytes to submit instead ("-": standard input)
};
int run_quarantine_resubmit(const QuarantineResubmitOptions& options, const Terminal& terminal);

struct QuarantineRemoveOptions {
  Connection connection{};
  std::vector<std::uint64_t> ids{};
  bool yes = false;  // remove without asking
};
int run_quarantine_rm(const QuarantineRemoveOptions& options, const Terminal& terminal);

}  // namespace trunkline::cli
