#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "aws_engine/peer_fixture_test.hpp"

// A worker is killed before or after any of its calls, or loses the connection there and lives on: no event is lost, and
// each lane keeps its order. tests/e2e/harness/aws_wire.py does the cutting.
namespace trunkline::aws_engine::peer {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kPositionsMax = 400;  // a run makes some dozens of calls
constexpr auto kPatience = std::chrono::seconds(60);

struct Cut {
  std::size_t at = 0;
  bool after = false;
  bool dead = false;
};

// In lanes a and b, one after the other.
const std::vector<std::pair<std::string, std::string>> kEvents = {
    {"a1", "a"}, {"b1", "b"}, {"a2", "a"}, {"a3", "a"}, {"b2", "b"}};

// Somebody who sends until each event is taken, and two consumers. Goes on with another worker where one is killed.
class Scene {
 public:
  Scene(Hand& hand, bool young) : hand_(hand), options_(options()) {
    options_.young = young ? std::chrono::hours(1) : std::chrono::hours(0);
    options_.queue.push_visibility = std::chrono::seconds(2);  // what a dead worker had comes back after that
    options_.outbox.sweep_interval = std::chrono::hours(1);    // nothing but the events' own calls are counted
    options_.services.tries_max = 1;
  }

  // Whether there was such a call.
  bool play(const Cut& cut) {
    if (!cut.dead) {
      options_.services.tries_max = 3;
      sweep_soon();
    }
    auto worker = begin();
    hand_.get(fmt::format("/cut?at={}&after={}&dead={}", cut.at, cut.after ? 1 : 0, cut.dead ? 1 : 0));
    work(*worker, cut.dead);
    const bool was_cut = cut_there();
    if (cut.dead && was_cut) {
      worker.reset();
      hand_.get("/cut?at=0");
      sweep_soon();
      worker = begin();
      work(*worker, false);
    } else {
      hand_.get("/cut?at=0");
    }
    for (const auto& [queue, found] : delivered_) {
      EXPECT_TRUE(worker->receive(queue, 10, base::Millis(0)).empty()) << "nothing is left of what was settled";
    }
    check();
    return was_cut;
  }

 private:
  void sweep_soon() {
    options_.outbox.sweep_interval = std::chrono::milliseconds(600);
    options_.outbox.sweep_age = std::chrono::milliseconds(200);
  }
  std::unique_ptr<Worker> begin() {
    auto worker = std::make_unique<Worker>(options_);
    lanes_ = worker->declare("lanes", event::Order::conversation);
    standard_ = worker->declare("standard", event::Order::none);
    delivered_[lanes_];
    delivered_[standard_];
    return worker;
  }
  bool cut_there() { return hand_.get("/cut").find("\"cut\": true") != std::string::npos; }

  void work(Worker& worker, bool may_die) {
    const auto end = Clock::now() + kPatience;
    while (sent_ < kEvents.size() || !all_delivered()) {
      if (may_die && cut_there()) return;
      if (Clock::now() > end) {
        ADD_FAILURE() << "events are missing after a minute";
        return;
      }
      if (sent_ < kEvents.size()) send(worker);
      if (may_die && cut_there()) return;
      for (const base::QueueId queue : {lanes_, standard_}) take(worker, queue);
    }
  }
  void send(Worker& worker) {
    const auto& [id, conversation] = kEvents[sent_];
    const auto result = worker.publish(engine::contract::make_event(id, conversation), {lanes_, standard_});
    if (result.verdict == engine::PublishVerdict::accepted || result.verdict == engine::PublishVerdict::duplicate)
      ++sent_;
  }
  void take(Worker& worker, base::QueueId queue) {
    for (const engine::Lease& lease : worker.receive(queue, 4, std::chrono::milliseconds(20))) {
      for (const auto& message : lease.messages) {
        auto& found = delivered_[queue];
        const std::string id = message.record->event.envelope_id;
        if (std::ranges::find(found, id) == found.end()) found.push_back(id);
      }
      (void)worker.settle(lease, engine::Fate::delivered);
    }
  }
  bool all_delivered() const {
    return std::ranges::all_of(delivered_, [](const auto& each) { return each.second.size() == kEvents.size(); });
  }
  void check() {
    for (const auto& [queue, found] : delivered_) {
      EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), kEvents.size()) << "one is lost";
    }
    for (const std::string lane : {"a", "b"}) {
      std::vector<std::string> wanted;
      std::vector<std::string> got;
      for (const auto& [id, conversation] : kEvents) {
        if (conversation == lane) wanted.push_back(id);
      }
      for (const std::string& id : delivered_[lanes_]) {
        if (id.starts_with(lane)) got.push_back(id);
      }
      EXPECT_EQ(got, wanted) << "the order of a lane";
    }
  }

  Hand& hand_;
  AwsOptions options_;
  base::QueueId lanes_;
  base::QueueId standard_;
  std::size_t sent_ = 0;
  std::map<base::QueueId, std::vector<std::string>> delivered_;  // each once, in the order of the first time
};

// TRUNKLINE_QUICK: every fifth call.
std::size_t stride() {
  const char* quick = std::getenv("TRUNKLINE_QUICK");  // NOLINT(concurrency-mt-unsafe)
  return quick != nullptr && std::string(quick) == "1" ? 5 : 1;
}

void at_every_call(bool after, bool dead, bool young) {
  Hand hand;
  std::size_t cuts = 0;
  for (std::size_t at = 1; at < kPositionsMax; at += stride()) {
    SCOPED_TRACE(fmt::format("cut at call {}", at));
    Scene scene(hand, young);
    if (!scene.play({at, after, dead})) break;
    ++cuts;
    if (testing::Test::HasFailure()) break;
  }
  hand.get("/cut?at=0");
  std::cout << "cut at " << cuts << " calls\n";
  EXPECT_TRUE(testing::Test::HasFailure() || cuts >= 40 / stride()) << "a run has more calls than that";
}

TEST(AwsPeer, killed_before_any_call_no_event_is_lost_or_out_of_order) {
  at_every_call(false, true, false);
}
TEST(AwsPeer, killed_after_any_call_no_event_is_lost_or_out_of_order) {
  at_every_call(true, true, false);
}
TEST(AwsPeer, killed_after_any_call_no_event_to_a_young_queue_is_lost_or_out_of_order) {
  at_every_call(true, true, true);
}
TEST(AwsPeer, a_connection_that_ends_before_any_call_loses_no_event) {
  at_every_call(false, false, false);
}
TEST(AwsPeer, a_lost_answer_of_any_call_loses_no_event) {
  at_every_call(true, false, false);
}

}  // namespace
}  // namespace trunkline::aws_engine::peer
