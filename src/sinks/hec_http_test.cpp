#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "net/listener_test.hpp"
#include "sinks/hec_sink.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::sinks {
namespace {

using delivery::Verdict;
using testing::HasSubstr;
using testing::SizeIs;

// The sink over a real client against a real server on loopback that plays a Splunk.
class HecOverHttp : public testing::Test {
 protected:
  HecOverHttp() {
    options_.token = "token-1";
    options_.consumer = "siem";
    options_.body = Body::raw;
    client_loop_.start();
  }
  ~HecOverHttp() override {
    on(client_loop_, [this] { sink_.reset(); });
    client_loop_.stop();
    client_loop_.join();
    if (server_) {
      on(server_loop_, [this] { kept_.clear(); });
      server_loop_.stop();
      server_loop_.join();
    }
  }
  template <class Work>
  void on(net::IoLoop& loop, Work work) {
    std::promise<void> done;
    loop.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Answers every request as `answer` says; called on the server's loop.
  void serve(std::function<net::HttpResponse(const net::HttpRequest&)> answer) {
    server_ = std::make_unique<net::HttpServer>(
        std::vector<net::IoLoop*>{&server_loop_}, net::HttpServerOptions{},
        [this, answer = std::move(answer)](net::IoLoop&, net::HttpRequest request, net::Responder respond) {
          net::HttpResponse response = answer(request);
          {
            const std::scoped_lock lock(mutex_);
            requests_.push_back(std::move(request));
          }
          if (response.status == 0) {
            const std::scoped_lock lock(mutex_);
            kept_.push_back(std::move(respond));
            return;
          }
          respond(std::move(response));
        });
    server_loop_.start();
    const auto port = server_->listen("127.0.0.1:0");
    ASSERT_TRUE(port.ok());
    connect_to(*port);
  }
  void connect_to(std::uint16_t port) {
    options_.url = fmt::format("http://127.0.0.1:{}", port);
    on(client_loop_, [&] {
      net::HttpClientOptions client;
      client.addresses.allow_loopback = true;
      auto sink = HecSink::make(options_, render_raw, std::make_unique<ClientSender>(client_loop_, client),
                                client_loop_.clock());
      ASSERT_TRUE(sink.ok());
      sink_ = std::move(*sink);
    });
  }
  delivery::BatchVerdict send(std::size_t events) {
    delivery::Batch batch;
    batch.consumer = "siem";
    for (std::size_t i = 1; i <= events; ++i) {
      auto record = std::make_shared<engine::Record>();
      record->sequence = {i};
      record->event.raw = fmt::format("{{\"n\":{}}}", i);
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
  // A peer that reads a request, sends these bytes and ends the connection.
  delivery::BatchVerdict send_to_peer_that_says(std::string bytes) {
    net::testing::Listener listener;
    connect_to(listener.port());
    std::thread peer([&] {
      auto client = listener.accept();
      client.read_until("\r\n\r\n");
      client.send(bytes);
    });
    delivery::BatchVerdict verdict = send(2);
    peer.join();
    return verdict;
  }

  net::IoLoop server_loop_{"splunk"};
  net::IoLoop client_loop_{"client"};
  std::mutex mutex_;
  std::vector<net::HttpRequest> requests_;
  std::vector<net::Responder> kept_;
  std::unique_ptr<net::HttpServer> server_;
  HecOptions options_;
  std::unique_ptr<HecSink> sink_;
};

net::HttpResponse says(int status, int code) {
  return net::HttpResponse::json(status, fmt::format(R"({{"text":"t","code":{}}})", code));
}

TEST_F(HecOverHttp, delivers_a_compressed_batch_over_one_connection_that_is_kept) {
  serve([](const net::HttpRequest&) { return says(200, 0); });
  for (int i = 0; i < 2; ++i) {
    const auto verdict = send(2);
    ASSERT_THAT(verdict.events, SizeIs(2));
    EXPECT_EQ(verdict.events[1].verdict, Verdict::delivered) << verdict.events[1].detail;
  }
  const std::scoped_lock lock(mutex_);
  ASSERT_THAT(requests_, SizeIs(2));
  EXPECT_EQ(requests_[0].path, "/services/collector/event");
  EXPECT_EQ(requests_[0].header("Authorization"), "Splunk token-1");
  EXPECT_EQ(requests_[0].body_error, "");
  EXPECT_THAT(requests_[0].body, HasSubstr("\"event\":{\"n\":1}}\n{\"time\":"));
  EXPECT_EQ(requests_[0].peer, requests_[1].peer);
}

TEST_F(HecOverHttp, every_code_becomes_its_verdict_and_the_bad_event_of_a_batch_is_named) {
  std::atomic<int> status{200};
  std::atomic<int> code{0};
  serve([&](const net::HttpRequest&) {
    return net::HttpResponse::json(status,
                                   fmt::format(R"({{"text":"t","code":{},"invalid-event-number":1}})", code.load()));
  });
  struct Case {
    int status;
    int code;
    Verdict verdict;
    bool suspect;
  };
  for (const Case& each : std::vector<Case>{{403, 4, Verdict::unavailable, false},
                                            {400, 7, Verdict::unavailable, false},
                                            {503, 9, Verdict::unavailable, false},
                                            {400, 6, Verdict::rejected, true},
                                            {400, 12, Verdict::rejected, true},
                                            {400, 13, Verdict::rejected, true},
                                            {400, 15, Verdict::rejected, true}}) {
    status = each.status;
    code = each.code;
    const auto verdict = send(3);
    EXPECT_EQ(verdict.refused, each.suspect) << each.code;
    EXPECT_EQ(verdict.suspect, each.suspect ? std::optional<std::size_t>(1) : std::nullopt) << each.code;
    EXPECT_EQ(verdict.events.at(0).verdict, each.verdict) << each.code;
  }
}

TEST_F(HecOverHttp, a_redirect_is_not_followed) {
  serve([](const net::HttpRequest& request) {
    net::HttpResponse response = says(request.path == "/elsewhere" ? 200 : 307, 0);
    response.headers.emplace_back("Location", "/elsewhere");
    return response;
  });
  EXPECT_EQ(send(1).events.at(0).verdict, Verdict::unavailable);
  const std::scoped_lock lock(mutex_);
  EXPECT_THAT(requests_, SizeIs(1));
}

TEST_F(HecOverHttp, an_answer_that_does_not_come_in_time_is_an_outage) {
  options_.timeout = base::Millis(200);
  options_.connect_timeout = base::Millis(100);
  serve([](const net::HttpRequest&) {
    net::HttpResponse never;
    never.status = 0;
    return never;
  });
  const auto verdict = send(2);
  EXPECT_EQ(verdict.events.at(1).verdict, Verdict::unavailable);
  EXPECT_EQ(verdict.events.at(1).error_class, "timeout");
}

TEST_F(HecOverHttp, an_endless_answer_is_cut_and_counts_as_none) {
  serve([](const net::HttpRequest&) {
    return net::HttpResponse::json(200, R"({"text":")" + std::string(4 << 20, 'x') + R"(","code":0})");
  });
  EXPECT_EQ(send(1).events.at(0).verdict, Verdict::unavailable);
}

TEST_F(HecOverHttp, half_answers_and_resets_deliver_nothing_and_blame_nobody) {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"text\":\"Success\",\"code\":0",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1b\r\n{\"text\":\"Success\",\"code\":0}\r\n",
        "hello\r\n\r\n"}) {
    const auto verdict = send_to_peer_that_says(bytes);
    EXPECT_FALSE(verdict.refused) << bytes;
    ASSERT_THAT(verdict.events, SizeIs(2));
    for (const auto& each : verdict.events) EXPECT_EQ(each.verdict, Verdict::unavailable) << bytes;
  }
}

TEST_F(HecOverHttp, a_probe_sends_no_event) {
  serve([](const net::HttpRequest& request) {
    return request.path == "/services/collector/health" ? says(200, 17) : says(400, 5);
  });
  const auto found = probe();
  ASSERT_TRUE(found.ok()) << found.error().detail;
  EXPECT_THAT(*found, HasSubstr("Splunk HEC healthy, token accepted"));
  const std::scoped_lock lock(mutex_);
  ASSERT_THAT(requests_, SizeIs(2));
  for (const auto& request : requests_) EXPECT_EQ(request.body, "");
}

}  // namespace
}  // namespace trunkline::sinks
