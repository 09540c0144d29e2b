#include "source/sqs_source.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "aws/fake_transport_test.hpp"
#include "base/manual_loop.hpp"
#include "json/document.hpp"

namespace trunkline::source {
namespace {

using aws::testing::FakeTransport;
using base::Millis;
using engine::PublishResult;
using engine::PublishVerdict;

// A queue played by the test, and a store that does what it is told. Every body is one item, "none" is control.
class SqsSourceTest : public ::testing::Test {
 protected:
  void start(std::string queue = "https://sqs.eu-west-1.amazonaws.com/1/q", std::size_t receivers = 3) {
    SqsClient client;
    aws::Providers providers;
    providers.push_back(aws::static_provider({{"AKIA", "secret"}}));
    client.credentials = std::make_unique<aws::CredentialChain>(nullptr, std::move(providers), loop_);
    auto transport = std::make_unique<FakeTransport>();
    transport_ = transport.get();
    client.transport = std::move(transport);
    aws::ClientOptions options;
    options.service = "sqs";
    options.target = "AmazonSQS";
    options.region = "eu-west-1";
    options.endpoint = "https://sqs.eu-west-1.amazonaws.com";
    client.client =
        std::make_unique<aws::Client>(options, *client.transport, *client.credentials, loop_, [] { return 0.0; });
    source_ = std::make_unique<SqsSource>(
        SqsSourceOptions{"prod", std::move(queue), receivers}, std::move(client), loop_,
        [this](std::string_view body, bool first) {
          if (first) ++counted_;
          Ingest::Decoded decoded;
          engine::Quarantined item;
          item.bytes = body;
          if (body != "none") decoded.items.emplace_back(std::move(item));
          return decoded;
        },
        [this](std::vector<engine::PublishItem> items, engine::PublishCallback done) {
          published_.emplace_back();
          for (auto& item : items) published_.back().push_back(std::get<engine::Quarantined>(item).bytes);
          stored_.push_back(std::move(done));
        },
        [this](std::uint64_t stored, std::uint64_t failed) {
          stored_count_ += stored;
          failed_count_ += failed;
        },
        [] { return 0.5; });
    source_->start();
    loop_.run();
  }

  struct Call {
    FakeTransport::Sent sent;
    std::string operation;
    std::vector<std::string> handles;
    std::string body;
  };
  // The oldest call of that operation; of any.
  Call take(std::string_view operation = {}) {
    const auto wanted = std::ranges::find_if(transport_->sent, [&](const FakeTransport::Sent& sent) {
      return operation.empty() || sent.header("X-Amz-Target") == operation;
    });
    if (wanted != transport_->sent.end()) std::rotate(transport_->sent.begin(), wanted, wanted + 1);
    Call call{transport_->take(), {}, {}, {}};
    call.operation = call.sent.header("X-Amz-Target");
    call.body = call.sent.request.body;
    json::Document document;
    const auto parsed = document.parse(call.body);
    const auto entries = parsed.ok() ? parsed->find("Entries") : std::nullopt;
    for (auto each = entries ? entries->first() : std::nullopt; each; each = each->next())
      call.handles.emplace_back(each->string_at("ReceiptHandle"));
    return call;
  }
  // The next call is a receive, and these come.
  void give(const std::vector<std::string>& bodies, const std::vector<std::string>& groups = {}) {
    Call call = take("AmazonSQS.ReceiveMessage");
    ASSERT_EQ(call.operation, "AmazonSQS.ReceiveMessage");
    std::string answer = R"({"Messages":[)";
    for (std::size_t i = 0; i < bodies.size(); ++i)
      answer += fmt::format(
          R"({}{{"MessageId":"m","ReceiptHandle":"h{}","Body":"{}","Attributes":{{"MessageGroupId":"{}"}}}})",
          i == 0 ? "" : ",", bodies[i], bodies[i], i < groups.size() ? groups[i] : "");
    call.sent.answer(200, answer + "]}");
    loop_.run();
  }
  // The oldest publish ends so, item by item.
  void store(const std::vector<PublishVerdict>& verdicts) {
    ASSERT_FALSE(stored_.empty());
    engine::PublishCallback done = std::move(stored_.front());
    stored_.erase(stored_.begin());
    std::vector<PublishResult> results;
    for (const PublishVerdict verdict : verdicts) {
      PublishResult result;
      result.verdict = verdict;
      if (verdict == PublishVerdict::failed) result.error = base::Error{base::Errc::disk_full, "the disk is full"};
      results.push_back(std::move(result));
    }
    done(std::move(results));
    loop_.run();
  }
  // The next call deletes exactly these.
  void deleted(const std::vector<std::string>& handles) {
    Call call = take("AmazonSQS.DeleteMessageBatch");
    EXPECT_EQ(call.operation, "AmazonSQS.DeleteMessageBatch");
    EXPECT_EQ(call.handles, handles);
    call.sent.answer(200, R"({"Successful":[],"Failed":[]})");
    loop_.run();
  }
  bool idle() const { return transport_->sent.empty(); }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  FakeTransport* transport_ = nullptr;
  std::unique_ptr<SqsSource> source_;
  std::vector<std::vector<std::string>> published_;
  std::vector<engine::PublishCallback> stored_;
  std::uint64_t stored_count_ = 0;
  std::uint64_t failed_count_ = 0;
  int counted_ = 0;
};

constexpr auto kAccepted = PublishVerdict::accepted;
constexpr auto kFailed = PublishVerdict::failed;

TEST_F(SqsSourceTest, asks_by_a_long_poll_for_ten_hidden_for_its_timeout) {
  start();
  EXPECT_EQ(take().body,
            R"({"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/1/q","MaxNumberOfMessages":10,"VisibilityTimeout":60,)"
            R"("WaitTimeSeconds":20,"AttributeNames":["MessageGroupId"]})");
}

TEST_F(SqsSourceTest, deletes_only_when_everything_is_on_disk) {
  start();
  give({"a", "b", "c"});
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(published_[0], (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(idle());
  store({kAccepted, PublishVerdict::duplicate, PublishVerdict::quarantined});
  deleted({"ha", "hb", "hc"});
  EXPECT_EQ(source_->statistics().received.load(), 3u);
  EXPECT_EQ(source_->statistics().deleted.load(), 3u);
  EXPECT_EQ(stored_count_, 3u);
  give({"d"});
  EXPECT_EQ(published_[1], std::vector<std::string>{"d"});
}

TEST_F(SqsSourceTest, what_is_control_is_deleted_without_a_publish) {
  start();
  give({"none"});
  EXPECT_TRUE(published_.empty());
  deleted({"hnone"});
}

TEST_F(SqsSourceTest, what_is_not_stored_is_kept_hidden_and_stored_later_without_another_receive) {
  start();
  give({"a", "b"});
  store({kAccepted, kFailed});
  deleted({"ha"});
  EXPECT_TRUE(idle()) << "it receives while the disk refuses";
  loop_.advance(Millis(500));
  ASSERT_EQ(published_.size(), 2u);
  EXPECT_EQ(published_[1], std::vector<std::string>{"b"});
  EXPECT_EQ(counted_, 2) << "decoded again and counted again";
  store({kFailed});
  loop_.advance(Millis(1'000));
  ASSERT_EQ(published_.size(), 3u);
  store({kAccepted});
  deleted({"hb"});
  EXPECT_EQ(take().operation, "AmazonSQS.ReceiveMessage");
  EXPECT_EQ(failed_count_, 2u);
}

TEST_F(SqsSourceTest, a_slow_disk_extends_the_visibility_until_it_is_over) {
  start();
  give({"a", "b"});
  for (int i = 0; i < 5; ++i) {
    loop_.advance(std::chrono::seconds(30));
    Call call = take();
    EXPECT_EQ(call.operation, "AmazonSQS.ChangeMessageVisibilityBatch");
    EXPECT_EQ(call.handles, (std::vector<std::string>{"ha", "hb"}));
    EXPECT_NE(call.body.find(R"("VisibilityTimeout":60)"), std::string::npos);
    call.sent.answer(200, "{}");
  }
  store({kAccepted, kAccepted});
  deleted({"ha", "hb"});
  take();
  loop_.advance(std::chrono::minutes(2));
  EXPECT_TRUE(idle()) << "the visibility of a deleted message is extended";
}

TEST_F(SqsSourceTest, order_of_a_group_is_kept_behind_a_message_that_was_not_stored) {
  start("https://sqs.eu-west-1.amazonaws.com/1/q.fifo");
  give({"a1", "b1", "a2", "b2"}, {"a", "b", "a", "b"});
  store({kFailed, kAccepted, kAccepted, kAccepted});
  deleted({"hb1", "hb2"});
  loop_.advance(Millis(500));
  ASSERT_EQ(published_.size(), 2u);
  EXPECT_EQ(published_[1], (std::vector<std::string>{"a1", "a2"}));
  store({kAccepted, PublishVerdict::duplicate});
  deleted({"ha1", "ha2"});
}

TEST_F(SqsSourceTest, a_receive_without_an_answer_is_repeated_by_the_same_id_where_the_queue_is_fifo) {
  start("https://sqs.eu-west-1.amazonaws.com/1/q.fifo");
  std::vector<std::string> bodies;
  for (int i = 0; i < 3; ++i) {
    Call call = take();
    bodies.push_back(call.body);
    call.sent.fail(base::Errc::timeout);
    loop_.advance(Millis(10));
  }
  loop_.advance(std::chrono::seconds(2));
  bodies.push_back(take().body);
  for (const std::string& body : bodies) EXPECT_EQ(body, bodies[0]);
  EXPECT_NE(bodies[0].find("ReceiveRequestAttemptId"), std::string::npos);
}

TEST_F(SqsSourceTest, full_answers_begin_more_receives_up_to_the_bound_and_empty_ones_end_them) {
  const std::vector<std::string> ten(10, "x");
  start();
  give(ten);
  give(ten);
  give(ten);
  EXPECT_TRUE(idle()) << "more receives than receivers";
  EXPECT_EQ(published_.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    store(std::vector<PublishVerdict>(10, kAccepted));
    deleted(std::vector<std::string>(10, "hx"));
  }
  EXPECT_EQ(transport_->sent.size(), 3u);
  loop_.advance(std::chrono::seconds(20));
  for (int i = 0; i < 3; ++i) give({});
  EXPECT_EQ(transport_->sent.size(), 1u) << "one poll is left";
}

TEST_F(SqsSourceTest, a_server_that_does_not_wait_is_not_asked_in_a_circle) {
  start();
  give({});
  EXPECT_TRUE(idle());
  loop_.advance(std::chrono::seconds(1));
  give({});
  EXPECT_TRUE(idle());
}

TEST_F(SqsSourceTest, asks_ever_less_often_while_the_queue_fails) {
  start();
  Millis last{0};
  for (int i = 0; i < 8; ++i) {
    Call call = take();
    call.sent.answer(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"})");
    loop_.run();
    Millis waited{0};
    while (idle() && waited < std::chrono::minutes(2)) {
      loop_.advance(Millis(100));
      waited += Millis(100);
    }
    EXPECT_GE(waited, last);
    EXPECT_LE(waited, std::chrono::seconds(61));
    last = waited;
  }
  EXPECT_GE(last, std::chrono::seconds(30));
  EXPECT_EQ(source_->statistics().failures.load(), 8u);
  give({"a"});
  EXPECT_EQ(published_.size(), 1u);
}

TEST_F(SqsSourceTest, what_is_not_deleted_comes_again_and_receiving_goes_on) {
  start();
  give({"a"});
  store({kAccepted});
  Call call = take();
  call.sent.answer(200, R"({"Failed":[{"Id":"0","Code":"AccessDenied","Message":"no"}]})");
  loop_.run();
  EXPECT_EQ(source_->statistics().deleted.load(), 0u);
  EXPECT_EQ(source_->statistics().failures.load(), 1u);
  EXPECT_EQ(take().operation, "AmazonSQS.ReceiveMessage");
}

TEST_F(SqsSourceTest, a_stop_waits_for_what_is_being_stored_and_gives_back_what_is_not) {
  start();
  give(std::vector<std::string>(10, "x"));
  give({"y"});
  store(std::vector<PublishVerdict>(10, kFailed));
  bool stopped = false;
  source_->stop([&] { stopped = true; });
  loop_.run();
  Call back = take();
  EXPECT_EQ(back.operation, "AmazonSQS.ChangeMessageVisibilityBatch");
  EXPECT_NE(back.body.find(R"("VisibilityTimeout":0)"), std::string::npos);
  EXPECT_EQ(back.handles.size(), 10u);
  back.sent.answer(200, "{}");
  loop_.run();
  EXPECT_FALSE(stopped);
  store({kAccepted});
  deleted({"hy"});
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(idle());
}

TEST_F(SqsSourceTest, a_stop_while_nothing_is_held_is_at_once_and_leaves_what_comes_later) {
  start();
  bool stopped = false;
  source_->stop([&] { stopped = true; });
  loop_.run();
  EXPECT_TRUE(stopped);
  give({"a"});
  EXPECT_TRUE(published_.empty());
  EXPECT_TRUE(idle());
}

}  // namespace
}  // namespace trunkline::source
