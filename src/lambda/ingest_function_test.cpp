#include "lambda/ingest_function.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/run_and_wait.hpp"
#include "net/io_loop.hpp"

namespace trunkline::lambda {
namespace {

using base::Millis;
using engine::PublishItem;
using engine::PublishResult;
using engine::PublishVerdict;

// A decoder that takes each body's words for events, and an engine that does with an event what its word says.
class IngestFunctionTest : public ::testing::Test {
 protected:
  IngestFunctionTest() : loop_("test") {
    loop_.start();
    IngestFunctionOptions options;
    options.margin = std::chrono::milliseconds(50);
    function_ = std::make_unique<IngestFunction>(
        options, loop_, [](std::string_view body) { return decode(body); },
        IngestFunction::Engine{[this](auto items, auto done) { publish(std::move(items), std::move(done)); },
                               [this](Millis) { return ++flushes_ > 0; }, [this](Millis) { return ++sweeps_ > 0; }});
  }
  ~IngestFunctionTest() override {
    loop_.stop();
    loop_.join();
  }

  static source::Ingest::Decoded decode(std::string_view body) {
    source::Ingest::Decoded decoded;
    std::string text(body);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      engine::PublishEntry entry;
      entry.event.raw = text.substr(at, end - at);
      decoded.items.emplace_back(std::move(entry));
      at = end + 1;
    }
    return decoded;
  }

  void publish(std::vector<PublishItem> items, engine::PublishCallback done) {
    std::vector<PublishResult> results;
    for (const PublishItem& item : items) {
      const std::string& word = std::get<engine::PublishEntry>(item).event.raw;
      published_.push_back(word);
      PublishResult result{PublishVerdict::accepted, 1, std::nullopt};
      if (word.starts_with("dup")) result.verdict = PublishVerdict::duplicate;
      if (word.starts_with("fail"))
        result = {PublishVerdict::failed, 0, base::Error{base::Errc::unavailable, "no table"}};
      if (word.starts_with("hang")) return held_.push_back(std::move(done));
      results.push_back(result);
    }
    loop_.post([results, done = std::move(done)]() mutable { done(std::move(results)); });
  }

  Answer invoke(std::string payload, Millis left = std::chrono::seconds(30)) {
    Invocation invocation{"id", loop_.clock().wall() + left, "arn", "", std::move(payload)};
    return function_->handle(invocation);
  }
  static std::string batch(const std::vector<std::string>& bodies, const std::string& queue) {
    std::string records;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      records += (i == 0 ? "" : ",") + std::string(R"({"messageId":"m)") + std::to_string(i) +
                 R"(","receiptHandle":"h","body":")" + bodies[i] + R"(","eventSource":"aws:sqs","eventSourceARN":")" +
                 queue + R"("})";
    }
    return R"({"Records":[)" + records + "]}";
  }

  net::IoLoop loop_;
  std::vector<std::string> published_;
  std::vector<engine::PublishCallback> held_;
  int flushes_ = 0;
  int sweeps_ = 0;
  std::unique_ptr<IngestFunction> function_;
};

TEST_F(IngestFunctionTest, AnEventIsAnsweredOnceItIsStoredAndPublished) {
  const Answer answer = invoke("good dup");
  EXPECT_EQ(answer.error_type, "");
  EXPECT_EQ(answer.body, R"({"accepted":1,"duplicates":1,"conflicts":0,"quarantined":0})");
  EXPECT_EQ(flushes_, 1);
}

TEST_F(IngestFunctionTest, AnEventThatIsNotStoredFailsItsInvocation) {
  EXPECT_EQ(invoke("good fail").error_type, "Trunkline.NotStored");
  EXPECT_EQ(invoke("fail").error_type, "Trunkline.NotStored");
}

TEST_F(IngestFunctionTest, WithoutAnAnswerBeforeTheDeadlineNothingCountsAsStored) {
  EXPECT_EQ(invoke("hang", std::chrono::milliseconds(120)).error_type, "Trunkline.NotStored");
  EXPECT_EQ(invoke(batch({"good", "hang"}, "arn:q"), std::chrono::milliseconds(120)).body,
            R"({"batchItemFailures":[{"itemIdentifier":"m0"},{"itemIdentifier":"m1"}]})");
}

TEST_F(IngestFunctionTest, OfABatchOnlyWhatIsNotStoredFails) {
  EXPECT_EQ(invoke(batch({"good", "good fail", "", "dup"}, "arn:q")).body,
            R"({"batchItemFailures":[{"itemIdentifier":"m1"}]})");
}

TEST_F(IngestFunctionTest, InAFifoBatchNothingIsStoredBehindWhatFailed) {
  EXPECT_EQ(invoke(batch({"one", "fail", "three"}, "arn:q.fifo")).body,
            R"({"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"}]})");
  EXPECT_EQ(published_, (std::vector<std::string>{"one", "fail"}));
}

TEST_F(IngestFunctionTest, TheScheduleSweepsAndStoresNothing) {
  EXPECT_EQ(invoke(R"({"source":"aws.events","detail-type":"Scheduled Event"})").body, "{}");
  EXPECT_EQ(sweeps_, 1);
  EXPECT_TRUE(published_.empty());
}

TEST_F(IngestFunctionTest, RecordsThatCannotBeAnsweredForFailTheWholeInvocation) {
  EXPECT_EQ(invoke(R"({"Records":[{"eventSource":"aws:sqs"}]})").error_type, "Trunkline.InvalidPayload");
}

}  // namespace
}  // namespace trunkline::lambda
