#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "engine/record.hpp"

namespace trunkline::crm {

// What is known of one conversation, folded from its events. The fold is commutative and idempotent: the same set of
// events gives the same case in any order, with any repeats, over any restart. That is what makes it right to keep the
// case in the commit of the settle, or to lose the last commit: what comes again changes nothing. So each fact is what
// the newest event says of it by the time at which it happened, the larger text where two happened at once, and the rest
// are least and greatest times.
//
// A conversation is opened by the first of customer.start, outbound and user.start (or the founding guide's
// v2.conversations.created); it is closed while no customer.start, outbound, user.start or acd.start is newer than the
// newest customer.end (or v2.conversations.ended), so a conversation that comes back opens its case again. There is no
// event that says that a conversation has ended for good.
//
// Facts by name; a value is JSON text, a string of at most 4,000 characters (a comment in Salesforce) or a number:
//
//  mediaType direction ani dnis subject externalContactId campaignId   customer.start, outbound, contact
//  queueId agentId acdOutcome disconnectType                           user.start, acd.start, acd.end, customer.end
//  flowOutcomeId flowOutcome                                           flow.outcome
//  wrapupCode wrapupNotes                                              wrapup, acw
//  sentiment sentimentTrend                                            speechandtextanalytics sentiment
//  evaluationScore evaluationStatus evaluationForm                     quality.evaluations
//  attribute.NAME                                                      attributes; at most 32 names, which are given
class CaseFold {
 public:
  static constexpr std::size_t kAttributesMax = 32;
  static constexpr std::size_t kEncodedBytesMax = 60 << 10;  // below what the engine's state takes, 64 KiB

  struct Fact {
    std::int64_t at = 0;  // milliseconds since 1970
    std::string json;
    bool operator==(const Fact&) const = default;
  };

  // Whether anything has changed. `attributes` are the names that are kept.
  bool apply(const engine::Record& record, const std::set<std::string, std::less<>>& attributes = {});

  bool created() const { return created_at_ != 0; }
  bool closed() const { return closed_at_ != 0 && closed_at_ >= opened_at_; }
  std::int64_t created_at() const { return created_at_; }  // of the first event that opens; 0: none yet
  std::int64_t closed_at() const { return closed() ? closed_at_ : 0; }
  std::int64_t last_at() const { return last_at_; }  // of the newest event
  const std::map<std::string, Fact, std::less<>>& facts() const { return facts_; }
  bool operator==(const CaseFold&) const = default;

  // Format 1. Errc::corrupt: these are not bytes of encode().
  std::string encode() const;
  static base::Result<CaseFold> decode(std::string_view bytes);

 private:
  void put(std::string_view name, std::int64_t at, std::string json);

  std::map<std::string, Fact, std::less<>> facts_;
  std::int64_t created_at_ = 0;
  std::int64_t opened_at_ = 0;
  std::int64_t closed_at_ = 0;
  std::int64_t last_at_ = 0;
};

}  // namespace trunkline::crm
