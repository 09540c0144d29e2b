#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.hpp"
#include "base/result.hpp"
#include "sim/ledger.hpp"

namespace trunkline::sim {

enum class LaneKind : std::uint8_t { none, conversation, agent, queue, topic };

// The family of topics.tsv for the topics that the simulator sends; "unknown" for others.
std::string_view category_of(std::string_view topic_name);

struct VerifyRules {
  LaneKind order = LaneKind::conversation;
  std::vector<std::string> topics{};      // prefixes of topicName
  std::vector<std::string> categories{};  // both empty: every event is routed here
  std::vector<std::string> consumers{};   // empty: all delivered lines count
  bool repeats_allowed = false;
  bool skips_allowed = false;
  bool overlap_allowed = false;
  std::uint32_t offenders_max = 10;
};

enum class Offence : std::uint8_t {
  lost,             // promised and routed, not delivered
  repeated,         // delivered more than once
  foreign,          // delivered, never promised
  misrouted,        // delivered, though the filter leaves it out
  out_of_order,     // behind a later one of its lane
  overlapping,      // sent before the one before it in its lane was answered
  changed,          // other bytes than were sent
  ambiguous,        // one sequence number given to two events
  not_quarantined,  // malformed, but stored as an event
  quarantined,      // well-formed, but quarantined
};
constexpr std::size_t kOffences = 10;
std::string_view name(Offence offence);

struct Offender {
  Offence offence;
  std::uint64_t sequence = 0;
  base::Hash128 hash{};
  std::string envelope_id{};  // where the line at hand tells it
};

struct VerifyReport {
  std::uint64_t accepted_lines = 0;
  std::uint64_t delivered_lines = 0;
  std::uint64_t stored = 0;     // distinct events promised
  std::uint64_t routed = 0;     // of them
  std::uint64_t delivered = 0;  // of the routed ones
  std::uint64_t lanes = 0;
  std::uint64_t duplicates = 0;  // answered as such
  std::uint64_t quarantined = 0;
  std::uint64_t given_up = 0;     // never answered; may or may not have been stored
  std::uint64_t unconfirmed = 0;  // delivered ones of those
  std::uint64_t offences[kOffences] = {};
  std::vector<Offender> offenders{};  // the first of each kind
  bool holds = false;

  std::uint64_t count(Offence offence) const { return offences[static_cast<std::size_t>(offence)]; }
};

// Compares what was promised with what was delivered. All accepted lines first, in any order; then finish_accepted();
// then the delivered lines in the order of the file. About 45 bytes per promised event and 40 per lane: 10 million
// events in 450 MB.
class Verifier {
 public:
  explicit Verifier(VerifyRules rules) : rules_(std::move(rules)) {}

  void add_accepted(const AcceptedLine& line);
  void finish_accepted();
  void add_delivered(const DeliveredLine& line);
  VerifyReport finish();

 private:
  struct Entry {
    std::uint64_t sequence;
    base::Hash128 hash;
    std::uint64_t lane;
    bool routed;
    bool promised_itself;  // by a line that is not of a duplicate
    bool delivered;
  };
  struct Lane {
    std::uint64_t last_sequence = 0;
    std::uint64_t last_arrival = 0;
    std::uint64_t last_answered = 0;
  };
  bool is_routed(std::string_view topic) const;
  std::uint64_t lane_of(const AcceptedLine& line) const;
  void index_by_hash();
  Entry* find(const DeliveredLine& line);
  bool same_bytes(const Entry& entry, const base::Hash128& hash) const;
  void check_lane(const Entry& entry, const DeliveredLine& line);
  void offend(Offence offence, std::uint64_t sequence, const base::Hash128& hash, std::string_view envelope_id = {});

  VerifyRules rules_;
  VerifyReport report_;
  std::vector<Entry> entries_{};  // by sequence once finish_accepted() was called
  // Other bytes that a sequence number may have: of events whose own answer was lost and whose retry and republished
  // twin were both answered as duplicates of it; and of those already named as ambiguous.
  std::unordered_multimap<std::uint64_t, base::Hash128> alternatives_;
  std::vector<base::Hash128> given_up_{};
  std::vector<std::uint32_t>
      by_hash_{};  // positions in entries_ by hash, made when the first line without a sequence comes
  std::unordered_map<std::uint64_t, Lane> lanes_;
};

// Reads the ledgers and compares. The delivered one may be the hub's JSON lines file. Names ids and topics of the
// offenders.
base::Result<VerifyReport> verify_files(const VerifyRules& rules, const std::string& accepted,
                                        const std::string& delivered);

}  // namespace trunkline::sim
