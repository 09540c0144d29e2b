#include "net/http_client.hpp"

#include <future>

#include "net/http_server.hpp"
#include "net/listener_test.hpp"

namespace trunkline::net {
namespace {

using base::Errc;
using base::Millis;
using testing::Listener;
using Answer = base::Result<ClientResponse>;

class HttpClientTest : public ::testing::Test {
 protected:
  void SetUp() override { loop_.start(); }
  void TearDown() override {
    if (client_) on_loop([this] { client_.reset(); });
    loop_.stop();
    loop_.join();
  }
  void on_loop(base::Task task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  void open(HttpClientOptions options = {.addresses = {.allow_loopback = true}}) {
    on_loop([&] { client_ = std::make_unique<HttpClient>(loop_, options); });
  }
  std::future<Answer> send(ClientRequest request) {
    auto promise = std::make_shared<std::promise<Answer>>();
    loop_.post([this, promise, request] {
      last_id_ = client_->send(request, [this, promise](Answer answer) {
        EXPECT_TRUE(loop_.here());
        promise->set_value(std::move(answer));
      });
    });
    return promise->get_future();
  }
  static std::string url(const Listener& peer, const std::string& path = "/") {
    return fmt::format("http://127.0.0.1:{}{}", peer.port(), path);
  }

  IoLoop loop_{"client"};
  std::unique_ptr<HttpClient> client_;
  std::uint64_t last_id_ = 0;
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(HttpClientTest, sends_what_it_is_told_and_nothing_of_libcurls_own) {
  Listener peer;
  open();
  auto answer = send({.method = "PATCH",
                      .url = url(peer, "/a?b=c"),
                      .headers = {{"X-One", "1"}, {"X-Empty", ""}},
                      .body = std::string("b\0dy", 4)});
  auto socket = peer.accept();
  const std::string head = socket.read_until("\r\n\r\n");
  EXPECT_THAT(head, ::testing::StartsWith("PATCH /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(head, ::testing::HasSubstr("\r\nUser-Agent: trunkline\r\n"));
  EXPECT_THAT(head, ::testing::HasSubstr("\r\nX-One: 1\r\n"));
  EXPECT_THAT(head, ::testing::HasSubstr("\r\nX-Empty:\r\n"));
  EXPECT_THAT(head, ::testing::HasSubstr("\r\nContent-Length: 4\r\n"));
  EXPECT_THAT(head, ::testing::Not(::testing::HasSubstr("Expect")));
  EXPECT_THAT(head, ::testing::Not(::testing::HasSubstr("Content-Type")));
  EXPECT_EQ(socket.read_exactly(4), std::string("b\0dy", 4));
  ASSERT_TRUE(
      socket.send("HTTP/1.1 100 Continue\r\nNot: kept\r\n\r\nHTTP/1.1 418 Teapot\r\nRetry-After:  7 "
                  "\r\nContent-Length: 3\r\n\r\npot"));
  const Answer result = answer.get();
  ASSERT_TRUE(result.ok()) << result.error().detail;
  EXPECT_EQ(result->status, 418);
  EXPECT_EQ(result->body, "pot");
  EXPECT_EQ(result->headers, (Headers{{"Retry-After", "7"}, {"Content-Length", "3"}}));
}

TEST_F(HttpClientTest, speaks_get_head_and_a_large_post_without_waiting_for_100_continue) {
  Listener peer;
  open();
  auto got = send({.method = "GET", .url = url(peer)});
  auto socket = peer.accept();
  EXPECT_THAT(socket.read_until("\r\n\r\n"), ::testing::StartsWith("GET / HTTP/1.1\r\n"));
  ASSERT_TRUE(socket.send(kOk));
  EXPECT_EQ(got.get()->body, "ok");
  auto head = send({.method = "HEAD", .url = url(peer)});
  EXPECT_THAT(socket.read_until("\r\n\r\n"), ::testing::StartsWith("HEAD / HTTP/1.1\r\n"));
  ASSERT_TRUE(socket.send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"));
  EXPECT_EQ(head.get()->body, "");
  const std::string body(3 << 20, 'p');
  auto posted = send({.url = url(peer), .body = body});
  EXPECT_THAT(socket.read_until("\r\n\r\n"), ::testing::HasSubstr("Content-Length: 3145728\r\n"));
  EXPECT_EQ(socket.read_exactly(body.size()), body);
  ASSERT_TRUE(socket.send(kOk));
  EXPECT_EQ(posted.get()->status, 200);
}

TEST_F(HttpClientTest, reuses_a_kept_connection_and_opens_another_when_the_peer_has_closed_it) {
  Listener peer;
  open();
  auto first = send({.url = url(peer)});
  auto socket = peer.accept();
  for (int i = 0; i < 5; ++i) {
    socket.read_until("\r\n\r\n");
    ASSERT_TRUE(socket.send(kOk));
    ASSERT_EQ(first.get()->body, "ok");
    first = send({.url = url(peer)});
  }
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(first.get()->status, 200);
  socket.close();
  auto next = send({.url = url(peer)});
  auto other = peer.accept();
  other.read_until("\r\n\r\n");
  ASSERT_TRUE(other.send(kOk));
  EXPECT_EQ(next.get()->body, "ok");
}

TEST_F(HttpClientTest, keeps_to_connections_per_host_max_and_still_sends_everything) {
  IoLoop server_loop("server");
  std::atomic<std::uint64_t> most = 0;
  HttpServer* server = nullptr;
  HttpServer owned({&server_loop}, {}, [&](IoLoop&, HttpRequest request, Responder respond) {
    most = std::max<std::uint64_t>(most, server->statistics().connections);
    respond(HttpResponse::text(200, request.body));
  });
  server = &owned;
  const std::uint16_t port = *owned.listen("127.0.0.1:0");
  server_loop.start();
  open({.addresses = {.allow_loopback = true}, .connections_per_host_max = 3});
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 200; ++i) {
    answers.push_back(send({.url = fmt::format("http://127.0.0.1:{}/", port), .body = std::to_string(i)}));
  }
  for (int i = 0; i < 200; ++i) {
    const Answer answer = answers[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(answer.ok()) << answer.error().detail;
    EXPECT_EQ(answer->body, std::to_string(i));
  }
  EXPECT_LE(most, 3u);
  EXPECT_GE(most, 1u);
  server_loop.stop();
  server_loop.join();
}

TEST_F(HttpClientTest, does_not_follow_redirects) {
  Listener peer;
  open();
  auto answer = send({.url = url(peer)});
  auto socket = peer.accept();
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"));
  const Answer result = answer.get();
  EXPECT_EQ(result->status, 302);
  EXPECT_EQ(find_header(result->headers, "location"), "http://127.0.0.1:1/");
}

TEST_F(HttpClientTest, a_peer_that_does_not_answer_in_time_is_a_timeout) {
  Listener peer;
  open();
  auto silent = send({.url = url(peer), .timeout = Millis(50)});
  auto socket = peer.accept();
  EXPECT_EQ(silent.get().error().code, Errc::timeout);
  auto half = send({.url = url(peer), .timeout = Millis(50)});
  auto other = peer.accept();
  other.read_until("\r\n\r\n");
  ASSERT_TRUE(other.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"));
  EXPECT_EQ(half.get().error().code, Errc::timeout);
}

TEST_F(HttpClientTest, a_request_that_gets_no_connection_in_time_is_unavailable) {
  Listener peer;
  open({.addresses = {.allow_loopback = true}, .connections_per_host_max = 1});
  auto holds = send({.url = url(peer)});
  auto socket = peer.accept();
  auto waits = send({.url = url(peer), .timeout = Millis(50)});
  EXPECT_EQ(waits.get().error().code, Errc::unavailable);
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send(kOk));
  EXPECT_EQ(holds.get()->body, "ok");
}

TEST_F(HttpClientTest, refused_reset_and_garbage_are_unavailable) {
  open();
  auto peer = std::make_unique<Listener>();
  const std::string target = url(*peer);
  auto reset = send({.url = target});
  {
    auto socket = peer->accept();
    socket.read_until("\r\n\r\n");
    ASSERT_TRUE(socket.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"));
    socket.reset();
  }
  EXPECT_EQ(reset.get().error().code, Errc::unavailable);
  auto garbage = send({.url = target});
  {
    auto socket = peer->accept();
    socket.read_until("\r\n\r\n");
    ASSERT_TRUE(socket.send("220 smtp ready\r\n\r\n"));
  }
  EXPECT_EQ(garbage.get().error().code, Errc::unavailable);
  peer.reset();
  EXPECT_EQ(send({.url = target}).get().error().code, Errc::unavailable);
  EXPECT_EQ(send({.url = "http://no-such-host.invalid/"}).get().error().code, Errc::unavailable);
}

TEST_F(HttpClientTest, keeps_no_more_of_an_answer_than_asked_but_reads_it_to_its_end) {
  Listener peer;
  open();
  auto answer = send({.url = url(peer), .response_bytes_max = 10});
  auto socket = peer.accept();
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'r')));
  EXPECT_EQ(answer.get()->body, std::string(10, 'r'));
  auto again = send({.url = url(peer)});
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send(kOk));
  EXPECT_EQ(again.get()->body, "ok");
}

TEST_F(HttpClientTest, calls_no_forbidden_address_whatever_its_spelling) {
  Listener peer;
  open({});
  const std::string port = std::to_string(peer.port());
  for (const std::string host : {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1",
                                 "0.0.0.0", "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]"}) {
    const Answer answer = send({.url = "http://" + host + ":" + port + "/", .timeout = std::chrono::seconds(20)}).get();
    ASSERT_FALSE(answer.ok()) << host;
    EXPECT_EQ(answer.error().code, Errc::invalid) << host << ": " << answer.error().detail;
    EXPECT_THAT(answer.error().detail, ::testing::HasSubstr("may not be called")) << host;
  }
}

TEST_F(HttpClientTest, refuses_urls_and_headers_that_are_not_for_it) {
  open();
  const auto code = [&](ClientRequest request) { return send(std::move(request)).get().error().code; };
  EXPECT_EQ(code({.url = "file:///etc/passwd"}), Errc::invalid);
  EXPECT_EQ(code({.url = "gopher://127.0.0.1/"}), Errc::invalid);
  EXPECT_EQ(code({.url = "http://user:secret@127.0.0.1/"}), Errc::invalid);
  EXPECT_EQ(code({.url = "http://127.0.0.1/\r\nX: y"}), Errc::invalid);
  EXPECT_EQ(code({.url = "http://[1:2/"}), Errc::invalid);
  EXPECT_EQ(code({.url = ""}), Errc::invalid);
  EXPECT_EQ(code({.url = "http://127.0.0.1/", .headers = {{"A", "b\r\nC: d"}}}), Errc::invalid);
  EXPECT_EQ(code({.url = "http://127.0.0.1/", .headers = {{"A b", "c"}}}), Errc::invalid);
  EXPECT_EQ(code({.method = "BAD METHOD", .url = "http://127.0.0.1/"}), Errc::invalid);
}

TEST_F(HttpClientTest, cancels_a_request_once_and_leaves_the_others) {
  Listener peer;
  open();
  auto stays = send({.url = url(peer)});
  auto first = peer.accept();
  first.read_until("\r\n\r\n");
  auto goes = send({.url = url(peer)});
  auto second = peer.accept();
  second.read_until("\r\n\r\n");
  on_loop([&] {
    client_->cancel(last_id_);
    client_->cancel(last_id_);
    client_->cancel(12345);
  });
  EXPECT_EQ(goes.get().error().code, Errc::cancelled);
  EXPECT_EQ(second.read_all(), "");
  EXPECT_TRUE(second.closed());
  ASSERT_TRUE(first.send(kOk));
  EXPECT_EQ(stays.get()->body, "ok");
}

TEST_F(HttpClientTest, refuses_more_than_requests_max) {
  Listener peer;
  open({.addresses = {.allow_loopback = true}, .requests_max = 2});
  auto first = send({.url = url(peer)});
  auto second = send({.url = url(peer)});
  EXPECT_EQ(send({.url = url(peer)}).get().error().code, Errc::overloaded);
}

TEST_F(HttpClientTest, callbacks_never_run_inside_send_and_may_send_again_or_destroy_the_client) {
  Listener peer;
  open();
  std::promise<void> gone;
  bool inside = false;
  on_loop([&] {
    inside = true;
    client_->send({.url = "nothing://"}, [&](Answer answer) {
      EXPECT_FALSE(inside);
      EXPECT_EQ(answer.error().code, Errc::invalid);
      client_->send({.url = url(peer)}, [&](Answer second) {
        EXPECT_EQ(second->body, "ok");
        client_.reset();
        gone.set_value();
      });
    });
    inside = false;
  });
  auto socket = peer.accept();
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send(kOk));
  gone.get_future().wait();
  EXPECT_EQ(socket.read_all(), "");
  EXPECT_TRUE(socket.closed());
}

TEST_F(HttpClientTest, may_be_destroyed_with_requests_under_way) {
  Listener peer;
  open();
  auto answer = send({.url = url(peer)});
  auto socket = peer.accept();
  on_loop([&] { client_.reset(); });
  EXPECT_THROW((void)answer.get(), std::future_error);
}

TEST_F(HttpClientTest, a_body_is_handed_over_piece_by_piece_as_it_comes) {
  Listener peer;
  open();
  std::promise<void> first;
  std::string got;
  ClientRequest request{.method = "GET", .url = url(peer), .timeout = Millis(0)};
  request.on_body = [&](std::string_view bytes) {
    if (got.empty()) first.set_value();
    got += bytes;
    return true;
  };
  auto answer = send(request);
  auto socket = peer.accept();
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"));
  first.get_future().wait();
  ASSERT_TRUE(socket.send("3\r\ntwo\r\n0\r\n\r\n"));
  const Answer result = answer.get();
  ASSERT_TRUE(result.ok()) << result.error().detail;
  EXPECT_EQ(got, "onetwo");
  EXPECT_EQ(result->body, "");
}

TEST_F(HttpClientTest, who_has_seen_enough_of_a_body_ends_the_exchange) {
  Listener peer;
  open();
  ClientRequest request{.method = "GET", .url = url(peer), .timeout = Millis(0)};
  request.on_body = [](std::string_view) { return false; };
  auto answer = send(request);
  auto socket = peer.accept();
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"));
  const Answer result = answer.get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::cancelled);
}

TEST_F(HttpClientTest, the_body_of_a_refusal_is_kept_for_the_one_who_asked) {
  Listener peer;
  open();
  ClientRequest request{.method = "GET", .url = url(peer), .timeout = Millis(0)};
  request.on_body = [](std::string_view) { return false; };
  auto answer = send(request);
  auto socket = peer.accept();
  socket.read_until("\r\n\r\n");
  ASSERT_TRUE(socket.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"));
  const Answer result = answer.get();
  ASSERT_TRUE(result.ok()) << result.error().detail;
  EXPECT_EQ(result->status, 401);
  EXPECT_EQ(result->body, "no");
}

}  // namespace
}  // namespace trunkline::net
