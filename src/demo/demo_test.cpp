#include "demo/demo.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include <fmt/format.h>

namespace trunkline::demo {
namespace {

// As much of a hub as the demonstration sees: takes every event, says what it is told to say of its consumers, and
// delivers nothing.
class FakeHub {
 public:
  FakeHub() {
    server_ = std::make_unique<net::HttpServer>(std::vector<net::IoLoop*>{&loop_}, net::HttpServerOptions{},
                                                [this](net::IoLoop&, net::HttpRequest request, net::Responder respond) {
                                                  answer(request, std::move(respond));
                                                });
    port = server_->listen("127.0.0.1:0").value();
    loop_.start();
  }
  ~FakeHub() {
    std::promise<void> gone;
    server_->stop(std::chrono::seconds(1), [&gone] { gone.set_value(); });
    gone.get_future().wait();
    loop_.stop();
    loop_.join();
  }
  std::uint16_t port = 0;
  std::atomic<std::uint64_t> taken{0};

 private:
  void answer(const net::HttpRequest& request, net::Responder respond) {
    if (request.path.starts_with("/ingest/")) {
      const std::uint64_t sequence = ++taken;
      return respond(net::HttpResponse::json(
          200, fmt::format(R"({{"results":[{{"verdict":"accepted","sequence":{}}}]}})", sequence)));
    }
    if (request.path == "/api/v1/consumers") {
      return respond(net::HttpResponse::json(200, R"({"consumers":[{"name":"siem","waiting":7,"delivered":1,)"
                                                  R"("oldest_waiting_seconds":3600},{"name":"unknown"}]})"));
    }
    respond(net::HttpResponse::json(200, R"({"leases":[]})"));
  }

  net::IoLoop loop_{"hub"};
  std::unique_ptr<net::HttpServer> server_;
};

class DemoTest : public ::testing::Test {
 protected:
  DemoTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trunkline-demo-test-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
  }
  ~DemoTest() override { std::filesystem::remove_all(directory); }

  std::unique_ptr<Demo> make(double rate = 500) {
    DemoOptions options;
    options.directory = directory;
    options.traffic.rate = rate;
    auto made = Demo::make(std::move(options));
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }
  static net::HttpResponse ask(Demo& demo, std::string method, std::string path, std::string body = {}) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.body = std::move(body);
    auto promise = std::make_shared<std::promise<net::HttpResponse>>();
    auto answer = promise->get_future();
    demo.handle(std::move(request), [promise](net::HttpResponse response) { promise->set_value(std::move(response)); });
    return answer.get();
  }

  std::string directory;
};

TEST_F(DemoTest, sends_until_it_is_told_to_stop_and_counts_what_was_promised) {
  FakeHub hub;
  const auto demo = make();
  demo->start(hub.port);
  while (demo->figures().accepted < 100) std::this_thread::yield();
  demo->stop_traffic();
  const std::uint64_t taken = hub.taken;
  EXPECT_EQ(demo->figures().accepted, taken);
  EXPECT_GE(demo->figures().on_the_way, taken) << "nothing was delivered, and the siem gets everything";
  EXPECT_FALSE(demo->drain(std::chrono::minutes(1), [] { return true; }));
  demo->stop();
  EXPECT_EQ(hub.taken, taken);
  const auto outcomes = demo->verify();
  ASSERT_TRUE(outcomes.ok());
  EXPECT_FALSE(outcomes->front().holds()) << "a hub that delivers nothing loses everything";
  EXPECT_EQ(outcomes->front().report.count(sim::Offence::lost), taken);
}

TEST_F(DemoTest, breaks_and_mends_a_downstream_and_says_so) {
  const auto demo = make();
  EXPECT_EQ(ask(*demo, "POST", "/demo/downstreams/siem", R"({"mode":"hang"})").status, 200);
  EXPECT_NE(ask(*demo, "GET", "/demo/state").body.find(R"("name":"siem","mode":"hang")"), std::string::npos);
  EXPECT_EQ(ask(*demo, "POST", "/demo/downstreams/siem", R"({"mode":"ok"})").status, 200);
  EXPECT_NE(ask(*demo, "GET", "/demo/state").body.find(R"("name":"siem","mode":"ok")"), std::string::npos);
}

TEST_F(DemoTest, answers_what_it_cannot_do_with_the_reason) {
  const auto demo = make();
  EXPECT_EQ(ask(*demo, "POST", "/demo/downstreams/nobody", "{}").status, 404);
  EXPECT_EQ(ask(*demo, "POST", "/demo/downstreams/siem", "{").status, 400);
  EXPECT_EQ(ask(*demo, "POST", "/demo/downstreams/siem", "[]").status, 400);
  EXPECT_EQ(ask(*demo, "POST", "/demo/downstreams/wfm", R"({"mode":"503"})").status, 400);
  EXPECT_EQ(ask(*demo, "GET", "/demo/downstreams/siem").status, 405);
  EXPECT_EQ(ask(*demo, "DELETE", "/demo/state").status, 405);
  EXPECT_EQ(ask(*demo, "GET", "/demo/else").status, 404);
}

TEST_F(DemoTest, ends_without_ever_having_seen_a_hub) {
  const auto demo = make();
  demo->stop();
  demo->stop();
  EXPECT_TRUE(std::filesystem::exists(directory + "/siem.tsv"));
}

TEST_F(DemoTest, is_refused_where_it_cannot_write) {
  DemoOptions options;
  options.directory = directory + "/not/there";
  EXPECT_FALSE(Demo::make(std::move(options)).ok());
}

}  // namespace
}  // namespace trunkline::demo
