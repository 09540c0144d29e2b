#include "net/http_server.hpp"
#include "net/content_coding.hpp"

#include <zlib.h>

#include "net/server_fixture_test.hpp"

namespace trunkline::net {
namespace {

using base::Millis;
using testing::HttpServerTest;
using testing::post;
using testing::RawClient;

std::string gzip(std::string_view text, int window_bits = MAX_WBITS + 16) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return out;
}

TEST_F(HttpServerTest, answers_with_length_and_date_and_keeps_the_connection) {
  start();
  RawClient client(port_);
  for (const std::string body : {"one", "", "three"}) {
    ASSERT_TRUE(client.send(post(body)));
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, body);
    EXPECT_THAT(answer.head, ::testing::MatchesRegex(
                                 "HTTP/1.1 200 OK\r\nDate: [A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] 20[0-9][0-9] "
                                 "[0-9][0-9]:[0-9][0-9]:[0-9][0-9] GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: [0-9]\r\n\r\n"));
  }
  EXPECT_EQ(server_->statistics().requests, 3u);
}

TEST_F(HttpServerTest, reads_a_request_that_comes_byte_by_byte) {
  start();
  RawClient client(port_);
  const std::string request =
      "POST /se%65n?code=a%2Bb&x HTTP/1.1\r\nHost: h\r\nX-Two: a\tb \r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;ext=\"v\"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nTrailer: gone\r\n\r\n";
  for (const char byte : request) ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "POST /seen ? code=a%2Bb&x\nHost=h\nX-Two=a\tb\nTransfer-Encoding=chunked\nabc0123456789");
}

TEST_F(HttpServerTest, answers_a_pipelined_burst_in_the_order_of_requests) {
  start({}, 2);
  RawClient client(port_);
  std::string burst;
  for (int i = 0; i < 500; ++i) burst += post(std::to_string(i));
  ASSERT_TRUE(client.send(burst));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.read_answer().body, std::to_string(i));
}

TEST_F(HttpServerTest, says_of_a_request_that_waits_whether_its_peer_is_gone) {
  start();
  const auto gone = [&](const char* extra, auto leave) {
    RawClient client(port_);
    EXPECT_TRUE(client.send(post("", extra, "/peer")));
    auto kept = peers_.take(1);
    auto& [loop, peer] = kept.at(0);
    leave(client);
    auto promise = std::make_shared<std::promise<bool>>();
    std::future<bool> told = promise->get_future();
    loop->post([&peer = peer, promise] {
      const auto connection = peer.connection.lock();
      const bool is_gone = !connection || connection->gone();
      peer.respond(HttpResponse::text(200, "late"));
      promise->set_value(is_gone);
    });
    return told.get();
  };
  EXPECT_FALSE(gone("", [](RawClient&) {}));
  EXPECT_FALSE(gone("Connection: close\r\n", [](RawClient&) {}));
  EXPECT_TRUE(gone("", [](RawClient& client) { client.close(); }));
  EXPECT_TRUE(gone("", [](RawClient& client) { client.reset(); }));
  EXPECT_TRUE(gone("", [](RawClient& client) { client.shut_down_sending(); }));
  EXPECT_TRUE(gone("Connection: close\r\n", [](RawClient& client) { client.close(); }))
      << "a connection that is not read any more";
}

TEST_F(HttpServerTest, answers_in_order_though_later_requests_are_answered_first) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later") + post("", "", "/later") + post("second") + post("", "", "/later")));
  auto open = waiting_.take(3);
  ASSERT_EQ(open.size(), 3u);
  on_loop([&] { open[2].second(HttpResponse::text(200, "last")); });
  on_loop([&] { open[1].second(HttpResponse::text(200, "b")); });
  on_loop([&] { open[0].second(HttpResponse::text(200, "a")); });
  EXPECT_EQ(client.read_answer().body, "a");
  EXPECT_EQ(client.read_answer().body, "b");
  EXPECT_EQ(client.read_answer().body, "second");
  EXPECT_EQ(client.read_answer().body, "last");
}

TEST_F(HttpServerTest, reads_no_more_than_pipeline_max_requests_ahead_of_the_answers) {
  start({.pipeline_max = 4});
  RawClient client(port_);
  std::string burst;
  for (int i = 0; i < 10; ++i) burst += post("", "", "/later");
  ASSERT_TRUE(client.send(burst));
  for (const std::size_t count : {4u, 4u, 2u}) {
    auto open = waiting_.take(count);
    ASSERT_EQ(open.size(), count);
    on_loop([&] {
      for (auto& [loop, respond] : open) respond(HttpResponse::text(200, "x"));
    });
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(client.read_answer().status, 200);
  }
}

TEST_F(HttpServerTest, reads_no_further_while_the_bodies_of_open_requests_reach_the_body_bound) {
  start({.body_bytes_max = 1000});
  RawClient client(port_);
  ASSERT_TRUE(client.send(post(std::string(600, 'a'), "", "/later") + post(std::string(600, 'b'), "", "/later") +
                          post(std::string(600, 'c'), "", "/later")));
  auto two = waiting_.take(2);
  ASSERT_EQ(two.size(), 2u);
  on_loop([&] {
    two[0].second(HttpResponse::text(200, "a"));
    two[1].second(HttpResponse::text(200, "b"));
  });
  auto third = waiting_.take(1);
  ASSERT_EQ(third.size(), 1u);
  on_loop([&] { third[0].second(HttpResponse::text(200, "c")); });
  for (const char* body : {"a", "b", "c"}) EXPECT_EQ(client.read_answer().body, body);
}

TEST_F(HttpServerTest, a_peer_that_shuts_down_its_sending_side_still_gets_its_answers) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later") + post("tail") + "POST /half HT"));
  client.shut_down_sending();
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  on_loop([&] { open[0].second(HttpResponse::text(200, "late")); });
  EXPECT_EQ(client.read_answer().body, "late");
  EXPECT_EQ(client.read_answer().body, "tail");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, answers_503_to_a_request_whose_responder_is_dropped) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/drop") + post("next")));
  EXPECT_EQ(client.read_answer().status, 503);
  EXPECT_EQ(client.read_answer().body, "next");
}

TEST_F(HttpServerTest, takes_an_answer_and_a_dropped_responder_from_another_thread) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later") + post("", "", "/later")));
  auto open = waiting_.take(2);
  ASSERT_EQ(open.size(), 2u);
  open[0].second(HttpResponse::text(200, "from outside"));
  open.clear();
  EXPECT_EQ(client.read_answer().body, "from outside");
  EXPECT_EQ(client.read_answer().status, 503);
}

TEST_F(HttpServerTest, ignores_an_answer_that_comes_after_the_peer_has_reset_the_connection) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  client.reset();
  ASSERT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
  on_loop([&] { open[0].second(HttpResponse::text(200, "nobody hears")); });
  RawClient other(port_);
  ASSERT_TRUE(other.send(post("alive")));
  EXPECT_EQ(other.read_answer().body, "alive");
}

TEST_F(HttpServerTest, ignores_a_second_answer_to_the_same_request) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  on_loop([&] {
    open[0].second(HttpResponse::text(200, "first"));
    open[0].second(HttpResponse::text(200, "second"));
  });
  EXPECT_EQ(client.read_answer().body, "first");
  ASSERT_TRUE(client.send(post("third")));
  EXPECT_EQ(client.read_answer().body, "third");
}

TEST_F(HttpServerTest, closes_after_a_request_with_connection_close_and_reads_no_request_behind_it) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("last", "Connection: close\r\n") + post("never")));
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.body, "last");
  EXPECT_THAT(answer.head, ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(server_->statistics().requests, 1u);
}

TEST_F(HttpServerTest, closes_when_the_handler_says_so) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/close") + post("never")));
  EXPECT_EQ(client.read_answer().body, "bye");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, speaks_http_1_0_with_and_without_keep_alive) {
  start();
  RawClient kept(port_);
  ASSERT_TRUE(kept.send("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na"));
  EXPECT_THAT(kept.read_answer().head, ::testing::HasSubstr("Connection: keep-alive\r\n"));
  ASSERT_TRUE(kept.send("POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\nb"));
  const auto last = kept.read_answer();
  EXPECT_EQ(last.body, "b");
  EXPECT_THAT(last.head, ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(kept.read_all(), "");
  EXPECT_TRUE(kept.closed());
}

TEST_F(HttpServerTest, an_answer_to_head_and_a_204_carry_no_body) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send("HEAD /seen HTTP/1.1\r\nHost: x\r\n\r\n" + post("", "", "/nothing") + post("after")));
  const auto head = client.read_answer(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_THAT(head.head, ::testing::HasSubstr("Content-Length: 21\r\n"));
  const auto nothing = client.read_answer();
  EXPECT_EQ(nothing.status, 204);
  EXPECT_THAT(nothing.head, ::testing::Not(::testing::HasSubstr("Content-Length")));
  EXPECT_EQ(client.read_answer().body, "after");
}

TEST_F(HttpServerTest, carries_bodies_of_megabytes_both_ways) {
  start();
  RawClient client(port_);
  std::string body(2 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 7) body[i] = static_cast<char>(i);
  std::thread sender([&] { client.send(post(body) + post("", "", "/big")); });
  EXPECT_EQ(client.read_answer().body, body);
  EXPECT_EQ(client.read_answer().body.size(), 4u << 20);
  sender.join();
}

TEST_F(HttpServerTest, sends_100_continue_before_the_body_and_in_its_turn) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later") +
                          "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  on_loop([&] { open[0].second(HttpResponse::text(200, "first")); });
  EXPECT_EQ(client.read_answer().body, "first");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.send("body"));
  EXPECT_EQ(client.read_answer().body, "body");
}

TEST_F(HttpServerTest, sends_no_100_continue_for_a_body_over_the_bound_nor_when_the_body_is_there) {
  start({.body_bytes_max = 100});
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("all here", "Expect: 100-continue\r\n")));
  EXPECT_EQ(client.read_answer().body, "all here");
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n"));
  EXPECT_EQ(client.read_answer().status, 503);
}

TEST(GzipBytes, come_back_as_they_were_and_are_smaller_where_they_repeat) {
  std::string text = "a\0b";
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i % 100);
  for (const std::string& each : {std::string(), std::string("x"), text}) {
    std::string decoded;
    EXPECT_EQ(inflate_bytes(gzip_bytes(each), Coding::gzip, 1 << 20, decoded), Inflated::ok);
    EXPECT_EQ(decoded, each);
  }
  EXPECT_LT(gzip_bytes(text).size(), text.size() / 10);
}

TEST_F(HttpServerTest, undoes_gzip_and_both_forms_of_deflate) {
  start();
  RawClient client(port_);
  const std::string text(300'000, 'z');
  ASSERT_TRUE(client.send(post(gzip(text), "Content-Encoding: gzip\r\n", "/size")));
  EXPECT_EQ(client.read_answer().body, "300000");
  ASSERT_TRUE(client.send(post(gzip("ab") + gzip("cd"), "Content-Encoding: x-gzip\r\n")));
  EXPECT_EQ(client.read_answer().body, "abcd");
  ASSERT_TRUE(client.send(post(gzip("zlib form", MAX_WBITS), "Content-Encoding: Deflate\r\n")));
  EXPECT_EQ(client.read_answer().body, "zlib form");
  ASSERT_TRUE(client.send(post(gzip("raw form", -MAX_WBITS), "Content-Encoding: deflate\r\n")));
  EXPECT_EQ(client.read_answer().body, "raw form");
}

TEST_F(HttpServerTest, hands_on_what_cannot_be_decompressed_as_it_came) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("plain", "Content-Encoding: br\r\n", "/why")));
  EXPECT_EQ(client.read_answer().body, "Content-Encoding is neither gzip nor deflate|plain");
  ASSERT_TRUE(client.send(post("not gzip", "Content-Encoding: gzip\r\n", "/why")));
  EXPECT_EQ(client.read_answer().body, "damaged compressed body|not gzip");
  const std::string cut = gzip("some text that is long enough").substr(0, 20);
  ASSERT_TRUE(client.send(post(cut, "Content-Encoding: gzip\r\n", "/why")));
  EXPECT_EQ(client.read_answer().body, "damaged compressed body|" + cut);
  ASSERT_TRUE(client.send(post("x", "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", "/why")));
  EXPECT_EQ(client.read_answer().body, "more than one Content-Encoding|x");
}

TEST_F(HttpServerTest, refuses_a_gzip_bomb_with_503_and_goes_on) {
  start({.decompressed_bytes_max = 1 << 20});
  RawClient client(port_);
  ASSERT_TRUE(client.send(post(gzip(std::string(1 << 20, '\0')), "Content-Encoding: gzip\r\n", "/size")));
  EXPECT_EQ(client.read_answer().body, "1048576");
  ASSERT_TRUE(client.send(post(gzip(std::string((1 << 20) + 1, '\0')), "Content-Encoding: gzip\r\n", "/size")));
  EXPECT_EQ(client.read_answer().status, 503);
  ASSERT_TRUE(client.send(post("fine")));
  EXPECT_EQ(client.read_answer().body, "fine");
  EXPECT_EQ(server_->statistics().refused, 1u);
}

TEST_F(HttpServerTest, closes_without_an_answer_on_what_is_no_http_or_framed_in_two_ways) {
  start();
  const std::vector<std::string> heads = {
      "NOT HTTP\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
      "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
  };
  for (const std::string& head : heads) {
    SCOPED_TRACE(head);
    RawClient client(port_);
    client.send(head + post("smuggled"));
    EXPECT_EQ(client.read_all(), "");
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(server_->statistics().bad_requests, heads.size());
  EXPECT_EQ(server_->statistics().requests, 0u);
}

TEST_F(HttpServerTest, answers_what_came_before_a_malformed_request) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later") + post("good") + "bad\r\n\r\n" + post("never")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  ASSERT_TRUE(eventually([](const auto& now) { return now.bad_requests == 1; }));
  on_loop([&] { open[0].second(HttpResponse::text(200, "late")); });
  EXPECT_EQ(client.read_answer().body, "late");
  EXPECT_EQ(client.read_answer().body, "good");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, answers_503_and_closes_on_heads_and_bodies_over_their_bounds) {
  start({.body_bytes_max = 10'000, .header_bytes_max = 1000});
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::string> requests = {
      post(std::string(10'001, 'x')),
      "POST / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'x') + "\r\n\r\n",
      "GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n",
      chunked + "2711\r\n" + std::string(10'001, 'x') + "\r\n0\r\n\r\n",
      chunked + "1388\r\n" + std::string(5000, 'x') + "\r\n1389\r\n" + std::string(5001, 'x') + "\r\n0\r\n\r\n",
      chunked + "1;" + std::string(2000, 'x') + "\r\nx\r\n0\r\n\r\n",
      chunked + "0\r\nX: " + std::string(2000, 'x') + "\r\n\r\n",
  };
  for (const std::string& request : requests) {
    SCOPED_TRACE(request.substr(0, 80));
    RawClient client(port_);
    client.send(request.substr(0, request.size() - 5));
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.head, ::testing::HasSubstr("Connection: close\r\n"));
    EXPECT_EQ(client.read_all(), "");
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(server_->statistics().refused, requests.size());
  RawClient client(port_);
  ASSERT_TRUE(client.send(post(std::string(10'000, 'x'), "", "/size")));
  EXPECT_EQ(client.read_answer().body, "10000");
}

TEST_F(HttpServerTest, a_sender_of_too_much_reads_its_503_though_it_goes_on_sending) {
  start({.body_bytes_max = 1000});
  RawClient client(port_);
  client.send(post(std::string(8 << 20, 'x')));
  EXPECT_EQ(client.read_answer().status, 503);
}

TEST_F(HttpServerTest, answers_503_when_all_connections_together_hold_too_many_bytes) {
  start({.buffered_bytes_max = 1000});
  RawClient holder(port_);
  ASSERT_TRUE(holder.send(post(std::string(900, 'x'), "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  RawClient refused(port_);
  refused.send(post(std::string(200, 'x')));
  EXPECT_EQ(refused.read_answer().status, 503);
  on_loop([&] { open[0].second(HttpResponse::text(200, "done")); });
  EXPECT_EQ(holder.read_answer().body, "done");
  RawClient fits(port_);
  ASSERT_TRUE(fits.send(post(std::string(900, 'x'), "", "/size")));
  EXPECT_EQ(fits.read_answer().body, "900");
}

TEST_F(HttpServerTest, closes_connections_over_the_bound_at_once) {
  start({.connections_max = 2});
  RawClient first(port_);
  RawClient second(port_);
  for (RawClient* client : {&first, &second}) {
    ASSERT_TRUE(client->send(post("in")));
    ASSERT_EQ(client->read_answer().body, "in");
  }
  RawClient third(port_);
  EXPECT_EQ(third.read_all(), "");
  EXPECT_TRUE(third.closed());
  first.close();
  ASSERT_TRUE(eventually([](const auto& now) { return now.connections == 1; }));
  RawClient fourth(port_);
  ASSERT_TRUE(fourth.send(post("in again")));
  EXPECT_EQ(fourth.read_answer().body, "in again");
}

TEST_F(HttpServerTest, closes_a_connection_whose_head_body_or_next_request_does_not_come_in_time) {
  start({.header_timeout = Millis(50), .body_timeout = Millis(50), .idle_timeout = Millis(50)});
  RawClient idle(port_);
  RawClient slow_head(port_);
  RawClient slow_body(port_);
  ASSERT_TRUE(slow_head.send("POST / HTTP/1.1\r\nHost:"));
  ASSERT_TRUE(slow_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"));
  for (RawClient* client : {&idle, &slow_head, &slow_body}) {
    EXPECT_EQ(client->read_all(), "");
    EXPECT_TRUE(client->closed());
  }
}

TEST_F(HttpServerTest, does_not_time_out_a_connection_that_waits_for_its_answer) {
  start({.header_timeout = Millis(40), .body_timeout = Millis(40), .idle_timeout = Millis(40)});
  RawClient waits(port_);
  ASSERT_TRUE(waits.send(post("", "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  // Three connections in a row that do time out: the one that waits has outlived the bound by then.
  for (int i = 0; i < 3; ++i) {
    RawClient idle(port_);
    idle.read_all();
    ASSERT_TRUE(idle.closed());
  }
  on_loop([&] { open[0].second(HttpResponse::text(200, "late but here")); });
  EXPECT_EQ(waits.read_answer().body, "late but here");
}

// The look for time-outs comes between the answer and its first write: the loop is held up until the look is due, then
// answers, and flushes behind the timer.
TEST_F(HttpServerTest, an_answer_after_a_long_rest_is_not_late_before_it_was_tried_to_be_sent) {
  constexpr Millis kBound(30);
  start({.write_timeout = kBound});
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  on_loop([&] {
    const base::Clock& clock = loops_[0]->clock();
    const base::MonoTime since = clock.mono();
    while (clock.mono() - since < 4 * kBound) std::this_thread::yield();
    loops_[0]->post([&] { open[0].second(HttpResponse::text(200, "rested")); });
  });
  EXPECT_EQ(client.read_answer().body, "rested");
}

TEST_F(HttpServerTest, cuts_a_peer_that_does_not_fetch_its_answers) {
  start({.write_timeout = Millis(50)});
  RawClient client(port_);
  std::string burst;
  for (int i = 0; i < 16; ++i) burst += post("", "", "/big");
  ASSERT_TRUE(client.send(burst));
  EXPECT_TRUE(eventually([](const auto& now) { return now.requests > 0 && now.connections == 0; }));
  EXPECT_LT(server_->statistics().requests, 16u);
}

TEST_F(HttpServerTest, serves_thousands_of_connections_that_open_and_close) {
  start({}, 2);
  for (int round = 0; round < 20; ++round) {
    std::vector<RawClient> clients;
    for (int i = 0; i < 100; ++i) {
      clients.emplace_back(port_);
      ASSERT_TRUE(clients.back().connected());
      const std::string bytes = i % 3 == 0 ? "" : i % 3 == 1 ? post("x") : "POST / HT";
      ASSERT_TRUE(clients.back().send(bytes));
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (i % 3 == 1) {
        ASSERT_EQ(clients[i].read_answer().body, "x");
      }
      if (i % 7 == 0) clients[i].reset();
    }
  }
  EXPECT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
  EXPECT_EQ(server_->statistics().requests, 20u * 33u);
}

TEST_F(HttpServerTest, deals_connections_to_the_loops_in_turn) {
  start({}, 3);
  std::vector<RawClient> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back(port_);
    ASSERT_TRUE(clients.back().send(post("", "", "/later")));
  }
  std::map<IoLoop*, int> per_loop;
  std::size_t count = 0;
  while (count < 6) {
    auto open = waiting_.take(1);
    ASSERT_FALSE(open.empty());
    for (auto& [loop, respond] : open) ++per_loop[loop];
    count += open.size();
  }
  ASSERT_EQ(per_loop.size(), 3u);
  for (const auto& [loop, connections] : per_loop) EXPECT_EQ(connections, 2);
}

TEST_F(HttpServerTest, a_graceful_stop_answers_what_is_open_and_closes_the_rest) {
  start({}, 2);
  RawClient idle(port_);
  RawClient waits(port_);
  RawClient half(port_);
  ASSERT_TRUE(idle.send(post("a")));
  ASSERT_EQ(idle.read_answer().body, "a");
  ASSERT_TRUE(waits.send(post("", "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  ASSERT_TRUE(half.send(post("b") + "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab"));
  ASSERT_EQ(half.read_answer().body, "b");

  std::future<void> stopped = stop(std::chrono::minutes(5));
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.closed());
  ASSERT_TRUE(half.send("cd"));
  const auto last = half.read_answer();
  EXPECT_EQ(last.body, "abcd");
  EXPECT_THAT(last.head, ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(stopped.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  open[0].first->post([&] { open[0].second(HttpResponse::text(200, "finished")); });
  const auto answer = waits.read_answer();
  EXPECT_EQ(answer.body, "finished");
  EXPECT_THAT(answer.head, ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(stopped.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(server_->statistics().connections, 0u);
  EXPECT_FALSE(RawClient(port_).connected());
}

TEST_F(HttpServerTest, a_stop_cuts_what_is_left_at_its_deadline) {
  start();
  RawClient waits(port_);
  ASSERT_TRUE(waits.send(post("", "", "/later")));
  auto open = waiting_.take(1);
  std::future<void> stopped = stop(Millis(30));
  EXPECT_EQ(stopped.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(waits.read_all(), "");
  EXPECT_TRUE(waits.closed());
}

TEST_F(HttpServerTest, may_be_destroyed_with_requests_open_and_responders_alive) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(post("", "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  TearDown();
  loops_.clear();
  open[0].second(HttpResponse::text(200, "too late"));
}

TEST_F(HttpServerTest, listens_on_names_and_refuses_addresses_that_are_none) {
  start();
  auto port = server_->listen("localhost:0");
  ASSERT_TRUE(port.ok()) << port.error().detail;
  RawClient client(*port);
  ASSERT_TRUE(client.send(post("by name")));
  EXPECT_EQ(client.read_answer().body, "by name");
  EXPECT_EQ(server_->listen("no port").error().code, base::Errc::invalid);
  EXPECT_EQ(server_->listen("999.1.1.1:0").error().code, base::Errc::invalid);
  EXPECT_EQ(server_->listen("127.0.0.1:" + std::to_string(port_)).error().code, base::Errc::unavailable);
}

}  // namespace
}  // namespace trunkline::net
