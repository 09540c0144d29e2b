#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "engine/record.hpp"
#include "filter/policy.hpp"
#include "filter/policy_index.hpp"
#include "mapping/mapping.hpp"
#include "net/http_stream.hpp"

namespace trunkline::tap {

// What one listener wants to see. Empty lists want everything.
struct TapOptions {
  filter::Policy policy{};
  std::vector<std::string> categories{};
  std::vector<std::string> consumers{};            // events routed to at least one of them
  double rate = 0;                                 // events a second at most, evenly over the second; 0: no bound
  bool with_body = false;                          // the event's own JSON, too
  std::shared_ptr<const mapping::Mapping> view{};  // through which events are shown; null: as they came
};

// Which name stands for which queue, for all listeners of a loop.
struct ConsumerName {
  base::QueueId queue;
  std::string name;
};
using ConsumerNames = std::vector<ConsumerName>;  // ascending by queue

// One listener to events as they are accepted, as server-sent events (WHATWG HTML, section 9.2). Loop thread only.
//
//   event: open      {"after":41}                    everything accepted behind this sequence number follows
//   event: event     id: the sequence number; {"sequence":42,…}, see write_event()
//   event: sampled   {"left_out":10,"total":10}      over the rate, since the last report and in all
//   event: dropped   {"dropped":3,"total":3}         lost, because the listener does not read fast enough
//   : alive                                          after 15 s without anything else
//
// It holds nothing back: what does not fit into kUnfetchedMax is lost and counted, told as soon as there is room. So a
// listener costs at most kUnfetchedMax bytes and one larger event.
class Tap {
 public:
  static constexpr std::size_t kUnfetchedMax = 256 << 10;
  static constexpr base::Millis kSilenceMax = std::chrono::seconds(15);

  // Writes the opening. `after` is the end of the log as of now.
  Tap(TapOptions options, std::shared_ptr<net::HttpStream> stream, base::Sequence after, const ConsumerNames& names,
      base::MonoTime now);
  ~Tap();  // ends the body
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // A record of the log, in order; passed on with the next flush().
  void offer(const engine::Record& record, const ConsumerNames& names, base::MonoTime now);
  // Writes what was offered, the reports that are due, and a sign of life. False: nobody listens any more.
  bool flush(base::MonoTime now);
  void set_names(const ConsumerNames& names);

 private:
  bool wanted(const engine::Record& record);
  bool take_token(base::MonoTime now);
  void report(std::string_view event, std::string_view member, std::uint64_t& count, std::uint64_t total);

  const TapOptions options_;
  std::shared_ptr<net::HttpStream> stream_;  // shared with the connection, by its contract
  const base::Sequence after_;
  filter::PolicyIndex index_;
  filter::PolicyIndex::Scratch index_scratch_;
  std::vector<base::QueueId> queues_;  // of options_.consumers
  mapping::Scratch view_scratch_;
  std::string pending_;
  std::string scratch_;
  double tokens_ = 0;
  base::MonoTime refilled_{};
  base::MonoTime written_{};
  base::MonoTime sampled_told_{};
  std::uint64_t left_out_ = 0;
  std::uint64_t left_out_total_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_total_ = 0;
};

// {"sequence","accepted_at","source","type","category","topic","consumers":[…],"conflict", then the ids that are known:
// "envelope_id","org_id","conversation_id","user_id","queue_id","media_type"; "event" where asked for}. One line.
void write_event(std::string& out, const engine::Record& record, const ConsumerNames& names, bool with_body);

}  // namespace trunkline::tap
