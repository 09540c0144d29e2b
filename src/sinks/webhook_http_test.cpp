#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>

#include "json/document.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "sinks/http_sender.hpp"
#include "sinks/webhook_sink.hpp"

namespace trunkline::sinks {
namespace {

using delivery::Verdict;

// The sink over a real client against a real server on loopback.
class WebhookOverHttp : public testing::Test {
 protected:
  WebhookOverHttp() {
    server_ = std::make_unique<net::HttpServer>(std::vector<net::IoLoop*>{&server_loop_}, net::HttpServerOptions{},
                                                [this](net::IoLoop&, net::HttpRequest request, net::Responder respond) {
                                                  {
                                                    const std::scoped_lock lock(mutex_);
                                                    requests_.push_back(std::move(request));
                                                  }
                                                  net::HttpResponse response =
                                                      net::HttpResponse::text(status_.load(), "said");
                                                  response.headers.emplace_back("Retry-After", "9");
                                                  respond(std::move(response));
                                                });
    server_loop_.start();
    client_loop_.start();
    const auto port = server_->listen("127.0.0.1:0");
    EXPECT_TRUE(port.ok());
    port_ = port.ok() ? *port : 0;
    options_.url = "http://127.0.0.1:" + std::to_string(port_) + "/hook";
    options_.body = Body::raw;
  }
  ~WebhookOverHttp() override {
    on_client_loop([this] { sink_.reset(); });
    client_loop_.stop();
    client_loop_.join();
    server_loop_.stop();
    server_loop_.join();
  }

  template <class Work>
  void on_client_loop(Work work) {
    std::promise<void> done;
    client_loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  void make(net::AddressPolicy policy) {
    on_client_loop([&] {
      net::HttpClientOptions client;
      client.addresses = policy;
      auto sink = WebhookSink::make(options_, render_raw, std::make_unique<ClientSender>(client_loop_, client),
                                    client_loop_.clock());
      EXPECT_TRUE(sink.ok());
      sink_ = std::move(*sink);
    });
  }
  delivery::BatchVerdict send(std::vector<std::string> bodies) {
    delivery::Batch batch;
    batch.consumer = "crm";
    for (std::string& raw : bodies) {
      auto record = std::make_shared<engine::Record>();
      record->sequence = {batch.messages.size() + 1};
      record->event.raw = std::move(raw);
      batch.messages.push_back({record, 0, 1, {}, false});
    }
    std::promise<delivery::BatchVerdict> verdict;
    client_loop_.post([&] {
      sink_->send(std::move(batch), [&](delivery::BatchVerdict answer) { verdict.set_value(std::move(answer)); });
    });
    return verdict.get_future().get();
  }

  base::Result<std::string> probe() {
    std::promise<base::Result<std::string>> found;
    client_loop_.post(
        [&] { sink_->probe([&](base::Result<std::string> answer) { found.set_value(std::move(answer)); }); });
    return found.get_future().get();
  }

  net::IoLoop server_loop_{"server"};
  net::IoLoop client_loop_{"client"};
  std::atomic<int> status_{204};
  std::mutex mutex_;
  std::vector<net::HttpRequest> requests_;
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
  WebhookOptions options_;
  std::unique_ptr<WebhookSink> sink_;
};

TEST_F(WebhookOverHttp, delivers_events_that_verify_at_the_receiver) {
  options_.layout = WebhookOptions::Layout::json_array;
  options_.secrets = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  make({.allow_loopback = true});
  const auto verdict = send({R"({"a":1})", R"({"b":"ü"})"});
  ASSERT_EQ(verdict.events.size(), 2u);
  EXPECT_EQ(verdict.events[0].verdict, Verdict::delivered) << verdict.events[0].detail;
  const std::scoped_lock lock(mutex_);
  ASSERT_EQ(requests_.size(), 1u);
  const net::HttpRequest& request = requests_[0];
  EXPECT_EQ(request.path, "/hook");
  EXPECT_EQ(request.body, R"([{"a":1},{"b":"ü"}])");
  EXPECT_EQ(request.header("trunkline-sequence"), "1,2");
  const auto signer = WebhookSigner::make(options_.secrets);
  const std::string id(request.header("webhook-id").value_or(""));
  const std::int64_t timestamp = std::stoll(std::string(request.header("webhook-timestamp").value_or("0")));
  EXPECT_EQ(request.header("webhook-signature"), signer->sign(id, timestamp, request.body));
}

TEST_F(WebhookOverHttp, answers_become_verdicts) {
  make({.allow_loopback = true});
  status_ = 503;
  const auto verdict = send({"{}"});
  EXPECT_EQ(verdict.events.at(0).verdict, Verdict::unavailable);
  EXPECT_EQ(verdict.events.at(0).after, std::chrono::seconds(9));
  EXPECT_EQ(verdict.events.at(0).detail, "said");
  status_ = 422;
  EXPECT_EQ(send({"{}"}).events.at(0).verdict, Verdict::rejected);
}

TEST_F(WebhookOverHttp, a_loopback_address_is_not_called_unless_allowed) {
  make({});
  const auto verdict = send({"{}"});
  EXPECT_EQ(verdict.events.at(0).verdict, Verdict::unavailable);
  EXPECT_EQ(verdict.events.at(0).error_class, "forbidden_address");
  const std::scoped_lock lock(mutex_);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(WebhookOverHttp, a_closed_port_is_unavailable) {
  options_.url = "http://127.0.0.1:1/hook";
  make({.allow_loopback = true});
  const auto verdict = send({"{}"});
  EXPECT_EQ(verdict.events.at(0).verdict, Verdict::unavailable);
  EXPECT_EQ(verdict.events.at(0).error_class, "connect");
}

TEST_F(WebhookOverHttp, a_probe_tells_what_answers_and_sends_no_event) {
  options_.headers = {{"Authorization", "Bearer t"}};
  make({.allow_loopback = true});
  status_ = 405;
  const auto found = probe();
  ASSERT_TRUE(found.ok()) << found.error().detail;
  EXPECT_EQ(*found, "http://127.0.0.1:" + std::to_string(port_) + " is reachable; OPTIONS is answered 405");
  const std::scoped_lock lock(mutex_);
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].method, "OPTIONS");
  EXPECT_EQ(requests_[0].path, "/hook");
  EXPECT_EQ(requests_[0].body, "");
  EXPECT_EQ(requests_[0].header("Authorization"), "Bearer t");
}

TEST_F(WebhookOverHttp, a_probe_says_why_nobody_answers_and_what_to_do) {
  options_.url = "http://127.0.0.1:1/hook?secret=s3cr3t";
  make({.allow_loopback = true});
  const auto closed = probe();
  ASSERT_FALSE(closed.ok());
  EXPECT_EQ(closed.error().code, base::Errc::unavailable);
  EXPECT_THAT(closed.error().detail, testing::HasSubstr("look whether the service runs"));
  EXPECT_THAT(closed.error().detail, testing::Not(testing::HasSubstr("s3cr3t")));
  make({});
  const auto forbidden = probe();
  ASSERT_FALSE(forbidden.ok());
  EXPECT_THAT(forbidden.error().detail, testing::HasSubstr("allow the address"));
}

}  // namespace
}  // namespace trunkline::sinks
