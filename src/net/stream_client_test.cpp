#include "net/stream_client.hpp"

#include <future>
#include <thread>

#include "net/listener_test.hpp"
#include "net/tls_fixture_test.hpp"

namespace trunkline::net {
namespace {

using base::Errc;
using base::Millis;
using testing::Credentials;
using testing::issue;
using testing::Listener;
using testing::make_authority;
using testing::RawClient;
using testing::TemporaryDirectory;

class StreamClientTest : public ::testing::Test {
 protected:
  StreamClientTest() {
    options_.host = "127.0.0.1";
    options_.addresses.allow_loopback = true;
    options_.timeout = std::chrono::seconds(20);
    options_.connect_timeout = std::chrono::seconds(20);
    options_.hold = Millis(10);
  }
  void SetUp() override { loop_.start(); }
  void TearDown() override {
    end_client();
    loop_.stop();
    loop_.join();
  }
  void end_client() {
    std::promise<void> gone;
    loop_.post([&] {
      client_.reset();
      gone.set_value();
    });
    gone.get_future().wait();
  }
  void make(std::uint16_t port) {
    end_client();
    options_.port = port;
    auto made = StreamClient::make(loop_, options_);
    ASSERT_TRUE(made.ok()) << made.error().detail;
    client_ = std::move(*made);
  }
  std::future<base::Result<void>> write(std::string bytes) {
    auto promise = std::make_shared<std::promise<base::Result<void>>>();
    loop_.post([this, promise, bytes = std::move(bytes)]() mutable {
      client_->write(std::move(bytes), [promise](base::Result<void> result) { promise->set_value(std::move(result)); });
    });
    return promise->get_future();
  }
  static std::string failure(std::future<base::Result<void>> written) {
    const auto result = written.get();
    return result.ok() ? "" : result.error().detail;
  }

  IoLoop loop_{"client"};
  StreamClientOptions options_;
  std::unique_ptr<StreamClient> client_;
};

TEST_F(StreamClientTest, writes_go_over_one_connection_in_order_and_are_done_when_they_are_acknowledged) {
  Listener listener;
  make(listener.port());
  auto first = write("one ");
  auto second = write("two ");
  RawClient peer = listener.accept();
  EXPECT_EQ(peer.read_exactly(8), "one two ");
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  auto third = write("three");
  EXPECT_EQ(peer.read_exactly(5), "three");
  EXPECT_TRUE(third.get().ok());
}

TEST_F(StreamClientTest, more_than_the_sockets_buffers_hold_is_done_only_when_the_peer_has_read_on) {
  Listener listener;
  make(listener.port());
  const std::string large(32 << 20, 'x');
  auto written = write(large);
  RawClient peer = listener.accept();
  EXPECT_EQ(peer.read_exactly(1 << 20).size(), 1u << 20);
  EXPECT_NE(written.wait_for(Millis(0)), std::future_status::ready) << "31 MiB cannot have been acknowledged";
  EXPECT_EQ(peer.read_exactly(large.size() - (1 << 20)).size(), large.size() - (1 << 20));
  EXPECT_TRUE(written.get().ok());
}

TEST_F(StreamClientTest, a_peer_that_dies_with_bytes_unread_fails_the_write_though_its_tcp_has_acknowledged_it) {
  options_.hold = std::chrono::seconds(20);
  Listener listener;
  make(listener.port());
  auto written = write("never read");
  RawClient peer = listener.accept();
  char byte = 0;
  ASSERT_EQ(::recv(peer.descriptor(), &byte, 1, MSG_PEEK | MSG_WAITALL), 1) << "the bytes are in its buffer";
  peer.close();
  const auto result = written.get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::unavailable);
}

TEST_F(StreamClientTest, all_unsettled_writes_fail_with_their_connection_and_the_next_one_makes_another) {
  options_.hold = std::chrono::seconds(20);
  Listener listener;
  make(listener.port());
  auto first = write("one");
  auto second = write("two");
  {
    RawClient peer = listener.accept();
    EXPECT_EQ(peer.read_exactly(6), "onetwo");
    peer.reset();
  }
  EXPECT_NE(failure(std::move(first)), "");
  EXPECT_NE(failure(std::move(second)), "");
  auto again = write("again");
  RawClient peer = listener.accept();
  EXPECT_EQ(peer.read_exactly(5), "again");
}

TEST_F(StreamClientTest, a_peer_that_closes_its_side_is_a_break) {
  options_.hold = std::chrono::seconds(20);
  Listener listener;
  make(listener.port());
  auto written = write("x");
  RawClient peer = listener.accept();
  EXPECT_EQ(peer.read_exactly(1), "x");
  peer.shut_down_sending();
  EXPECT_EQ(failure(std::move(written)), "the peer closed the connection");
}

TEST_F(StreamClientTest, what_a_peer_says_is_thrown_away) {
  Listener listener;
  make(listener.port());
  auto written = write("x");
  RawClient peer = listener.accept();
  EXPECT_TRUE(peer.send(std::string(100'000, 'y')));
  EXPECT_EQ(peer.read_exactly(1), "x");
  EXPECT_TRUE(written.get().ok());
}

TEST_F(StreamClientTest, a_peer_that_reads_nothing_is_a_timeout) {
  options_.timeout = Millis(300);
  Listener listener;
  make(listener.port());
  auto written = write(std::string(32 << 20, 'x'));
  RawClient peer = listener.accept();
  const auto result = written.get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::timeout);
}

TEST_F(StreamClientTest, more_than_its_bound_is_not_taken) {
  options_.unsettled_bytes_max = 10;
  Listener listener;
  make(listener.port());
  auto first = write("12345678");
  const auto second = write("123").get();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::overloaded);
  RawClient peer = listener.accept();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(write("1234567890").get().ok()) << "what is settled counts no more";
}

TEST_F(StreamClientTest, says_why_there_is_no_connection) {
  std::uint16_t port = 0;
  {
    Listener closed;
    port = closed.port();
  }
  make(port);
  EXPECT_EQ(write("x").get().error().code, Errc::unavailable);
  options_.addresses.allow_loopback = false;
  make(port);
  EXPECT_EQ(write("x").get().error().code, Errc::invalid);
  options_.host = "name.invalid";
  make(port);
  EXPECT_EQ(failure(write("x")).substr(0, 17), "Could not resolve");
}

TEST_F(StreamClientTest, nothing_to_write_is_done_when_there_is_a_connection) {
  Listener listener;
  make(listener.port());
  auto written = write("");
  RawClient peer = listener.accept();
  EXPECT_TRUE(written.get().ok());
}

// ---- TLS

// Accepts one connection and reads `size` bytes; the handshake's failure is for the client to tell.
std::string serve_tls(Listener& listener, const Credentials& pair, const Credentials* clients, std::size_t size) {
  const std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(context.get(), pair.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), pair.key.get());
  if (clients != nullptr) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), clients->certificate.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  const RawClient peer = listener.accept();
  const std::unique_ptr<SSL, FreeWith<SSL_free>> ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), peer.descriptor());
  ERR_clear_error();
  if (SSL_accept(ssl.get()) != 1) return "";
  std::string got;
  char buffer[16384];
  while (got.size() < size) {
    const int read = SSL_read(ssl.get(), buffer, sizeof(buffer));
    if (read <= 0) return got;
    got.append(buffer, static_cast<std::size_t>(read));
  }
  // Not before the client has settled it: until it closes.
  SSL_read(ssl.get(), buffer, sizeof(buffer));
  return got;
}

class StreamClientTlsTest : public StreamClientTest {
 protected:
  StreamClientTlsTest() {
    options_.tls = true;
    options_.host = "localhost";
    options_.files.ca_file = directory_.write("ca.pem", authority_.certificate_pem());
  }
  // What the server has read, and why the write failed.
  std::pair<std::string, std::string> exchange(const Credentials& pair, std::string bytes,
                                               const Credentials* clients = nullptr) {
    Listener listener;
    make(listener.port());
    std::string got;
    std::thread server([&] { got = serve_tls(listener, pair, clients, bytes.size()); });
    std::string why = failure(write(bytes));
    end_client();
    server.join();
    return {std::move(got), std::move(why)};
  }

  TemporaryDirectory directory_;
  const Credentials authority_ = make_authority("authority");
};

TEST_F(StreamClientTlsTest, large_writes_arrive_whole) {
  std::string bytes;
  for (int i = 0; bytes.size() < (4u << 20); ++i) bytes += std::to_string(i);
  const auto [got, why] = exchange(issue({}, &authority_), bytes);
  EXPECT_EQ(why, "");
  EXPECT_TRUE(got == bytes);
}

TEST_F(StreamClientTlsTest, the_server_must_be_the_one_that_is_meant) {
  const Credentials other = issue({.alternative_names = "DNS:other.example"}, &authority_);
  EXPECT_NE(exchange(other, "x").second.find("TLS"), std::string::npos);
  const Credentials self_signed = issue({});
  EXPECT_NE(exchange(self_signed, "x").second.find("TLS"), std::string::npos);
  const Credentials expired = issue({.from_days = -20, .to_days = -10}, &authority_);
  EXPECT_NE(exchange(expired, "x").second.find("expired"), std::string::npos);
}

TEST_F(StreamClientTlsTest, an_address_is_held_against_the_addresses_of_the_certificate) {
  options_.host = "127.0.0.1";
  EXPECT_EQ(exchange(issue({}, &authority_), "x").second, "");
  EXPECT_NE(exchange(issue({.alternative_names = "DNS:localhost"}, &authority_), "x").second, "");
}

TEST_F(StreamClientTlsTest, shows_its_own_certificate_and_hears_when_it_is_refused) {
  options_.hold = Millis(200);
  const auto [nothing, why] = exchange(issue({}, &authority_), "x", &authority_);
  EXPECT_NE(why, "") << "in TLS 1.3 the refusal comes behind the handshake";
  const Credentials own = issue({.common_name = "hub", .alternative_names = ""}, &authority_);
  options_.files.certificate_file = directory_.write("own.pem", own.certificate_pem());
  options_.files.key_file = directory_.write("own.key", own.key_pem());
  EXPECT_EQ(exchange(issue({}, &authority_), "x", &authority_).first, "x");
}

TEST_F(StreamClientTlsTest, files_that_cannot_be_used_are_said_at_once) {
  options_.files.ca_file = directory_.at("missing.pem");
  EXPECT_FALSE(StreamClient::make(loop_, options_).ok());
  options_.files.ca_file.clear();
  options_.files.certificate_file = directory_.write("bad.pem", "no certificate");
  options_.files.key_file = options_.files.certificate_file;
  EXPECT_FALSE(StreamClient::make(loop_, options_).ok());
}

}  // namespace
}  // namespace trunkline::net
