#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "aws/client.hpp"
#include "base/clock.hpp"
#include "cloudwatch/calls.hpp"
#include "cloudwatch/reading.hpp"

namespace trunkline::cloudwatch {

struct PublisherOptions {
  std::string name_space = "Trunkline";
  base::Millis timeout = std::chrono::seconds(10);  // of each try of a call
};

// Puts readings into CloudWatch, one call after the other. Nothing waits: what comes while the last readings are under way is
// dropped, and what a call that failed was to bring, too. What grows is not lost with it: its growth goes with the next call that
// is taken, counted twice where only the answer was lost. Failures are logged once, until a call is taken again. Memory is that of
// one set of readings. Loop thread only, `client`'s.
class Publisher {
 public:
  Publisher(aws::Client& client, PublisherOptions options);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // False: dropped.
  bool put(std::vector<Reading> readings, base::WallTime at);

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // name, dimension, what it belongs to
  static Key key(const Reading& reading) { return {reading.name, reading.dimension, reading.belongs_to}; }

  void put_next();
  void answered(const aws::Reply& reply);

  aws::Client& client_;
  const PublisherOptions options_;
  std::deque<Call> calls_;       // the first is under way
  std::map<Key, double> taken_;  // of what grows, what the last call that was taken brought it to
  bool failing_ = false;
  std::shared_ptr<Publisher*> life_;  // what is under way when it goes is answered to nobody
};

}  // namespace trunkline::cloudwatch
