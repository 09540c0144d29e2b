#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/fake_hub_test.hpp"
#include "api/receipt.hpp"
#include "json/document.hpp"
#include "net/raw_client_test.hpp"

namespace trunkline::api {
namespace {

using testing::Bench;
using ::testing::HasSubstr;

class PullTest : public ::testing::Test {
 protected:
  struct Leased {
    std::string receipt;
    std::string group;
    std::vector<std::uint64_t> sequences;
    std::vector<std::int64_t> receive_counts;
  };

  std::vector<Leased> receive(const std::string& body = R"({"wait_seconds":20})", const std::string& name = "wfm") {
    const auto answer = bench.call("POST", "/api/v1/consumers/" + name + "/receive", body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    last_body = answer.body;
    json::Document document;
    std::vector<Leased> leases;
    const auto root = document.parse(answer.body);
    if (!root.ok() || !root->find("leases")) return leases;
    for (auto lease = root->find("leases")->first(); lease; lease = lease->next()) {
      Leased& leased = leases.emplace_back();
      leased.receipt = lease->string_at("receipt");
      leased.group = lease->string_at("group");
      for (auto message = lease->find("messages")->first(); message; message = message->next()) {
        leased.sequences.push_back(static_cast<std::uint64_t>(message->find("sequence")->integer().value_or(0)));
        leased.receive_counts.push_back(message->find("receive_count")->integer().value_or(0));
      }
    }
    return leases;
  }
  net::ClientResponse settle(const std::string& receipts, const std::string& name = "wfm") {
    return bench.call("POST", "/api/v1/consumers/" + name + "/settle", "{\"receipts\":[" + receipts + "]}");
  }
  static std::string failed(const Leased& lease, std::uint64_t sequence, const std::string& rest) {
    return "{\"receipt\":\"" + lease.receipt + "\",\"failed\":[{\"sequence\":" + std::to_string(sequence) + "," + rest +
           "}]}";
  }
  static std::string quoted(const std::string& text) { return "\"" + text + "\""; }

  Bench bench;
  base::QueueId queue = bench.add(Bench::pulled("wfm", event::Order::conversation));
  std::string last_body;
};

TEST_F(PullTest, a_message_group_is_received_in_order_and_settled_by_its_receipt) {
  bench.publish("c1", R"({"n": 1.0})", {queue});
  bench.publish("c1", R"({"n": 2})", {queue});
  const auto leases = receive();
  ASSERT_EQ(leases.size(), 1u);
  EXPECT_EQ(leases[0].sequences, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_THAT(leases[0].group, HasSubstr("c1"));
  EXPECT_THAT(last_body, HasSubstr("\"receive_count\":1,\"redriven\":false,\"gap_before\":null"));
  EXPECT_THAT(last_body, HasSubstr("\"event\":{\"n\": 1.0}}"));
  const auto settled = settle(quoted(leases[0].receipt));
  EXPECT_EQ(settled.status, 200);
  EXPECT_EQ(settled.body,
            "{\"results\":[{\"receipt\":\"" + leases[0].receipt + "\",\"settled\":true,\"error\":null}]}\n");
  EXPECT_TRUE(receive("").empty());
}

TEST_F(PullTest, a_receive_waits_for_an_event) {
  net::testing::RawClient client(bench.port());
  const std::string body = R"({"wait_seconds":20,"visibility_timeout_seconds":60})";
  ASSERT_TRUE(client.send(net::request_bytes("POST", "/api/v1/consumers/wfm/receive", "localhost", {}, body)));
  bench.publish("c1", "{}", {queue});
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("\"sequence\":1"));
}

TEST_F(PullTest, messages_of_a_client_that_went_away_come_again) {
  bench.publish("c1", "{}", {queue});
  {
    net::testing::RawClient client(bench.port());
    const std::string body = R"({"visibility_timeout_seconds":1})";
    ASSERT_TRUE(client.send(net::request_bytes("POST", "/api/v1/consumers/wfm/receive", "localhost", {}, body)));
    ASSERT_EQ(client.read_exactly(1), "H");  // leased; the rest of the answer is never taken
    client.reset();
  }
  const auto leases = receive();
  ASSERT_EQ(leases.size(), 1u);
  EXPECT_EQ(leases[0].sequences, std::vector<std::uint64_t>{1});
  EXPECT_EQ(leases[0].receive_counts, std::vector<std::int64_t>{2});
}

TEST_F(PullTest, retry_keeps_what_was_delivered_and_the_rest_behind_it) {
  for (int i = 0; i < 3; ++i) bench.publish("c1", "{}", {queue});
  const auto first = receive();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(settle(failed(first[0], 2, R"("fate":"retry","delay_seconds":0.01,"error":"busy")")).status, 200);
  const auto again = receive();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].sequences, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(again[0].receive_counts, (std::vector<std::int64_t>{2, 2}));
}

TEST_F(PullTest, a_dead_letter_is_skipped_and_the_next_event_says_so) {
  for (int i = 0; i < 2; ++i) bench.publish("c1", R"({"bad":true})", {queue});
  const auto first = receive();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(settle(failed(first[0], 1, R"("fate":"dead_letter","error_class":"no_account","error":"why")")).status,
            200);
  ASSERT_EQ(receive().size(), 1u);
  EXPECT_THAT(last_body, HasSubstr("\"sequence\":2,\"receive_count\":2,\"redriven\":false,\"gap_before\":1"));
  const auto letters = bench.call("GET", "/api/v1/consumers/wfm/dead-letters").body;
  EXPECT_THAT(letters, HasSubstr("\"sequence\":1,\"state\":\"skipped\""));
  EXPECT_THAT(letters, HasSubstr("\"error_class\":\"no_account\",\"error_detail\":\"why\""));
}

TEST_F(PullTest, a_consumer_that_parks_holds_the_lane_at_its_dead_letter) {
  ConsumerInfo parking = Bench::pulled("strict", event::Order::conversation);
  parking.spec.park_on_max_receive = true;
  const auto strict = bench.add(parking);
  bench.publish("c1", "{}", {strict});
  bench.publish("c1", "{}", {strict});
  const auto first = receive(R"({"wait_seconds":20})", "strict");
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(settle(failed(first[0], 1, R"("fate":"dead_letter")"), "strict").status, 200);
  EXPECT_TRUE(receive("", "strict").empty());
  EXPECT_EQ(bench.call("POST", "/api/v1/consumers/strict/redrive", R"({"sequence":1})").body, "{\"redriven\":1}\n");
  const auto again = receive(R"({"wait_seconds":20})", "strict");
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].sequences, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(PullTest, a_standard_queue_settles_each_message_for_itself) {
  const auto any = bench.add(Bench::pulled("any", event::Order::none));
  std::vector<std::uint64_t> sequences;
  for (int i = 0; i < 3; ++i) sequences.push_back(bench.publish("c1", "{}", {any}));
  const auto first = receive(R"({"wait_seconds":20})", "any");
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(first[0].sequences, sequences);
  const std::string two = "{\"receipt\":\"" + first[0].receipt + R"(","failed":[{"sequence":)" +
                          std::to_string(sequences[0]) + R"(,"fate":"release"},{"sequence":)" +
                          std::to_string(sequences[1]) + R"(,"fate":"dead_letter"}]})";
  EXPECT_EQ(settle(two, "any").status, 200);
  const auto again = receive(R"({"wait_seconds":20})", "any");
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].sequences, std::vector<std::uint64_t>{sequences[0]});
  EXPECT_THAT(bench.call("GET", "/api/v1/consumers/any/dead-letters").body,
              HasSubstr("\"sequence\":" + std::to_string(sequences[1])));
}

TEST_F(PullTest, a_receipt_that_has_run_out_is_a_conflict_and_the_others_are_settled) {
  bench.publish("c1", "{}", {queue});
  bench.publish("c2", "{}", {queue});
  const auto one = receive(R"({"wait_seconds":20,"max_messages":1})");
  const auto two = receive(R"({"wait_seconds":20,"max_messages":1})");
  ASSERT_EQ(one.size(), 1u);
  ASSERT_EQ(two.size(), 1u);
  ASSERT_EQ(settle(quoted(one[0].receipt)).status, 200);
  const auto answer = settle(quoted(one[0].receipt) + "," + quoted(two[0].receipt));
  EXPECT_EQ(answer.status, 409);
  EXPECT_THAT(answer.body, HasSubstr("\"settled\":false,\"error\":{\"code\":\"conflict\""));
  EXPECT_THAT(answer.body, HasSubstr("\"receipt\":\"" + two[0].receipt + "\",\"settled\":true"));
  EXPECT_THAT(answer.body, HasSubstr("1 of 2 receipts were not settled"));
}

TEST_F(PullTest, a_settle_with_a_mistake_settles_nothing) {
  bench.publish("c1", "{}", {queue});
  bench.publish("c1", "{}", {queue});
  const auto leases = receive();
  ASSERT_EQ(leases.size(), 1u);
  std::string mangled = leases[0].receipt;
  mangled[10] = mangled[10] == '0' ? '1' : '0';
  const std::string good = quoted(leases[0].receipt);
  const std::pair<std::string, std::string> cases[] = {
      {good + "," + quoted(mangled), "receipts[1]: this is not a receipt"},
      {good + "," + good, "is a receipt that is there before"},
      {"7", "receipts[0] at byte 13 is not a JSON object"},
      {"{}", "'receipts[0].receipt' is missing"},
      {"", "'receipts' is empty"},
      {failed(leases[0], 9, R"("fate":"retry")"), "event 9 is not in this receipt"},
      {failed(leases[0], 1, R"("fate":"explode")"), "fate 'explode' is none of"},
      {failed(leases[0], 1, R"("delay_seconds":1)"), "'receipts[0].failed[0].fate' is missing"},
      {failed(leases[0], 1, R"("fate":"release","delay_seconds":1)"), "delay_seconds is for the fate retry only"},
      {failed(leases[0], 1, R"("fate":"retry","delay":1)"), "did you mean 'receipts[0]"},
      {"{\"receipt\":" + good + R"(,"failed":[{"sequence":1,"fate":"retry"},{"sequence":2,"fate":"retry"}]})",
       "stops at its first failed message"},
  };
  for (const auto& [body, message] : cases) {
    const auto answer = settle(body);
    EXPECT_EQ(answer.status, 400) << body;
    if (message.find("did you mean") == std::string::npos) {
      EXPECT_THAT(answer.body, HasSubstr(message));
    } else {
      EXPECT_THAT(answer.body, HasSubstr("is not an option here"));
    }
    EXPECT_THAT(answer.body, HasSubstr("\"hint\":\"nothing was settled\""));
  }
  EXPECT_EQ(settle(good).status, 200);
}

TEST_F(PullTest, a_receipt_of_another_consumer_is_refused) {
  bench.add(Bench::pulled("other", event::Order::conversation));
  bench.publish("c1", "{}", {queue});
  const auto leases = receive();
  ASSERT_EQ(leases.size(), 1u);
  const auto answer = settle(quoted(leases[0].receipt), "other");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("this receipt is of another consumer"));
}

TEST_F(PullTest, a_consumer_with_a_sink_or_paused_gives_nothing) {
  bench.add(Bench::pushed("crm"));
  const auto pushed = bench.call("POST", "/api/v1/consumers/crm/receive");
  EXPECT_EQ(pushed.status, 409);
  EXPECT_THAT(pushed.body, HasSubstr("consumer 'crm' has a sink (http)"));
  EXPECT_EQ(bench.call("POST", "/api/v1/consumers/crm/settle").status, 409);
  ASSERT_EQ(bench.call("POST", "/api/v1/consumers/wfm/pause").status, 200);
  const auto paused = bench.call("POST", "/api/v1/consumers/wfm/receive");
  EXPECT_EQ(paused.status, 409);
  EXPECT_THAT(paused.body, HasSubstr("consumer 'wfm' is paused"));
}

TEST_F(PullTest, wrong_receive_options_say_where) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"max_messages":0})", "'max_messages' at byte 16 is not a whole number from 1 to 1000"},
      {R"({"wait_seconds":21})", "'wait_seconds' at byte 16 is not a number of seconds from 0 to 20"},
      {R"({"visibility_timeout_seconds":0})", "seconds from 1 to 43200"},
      {R"({"max_message":1})", "did you mean 'max_messages'?"},
      {R"({"max_messages":1,"max_messages":2})", "is given twice"},
      {R"([])", "the body at byte 0 is not a JSON object"},
      {R"({"max_messages":)", "the body is not JSON"},
  };
  for (const auto& [body, message] : cases) {
    const auto answer = bench.call("POST", "/api/v1/consumers/wfm/receive", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body, HasSubstr(message));
  }
}

TEST(Receipt, reads_back_and_refuses_every_changed_byte) {
  engine::Lease lease;
  lease.queue = {7};
  lease.id = 0xFEDCBA9876543210;
  for (const std::uint64_t sequence : {5u, 700'000u}) {
    auto record = std::make_shared<engine::Record>();
    record->sequence = {sequence};
    lease.messages.push_back({record, 0, 3, {}, false});
  }
  const std::string text = encode_receipt(lease);
  const auto receipt = decode_receipt(text);
  ASSERT_TRUE(receipt.ok());
  EXPECT_EQ(receipt->queue, base::QueueId{7});
  EXPECT_EQ(receipt->lease, lease.id);
  ASSERT_EQ(receipt->messages.size(), 2u);
  EXPECT_EQ(receipt->messages[1].sequence, base::Sequence{700'000});
  EXPECT_EQ(receipt->messages[1].receive_count, 3u);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(decode_receipt(changed).ok()) << i;
    EXPECT_FALSE(decode_receipt(text.substr(0, i)).ok()) << i;
  }
}

}  // namespace
}  // namespace trunkline::api
