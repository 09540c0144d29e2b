#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "demo/live_ledger.hpp"
#include "drill/puller.hpp"
#include "net/io_loop.hpp"
#include "sim/sink_server.hpp"

namespace trunkline::demo {

enum class Kind : std::uint8_t {
  siem,    // a SIEM that speaks Splunk's HTTP Event Collector
  hook,    // a webhook
  pulled,  // a client of the hub's API that receives and settles
  board,   // the hub's own live feed: a page keeps no ledger, so the hub's count is held against the sender's ledger
};

struct ReceiverSpec {
  std::string name;
  Kind kind;
  ReceiverRules rules;
};

struct Outcome {
  std::string name;
  sim::VerifyReport report;
  // A connection that was cut between the taking and the answer: the hub has to send again, or it might lose.
  bool repeats_allowed = false;

  // Whether everything the sender was promised holds. What others sent to the hub, a person with curl for one, stands in
  // no ledger of a sender: it is `foreign`, and no failure.
  bool holds() const;
};

// How a downstream can be broken from the page, `ok` first.
inline constexpr std::string_view kModes[] = {"ok", "503", "hang", "refuse", "slow"};

// One downstream of the demonstration and what it wrote down. Loop thread only, but where said otherwise.
class Receiver {
 public:
  // Before the loop starts: opens the ledger `DIRECTORY/NAME.tsv` and, where it has one, the listener.
  static base::Result<std::unique_ptr<Receiver>> make(net::IoLoop& loop, ReceiverSpec spec,
                                                      const std::string& directory);
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // A pulled one begins to receive.
  void start(std::uint16_t hub_port);
  void stop(base::Task done);
  base::Result<void> flush();

  bool breakable() const { return sink_ != nullptr; }
  const std::string& mode() const { return mode_; }  // empty where it cannot be broken
  bool was_broken() const { return was_broken_; }
  // Errc::invalid names the modes.
  base::Result<void> set_mode(std::string_view mode);

  const ReceiverSpec& spec() const { return spec_; }
  std::uint16_t port() const { return port_; }

  // What the hub says of its consumer, asked for at that time.
  struct Claim {
    bool empty = false;  // nothing left to deliver
    std::uint64_t delivered = 0;
    base::Millis oldest{0};  // age of the oldest event that is left; 0: none
  };
  void hub_says(const Claim& claim, base::MonoTime asked_at);
  void add_accepted(const sim::AcceptedLine& line, base::MonoTime now);
  const Counts& counts() const { return spec_.kind == Kind::board ? board_ : live_.counts(); }
  std::uint64_t missing() const;
  bool follows() const { return live_.follows(); }
  bool emptied() const { return claim_.empty; }

  // When everything has ended and is flushed; any thread. Compares the files, bytes included.
  base::Result<Outcome> verify(const std::string& accepted_file) const;

 private:
  Receiver(net::IoLoop& loop, ReceiverSpec spec, std::string file, sim::LedgerWriter ledger);

  net::IoLoop& loop_;
  const ReceiverSpec spec_;
  const std::string file_;
  LiveLedger live_;
  std::unique_ptr<sim::LedgerWriter> ledger_;
  std::unique_ptr<sim::SinkServer> sink_;
  std::unique_ptr<drill::Puller> puller_;
  std::uint16_t port_ = 0;
  std::string mode_;
  bool was_broken_ = false;
  Claim claim_;
  // Of a board.
  struct Sample {
    base::MonoTime at;
    std::uint64_t routed;
  };
  std::uint64_t promised_ = 0;
  Counts board_;
  std::deque<Sample> samples_;  // what was promised at each claim of the last seconds
};

}  // namespace trunkline::demo
