#include "net/http_stream.hpp"

#include <future>

#include "net/server_fixture_test.hpp"

namespace trunkline::net {
namespace {

using base::Millis;
using testing::RawClient;

std::string get(std::string_view target, std::string_view extra = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", target, extra);
}

class HttpStreamTest : public testing::HttpServerTest {
 protected:
  std::shared_ptr<HttpStream> begin(RawClient& client, const std::string& request = get("/stream")) {
    EXPECT_TRUE(client.send(request));
    auto taken = streams_.take(1);
    return taken.empty() ? nullptr : std::move(taken[0].second);
  }
  bool write(HttpStream& stream, std::string_view bytes) {
    bool written = false;
    on_loop([&] { written = stream.write(bytes); });
    return written;
  }
  void close(HttpStream& stream) {
    on_loop([&] { stream.close(); });
  }
  std::future<void> closed(HttpStream& stream) {
    auto promise = std::make_shared<std::promise<void>>();
    on_loop([&] { stream.on_closed([promise] { promise->set_value(); }); });
    return promise->get_future();
  }
  static bool comes(const std::future<void>& future) {
    return future.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  }
};

TEST_F(HttpStreamTest, sends_chunks_as_they_are_written_and_goes_on_with_the_connection_afterwards) {
  start();
  RawClient client(port_);
  const auto stream = begin(client);
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, ::testing::HasSubstr("Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_THAT(head, ::testing::Not(::testing::HasSubstr("Content-Length")));
  EXPECT_TRUE(write(*stream, "hello"));
  EXPECT_EQ(client.read_exactly(10), "5\r\nhello\r\n");
  EXPECT_TRUE(write(*stream, ""));
  EXPECT_TRUE(write(*stream, std::string(26, 'x')));
  EXPECT_EQ(client.read_exactly(32), "1a\r\n" + std::string(26, 'x') + "\r\n");
  close(*stream);
  EXPECT_EQ(client.read_exactly(5), "0\r\n\r\n");
  ASSERT_TRUE(client.send(testing::post("next")));
  EXPECT_EQ(client.read_answer().body, "next");
  EXPECT_FALSE(write(*stream, "too late"));
  close(*stream);
  ASSERT_TRUE(client.send(testing::post("undisturbed")));
  EXPECT_EQ(client.read_answer().body, "undisturbed");
}

TEST_F(HttpStreamTest, a_stream_may_be_written_and_closed_in_the_turn_it_begins) {
  start();
  HttpServer server({loops_[0].get()}, {}, [](IoLoop&, const HttpRequest&, Responder respond) {
    HttpResponse response;
    response.stream = [](const std::shared_ptr<HttpStream>& stream) {
      EXPECT_TRUE(stream->write("all"));
      stream->close();
    };
    respond(std::move(response));
  });
  RawClient client(*server.listen("127.0.0.1:0"));
  ASSERT_TRUE(client.send(get("/") + get("/")));
  for (int i = 0; i < 2; ++i) {
    client.read_until("\r\n\r\n");
    EXPECT_EQ(client.read_exactly(13), "3\r\nall\r\n0\r\n\r\n");
  }
  TearDown();
}

TEST_F(HttpStreamTest, ends_with_the_connection_for_http_1_0) {
  start();
  RawClient client(port_);
  const auto stream = begin(client, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(head, ::testing::Not(::testing::HasSubstr("Transfer-Encoding")));
  EXPECT_TRUE(write(*stream, "one "));
  EXPECT_TRUE(write(*stream, "two"));
  close(*stream);
  EXPECT_EQ(client.read_all(), "one two");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpStreamTest, closes_after_a_stream_when_the_request_said_so) {
  start();
  RawClient client(port_);
  const auto stream = begin(client, get("/stream", "Connection: close\r\n"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(write(*stream, "x"));
  close(*stream);
  EXPECT_EQ(client.read_all(), "1\r\nx\r\n0\r\n\r\n");
}

TEST_F(HttpStreamTest, an_answer_without_a_body_begins_no_stream) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" + testing::post("after")));
  EXPECT_THAT(client.read_until("\r\n\r\n"), ::testing::HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(client.read_answer().body, "after");
}

TEST_F(HttpStreamTest, requests_behind_a_stream_wait_for_its_end_also_when_the_peer_has_sent_its_last) {
  start();
  RawClient client(port_);
  const auto stream = begin(client, get("/stream") + testing::post("a") + testing::post("b"));
  client.shut_down_sending();
  client.read_until("\r\n\r\n");
  EXPECT_TRUE(write(*stream, "still"));
  EXPECT_EQ(client.read_exactly(10), "5\r\nstill\r\n");
  EXPECT_EQ(server_->statistics().requests, 1u);
  close(*stream);
  EXPECT_EQ(client.read_exactly(5), "0\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "a");
  EXPECT_EQ(client.read_answer().body, "b");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpStreamTest, answers_to_requests_that_were_read_before_the_stream_began_come_behind_it) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(testing::post("", "", "/later") + testing::post("behind")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  ASSERT_TRUE(eventually([](const auto& now) { return now.requests == 2; }));
  on_loop([&] {
    HttpResponse response;
    response.stream = [this](std::shared_ptr<HttpStream> stream) { streams_.add(*loops_[0], std::move(stream)); };
    open[0].second(std::move(response));
  });
  auto begun = streams_.take(1);
  ASSERT_EQ(begun.size(), 1u);
  EXPECT_TRUE(write(*begun[0].second, "first"));
  close(*begun[0].second);
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.read_exactly(15), "5\r\nfirst\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "behind");
}

TEST_F(HttpStreamTest, a_peer_that_sends_on_and_on_behind_its_stream_is_not_read_without_bound) {
  start();
  RawClient client(port_);
  const auto stream = begin(client);
  std::string flood;
  for (int i = 0; i < 2000; ++i) flood += testing::post(std::string(1000, 'x'));
  std::thread sender([&] { client.send(flood); });
  client.read_until("\r\n\r\n");
  EXPECT_TRUE(write(*stream, "ok"));
  EXPECT_EQ(client.read_exactly(7), "2\r\nok\r\n");
  EXPECT_EQ(server_->statistics().requests, 1u);
  close(*stream);
  client.read_exactly(5);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(client.read_answer().body.size(), 1000u);
  sender.join();
}

TEST_F(HttpStreamTest, a_reset_is_heard_of_though_more_was_sent_than_is_kept) {
  start();
  RawClient client(port_);
  const auto stream = begin(client);
  const auto gone = closed(*stream);
  client.read_until("\r\n\r\n");
  ASSERT_TRUE(client.send(std::string(200 << 10, ' ')));
  client.reset();
  EXPECT_TRUE(comes(gone));
  EXPECT_FALSE(write(*stream, "nobody"));
}

TEST_F(HttpStreamTest, neither_idle_nor_head_time_outs_cut_a_stream) {
  start({.header_timeout = Millis(30), .body_timeout = Millis(30), .idle_timeout = Millis(30)});
  RawClient client(port_);
  const auto stream = begin(client);
  client.read_until("\r\n\r\n");
  for (int i = 0; i < 3; ++i) {
    RawClient idle(port_);
    idle.read_all();
    ASSERT_TRUE(idle.closed());
  }
  EXPECT_TRUE(write(*stream, "alive"));
  EXPECT_EQ(client.read_exactly(10), "5\r\nalive\r\n");
}

TEST_F(HttpStreamTest, cuts_a_reader_that_leaves_more_than_the_bound) {
  start({.stream_unfetched_max = 100'000});
  RawClient client(port_);
  const auto stream = begin(client);
  const auto gone = closed(*stream);
  std::size_t most = 0;
  bool written = true;
  for (int i = 0; written && i < 100'000; ++i) {
    on_loop([&] {
      written = stream->write(std::string(10'000, 's'));
      most = std::max(most, stream->unfetched());
    });
  }
  EXPECT_FALSE(written);
  EXPECT_LE(most, 100'000u + 10'020u);
  EXPECT_TRUE(comes(gone));
  EXPECT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
  EXPECT_THAT(client.read_all(), ::testing::Not(::testing::EndsWith("0\r\n\r\n")));
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpStreamTest, a_reader_that_keeps_up_gets_more_than_the_bound_whole) {
  start({.stream_unfetched_max = 100'000});
  RawClient client(port_);
  const auto stream = begin(client, get("/stream", "Connection: close\r\n"));
  client.read_until("\r\n\r\n");
  std::string got;
  std::thread reader([&] { got = client.read_all(); });
  std::size_t sent = 0;
  for (int i = 0; i < 1000; ++i) {
    for (std::size_t waiting = 1; waiting > 0;) {
      on_loop([&] { waiting = stream->unfetched(); });
    }
    ASSERT_TRUE(write(*stream, std::string(99'999, 'r')));
    sent += 99'999;
  }
  close(*stream);
  reader.join();
  EXPECT_TRUE(got.ends_with("\r\n0\r\n\r\n"));
  EXPECT_EQ(static_cast<std::size_t>(std::count(got.begin(), got.end(), 'r')), sent);
}

TEST_F(HttpStreamTest, takes_one_write_over_the_bound_when_nothing_waits_before_it) {
  start({.stream_unfetched_max = 1000});
  RawClient client(port_);
  const auto stream = begin(client);
  client.read_until("\r\n\r\n");
  EXPECT_TRUE(write(*stream, std::string(8 << 20, 'b')));
  EXPECT_EQ(client.read_exactly((8 << 20) + 10).size(), (8u << 20) + 10u);
}

TEST_F(HttpStreamTest, the_write_time_out_cuts_a_reader_that_takes_nothing) {
  start({.write_timeout = Millis(50)});
  RawClient client(port_);
  const auto stream = begin(client);
  const auto gone = closed(*stream);
  EXPECT_TRUE(write(*stream, std::string(64 << 20, 'x')));  // more than the system's buffers take
  EXPECT_TRUE(comes(gone));
  EXPECT_FALSE(write(*stream, "more"));
}

TEST_F(HttpStreamTest, a_peer_that_has_closed_is_found_at_a_write) {
  start();
  RawClient client(port_);
  const auto stream = begin(client);
  const auto gone = closed(*stream);
  client.read_until("\r\n\r\n");
  client.close();
  for (bool open = true; open;) open = write(*stream, ":\n");
  EXPECT_TRUE(comes(gone));
  EXPECT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
}

TEST_F(HttpStreamTest, a_peer_that_resets_is_found_without_a_write) {
  start();
  RawClient client(port_);
  const auto stream = begin(client);
  const auto gone = closed(*stream);
  client.read_until("\r\n\r\n");
  client.reset();
  EXPECT_TRUE(comes(gone));
  EXPECT_TRUE(comes(closed(*stream))) << "who asks later is told, too";
}

TEST_F(HttpStreamTest, a_reset_is_found_without_a_write_after_the_peer_has_shut_down_its_sending_side) {
  start();
  RawClient client(port_);
  const auto stream = begin(client);
  const auto gone = closed(*stream);
  client.read_until("\r\n\r\n");
  client.shut_down_sending();
  EXPECT_TRUE(write(*stream, "half"));
  EXPECT_EQ(client.read_exactly(9), "4\r\nhalf\r\n");
  client.reset();
  EXPECT_TRUE(comes(gone));
}

TEST_F(HttpStreamTest, a_stream_that_is_let_go_is_cut_without_a_last_chunk) {
  start();
  RawClient client(port_);
  auto stream = begin(client);
  EXPECT_TRUE(write(*stream, "half"));
  on_loop([&] { stream.reset(); });
  EXPECT_THAT(client.read_all(), ::testing::EndsWith("\r\n\r\n4\r\nhalf\r\n"));
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpStreamTest, a_stop_tells_its_streams_and_waits_for_their_ends) {
  start({}, 2);
  RawClient client(port_);
  ASSERT_TRUE(client.send(get("/stream")));
  auto taken = streams_.take(1);
  ASSERT_EQ(taken.size(), 1u);
  auto [loop, stream] = taken[0];
  std::promise<void> told;
  loop->post([&] {
    stream->on_closed([&] {
      EXPECT_TRUE(stream->write("bye"));
      stream->close();
      told.set_value();
    });
  });
  const std::future<void> stopped = stop(std::chrono::minutes(5));
  EXPECT_TRUE(comes(told.get_future()));
  EXPECT_TRUE(comes(stopped));
  EXPECT_THAT(client.read_all(), ::testing::EndsWith("3\r\nbye\r\n0\r\n\r\n"));
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpStreamTest, a_stop_cuts_streams_that_do_not_end_at_its_deadline) {
  start();
  RawClient client(port_);
  const auto stream = begin(client);
  const auto told = closed(*stream);
  const std::future<void> stopped = stop(Millis(30));
  EXPECT_TRUE(comes(told));
  EXPECT_TRUE(comes(stopped));
  EXPECT_TRUE(comes(closed(*stream))) << "who asks later is told, too";
  EXPECT_THAT(client.read_all(), ::testing::Not(::testing::EndsWith("0\r\n\r\n")));
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpStreamTest, a_stream_of_a_connection_that_was_lost_before_it_began_is_never_begun) {
  start();
  RawClient client(port_);
  ASSERT_TRUE(client.send(testing::post("", "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  client.reset();
  ASSERT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = held;
  on_loop([&] {
    HttpResponse response;
    response.stream = [held = std::move(held)](const std::shared_ptr<HttpStream>&) { ADD_FAILURE() << "begun"; };
    open[0].second(std::move(response));
  });
  on_loop([] {});
  EXPECT_TRUE(alive.expired());
}

TEST_F(HttpStreamTest, closed_is_not_told_after_close_also_when_it_was_on_its_way) {
  start({.stream_unfetched_max = 1000});
  RawClient client(port_);
  const auto stream = begin(client);
  client.read_until("\r\n\r\n");
  bool told = false;
  on_loop([&] {
    stream->on_closed([&] { told = true; });
    while (stream->write(std::string(1 << 20, 'x'))) {
    }
    stream->close();
  });
  on_loop([] {});
  EXPECT_FALSE(told);

  RawClient other(port_);
  const auto lost = begin(other);
  other.reset();
  ASSERT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
  on_loop([&] {
    lost->on_closed([&] { told = true; });
    lost->close();
  });
  on_loop([] {});
  EXPECT_FALSE(told);
}

TEST_F(HttpStreamTest, serves_many_streams_at_once) {
  start({}, 2);
  constexpr std::size_t kStreams = 300;
  std::vector<RawClient> clients;
  std::vector<std::pair<IoLoop*, std::shared_ptr<HttpStream>>> streams;
  for (std::size_t i = 0; i < kStreams; ++i) {
    clients.emplace_back(port_);
    ASSERT_TRUE(clients.back().send(get("/stream")));
  }
  while (streams.size() < kStreams) {
    auto more = streams_.take(1);
    ASSERT_FALSE(more.empty());
    std::move(more.begin(), more.end(), std::back_inserter(streams));
  }
  std::string expected;
  for (int round = 0; round < 50; ++round) {
    const std::string line = fmt::format("round {:03}", round);
    expected += "9\r\n" + line + "\r\n";
    for (const auto& loop : loops_) {
      loop->post([&streams, loop = loop.get(), line] {
        for (const auto& [home, stream] : streams) {
          if (home == loop) stream->write(line);
        }
      });
    }
  }
  for (RawClient& client : clients) {
    client.read_until("\r\n\r\n");
    ASSERT_EQ(client.read_exactly(expected.size()), expected);
  }
  for (std::size_t i = 0; i < kStreams; i += 3) clients[i].reset();
  for (auto& [home, stream] : streams) {
    home->post([stream = std::move(stream)] { stream->close(); });
  }
  for (std::size_t i = 0; i < kStreams; ++i) {
    if (i % 3 != 0) {
      ASSERT_EQ(clients[i].read_exactly(5), "0\r\n\r\n");
    }
  }
  clients.clear();
  EXPECT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
}

TEST_F(HttpStreamTest, may_be_destroyed_with_streams_open) {
  start();
  RawClient client(port_);
  auto stream = begin(client);
  on_loop([&] { stream->on_closed([keeps_itself = stream] {}); });
  TearDown();
  EXPECT_FALSE(stream->write("too late"));
  stream.reset();
}

}  // namespace
}  // namespace trunkline::net
