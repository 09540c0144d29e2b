#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"
#include "delivery/sink.hpp"
#include "net/http_types.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::sinks {

// {"acks":{"0":true,"1":false}}: the ids that are true. Nothing if it is no such object. Of more than `ids_max` the first.
std::optional<std::vector<std::uint64_t>> parse_hec_acks(std::string_view body, std::size_t ids_max);

// The cookies that a balancer in front of Splunk keeps its clients apart by, as a Cookie header has them. Name and value
// alone: there is one target. At most 16 of 4 KiB; an empty value takes one away.
class AffinityCookies {
 public:
  void learn(const net::Headers& answer);
  std::string header() const;  // "a=1; b=2"; empty without any

 private:
  std::map<std::string, std::string, std::less<>> cookies_;
};

struct HecAckOptions {
  base::Millis poll_every = std::chrono::seconds(1);
  // Splunk advises five minutes; what is not acknowledged by then is sent again.
  base::Millis timeout = std::chrono::minutes(5);
};

// Batches that a collector has taken and not yet indexed. Asks every poll_every for those that wait, with the cookies that
// came with each batch's answer, since only the receiver that took it knows it. Splunk says `true` once and then forgets
// it; a `false` may be one that it never had (another receiver, a restart). So a batch ends as
//
//  true                              delivered
//  not true within the timeout       unavailable hec_ack_timeout: it is sent again
//  its number is given out anew      unavailable hec_ack_lost: the receiver counts from the beginning, and has forgotten it
//  the question is refused by 10, 11, 14 or by the token    unavailable with that code
//  the question has no answer        asked again
//
// Loop thread only. Batches in flight are bounded by the consumer's concurrency, and so are these.
class HecAcks : public std::enable_shared_from_this<HecAcks> {
 public:
  using Done = base::UniqueFunction<void(delivery::BatchVerdict)>;
  // `question` is the POST to /services/collector/ack, without its body. The loop must outlive the object, which must end
  // on it; what waits then gets no callback.
  HecAcks(base::Loop& loop, std::shared_ptr<HttpSender> sender, net::ClientRequest question, HecAckOptions options,
          std::vector<std::string> secrets);
  ~HecAcks();
  HecAcks(const HecAcks&) = delete;
  HecAcks& operator=(const HecAcks&) = delete;

  // For the next request.
  std::string cookies() const { return cookies_.header(); }
  // From the answer to a batch.
  void learn(const net::Headers& answer) { cookies_.learn(answer); }
  void wait(std::uint64_t ack_id, std::size_t events, Done done);
  std::size_t waiting() const { return waiting_.size(); }

 private:
  using Key = std::pair<std::string, std::uint64_t>;  // cookies and ack id
  struct Waiting {
    base::MonoTime deadline;
    std::size_t events = 0;
    Done done;
  };
  using Map = std::map<Key, Waiting>;

  void poll_later();
  void poll();
  void ask(const std::string& cookies, std::vector<std::uint64_t> ids);
  void on_answer(const std::string& cookies, const std::vector<std::uint64_t>& asked,
                 const base::Result<net::ClientResponse>& answer);
  void end(Map::iterator at, delivery::EventVerdict verdict);

  base::Loop& loop_;
  const std::shared_ptr<HttpSender> sender_;  // shared with the sink
  const net::ClientRequest question_;
  const HecAckOptions options_;
  const std::vector<std::string> secrets_;
  AffinityCookies cookies_;
  Map waiting_;
  std::size_t open_questions_ = 0;
  base::Loop::TimerId timer_ = 0;
};

}  // namespace trunkline::sinks
