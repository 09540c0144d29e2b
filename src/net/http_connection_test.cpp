#include "net/http_connection.hpp"

#include <future>

#include "net/http_server.hpp"
#include "net/listener_test.hpp"

namespace trunkline::net {
namespace {

using base::Millis;
using testing::Listener;

constexpr Millis kLong = std::chrono::seconds(20);

// A loop with a connection on it; what the callbacks get is handed to the test's thread in order.
class HttpConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override { loop_.start(); }
  void TearDown() override {
    connection_.reset();
    loop_.stop();
    loop_.join();
  }
  void connect(std::uint16_t port, const std::string& host = "127.0.0.1") {
    connection_ = std::shared_ptr<HttpConnection>(new HttpConnection(loop_, host, port), [this](HttpConnection* owned) {
      std::promise<void> gone;
      loop_.post([&] {
        delete owned;
        gone.set_value();
      });
      gone.get_future().wait();
    });
  }
  std::future<base::Result<ClientResponse>> send(std::string bytes, Millis timeout = kLong) {
    auto promise = std::make_shared<std::promise<base::Result<ClientResponse>>>();
    loop_.post([this, promise, bytes = std::move(bytes), timeout] {
      connection_->send(bytes, timeout,
                        [promise](base::Result<ClientResponse> result) { promise->set_value(std::move(result)); });
    });
    return promise->get_future();
  }

  IoLoop loop_{"client"};
  std::shared_ptr<HttpConnection> connection_;
};

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(HttpConnectionTest, exchanges_many_pipelined_requests_with_our_server) {
  IoLoop server_loop("server");
  HttpServer server({&server_loop}, {}, [](IoLoop&, HttpRequest request, Responder respond) {
    respond(HttpResponse::text(200, request.path + request.body));
  });
  const std::uint16_t port = *server.listen("127.0.0.1:0");
  server_loop.start();
  connect(port, "localhost");
  std::vector<std::future<base::Result<ClientResponse>>> answers;
  for (int i = 0; i < 300; ++i) {
    answers.push_back(
        send(request_bytes(i % 5 == 0 ? "HEAD" : "POST", "/p", "localhost", {{"X-A", "b"}}, std::to_string(i))));
  }
  for (int i = 0; i < 300; ++i) {
    auto answer = answers[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(answer.ok()) << answer.error().detail;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, i % 5 == 0 ? "" : "/p" + std::to_string(i));
  }
  server_loop.stop();
  server_loop.join();
}

TEST_F(HttpConnectionTest, skips_interim_answers_and_reads_chunks_byte_by_byte) {
  Listener peer;
  connect(peer.port());
  auto answer = send(kGet);
  auto socket = peer.accept();
  EXPECT_EQ(socket.read_until("\r\n\r\n"), kGet);
  for (const char byte :
       std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n"
                   "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
    ASSERT_TRUE(socket.send(std::string_view(&byte, 1)));
  }
  const auto result = answer.get();
  ASSERT_TRUE(result.ok()) << result.error().detail;
  EXPECT_EQ(result->status, 201);
  EXPECT_EQ(result->body, "abcde");
  EXPECT_EQ(find_header(result->headers, "a"), "b");
}

TEST_F(HttpConnectionTest, reads_an_answer_that_ends_with_the_connection_and_connects_again) {
  Listener peer;
  connect(peer.port());
  auto first = send(kGet);
  {
    auto socket = peer.accept();
    socket.read_until("\r\n\r\n");
    ASSERT_TRUE(socket.send("HTTP/1.1 200 OK\r\n\r\nto the end"));
  }
  const auto answer = first.get();
  ASSERT_TRUE(answer.ok()) << answer.error().detail;
  EXPECT_EQ(answer->body, "to the end");
  auto second = send(kGet);
  auto socket = peer.accept();
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_EQ(second.get()->status, 204);
}

TEST_F(HttpConnectionTest, all_outstanding_requests_of_a_connection_that_breaks_fail_together) {
  Listener peer;
  connect(peer.port());
  auto first = send(kGet);
  auto second = send(kGet);
  auto third = send(kGet);
  auto socket = peer.accept();
  socket.read_exactly(3 * kGet.size());
  ASSERT_TRUE(
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"));
  EXPECT_EQ(first.get()->body, "ok");
  socket.close();
  EXPECT_EQ(second.get().error().code, base::Errc::unavailable);
  EXPECT_EQ(third.get().error().code, base::Errc::unavailable);
}

TEST_F(HttpConnectionTest, tells_timeout_refusal_garbage_and_cancelling_apart) {
  Listener peer;
  connect(peer.port());
  auto silent = send(kGet, Millis(30));
  EXPECT_EQ(silent.get().error().code, base::Errc::timeout);
  peer.accept();

  auto garbage = send(kGet);
  auto socket = peer.accept();
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send("SMTP ready\r\n"));
  EXPECT_EQ(garbage.get().error().code, base::Errc::unavailable);

  auto cancelled = send(kGet);
  loop_.post([this] { connection_->close(); });
  EXPECT_EQ(cancelled.get().error().code, base::Errc::cancelled);

  const std::uint16_t port = peer.port();
  peer.close();
  connect(port);
  EXPECT_EQ(send(kGet).get().error().code, base::Errc::unavailable);
  connect(port, "no-such-host.invalid");
  EXPECT_EQ(send(kGet).get().error().code, base::Errc::unavailable);
}

TEST_F(HttpConnectionTest, refuses_more_outstanding_requests_than_its_bound) {
  Listener peer;
  connect(peer.port());
  std::vector<std::future<base::Result<ClientResponse>>> answers;
  for (std::size_t i = 0; i <= HttpConnection::kOutstandingMax; ++i) answers.push_back(send(kGet));
  EXPECT_EQ(answers.back().get().error().code, base::Errc::overloaded);
}

}  // namespace
}  // namespace trunkline::net
