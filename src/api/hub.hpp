#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/metrics.hpp"
#include "api/why.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "delivery/options.hpp"
#include "delivery/statistics.hpp"
#include "engine/engine.hpp"
#include "mapping/mapping.hpp"
#include "net/http_stream.hpp"
#include "operation/operations.hpp"
#include "watch/alarms.hpp"
#include "watch/rest.hpp"

namespace trunkline::api {

// Of a live feed.
struct LiveStatistics {
  std::size_t subscribers = 0;
  std::size_t agents = 0;
  std::size_t queues = 0;
  std::size_t conversations = 0;  // those kept behind their end included
  std::uint64_t evicted = 0;      // let go for want of room, since start
  std::uint64_t cut = 0;          // subscribers that took nothing, since start
};

// Of a shadow: what it has rendered and not sent since then.
struct ShadowCounts {
  base::WallTime since{};
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
};
struct ShadowRequest {
  std::uint64_t number = 0;
  base::WallTime at{};
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // credentials as "***"
  std::string body;                                          // its beginning
  std::uint64_t bytes = 0;                                   // of all of it
};
struct ShadowReport {
  ShadowCounts counts;
  std::vector<ShadowRequest> newest{};  // newest first, those that are kept
};

struct ConsumerInfo {
  std::string name;
  base::QueueId queue;
  engine::QueueSpec spec;                             // spec.pulled: it has no sink
  std::string sink;                                   // word of the kind: "http", "file"; "pulled" without a sink
  std::string target{};                               // where to, without credentials: a URL, a path; may be empty
  std::string filter{};                               // the policy as JSON text; empty: everything
  bool paused = false;                                // delivery rests, for whatever reason
  watch::Rest rest{};                                 // who says so, why and until when
  std::optional<delivery::Options> delivery{};        // nothing where pulled
  std::optional<delivery::Statistics> statistics{};   // nothing where pulled
  std::optional<LiveStatistics> live{};               // nothing where the sink is another
  std::optional<ShadowCounts> shadow{};               // nothing where it is no shadow
  std::shared_ptr<const mapping::Mapping> mapping{};  // what it gets of events; null: all, as they came
};

struct AlarmsInfo {
  std::vector<watch::Incident> open{};    // by alarm and subject
  std::vector<watch::Incident> recent{};  // resolved, newest first, 100 at most
};

struct PauseRequest {
  std::string reason{};                   // for people, at most watch::kReasonMax bytes
  std::optional<base::WallTime> until{};  // it goes on by itself then
};

struct Readiness {
  bool ready = false;
  std::string reason{};  // why not, for people; empty when ready
};

struct Resubmission {
  std::uint64_t id = 0;                // in the quarantine
  std::optional<std::string> bytes{};  // to be decoded instead of the stored ones
};
struct ResubmitOutcome {
  std::uint64_t id = 0;
  std::vector<engine::PublishResult> stored{};  // accepted, duplicate or conflict, one per event that was in the bytes
  std::optional<base::Error> error{};           // why the entry stays in the quarantine; `stored` is empty then
};

struct BackupInfo {
  std::string directory;
  base::Sequence end;       // no event after this one is in it
  std::uint64_t bytes = 0;  // of its files
};

// GET /api/v1/tap. Empty lists and an empty filter want everything.
struct TapQuery {
  std::string filter{};     // an SNS filter policy as JSON text
  bool body_scope = false;  // of the filter: the event's own JSON instead of its attributes
  std::vector<std::string> categories{};
  std::vector<std::string> consumers{};
  double rate = 0;                                 // events a second; 0: no bound
  bool with_body = false;                          // the event's own JSON, too
  std::shared_ptr<const mapping::Mapping> view{};  // through which events are shown; null: as they came
};

// POST /api/v1/filters/matches: what a filter policy would have let pass of the events that are still stored.
struct MatchesRequest {
  std::string policy{};  // JSON text
  bool body_scope = false;
  double hours = 24;
  std::size_t samples = 5;
  std::string against{};  // a consumer: what it would have got more, and less, than it did
};
struct MatchesReport {
  struct ByType {
    std::string type;
    std::uint64_t total = 0;
    std::uint64_t matched = 0;
    std::uint64_t gained = 0;
    std::uint64_t lost = 0;
  };
  // Against a consumer: `got` events were routed to it when they were accepted.
  struct Backtest {
    std::uint64_t got = 0;
    std::uint64_t gained = 0;                         // match, and were not routed to it
    std::uint64_t lost = 0;                           // were routed to it, and do not match
    std::vector<engine::RecordPtr> gained_samples{};  // the newest, newest first
    std::vector<engine::RecordPtr> lost_samples{};
  };
  std::uint64_t total = 0;
  std::uint64_t matched = 0;
  std::vector<ByType> types{};               // most matched first
  std::vector<engine::RecordPtr> samples{};  // the newest that matched, newest first
  std::optional<base::WallTime> from{};      // accepted_at of the oldest event that was looked at
  bool complete = true;                      // false: too many; only the newest were looked at
  std::optional<Backtest> backtest{};        // where a consumer was named
};

// Who gets an event by the filters of now, and why.
struct ExplainRequest {
  std::optional<base::Sequence> sequence{};  // of a stored event
  std::string id{};                          // or its envelope id, among the newest events
  std::string payload{};                     // or events as a source would post them
};
struct ExplainedEvent {
  std::string type;
  std::string envelope_id;
  std::optional<base::Sequence> sequence{};
  std::string problem{};  // why it is no event; then nothing else is set
  struct Consumer {
    std::string name;
    bool gets = false;
    std::optional<bool> got{};  // of a stored event: whether it was routed there when it was accepted
    std::string why_json{};     // filter::to_json
    std::string why_text{};     // filter::to_text
  };
  std::vector<Consumer> consumers{};
};

struct ReloadRequest {
  std::vector<std::string> drop{};  // consumers that may be removed with what waits for them
  bool dry_run = false;
};
struct ReloadReport {
  struct Change {
    std::string text;  // "consumers.crm.attempts: 5 -> 8"
    bool needs_restart = false;
  };
  bool applied = false;  // false: refused, dry run, or nothing had changed; then nothing has
  std::vector<Change> changes{};
  std::vector<std::string> problems{};  // why it is refused, every reason at once
  std::vector<std::string> notes{};     // what was done besides
};

// What the API needs of the running program. Every member may be called on any thread and must not block for longer
// than a look into memory. A callback runs exactly once, later, on the loop that was given; the hub outlives all of
// them.
class Hub {
 public:
  virtual ~Hub() = default;

  virtual std::vector<ConsumerInfo> consumers() = 0;  // in order of the configuration
  virtual std::optional<ConsumerInfo> consumer(std::string_view name) = 0;
  virtual engine::Engine& engine() = 0;
  virtual operation::Operations& operations() = 0;
  virtual AlarmsInfo alarms() = 0;
  virtual Readiness readiness() = 0;
  virtual HubMetrics metrics() = 0;

  // What operators see of events; null: all, as they came. May be asked for on any thread.
  virtual std::shared_ptr<const mapping::Mapping> views() { return nullptr; }
  // Who may ask for events as they came, where operators see less.
  virtual bool may_see_raw(std::string_view) { return false; }
  // What a version of a mapping is a hash of. Read like why(). Errc::not_found.
  using MappingCallback = base::UniqueFunction<void(base::Result<std::string>)>;
  virtual void mapping_text(std::string version, base::Loop& reply_on, MappingCallback done) = 0;

  // Kept over a restart. Pausing a paused consumer is no error. A name without a consumer is Errc::not_found. A pulled
  // consumer that is paused gets nothing: the API looks at ConsumerInfo::paused.
  virtual void pause(const std::string& consumer, PauseRequest request, base::Loop& reply_on,
                     engine::DoneCallback done) = 0;
  virtual void resume(const std::string& consumer, base::Loop& reply_on, engine::DoneCallback done) = 0;

  // Decodes each entry's bytes as its source would, publishes what is in them and takes the entry out of the quarantine
  // once that is on disk. Bytes that are still not understood (Errc::invalid, with the reason) store nothing: not even
  // a second entry. At most 1,000 entries a call; one outcome per entry, in order; an id that is not there is
  // Errc::not_found.
  using ResubmitCallback = base::UniqueFunction<void(std::vector<ResubmitOutcome>)>;
  virtual void resubmit(std::vector<Resubmission> entries, base::Loop& reply_on, ResubmitCallback done) = 0;

  // Whoever watches a live consumer: what a response's stream is to be given to, on `loop`. `only` names the parts that
  // are wanted, empty is all. Errc::not_found, Errc::conflict (the consumer's sink is another), Errc::invalid (`only`),
  // Errc::overloaded.
  struct LiveRequest {
    std::string only{};
    std::string last_event_id{};
  };
  using StreamStart = base::UniqueFunction<void(std::shared_ptr<net::HttpStream>)>;
  // Errc::conflict: it is no shadow.
  virtual base::Result<ShadowReport> shadow(const std::string& consumer) = 0;
  virtual base::Result<StreamStart> live(const std::string& consumer, base::Loop& loop, LiveRequest request) = 0;

  // The event at that place in the log; null where there is none (any more).
  using RecordCallback = base::UniqueFunction<void(base::Result<engine::RecordPtr>)>;
  virtual void read_record(base::Sequence sequence, base::Loop& reply_on, RecordCallback done) = 0;

  // Copies the store into a new directory of the hub's machine. Takes as long as the disk does. Errc::invalid: a path
  // that is not absolute, or is in use; Errc::conflict: another backup is being made.
  using BackupCallback = base::UniqueFunction<void(base::Result<BackupInfo>)>;
  virtual void backup(std::string directory, base::Loop& reply_on, BackupCallback done) = 0;

  // Both read as long as they must on a thread of their own, one request after the other, within bounds.
  // Errc::invalid: the policy; Errc::not_found: the event, the consumer; Errc::overloaded: too many wait, said at once.
  using MatchesCallback = base::UniqueFunction<void(base::Result<MatchesReport>)>;
  virtual void matches(MatchesRequest request, base::Loop& reply_on, MatchesCallback done) = 0;
  using ExplainCallback = base::UniqueFunction<void(base::Result<std::vector<ExplainedEvent>>)>;
  virtual void explain(ExplainRequest request, base::Loop& reply_on, ExplainCallback done) = 0;

  // `what`: a sequence number, an envelope id, a conversation id. Read like the two above. Errc::not_found.
  using WhyCallback = base::UniqueFunction<void(base::Result<WhyReport>)>;
  virtual void why(std::string what, base::Loop& reply_on, WhyCallback done) = 0;

  // Reads the configuration anew and applies what has changed, all of it or nothing. One at a time.
  using ReloadCallback = base::UniqueFunction<void(ReloadReport)>;
  virtual void reload(ReloadRequest request, base::Loop& reply_on, ReloadCallback done) = 0;

  // Events as they are accepted, as server-sent events (tap/tap.hpp): what to do with the stream of the answer, on the
  // loop of the request. Errc::invalid: the filter; Errc::not_found: a consumer; Errc::overloaded: too many listeners.
  virtual base::Result<StreamStart> tap(TapQuery query, base::Loop& loop) = 0;
};

}  // namespace trunkline::api
