#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crm/case_fold.hpp"
#include "delivery/sink.hpp"
#include "net/http_types.hpp"
#include "sinks/case_store.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::sinks {

struct SalesforceOptions {
  std::string url;                    // the org's My Domain
  std::string api_version = "v60.0";  // "v" and a number
  std::string object = "Case";
  std::string external_id = "Genesys_Conversation_Id__c";
  std::string status_open = "New";
  std::string status_closed = "Closed";
  // Field and fact (crm/case_fold.hpp), or "status", "conversationId", "createdAt", "closedAt", "lastEventAt", "=text";
  // at most 100. None: Status and Subject.
  std::vector<std::pair<std::string, std::string>> fields;
  std::uint32_t reserve_percent = 5;  // of the org's daily requests, left to others; 0: nothing is left
  bool shadow = false;                // answers are not Salesforce's: none is read, and no case counts as written
  std::size_t batch_messages_max = 200;
  std::size_t batch_bytes_max = 4 << 20;
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);
};

// Errc::invalid names the option.
base::Result<void> validate(const SalesforceOptions& options);

// What Salesforce says by one of its codes, of one record or of a whole request:
//
//  UNABLE_TO_LOCK_ROW, DUPLICATE_VALUE                        retry: another request holds or makes the same record
//  REQUEST_LIMIT_EXCEEDED                                     unavailable, for 15 minutes: the day's requests are used up
//  SERVER_UNAVAILABLE, INVALID_SESSION_ID, API_DISABLED_…,    unavailable: the org or the account, never the event
//    STORAGE_LIMIT_EXCEEDED, INSUFFICIENT_ACCESS…, INVALID_FIELD, INVALID_TYPE, NOT_FOUND, INVALID_CROSS_REFERENCE_TYPE…
//  every other (ENTITY_IS_DELETED, REQUIRED_FIELD_MISSING,    rejected
//    STRING_TOO_LONG, FIELD_CUSTOM_VALIDATION_EXCEPTION, …)
struct SalesforceCode {
  delivery::Verdict verdict = delivery::Verdict::rejected;
  std::optional<base::Millis> after{};
};
SalesforceCode salesforce_code(std::string_view code);

// The verdict of each record of a Collections request, in its order, or one for all of them when the answer speaks of
// the request as a whole. `refused`: nobody knows which record it was. An answer that is cut, or has another number of
// results, is `unavailable`: it is sent again, which changes nothing (upsert by external id).
struct SalesforceAnswer {
  bool refused = false;
  std::vector<delivery::EventVerdict> records;
};
//
// `values`: those of each record, which may be of events that came long before. Whoever looks at the failure of one event
// has not asked to see another's, so what the org repeats of them becomes `***`.
SalesforceAnswer salesforce_answer(const base::Result<net::ClientResponse>& answer, std::size_t records,
                                   base::WallTime now, const std::vector<std::vector<std::string>>& values = {});

// "api-usage=18/5000" of Sforce-Limit-Info: used and allowed.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_limit_info(std::string_view text);

// A case for each conversation, by upsert over an external id: `PATCH composite/sobjects/OBJECT/FIELD`, up to 200 cases a
// request, allOrNone false. Events are folded into their conversation's case first (crm/case_fold.hpp), so the newest
// state is what is written, whatever came late, and several events of a conversation are one record. An event that
// changes nothing of what was written costs no request; before the conversation has begun there is no case and facts
// wait. The case is kept with the settle of the events that are in it.
//
// One request at a time: the hub gives a consumer of this sink a concurrency of 1, so that no two touch one parent.
// From `reserve_percent` below the org's limit on it answers `unavailable` without a request, and tries every 15 minutes.
class SalesforceSink final : public delivery::Sink {
 public:
  // The loop must outlive all requests.
  static base::Result<std::unique_ptr<SalesforceSink>> make(SalesforceOptions options, std::unique_ptr<CaseStore> store,
                                                            std::unique_ptr<HttpSender> sender, base::Loop& loop);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // Describes the object and looks for the external id and the fields: `check` says what the org lacks.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  struct Kept {
    crm::CaseFold fold;
    std::string written;  // hash of the record that Salesforce has; empty: none
  };
  struct Case {
    std::string conversation;
    Kept kept;
    std::string record;  // as JSON; empty: there is nothing to write
    std::string hash;
    std::vector<std::string> values{};  // of facts in the record
  };
  struct Work;
  struct State;

  SalesforceSink(SalesforceOptions options, std::unique_ptr<CaseStore> store, std::unique_ptr<HttpSender> sender,
                 base::Loop& loop);
  net::ClientRequest request(std::string method, std::string_view path) const;
  base::Result<std::vector<Case>> fold(const delivery::Batch& batch, std::vector<std::size_t>& case_of) const;
  std::string record_of(const Case& made) const;
  std::vector<std::string> values_of(const crm::CaseFold& fold) const;
  static std::string encode(const Kept& kept);
  static base::Result<Kept> decode(std::string_view bytes);
  static void answered(State& state, Work work, const base::Result<net::ClientResponse>& answer, base::WallTime now);

  const SalesforceOptions options_;
  std::set<std::string, std::less<>> attributes_;
  base::Loop& loop_;
  const std::unique_ptr<HttpSender> sender_;
  const std::shared_ptr<State> state_;  // shared with the answers to come, which may outlive the sink
};

}  // namespace trunkline::sinks
