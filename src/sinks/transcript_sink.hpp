#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/http_types.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::sinks {

struct TranscriptOptions {
  enum class Attach : std::uint8_t { file, field };
  enum class Format : std::uint8_t { text, json };

  std::string genesys;                // https://api.REGION
  std::string url;                    // of the Salesforce org: its My Domain
  std::string api_version = "v60.0";  // "v" and a number
  std::string object = "Case";
  std::string external_id = "Genesys_Conversation_Id__c";
  Attach attach = Attach::file;
  Format format = Format::text;                      // of a file; a field holds text
  std::string field;                                 // of the object, a Long Text Area
  base::Millis give_up = std::chrono::hours(24);     // from the acceptance of the event
  base::Millis ask_every = std::chrono::minutes(2);  // at least, while there is none yet
  bool shadow = false;                               // answers are nobody's: the first request is all
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);  // of each of the up to five requests
};

// Errc::invalid names the option.
base::Result<void> validate(const TranscriptOptions& options);

// Brings the transcript of a communication that has ended (customer.end, its sessionId) from Genesys to the record that a
// Salesforce sink keeps of the conversation. Every other event is delivered without a request. A consumer of its own: what
// is not there yet waits in its own queue and holds nothing of the record's up. Five requests, each only after the former:
//
//  GET …/speechandtextanalytics/conversations/{}/communications/{}/transcripturl   Genesys, with a token
//  GET the URL in its answer, without a token; at most kTranscriptBytesMax
//  file:  GET sobjects/OBJECT/FIELD/CONVERSATION?fields=Id                        the record's id
//         GET query: is there a file of this title at the record?                 then it is there already: delivered
//         POST sobjects/ContentVersion with FirstPublishLocationId                 at most kTextBytesMax of text
//  field: PATCH sobjects/OBJECT/FIELD/CONVERSATION?updateOnly=true                at most kFieldBytesMax
//
// A repeat (a kill between the last answer and the settle) finds the file by its title, which names conversation and
// communication; a field holds the same text again. Salesforce's Object Reference on ContentDocumentLink: a query has to
// name LinkedEntityId (or ContentDocumentId) by itself, and only with LinkedEntityId may it filter on fields of
// ContentDocument; it shows the files that the user may see. REST API on blobs: at most 37.5 MB of Base64 in one part.
//
//  no transcript yet (404), the URL has ended (403, 404),       retry after ask_every, `not_ready`: the downstream is well;
//    the record is not there yet (404 NOT_FOUND)                 rejected, `no_transcript` or `no_record`, after give_up
//  400, 413 of Genesys, a transcript that is too large or none   rejected
//  401, 403, 5xx, no answer                                      unavailable
//  429                                                           retry, Retry-After
//  what Salesforce says by its codes                             salesforce_sink.hpp
class TranscriptSink final : public delivery::Sink {
 public:
  static constexpr std::size_t kTranscriptBytesMax = 16 << 20;  // an hour of speech with all its words is some 3 MB
  static constexpr std::size_t kTextBytesMax = 4 << 20;
  static constexpr std::size_t kFieldBytesMax = 131'072;  // characters that a Long Text Area has at most

  struct Senders {
    std::unique_ptr<HttpSender> genesys;     // adds the token
    std::unique_ptr<HttpSender> plain;       // adds none
    std::unique_ptr<HttpSender> salesforce;  // adds the token
  };
  // The loop must outlive all requests.
  static base::Result<std::unique_ptr<TranscriptSink>> make(TranscriptOptions options, Senders senders,
                                                            base::Loop& loop);
  ~TranscriptSink() override;

  delivery::SinkLimits limits() const override { return {1, 1 << 20}; }
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // Asks Genesys for a transcript that is not there, and Salesforce for a description of the object.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  struct Job;
  struct Life {
    TranscriptSink* self = nullptr;
  };
  using JobPtr = std::shared_ptr<Job>;  // of the request under way
  using Answer = base::Result<net::ClientResponse>;
  using Step = void (TranscriptSink::*)(const JobPtr& job, const Answer& answer);

  TranscriptSink(TranscriptOptions options, Senders senders, base::Loop& loop);
  net::ClientRequest request(std::string method, std::string url) const;
  net::ClientRequest salesforce(std::string method, std::string_view path) const;
  void ask(HttpSender& sender, net::ClientRequest request, JobPtr job, Step next);
  void got_url(const JobPtr& job, const Answer& answer);
  void got_transcript(const JobPtr& job, const Answer& answer);
  void got_record(const JobPtr& job, const Answer& answer);
  void got_files(const JobPtr& job, const Answer& answer);
  void got_made(const JobPtr& job, const Answer& answer);
  void later(Job& job, std::string_view error_class, std::string detail);
  bool failed(Job& job, const Answer& answer, std::string_view who);
  bool failed_salesforce(Job& job, const Answer& answer);

  const TranscriptOptions options_;
  const Senders senders_;
  base::Loop& loop_;
  const std::shared_ptr<Life> life_;  // shared with the answers to come, which may outlive the sink
};

}  // namespace trunkline::sinks
