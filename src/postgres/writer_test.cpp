#include "postgres/writer.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/manual_loop.hpp"

// Against a real server: tests/e2e/test_postgres.py.
namespace trunkline::postgres {
namespace {

using base::Millis;
using testing::HasSubstr;

// A port of the loopback on which somebody listens, and answers nothing but what it is told.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int accept() const { return ::accept(fd_, nullptr, nullptr); }
  std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

class WriterTest : public testing::Test {
 protected:
  WriterOptions options(std::uint16_t port) {
    WriterOptions options;
    options.connect.host = "127.0.0.1";
    options.connect.port = port;
    options.connect.database = "d";
    options.connect.user = "u";
    options.connect.tls = ConnectOptions::Tls::off;
    options.table = {"s", "t", {{"id", "text", true}, {"n", "bigint"}}, {}};
    return options;
  }
  std::optional<Failure> written(Writer& writer) {
    std::optional<std::optional<Failure>> result;
    writer.write("0\ta\t1\n", [&](std::optional<Failure> failed) { result.emplace(std::move(failed)); });
    EXPECT_FALSE(result) << "never inside of write()";
    while (!result) loop_.wait_and_run();
    return *result;
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
};

TEST_F(WriterTest, nobody_who_listens_is_unreachable) {
  Listener listener;
  listener.close();
  Writer writer(loop_, options(listener.port()));
  const auto failed = written(writer);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->kind, Failure::Kind::unreachable);
  EXPECT_THAT(failed->message, HasSubstr("refused"));
}

TEST_F(WriterTest, a_server_that_never_answers_is_unreachable_after_the_connect_timeout) {
  const Listener listener;
  WriterOptions given = options(listener.port());
  given.connect.connect_timeout = Millis(100);
  Writer writer(loop_, std::move(given));
  const auto failed = written(writer);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->kind, Failure::Kind::unreachable);
  EXPECT_THAT(failed->message, HasSubstr("no connection within 100 ms"));
}

TEST_F(WriterTest, what_is_no_postgresql_is_unreachable) {
  const Listener listener;
  Writer writer(loop_, options(listener.port()));
  std::thread peer([&] {
    const int fd = listener.accept();
    EXPECT_EQ(::send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL), 28);
    ::close(fd);
  });
  const auto failed = written(writer);
  peer.join();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->kind, Failure::Kind::unreachable);
}

TEST_F(WriterTest, its_end_cancels_what_is_under_way_and_does_not_wait_for_the_server) {
  const Listener listener;
  WriterOptions given = options(listener.port());
  given.connections = 1;
  given.connect.connect_timeout = given.timeout = std::chrono::hours(1);
  std::vector<Failure::Kind> first;
  bool second = false;
  int fd = -1;
  {
    Writer writer(loop_, std::move(given));
    writer.write("", [&](const std::optional<Failure>& failed) { first.push_back(failed->kind); });
    writer.write("", [&](const std::optional<Failure>&) { second = true; });
    fd = listener.accept();  // its thread is at work
  }
  ::close(fd);
  loop_.run();
  EXPECT_THAT(first, testing::ElementsAre(Failure::Kind::cancelled));
  EXPECT_FALSE(second) << "no thread had begun it";
}

}  // namespace
}  // namespace trunkline::postgres
