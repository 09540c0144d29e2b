#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace trunkline::sim {

// The three commands of `trunkline sim`. Each runs to its end on the calling thread (SIGINT and SIGTERM end it in good
// order), prints its summary on standard output and everything else on standard error, and returns the exit code. The
// comment at each field is its help text.

struct SimOptions {
  // Where to.
  std::string to{};                // URL of the hub's ingest, http://127.0.0.1:8080/ingest/NAME
  std::string out{};               // write JSON lines to this file instead ("-": standard output)
  std::uint32_t connections = 64;  // keep-alive connections
  std::uint32_t pipeline = 1;      // requests outstanding on one connection
  std::uint32_t batch = 1;         // events per POST; more than one are sent as a JSON array
  bool sticky = false;             // all events of one conversation over the same connection
  std::string key{};               // API key, sent as x-api-key
  std::vector<std::pair<std::string, std::string>> headers{};  // more request headers, name and value
  base::Millis timeout = std::chrono::seconds(5);              // of one request; EventBridge's is 5 s
  base::Millis give_up = std::chrono::hours(24);               // stop retrying an event after this long
  std::uint32_t attempts_max = 185;                            // or after this many tries, as EventBridge does
  // How much and how fast.
  std::uint64_t events = 0;      // send exactly so many, faults included; 0: what the interactions make
  double interactions = 50'000;  // interactions a day
  std::uint32_t days = 1;        // length of the simulated time; with --events or --for it goes on until they end it
  double rate = 0;               // events per second; 0: as fast as possible
  double speed = 0;              // play the day so many times faster than real time; 0: do not
  base::Millis duration{0};      // stop after this long; 0: do not
  std::uint64_t seed = 1;        // the same seed gives the same bytes
  std::string start = "2026-03-02T00:00:00Z";            // simulated time of the first moment
  double peak = 3;                                       // busiest hour, as a multiple of the day's mean
  std::optional<std::string> incident{};                 // simulated time when an incident begins
  base::Millis incident_for = std::chrono::minutes(15);  // length of the incident, in simulated time
  double incident_factor = 10;                           // rate in the incident, as a multiple of the day's mean
  std::uint32_t agents = 0;                              // 0: as many as the volume needs
  std::uint32_t queues = 0;                              // 0: one per 2,500 interactions a day
  // Faults, as shares of the events (0.02 is 2 %).
  double duplicates = 0;   // sent a second time later, same bytes
  double republished = 0;  // sent a second time later under a new envelope id
  double late = 0;         // sent thousands of events later
  double reordered = 0;    // change places with the next event of the same conversation
  double malformed = 0;    // followed by a broken copy
  double conflicts = 0;    // followed by one with the same identity and another body
  // What is written down.
  std::string ledger{};      // file with one line per event answered 2xx
  bool ledger_sync = false;  // fdatasync the ledger each second
  bool json = false;         // summary as JSON
  bool quiet = false;        // no progress line
};
// 0: everything was sent and answered; 1: something was given up, dropped or answered wrongly; 2: bad options.
int run_sim(const SimOptions& options);

struct SinkOptions {
  std::string listen = "127.0.0.1:9000";         // address of the downstream
  std::string control{};                         // address of the control endpoint; empty: POST /control on `listen`
  std::string ledger{};                          // file with one line per event of each request answered 2xx
  bool ledger_sync = false;                      // fdatasync the ledger each second
  base::Millis latency{0};                       // mean time to answer; steps of 10 ms
  base::Millis latency_p99{0};                   // 99th percentile; 0: every answer takes `latency`
  std::vector<std::pair<int, double>> errors{};  // status and share of requests answered so: 503=0.05
  double hang = 0;                               // share of requests never answered
  bool accept_and_hang = false;                  // answer no request at all
  double rate = 0;                               // events per second; more are answered 429 with Retry-After
  std::string poison{};                          // a request whose body holds this text is answered 400
  base::Millis refuse_for{0};                    // refuse connections for this long at the start
  std::uint64_t seed = 1;                        // of the shares
  base::Millis duration{0};                      // stop after this long; 0: run until a signal
  bool json = false;                             // summary as JSON
};
int run_sink(const SinkOptions& options);

struct VerifyOptions {
  std::string accepted{};                 // ledger of `sim`
  std::string delivered{};                // ledger of `sim sink` or of a pull client, or the hub's JSON lines file
  std::string order = "conversation";     // conversation, agent, queue, topic or none
  std::vector<std::string> topics{};      // only events whose topicName begins with one of these were routed here
  std::vector<std::string> categories{};  // or whose category (of topics.tsv) is one of these; neither: all
  std::vector<std::string> consumers{};   // look only at delivered lines of these consumers; none: all
  bool repeats_allowed = false;           // deliveries repeated after a crash are no failure
  bool skips_allowed = false;             // redriven events may come behind their successors (policy skip)
  bool overlap_allowed = false;           // a lane's next event may be sent before the one before is answered
  std::uint32_t offenders_max = 10;       // so many of each kind are named
  bool json = false;                      // report as JSON
};
// 0: complete, in order, no repeat, bytes equal; 1: not; 2: a ledger cannot be read.
int run_verify(const VerifyOptions& options);

}  // namespace trunkline::sim
