#include "kafka/producer.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <map>
#include <set>

#include "base/manual_loop.hpp"

namespace trunkline::kafka {
namespace {

using base::Millis;
using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int16_t kProduce = 0;  // Kafka's number of the request

// librdkafka's own brokers in this process.
class Cluster {
 public:
  explicit Cluster(int brokers = 1) {
    std::array<char, 256> why{};
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why.data(), why.size());
    EXPECT_NE(handle_, nullptr) << why.data();
    cluster_ = rd_kafka_mock_cluster_new(handle_, brokers);
    EXPECT_EQ(rd_kafka_mock_topic_create(cluster_, "events", 4, brokers), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  ~Cluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  rd_kafka_mock_cluster_t* mock() { return cluster_; }
  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

  struct Read {
    std::int32_t partition;
    std::string key;
    std::string value;
    std::map<std::string, std::string> headers;
  };
  // All that is there, by partition in order; waits until there are at least so many.
  std::vector<Read> read(std::size_t count) const {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 256> why{};
    for (const auto& [name, value] :
         {std::pair("bootstrap.servers", brokers()), std::pair("group.id", std::string("g")),
          std::pair("auto.offset.reset", std::string("earliest"))}) {
      rd_kafka_conf_set(conf, name, value.c_str(), why.data(), why.size());
    }
    rd_kafka_t* reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why.data(), why.size());
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(4);
    for (std::int32_t i = 0; i < 4; ++i) rd_kafka_topic_partition_list_add(list, "events", i)->offset = 0;
    rd_kafka_assign(reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    std::vector<Read> all;
    for (int idle = 0; all.size() < count && idle < 300;) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(reader, 100);
      if (message == nullptr || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++idle;
        if (message != nullptr) rd_kafka_message_destroy(message);
        continue;
      }
      Read& read = all.emplace_back();
      read.partition = message->partition;
      if (message->key != nullptr) read.key.assign(static_cast<const char*>(message->key), message->key_len);
      read.value.assign(static_cast<const char*>(message->payload), message->len);
      rd_kafka_headers_t* headers = nullptr;
      rd_kafka_message_headers(message, &headers);
      const char* name = nullptr;
      const void* value = nullptr;
      std::size_t size = 0;
      for (std::size_t i = 0; headers != nullptr &&
                              rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
           ++i)
        read.headers[name] = std::string(static_cast<const char*>(value), size);
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    return all;
  }

 private:
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

class ProducerTest : public testing::Test {
 protected:
  ProducerOptions options(const std::string& brokers) {
    ProducerOptions options;
    options.brokers = brokers;
    options.topic = "events";
    options.security = ProducerOptions::Security::plaintext;
    return options;
  }
  static std::unique_ptr<Producer> make(base::Loop& loop, ProducerOptions options) {
    auto made = Producer::make(loop, std::move(options));
    EXPECT_TRUE(made.ok()) << made.error().detail;
    return std::move(*made);
  }
  Producer::Outcome produced(Producer& producer, std::vector<Message> messages) {
    std::optional<Producer::Outcome> outcome;
    producer.produce(std::move(messages), [&](Producer::Outcome said) { outcome = std::move(said); });
    EXPECT_FALSE(outcome) << "never inside of produce()";
    while (!outcome) loop_.wait_and_run();
    return *outcome;
  }
  // The same where the end comes by a time-out, which passes only here.
  Producer::Outcome timed_out(Producer& producer, std::vector<Message> messages) {
    std::optional<Producer::Outcome> outcome;
    producer.produce(std::move(messages), [&](Producer::Outcome said) { outcome = std::move(said); });
    loop_.advance(std::chrono::seconds(31));
    while (!outcome) loop_.wait_and_run();
    return *outcome;
  }
  static Message message(std::string key, std::string value) {
    Message message;
    message.key = std::move(key);
    message.value = std::move(value);
    return message;
  }
  static void expect_order(const std::vector<Cluster::Read>& read) {
    std::map<std::string, int> newest;
    std::set<std::string> seen;
    for (const Cluster::Read& each : read) {
      if (!seen.insert(each.key + each.value).second) continue;
      EXPECT_GT(std::stoi(each.value), newest[each.key]) << "first arrivals of " << each.key << " are in order";
      newest[each.key] = std::stoi(each.value);
    }
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
};

TEST_F(ProducerTest, messages_arrive_with_key_and_headers_and_a_key_is_in_one_partition_in_order) {
  Cluster cluster;
  auto producer = make(loop_, options(cluster.brokers()));
  std::vector<Message> messages;
  for (int i = 1; i <= 200; ++i) {
    messages.push_back(message(fmt::format("k{}", i % 10), std::to_string(i)));
    messages.back().headers = {{"trunkline-id", fmt::format("id-{}", i)}, {"empty", ""}};
  }
  EXPECT_THAT(produced(*producer, std::move(messages)), Each(std::nullopt));
  const auto read = cluster.read(200);
  ASSERT_THAT(read, SizeIs(200));
  expect_order(read);
  std::map<std::string, std::set<std::int32_t>> partitions;
  for (const auto& each : read) {
    partitions[each.key].insert(each.partition);
    EXPECT_EQ(each.headers.at("trunkline-id"), "id-" + each.value);
  }
  EXPECT_THAT(partitions, SizeIs(10));
  for (const auto& [key, in] : partitions) EXPECT_THAT(in, SizeIs(1)) << key;
}

TEST_F(ProducerTest, errors_of_the_moment_are_tried_again_without_a_repeat) {
  Cluster cluster;
  auto producer = make(loop_, options(cluster.brokers()));
  rd_kafka_mock_push_request_errors(cluster.mock(), kProduce, 4, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                    RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
  std::vector<Message> messages;
  for (int i = 1; i <= 50; ++i) messages.push_back(message("k", std::to_string(i)));
  EXPECT_THAT(produced(*producer, std::move(messages)), Each(std::nullopt));
  const auto read = cluster.read(50);
  ASSERT_THAT(read, SizeIs(50));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(read[static_cast<std::size_t>(i)].value, std::to_string(i + 1));
}

TEST_F(ProducerTest, a_message_over_the_bound_is_refused_and_those_behind_it_in_its_lane_are_not_sent) {
  Cluster cluster;
  auto producer = make(loop_, options(cluster.brokers()));
  std::vector<Message> messages = {message("a", "1"), message("a", std::string(2'000'000, 'x')), message("a", "3"),
                                   message("b", "4")};
  for (std::size_t i = 0; i < 4; ++i) messages[i].lane = i == 3 ? 1 : 0;
  const auto outcome = produced(*producer, std::move(messages));
  EXPECT_FALSE(outcome[0]);
  EXPECT_EQ(outcome[1]->kind, Failure::Kind::message);
  EXPECT_EQ(outcome[1]->name, "MSG_SIZE_TOO_LARGE");
  EXPECT_EQ(outcome[2]->kind, Failure::Kind::behind);
  EXPECT_FALSE(outcome[3]);
  EXPECT_THAT(cluster.read(2), SizeIs(2));
}

TEST_F(ProducerTest, what_a_broker_refuses_for_good_is_the_message_s_fault_or_a_setting_s) {
  Cluster cluster;
  auto producer = make(loop_, options(cluster.brokers()));
  rd_kafka_mock_push_request_errors(cluster.mock(), kProduce, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
  EXPECT_EQ(produced(*producer, {message("k", "1")})[0]->kind, Failure::Kind::message);
  rd_kafka_mock_push_request_errors(cluster.mock(), kProduce, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const auto outcome = produced(*producer, {message("k", "2")});
  EXPECT_EQ(outcome[0]->kind, Failure::Kind::setting);
  EXPECT_EQ(outcome[0]->name, "TOPIC_AUTHORIZATION_FAILED");
  // librdkafka keeps what it knows of a topic until it asks again.
  std::optional<Failure> third = Failure{};
  for (int tries = 0; third && tries < 100; ++tries) {
    bool looked = false;
    producer->look([&](const Producer::Look&) { looked = true; });
    while (!looked) loop_.wait_and_run();
    third = produced(*producer, {message("k", "3")})[0];
  }
  EXPECT_FALSE(third) << "and the producer goes on";
}

TEST_F(ProducerTest, what_is_not_acknowledged_in_time_is_taken_back_and_sent_again_in_order) {
  Cluster cluster;
  auto producer = make(loop_, options(cluster.brokers()));
  EXPECT_FALSE(produced(*producer, {message("k", "1")})[0]);
  rd_kafka_mock_broker_set_down(cluster.mock(), 1);
  std::vector<Message> messages = {message("k", "2"), message("k", "3"), message("k", "4")};
  for (int i = 0; i < 2; ++i) {
    const auto outcome = timed_out(*producer, messages);
    for (const auto& each : outcome) {
      ASSERT_TRUE(each);
      EXPECT_EQ(each->kind, Failure::Kind::unreachable);
      EXPECT_THAT(each->detail, HasSubstr("not acknowledged within 30000 ms"));
    }
  }
  rd_kafka_mock_broker_set_up(cluster.mock(), 1);
  EXPECT_THAT(produced(*producer, messages), Each(std::nullopt));
  expect_order(cluster.read(4));
}

TEST_F(ProducerTest, an_answer_that_is_lost_repeats_and_never_reorders) {
  Cluster cluster;
  auto producer = make(loop_, options(cluster.brokers()));
  EXPECT_FALSE(produced(*producer, {message("k", "1")})[0]);
  // Longer than the test lets time pass for the producer: written, and never told.
  rd_kafka_mock_broker_set_rtt(cluster.mock(), 1, 2'000);
  std::vector<Message> messages = {message("k", "2"), message("k", "3")};
  const auto outcome = timed_out(*producer, messages);
  for (const auto& each : outcome) EXPECT_TRUE(each);
  rd_kafka_mock_broker_set_rtt(cluster.mock(), 1, 0);
  EXPECT_THAT(produced(*producer, messages), Each(std::nullopt));
  expect_order(cluster.read(3));
}

TEST_F(ProducerTest, a_fatal_error_gets_a_new_handle) {
  Cluster cluster;
  auto producer = make(loop_, options(cluster.brokers()));
  EXPECT_FALSE(produced(*producer, {message("k", "1")})[0]);
  rd_kafka_mock_push_request_errors(cluster.mock(), kProduce, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
  const auto outcome = produced(*producer, {message("k", "2")});
  if (outcome[0]) {
    EXPECT_EQ(outcome[0]->kind, Failure::Kind::unreachable);
  }
  EXPECT_FALSE(produced(*producer, {message("k", "3")})[0]);
}

TEST_F(ProducerTest, a_look_tells_brokers_and_partitions_and_makes_no_topic) {
  Cluster cluster(3);
  auto found = [&](const std::string& topic) {
    ProducerOptions given = options(cluster.brokers());
    given.topic = topic;
    auto producer = make(loop_, std::move(given));
    std::optional<Producer::Look> said;
    producer->look([&](Producer::Look look) { said = std::move(look); });
    while (!said) loop_.wait_and_run();
    return std::get<Found>(*said);
  };
  EXPECT_EQ(found("events").brokers, 3u);
  EXPECT_EQ(found("events").partitions, 4u);
  EXPECT_FALSE(found("others").partitions);
}

TEST_F(ProducerTest, its_end_with_messages_under_way_ends_without_their_callbacks) {
  Cluster cluster;
  bool called = false;
  {
    auto producer = make(loop_, options(cluster.brokers()));
    EXPECT_FALSE(produced(*producer, {message("k", "1")})[0]);
    rd_kafka_mock_broker_set_down(cluster.mock(), 1);
    producer->produce({message("k", "2")}, [&](const Producer::Outcome&) { called = true; });
  }
  loop_.run();
  EXPECT_FALSE(called);
}

TEST_F(ProducerTest, options_that_librdkafka_refuses_are_said) {
  ProducerOptions given = options("127.0.0.1:1");
  given.compression = "rot13";
  const auto made = Producer::make(loop_, std::move(given));
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().detail, HasSubstr("rot13"));
}

}  // namespace
}  // namespace trunkline::kafka
