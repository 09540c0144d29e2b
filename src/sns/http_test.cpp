// Subscriptions by HTTP: asked, delivered to, tried again, given up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "sns/fixture_test.hpp"

namespace trunkline::sns::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string member_of(const std::string& body, const std::string& name) {
  json::Document document;
  const auto root = document.parse(body);
  return root.ok() ? std::string(root->string_at(name)) : std::string();
}

// An endpoint that keeps what it gets and answers what it is told to.
class Receiver {
 public:
  struct Got {
    net::Headers headers;
    std::string body;
    std::string member(const std::string& name) const { return member_of(body, name); }
    std::string header(const std::string& name) const {
      return std::string(net::find_header(headers, name).value_or(""));
    }
  };

  Receiver()
      : loop_("receiver"),
        server_({&loop_}, net::HttpServerOptions{},
                [this](net::IoLoop&, net::HttpRequest request, net::Responder respond) {
                  net::HttpResponse answer;
                  {
                    const std::scoped_lock lock(mutex_);
                    answer.status = statuses_.empty() ? 200 : statuses_.front();
                    if (!statuses_.empty()) statuses_.pop_front();
                    got_.push_back({request.headers, request.body});
                  }
                  came_.notify_all();
                  respond(std::move(answer));
                }) {
    port_ = server_.listen("127.0.0.1:0").value();
    loop_.start();
  }
  ~Receiver() {
    loop_.stop();
    loop_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  void answer(std::deque<int> statuses) {
    const std::scoped_lock lock(mutex_);
    statuses_ = std::move(statuses);
  }
  // The next one; an empty one when none comes.
  Got next() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, std::chrono::seconds(60), [this] { return got_.size() > taken_; })) return {};
    return got_[taken_++];
  }
  std::size_t count() {
    const std::scoped_lock lock(mutex_);
    return got_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Got> got_;
  std::size_t taken_ = 0;
  std::deque<int> statuses_;
  net::IoLoop loop_;
  net::HttpServer server_;
  std::uint16_t port_ = 0;
};

class Http : public Sns {
 protected:
  void SetUp() override {
    Sns::SetUp();
    receiver_ = std::make_unique<Receiver>();
  }
  void TearDown() override {
    Sns::TearDown();
    receiver_.reset();
  }

  static constexpr const char* kAtOnce = R"({"healthyRetryPolicy":{"numRetries":2,"numNoDelayRetries":2}})";

  net::ClientResponse try_http(const std::string& name, const std::string& url, Form attributes = {}, Form more = {}) {
    Form form = {{"TopicArn", topic(name)}, {"Protocol", "http"}, {"Endpoint", url}};
    put_in(form, attributes);
    form.insert(form.end(), more.begin(), more.end());
    return sns("Subscribe", form);
  }
  std::string pending(const std::string& name, Form attributes = {}) {
    return element(try_http(name, receiver_->url(), std::move(attributes), {{"ReturnSubscriptionArn", "true"}}),
                   "SubscriptionArn");
  }
  // Subscribed and confirmed.
  std::string endpoint(const std::string& name, Form attributes = {}) {
    const std::string arn = pending(name, std::move(attributes));
    const auto asked = receiver_->next();
    EXPECT_EQ(asked.header("x-amz-sns-message-type"), "SubscriptionConfirmation");
    EXPECT_EQ(visit(asked.member("SubscribeURL")).status, 200);
    return arn;
  }
  // As a receiver does: a GET without a signature.
  net::ClientResponse visit(const std::string& url) {
    const std::size_t path = url.find('/', std::string_view("http://").size());
    EXPECT_EQ(url.substr(0, path), "http://hub.example:9324");
    return call("GET", url.substr(path), "", {});
  }
  std::string attribute_of(const std::string& arn, const std::string& name) {
    const std::string body = sns("GetSubscriptionAttributes", {{"SubscriptionArn", arn}}).body;
    const std::string before = "<key>" + name + "</key><value>";
    const std::size_t at = body.find(before);
    if (at == std::string::npos) return "";
    return body.substr(at + before.size(), body.find("</value>", at) - at - before.size());
  }

  std::unique_ptr<Receiver> receiver_;
};

TEST_F(Http, an_endpoint_is_asked_and_gets_nothing_before_it_has_said_yes) {
  make_topic("orders");
  EXPECT_EQ(element(try_http("orders", receiver_->url()), "SubscriptionArn"), "pending confirmation");
  const auto asked = receiver_->next();
  EXPECT_EQ(asked.header("x-amz-sns-message-type"), "SubscriptionConfirmation");
  EXPECT_EQ(asked.header("x-amz-sns-message-id"), asked.member("MessageId"));
  EXPECT_EQ(asked.header("x-amz-sns-topic-arn"), topic("orders"));
  EXPECT_EQ(asked.header("x-amz-sns-subscription-arn"), "");
  EXPECT_EQ(asked.header("content-type"), "text/plain; charset=UTF-8");
  EXPECT_EQ(asked.member("Type"), "SubscriptionConfirmation");
  EXPECT_NE(asked.member("Signature"), "");
  EXPECT_THAT(sns("ListSubscriptions", {}).body, HasSubstr("<SubscriptionArn>PendingConfirmation</SubscriptionArn>"));
  EXPECT_THAT(sns("GetTopicAttributes", {{"TopicArn", topic("orders")}}).body,
              HasSubstr("<key>SubscriptionsPending</key><value>1</value>"));
  publish("orders", "too early");
  const auto confirmed = visit(asked.member("SubscribeURL"));
  const std::string arn = element(confirmed, "SubscriptionArn");
  EXPECT_EQ(attribute_of(arn, "PendingConfirmation"), "false");
  EXPECT_EQ(attribute_of(arn, "ConfirmationWasAuthenticated"), "false");
  EXPECT_EQ(element(visit(asked.member("SubscribeURL")), "SubscriptionArn"), arn) << "once more is no fault";
  publish("orders", "in time", {{"Subject", "S"}});
  const auto got = receiver_->next();
  EXPECT_EQ(got.member("Message"), "in time");
  EXPECT_EQ(got.member("Subject"), "S");
  EXPECT_EQ(got.header("x-amz-sns-message-type"), "Notification");
  EXPECT_EQ(got.header("x-amz-sns-subscription-arn"), arn);
  EXPECT_EQ(got.header("x-amz-sns-rawdelivery"), "");
  EXPECT_EQ(got.header("user-agent"), "Amazon Simple Notification Service Agent");
}

TEST_F(Http, who_has_a_key_confirms_by_the_token_and_may_keep_others_from_leaving) {
  make_topic("orders");
  const std::string arn = pending("orders");
  EXPECT_EQ(attribute_of(arn, "PendingConfirmation"), "true");
  const std::string token = receiver_->next().member("Token");
  const auto confirm = [&](const std::string& with) {
    return sns("ConfirmSubscription",
               {{"TopicArn", topic("orders")}, {"Token", with}, {"AuthenticateOnUnsubscribe", "true"}});
  };
  EXPECT_EQ(element(confirm("x" + token), "Message"), "Invalid parameter: Token");
  EXPECT_EQ(element(confirm(token), "SubscriptionArn"), arn);
  EXPECT_EQ(attribute_of(arn, "ConfirmationWasAuthenticated"), "true");
  publish("orders", "one");
  EXPECT_EQ(visit(receiver_->next().member("UnsubscribeURL")).status, 403);
  publish("orders", "two");
  EXPECT_EQ(receiver_->next().member("Message"), "two");
  EXPECT_EQ(sns("Unsubscribe", {{"SubscriptionArn", arn}}).status, 200);
  EXPECT_THAT(sns("ListSubscriptions", {}).body, Not(HasSubstr(arn)));
}

TEST_F(Http, who_has_no_key_leaves_by_the_url_and_may_come_back) {
  make_topic("orders");
  const std::string arn = endpoint("orders");
  publish("orders", "one");
  const std::string leave = receiver_->next().member("UnsubscribeURL");
  EXPECT_EQ(visit(leave).status, 200);
  const auto told = receiver_->next();
  EXPECT_EQ(told.member("Type"), "UnsubscribeConfirmation");
  EXPECT_EQ(told.header("x-amz-sns-subscription-arn"), arn);
  EXPECT_EQ(sns("GetSubscriptionAttributes", {{"SubscriptionArn", arn}}).status, 404);
  EXPECT_THAT(sns("ListSubscriptions", {}).body, Not(HasSubstr(receiver_->url())));
  publish("orders", "to nobody");
  EXPECT_EQ(element(visit(told.member("SubscribeURL")), "SubscriptionArn"), arn);
  publish("orders", "back");
  EXPECT_EQ(receiver_->next().member("Message"), "back");
}

TEST_F(Http, what_nobody_confirms_within_two_days_is_forgotten) {
  make_topic("orders");
  const std::string arn = pending("orders");
  const auto asked = receiver_->next();
  restart();
  EXPECT_EQ(attribute_of(arn, "PendingConfirmation"), "true");
  clock_.advance(std::chrono::hours(48));
  EXPECT_EQ(sns("GetSubscriptionAttributes", {{"SubscriptionArn", arn}}).status, 404);
  EXPECT_EQ(
      element(sns("ConfirmSubscription", {{"TopicArn", topic("orders")}, {"Token", asked.member("Token")}}), "Message"),
      "Invalid parameter: Token");
  EXPECT_NE(pending("orders"), arn);
  EXPECT_NE(receiver_->next().member("Token"), asked.member("Token"));
}

TEST_F(Http, subscribing_again_asks_again_with_the_same_token) {
  make_topic("orders");
  const std::string arn = pending("orders");
  const std::string token = receiver_->next().member("Token");
  EXPECT_EQ(pending("orders"), arn);
  EXPECT_EQ(receiver_->next().member("Token"), token);
}

TEST_F(Http, raw_messages_have_no_envelope_and_filters_hold) {
  make_topic("orders");
  endpoint("orders", {{"RawMessageDelivery", "true"},
                      {"FilterPolicy", R"({"kind":["new"]})"},
                      {"DeliveryPolicy", R"({"requestPolicy":{"headerContentType":"application/json"}})"}});
  publish("orders", "old", attribute(1, "kind", "String", "old"));
  publish("orders", R"({"n":1})", attribute(1, "kind", "String", "new"));
  const auto got = receiver_->next();
  EXPECT_EQ(got.body, R"({"n":1})");
  EXPECT_EQ(got.header("x-amz-sns-rawdelivery"), "true");
  EXPECT_EQ(got.header("content-type"), "application/json");
}

TEST_F(Http, a_structure_has_a_message_for_the_protocol) {
  create("one");
  make_topic("orders");
  subscribe("orders", "one", {{"RawMessageDelivery", "true"}});
  endpoint("orders", {{"RawMessageDelivery", "true"}});
  publish("orders", R"({"default":"d","http":"h"})", {{"MessageStructure", "json"}});
  EXPECT_EQ(receiver_->next().body, "h");
  EXPECT_EQ(drain("one", 1), std::vector<std::string>{"d"});
}

TEST_F(Http, it_is_tried_again_by_the_policy) {
  make_topic("orders");
  endpoint("orders", {{"DeliveryPolicy", kAtOnce}});
  receiver_->answer({503, 429});
  publish("orders", "one");
  const std::string id = receiver_->next().header("x-amz-sns-message-id");
  EXPECT_EQ(receiver_->next().header("x-amz-sns-message-id"), id);
  EXPECT_EQ(receiver_->next().header("x-amz-sns-message-id"), id) << "the last retry";
  publish("orders", "two");
  EXPECT_EQ(receiver_->next().member("Message"), "two");
}

TEST_F(Http, what_has_no_more_retries_goes_to_the_dead_letter_queue) {
  create("dead");
  make_topic("orders");
  endpoint("orders", {{"DeliveryPolicy", kAtOnce},
                      {"RawMessageDelivery", "true"},
                      {"RedrivePolicy", R"({"deadLetterTargetArn":")" + kQueueHead + "dead\"}"}});
  receiver_->answer({500, 500, 500});
  publish("orders", "never", attribute(1, "kind", "String", "new"));
  const auto got = receive("dead", R"(,"MessageAttributeNames":["All"],"WaitTimeSeconds":20)");
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].body, "never");
  EXPECT_EQ(receiver_->count(), 4u) << "the confirmation, a try and two retries";
  receiver_->answer({404});
  publish("orders", "bad");
  EXPECT_EQ(receive("dead", R"(,"WaitTimeSeconds":20)").at(0).body, "bad");
  EXPECT_EQ(receiver_->count(), 5u) << "a 4xx is for good";
}

TEST_F(Http, without_a_dead_letter_queue_it_is_given_up_and_the_next_one_comes) {
  make_topic("orders");
  endpoint("orders");
  receiver_->answer({400});
  publish("orders", "bad");
  EXPECT_EQ(receiver_->next().member("Message"), "bad");
  publish("orders", "good");
  EXPECT_EQ(receiver_->next().member("Message"), "good");
}

TEST_F(Http, what_waits_for_an_endpoint_comes_after_a_restart) {
  make_topic("orders");
  const std::string arn = endpoint(
      "orders",
      {{"DeliveryPolicy", R"({"healthyRetryPolicy":{"numRetries":1,"minDelayTarget":1,"maxDelayTarget":1}})"}});
  receiver_->answer({503});
  publish("orders", "kept");
  EXPECT_EQ(receiver_->next().member("Message"), "kept");
  restart();
  clock_.advance(std::chrono::seconds(2));
  EXPECT_EQ(receiver_->next().member("Message"), "kept");
  EXPECT_EQ(attribute_of(arn, "PendingConfirmation"), "false");
}

TEST_F(Http, a_topic_that_is_deleted_takes_its_queues_along) {
  make_topic("orders");
  endpoint("orders");
  const auto queues = [this] {
    const auto stored = engine_->stored_queues().value();
    return std::ranges::count_if(stored, [](const engine::QueueSpec& each) { return Registry::owns(each.name); });
  };
  EXPECT_EQ(queues(), 1);
  EXPECT_EQ(sns("DeleteTopic", {{"TopicArn", topic("orders")}}).status, 200);
  EXPECT_EQ(queues(), 0);
}

TEST_F(Http, endpoints_that_may_not_be_called_or_are_none_are_refused) {
  make_topic("orders");
  make_topic("line.fifo");
  const auto message = [&](const std::string& url) { return element(try_http("orders", url), "Message"); };
  EXPECT_EQ(message("https://example.com/"), "Invalid parameter: Endpoint must match the specified protocol");
  EXPECT_THAT(message("http://me:secret@example.com/"), HasSubstr("user and password"));
  EXPECT_THAT(message("http://169.254.169.254/latest"), HasSubstr("Endpoint Reason: "));
  EXPECT_THAT(message("http://[fe80::1]:80/"), HasSubstr("Endpoint Reason: "));
  EXPECT_THAT(message("http://10.0.0.1/"), HasSubstr("sns.allow_private"));
  EXPECT_THAT(element(try_http("line.fifo", receiver_->url()), "Message"), HasSubstr("FIFO topics"));
  EXPECT_EQ(element(try_http("orders", receiver_->url(), {{"DeliveryPolicy", "{"}}), "Message"),
            "Invalid parameter: Attributes Reason: DeliveryPolicy: failed to parse JSON");
  EXPECT_EQ(receiver_->count(), 0u);
}

}  // namespace
}  // namespace trunkline::sns::testing
