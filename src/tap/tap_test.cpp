#include "tap/tap.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/manual_loop.hpp"
#include "tap/taps.hpp"

namespace trunkline::tap {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The peer's end in the test's hands: it fetches when told, and goes when told.
struct Peer {
  std::string got;
  std::size_t unfetched = 0;
  bool reads = true;
  bool gone = false;
  bool closed = false;
  base::Task on_closed;
};
class FakeStream final : public net::HttpStream {
 public:
  explicit FakeStream(std::shared_ptr<Peer> peer) : peer_(std::move(peer)) {}
  bool write(std::string_view bytes) override {
    if (peer_->gone) return false;
    peer_->got += bytes;
    if (!peer_->reads) peer_->unfetched += bytes.size();
    return true;
  }
  std::size_t unfetched() const override { return peer_->unfetched; }
  void close() override { peer_->closed = true; }
  void on_closed(base::Task closed) override { peer_->on_closed = std::move(closed); }

 private:
  std::shared_ptr<Peer> peer_;
};

engine::Record record(std::uint64_t sequence, const std::string& category = "conversation",
                      std::vector<base::QueueId> routes = {{1}}) {
  engine::Record made;
  made.sequence = {sequence};
  made.accepted_at = base::WallTime(base::Millis(1'772'460'000'123));
  made.source_name = "genesys";
  made.routes = std::move(routes);
  made.event.raw = "{\"id\": \"e\",\r\n \"n\": 1}";
  made.event.event_type = "v2.conversations.{id}";
  made.event.topic_name = "v2.conversations.c1";
  made.event.category = category;
  made.event.conversation_id = "c1";
  return made;
}

filter::Policy policy(std::string_view text, filter::Scope scope = filter::Scope::message_attributes) {
  return std::get<filter::Policy>(filter::Policy::compile(text, scope));
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

class TapTest : public ::testing::Test {
 protected:
  Tap& open(TapOptions options, std::uint64_t after = 0) {
    tap_ = std::make_unique<Tap>(std::move(options), std::make_unique<FakeStream>(peer_), base::Sequence{after}, names_,
                                 now_);
    EXPECT_TRUE(tap_->flush(now_));
    return *tap_;
  }
  void offer(std::initializer_list<engine::Record> records) {
    for (const engine::Record& each : records) tap_->offer(each, names_, now_);
    EXPECT_TRUE(tap_->flush(now_));
  }

  const ConsumerNames names_{{{1}, "crm"}, {{2}, "siem"}};
  base::MonoTime now_{};
  std::shared_ptr<Peer> peer_ = std::make_shared<Peer>();
  std::unique_ptr<Tap> tap_;
};

TEST_F(TapTest, tells_what_an_event_is_and_who_gets_it) {
  open({}, 41);
  offer({record(42, "conversation", {{1}, {2}})});
  EXPECT_EQ(peer_->got,
            "event: open\ndata: {\"after\":41}\n\n"
            "event: event\nid: 42\ndata: {\"sequence\":42,\"accepted_at\":\"2026-03-02T14:00:00.123Z\",\"source\":"
            "\"genesys\",\"type\":\"v2.conversations.{id}\",\"category\":\"conversation\",\"topic\":"
            "\"v2.conversations.c1\",\"consumers\":[\"crm\",\"siem\"],\"conflict\":false,\"conversation_id\":\"c1\"}"
            "\n\n");
}

TEST_F(TapTest, an_event_with_line_breaks_stays_one_field) {
  open({.with_body = true});
  offer({record(1)});
  EXPECT_THAT(peer_->got, EndsWith("\"event\":{\"id\": \"e\", \"n\": 1}}\n\n"));
  EXPECT_EQ(count(peer_->got, "\r"), 0u);
}

TEST_F(TapTest, shows_nothing_from_before_it_was_opened) {
  open({}, 2);
  offer({record(1), record(2), record(3)});
  EXPECT_EQ(count(peer_->got, "event: event"), 1u);
  EXPECT_THAT(peer_->got, HasSubstr("id: 3\n"));
}

TEST_F(TapTest, passes_on_what_the_policy_the_category_and_the_consumer_let_pass) {
  open({.policy = policy(R"({"conversationId":["c1"]})"),
        .categories = {"conversation", "agent"},
        .consumers = {"siem"}});
  engine::Record other = record(4, "agent", {{2}});
  other.event.conversation_id = "c2";
  offer({record(1, "wfm", {{2}}), record(2, "agent", {{1}}), record(3, "agent", {{1}, {2}}), other});
  EXPECT_EQ(count(peer_->got, "event: event"), 1u);
  EXPECT_THAT(peer_->got, HasSubstr("id: 3\n"));
}

TEST_F(TapTest, a_body_policy_looks_at_the_event_itself) {
  open({.policy = policy(R"({"n":[1]})", filter::Scope::message_body)});
  engine::Record other = record(2);
  other.event.raw = R"({"n":2})";
  offer({record(1), other});
  EXPECT_EQ(count(peer_->got, "event: event"), 1u);
}

TEST_F(TapTest, a_consumer_that_is_named_later_is_found_by_its_name) {
  open({.consumers = {"new"}});
  offer({record(1, "agent", {{7}})});
  EXPECT_EQ(count(peer_->got, "event: event"), 0u);
  tap_->set_names({{{7}, "new"}});
  offer({record(2, "agent", {{7}})});
  EXPECT_EQ(count(peer_->got, "event: event"), 1u);
}

TEST_F(TapTest, a_rate_is_never_exceeded_and_what_is_left_out_is_told_once_a_second) {
  open({.rate = 10});
  std::uint64_t sequence = 0;
  std::uint64_t offered = 0;
  for (int step = 0; step < 100; ++step) {  // 10 s, 100 events a second
    for (int i = 0; i < 10; ++i) {
      tap_->offer(record(++sequence), names_, now_);
      ++offered;
    }
    EXPECT_TRUE(tap_->flush(now_));
    now_ += base::Millis(100);
  }
  const std::size_t shown = count(peer_->got, "event: event");
  EXPECT_GE(shown, 95u);
  EXPECT_LE(shown, 102u) << "10 a second for 10 s, and the burst of 2";
  EXPECT_EQ(count(peer_->got, "event: sampled"), 9u);
  now_ += std::chrono::seconds(1);
  EXPECT_TRUE(tap_->flush(now_));
  EXPECT_THAT(peer_->got, HasSubstr("\"total\":" + std::to_string(offered - shown) + "}")) << "nothing goes uncounted";
}

TEST_F(TapTest, a_slow_reader_loses_events_and_is_told_how_many_once_it_has_caught_up) {
  open({});
  peer_->reads = false;
  std::uint64_t sequence = 0;
  while (sequence < 10'000) offer({record(++sequence)});
  const std::size_t shown = count(peer_->got, "event: event");
  EXPECT_LE(peer_->unfetched, Tap::kUnfetchedMax);
  EXPECT_LT(shown, 10'000u);
  EXPECT_EQ(count(peer_->got, "event: dropped"), 0u) << "there is no room to tell it";
  peer_->unfetched = Tap::kUnfetchedMax / 2 + 1;
  offer({record(++sequence)});
  EXPECT_EQ(count(peer_->got, "event: event"), shown) << "a gap is told before anything newer";
  peer_->unfetched = 0;
  offer({});
  const std::string lost = std::to_string(10'001 - shown);
  EXPECT_THAT(peer_->got, EndsWith("event: dropped\ndata: {\"dropped\":" + lost + ",\"total\":" + lost + "}\n\n"));
  offer({record(++sequence)});
  EXPECT_EQ(count(peer_->got, "event: event"), shown + 1);
}

TEST_F(TapTest, one_event_larger_than_all_room_is_shown_to_who_has_fetched_everything) {
  open({.with_body = true});
  engine::Record large = record(1);
  large.event.raw = "{\"a\":\"" + std::string(2 * Tap::kUnfetchedMax, 'x') + "\"}";
  offer({large});
  EXPECT_EQ(count(peer_->got, "event: event"), 1u);
  peer_->unfetched = 1;
  large.sequence = {2};
  offer({large});
  EXPECT_EQ(count(peer_->got, "id: 2\n"), 0u);
}

TEST_F(TapTest, a_silent_stream_gives_a_sign_of_life) {
  open({});
  now_ += Tap::kSilenceMax - base::Millis(1);
  offer({});
  EXPECT_THAT(peer_->got, Not(HasSubstr(": alive")));
  now_ += base::Millis(1);
  offer({});
  offer({});
  EXPECT_EQ(count(peer_->got, ": alive\n\n"), 1u);
}

TEST_F(TapTest, its_end_ends_the_body) {
  open({});
  tap_.reset();
  EXPECT_TRUE(peer_->closed);
}

class TapsTest : public ::testing::Test {
 protected:
  TapsTest()
      : taps_(
            {&loop_}, [this](base::Loop&, bool wanted) { listening_ = wanted; }, [] { return base::Sequence{0}; },
            {2}) {}
  std::shared_ptr<Peer> listen(TapOptions options = {}) {
    auto peer = std::make_shared<Peer>();
    auto start = taps_.open(std::move(options), loop_);
    EXPECT_TRUE(start.ok()) << start.error().detail;
    (*start)(std::make_unique<FakeStream>(peer));
    return peer;
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  bool listening_ = false;
  Taps taps_;
};

TEST_F(TapsTest, asks_for_events_only_while_somebody_listens) {
  EXPECT_FALSE(listening_);
  const auto first = listen();
  const auto second = listen();
  EXPECT_TRUE(listening_);
  first->on_closed();
  EXPECT_TRUE(listening_);
  second->gone = true;
  taps_.offer(0, record(1));
  taps_.flush(0);
  EXPECT_FALSE(listening_);
  EXPECT_EQ(loop_.next_timer(), std::nullopt) << "nothing ticks for nobody";
}

TEST_F(TapsTest, more_listeners_than_allowed_are_refused_until_one_has_gone) {
  const auto first = listen();
  const auto second = listen();
  const auto third = taps_.open({}, loop_);
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().code, base::Errc::overloaded);
  first->on_closed();
  EXPECT_TRUE(taps_.open({}, loop_).ok());
  EXPECT_TRUE(taps_.open({}, loop_).ok()) << "an answer that was never begun gives its place back";
}

TEST_F(TapsTest, a_listener_hears_the_names_of_the_day) {
  taps_.set_names({{{2}, "siem"}, {{1}, "crm"}});
  loop_.run();
  const auto peer = listen();
  taps_.offer(0, record(1, "agent", {{1}, {2}}));
  taps_.flush(0);
  EXPECT_THAT(peer->got, HasSubstr(R"("consumers":["crm","siem"])"));
  taps_.set_names({{{1}, "renamed"}});
  loop_.run();
  taps_.offer(0, record(2));
  taps_.flush(0);
  EXPECT_THAT(peer->got, HasSubstr(R"("consumers":["renamed"])"));
}

TEST_F(TapsTest, reports_go_out_while_no_event_comes) {
  const auto peer = listen({.rate = 1});
  taps_.offer(0, record(1));
  taps_.offer(0, record(2));
  taps_.flush(0);
  EXPECT_EQ(count(peer->got, "event: sampled"), 0u);
  loop_.advance(std::chrono::seconds(2));
  EXPECT_EQ(count(peer->got, "event: sampled"), 1u);
  loop_.advance(std::chrono::seconds(20));
  EXPECT_EQ(count(peer->got, ": alive"), 1u);
}

}  // namespace
}  // namespace trunkline::tap
