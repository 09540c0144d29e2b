#include <netinet/tcp.h>

#include "net/server_fixture_test.hpp"
#include "net/tls_fixture_test.hpp"

namespace trunkline::net {
namespace {

using base::Millis;
using testing::Credentials;
using testing::issue;
using testing::make_authority;
using testing::post;
using testing::RawClient;
using testing::TemporaryDirectory;
using testing::TlsClient;
using testing::TlsClientOptions;

class HttpTlsTest : public testing::HttpServerTest {
 protected:
  void start_tls(HttpServerOptions options = {}, ClientAuth client_auth = ClientAuth::none, std::size_t loops = 1) {
    prepare(options, loops);
    write(server_pair_);
    files_.client_auth = client_auth;
    files_.client_ca_file = directory_.write("clients.pem", authority_.certificate_pem());
    auto loaded = TlsCertificates::load(files_, loops_[0]->clock());
    ASSERT_TRUE(loaded.ok()) << loaded.error().detail;
    listen(*loaded);
  }
  void write(const Credentials& pair) {
    files_.certificate_file = directory_.write("server.pem", pair.certificate_pem());
    files_.key_file = directory_.write("server.key", pair.key_pem());
  }
  TlsClientOptions trusting() const { return {.trust = &authority_}; }
  bool failures(std::uint64_t count) {
    return eventually([&](const auto& now) { return now.tls_failures == count; });
  }
  // A client is refused when it cannot get an answer: in TLS 1.3 it learns of it after its own side of the handshake.
  static std::string refusal(TlsClient& client) {
    if (client.connected() && client.send(post("x")) && !client.read_all().empty()) return "";
    return client.error();
  }

  TemporaryDirectory directory_;
  const Credentials authority_ = make_authority("authority");
  const Credentials server_pair_ = issue({}, &authority_);
  TlsOptions files_;
};

TEST_F(HttpTlsTest, serves_tls_1_2_and_1_3_and_offers_http_1_1) {
  start_tls();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions options = trusting();
    options.version_max = version;
    options.protocols = {"h2", "http/1.1"};
    TlsClient client(port_, options);
    ASSERT_TRUE(client.connected()) << client.error();
    EXPECT_EQ(client.version(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_EQ(client.protocol(), "http/1.1");
    for (const char* body : {"one", "two"}) {
      ASSERT_TRUE(client.send(post(body)));
      EXPECT_EQ(client.read_answer().body, body);
    }
    ASSERT_TRUE(client.send(post("", "", "/who")));
    EXPECT_EQ(client.read_answer().body, "nobody");
  }
  EXPECT_EQ(server_->statistics().tls_handshakes, 2u);
  EXPECT_EQ(server_->statistics().tls_failures, 0u);
}

TEST_F(HttpTlsTest, an_end_that_is_heard_during_a_stream_ends_the_connection_behind_it) {
  start_tls();
  TlsClient client(port_, trusting());
  ASSERT_TRUE(client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n" + post("behind")));
  auto begun = streams_.take(1);
  ASSERT_EQ(begun.size(), 1u);
  client.close_notify();  // TCP stays open: nothing makes the socket readable once more
  for (int i = 0; i < 3; ++i) on_loop([] {});
  on_loop([&] { begun[0].second->close(); });
  EXPECT_THAT(client.read_until("0\r\n\r\n"), ::testing::EndsWith("0\r\n\r\n"));
  EXPECT_EQ(client.read_answer().body, "behind");
  EXPECT_TRUE(eventually([](const auto& now) { return now.connections == 0; }))
      << "long before it is idle for too long";
}

TEST_F(HttpTlsTest, serves_plain_and_tls_addresses_at_the_same_time) {
  start_tls();
  const std::uint16_t tls_port = port_;
  listen();
  RawClient plain(port_);
  TlsClient secure(tls_port, trusting());
  ASSERT_TRUE(plain.send(post("", "", "/who")));
  EXPECT_EQ(plain.read_answer().body, "plain");
  ASSERT_TRUE(secure.send(post("", "", "/who")));
  EXPECT_EQ(secure.read_answer().body, "nobody");
}

TEST_F(HttpTlsTest, refuses_tls_1_1_and_clients_that_want_h2_only) {
  start_tls();
  TlsClient old(port_, {.version_min = TLS1_1_VERSION, .version_max = TLS1_1_VERSION});
  EXPECT_FALSE(old.connected());
  TlsClient h2(port_, {.protocols = {"h2"}});
  EXPECT_FALSE(h2.connected());
  EXPECT_THAT(h2.error(), ::testing::HasSubstr("no application protocol"));
  EXPECT_TRUE(failures(2));
}

TEST_F(HttpTlsTest, closes_on_plain_http_and_garbage_and_counts_them) {
  start_tls();
  for (const std::string& bytes : {post("plain"), std::string(5000, '\xff'),
                                   std::string("\x16\x03\x01\x40\x01"
                                               "garbage")}) {
    RawClient client(port_);
    client.send(bytes);
    client.shut_down_sending();
    const std::string got = client.read_all();
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(got.find("HTTP"), std::string::npos);
  }
  RawClient half(port_);
  ASSERT_TRUE(half.send("\x16\x03"));
  half.close();
  RawClient probe(port_);
  probe.close();
  EXPECT_TRUE(failures(4));
  EXPECT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
  EXPECT_EQ(server_->statistics().tls_failures, 4u) << "a probe that only connects is none";
  EXPECT_EQ(server_->statistics().requests, 0u);
  TlsClient well(port_, trusting());
  ASSERT_TRUE(well.send(post("fine")));
  EXPECT_EQ(well.read_answer().body, "fine");
}

TEST_F(HttpTlsTest, clients_refuse_a_certificate_that_is_expired_another_hosts_or_of_another_authority) {
  start_tls();
  TlsClientOptions other_host = trusting();
  other_host.host = "hub.example";
  EXPECT_FALSE(TlsClient(port_, other_host).connected());
  const Credentials stranger = make_authority("stranger");
  EXPECT_FALSE(TlsClient(port_, {.trust = &stranger}).connected());
  write(issue({.from_days = -20, .to_days = -10}, &authority_));
  EXPECT_TRUE(server_->reload_certificates().ok());
  EXPECT_FALSE(TlsClient(port_, trusting()).connected());
  EXPECT_TRUE(failures(3));
}

TEST_F(HttpTlsTest, cuts_a_handshake_that_does_not_come_to_an_end_in_time) {
  start_tls({.tls_handshake_timeout = Millis(50)});
  RawClient silent(port_);
  RawClient slow(port_);
  ASSERT_TRUE(slow.send("\x16\x03\x01\x02"));
  for (RawClient* client : {&silent, &slow}) {
    EXPECT_EQ(client->read_all(), "");
    EXPECT_TRUE(client->closed());
  }
  EXPECT_TRUE(failures(2));
}

TEST_F(HttpTlsTest, a_trickle_of_handshake_bytes_does_not_put_off_the_time_out) {
  start_tls({.tls_handshake_timeout = Millis(50)});
  RawClient slow(port_);
  // The record says 512 bytes; one after the other comes until the server has had enough.
  bool open = slow.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  while (open) open = slow.send("x") && !(slow.poll_closed(Millis(5)));
  EXPECT_TRUE(failures(1));
}

TEST_F(HttpTlsTest, bounds_the_handshakes_under_way) {
  start_tls({.tls_handshakes_max = 2});
  RawClient first(port_);
  RawClient second(port_);
  ASSERT_TRUE(eventually([](const auto& now) { return now.connections == 2; }));
  RawClient third(port_);
  third.read_all();
  EXPECT_TRUE(third.closed());
  EXPECT_EQ(server_->statistics().refused, 1u);
  first.close();
  ASSERT_TRUE(eventually([](const auto& now) { return now.connections == 1; }));
  std::vector<std::unique_ptr<TlsClient>> kept;
  for (int i = 0; i < 4; ++i) {
    kept.push_back(std::make_unique<TlsClient>(port_, trusting()));
    ASSERT_TRUE(kept.back()->connected()) << "finished handshakes do not count";
    ASSERT_TRUE(kept.back()->send(post("in")));
    ASSERT_EQ(kept.back()->read_answer().body, "in");
  }
}

TEST_F(HttpTlsTest, resumes_sessions_by_ticket) {
  start_tls({}, ClientAuth::require);
  const Credentials relay = issue({.common_name = "relay"}, &authority_);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions options = trusting();
    options.identity = &relay;
    options.version_max = version;
    TlsClient first(port_, options);
    ASSERT_TRUE(first.send(post("", "", "/who")));
    const std::string who = first.read_answer().body;
    EXPECT_THAT(who, ::testing::StartsWith("CN=relay,O=Example|"));
    const std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>> session(SSL_get1_session(&first.ssl()));
    options.resume = session.get();
    TlsClient second(port_, options);
    EXPECT_TRUE(second.resumed());
    ASSERT_TRUE(second.send(post("", "", "/who")));
    EXPECT_EQ(second.read_answer().body, who) << "who it is goes with the session";
    EXPECT_TRUE(server_->reload_certificates().ok());
    TlsClient third(port_, options);
    EXPECT_TRUE(third.connected()) << third.error();
    EXPECT_FALSE(third.resumed()) << "tickets do not outlive a reload";
    ASSERT_TRUE(third.send(post("", "", "/who")));
    EXPECT_EQ(third.read_answer().body, who);
  }
  EXPECT_EQ(server_->statistics().tls_resumed, 2u);
  EXPECT_EQ(server_->statistics().tls_handshakes, 6u);
}

TEST_F(HttpTlsTest, tells_the_handler_who_the_client_is) {
  start_tls({}, ClientAuth::request);
  const Credentials relay = issue(
      {.common_name = "relay-1", .alternative_names = "DNS:relay.example,URI:spiffe://example/relay,DNS:b.example"},
      &authority_);
  TlsClientOptions options = trusting();
  options.identity = &relay;
  TlsClient client(port_, options);
  ASSERT_TRUE(client.send(post("", "", "/who")));
  EXPECT_THAT(client.read_answer().body,
              ::testing::MatchesRegex("CN=relay-1,O=Example\\|relay.example,b.example\\|spiffe://example/relay\\|"
                                      "[0-9a-f]*"));
  TlsClient nobody(port_, trusting());
  ASSERT_TRUE(nobody.send(post("", "", "/who")));
  EXPECT_EQ(nobody.read_answer().body, "nobody");
}

TEST_F(HttpTlsTest, refuses_client_certificates_that_are_not_verified_in_the_handshake) {
  const Credentials stranger = make_authority("stranger");
  const Credentials foreign = issue({.common_name = "relay"}, &stranger);
  const Credentials expired = issue({.common_name = "relay", .from_days = -20, .to_days = -10}, &authority_);
  const Credentials future = issue({.common_name = "relay", .from_days = 10}, &authority_);
  const Credentials own = issue({.common_name = "relay"});
  start_tls({}, ClientAuth::request);
  std::uint64_t count = 0;
  for (const Credentials* bad : {&foreign, &expired, &future, &own}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      TlsClient client(port_, {.identity = bad, .version_max = version});
      EXPECT_NE(refusal(client), "");
      EXPECT_TRUE(failures(++count));
    }
  }
  EXPECT_EQ(server_->statistics().requests, 0u);
}

TEST_F(HttpTlsTest, requires_a_client_certificate_when_told_to) {
  start_tls({}, ClientAuth::require);
  TlsClient without(port_, trusting());
  EXPECT_THAT(refusal(without), ::testing::HasSubstr("certificate required"));
  const Credentials relay = issue({.common_name = "relay"}, &authority_);
  TlsClientOptions options = trusting();
  options.identity = &relay;
  TlsClient with(port_, options);
  ASSERT_TRUE(with.send(post("in")));
  EXPECT_EQ(with.read_answer().body, "in");
  EXPECT_TRUE(failures(1));
}

TEST_F(HttpTlsTest, an_intermediate_authority_is_trusted_as_it_is_and_chains_are_sent_whole) {
  const Credentials intermediate =
      issue({.common_name = "intermediate", .alternative_names = "", .authority = true}, &authority_);
  const Credentials leaf = issue({}, &intermediate);
  start_tls();
  directory_.write("server.pem", leaf.certificate_pem() + intermediate.certificate_pem());
  directory_.write("server.key", leaf.key_pem());
  ASSERT_TRUE(server_->reload_certificates().ok());
  TlsClient knows_the_root_only(port_, trusting());
  EXPECT_TRUE(knows_the_root_only.connected()) << knows_the_root_only.error();

  files_.client_auth = ClientAuth::require;
  files_.client_ca_file = directory_.write("intermediate.pem", intermediate.certificate_pem());
  auto loaded = TlsCertificates::load(files_, loops_[0]->clock());
  ASSERT_TRUE(loaded.ok());
  listen(*loaded);
  const Credentials relay = issue({.common_name = "relay"}, &intermediate);
  const Credentials of_the_root = issue({.common_name = "other"}, &authority_);
  TlsClient allowed(port_, {.identity = &relay});
  ASSERT_TRUE(allowed.send(post("in")));
  EXPECT_EQ(allowed.read_answer().body, "in");
  TlsClient refused(port_, {.identity = &of_the_root});
  EXPECT_NE(refusal(refused), "");
}

TEST_F(HttpTlsTest, new_connections_use_a_reloaded_certificate_and_open_ones_go_on) {
  start_tls();
  TlsClient before(port_, trusting());
  ASSERT_TRUE(before.send(post("a")));
  EXPECT_EQ(before.read_answer().body, "a");
  const Credentials renewed = issue({.common_name = "renewed", .to_days = 300}, &authority_);
  directory_.write("server.pem", renewed.certificate_pem());
  EXPECT_FALSE(server_->reload_certificates().ok()) << "the key is the old one";
  EXPECT_EQ(TlsClient(port_, trusting()).server_name(), "CN=localhost,O=Example");
  directory_.write("server.key", renewed.key_pem());
  EXPECT_TRUE(server_->reload_certificates().ok());
  EXPECT_EQ(TlsClient(port_, trusting()).server_name(), "CN=renewed,O=Example");
  EXPECT_EQ(server_->statistics().certificate_not_after, facts_of(*renewed.certificate).not_after);
  ASSERT_TRUE(before.send(post("b")));
  EXPECT_EQ(before.read_answer().body, "b");
}

TEST_F(HttpTlsTest, changed_files_are_used_without_being_told) {
  start_tls({.certificate_check = Millis(20)});
  const Credentials renewed = issue({.common_name = "renewed", .to_days = 300}, &authority_);
  write(renewed);
  const base::WallTime end = facts_of(*renewed.certificate).not_after;
  EXPECT_TRUE(eventually([&](const auto& now) { return now.certificate_not_after == end; }));
  EXPECT_EQ(TlsClient(port_, trusting()).server_name(), "CN=renewed,O=Example");
}

TEST_F(HttpTlsTest, carries_bodies_of_megabytes_both_ways) {
  start_tls();
  TlsClient client(port_, trusting());
  std::string body(2 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 7) body[i] = static_cast<char>(i);
  ASSERT_TRUE(client.send(post(body)));
  EXPECT_EQ(client.read_answer().body, body);
  ASSERT_TRUE(client.send(post("", "", "/big")));
  EXPECT_EQ(client.read_answer().body.size(), 4u << 20);
}

TEST_F(HttpTlsTest, reads_records_of_one_byte_and_answers_pipelined_requests) {
  start_tls();
  TlsClient client(port_, trusting());
  for (const char byte : post("first") + post("second")) ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
  EXPECT_EQ(client.read_answer().body, "first");
  EXPECT_EQ(client.read_answer().body, "second");
  std::string burst;
  for (int i = 0; i < 500; ++i) burst += post(std::to_string(i) + std::string(300, '.'));
  ASSERT_TRUE(client.send(burst));
  for (int i = 0; i < 500; ++i) ASSERT_THAT(client.read_answer().body, ::testing::StartsWith(std::to_string(i) + "."));
}

TEST_F(HttpTlsTest, a_full_pipeline_goes_on_though_the_rest_was_decrypted_before) {
  start_tls({.pipeline_max = 2});
  TlsClient client(port_, trusting());
  std::string burst;
  for (int i = 0; i < 6; ++i) burst += post(std::string(20'000, 'p'), "", "/later");
  ASSERT_TRUE(client.send(burst));
  for (int round = 0; round < 3; ++round) {
    auto open = waiting_.take(2);
    ASSERT_EQ(open.size(), 2u);
    on_loop([&] {
      for (auto& [loop, respond] : open) respond(HttpResponse::text(200, "x"));
    });
    for (int i = 0; i < 2; ++i) ASSERT_EQ(client.read_answer().status, 200);
  }
}

TEST_F(HttpTlsTest, a_client_that_has_closed_its_side_still_gets_its_answers) {
  start_tls();
  for (const bool notify : {true, false}) {
    TlsClient client(port_, trusting());
    ASSERT_TRUE(client.send(post("", "", "/later") + post("tail") + "POST /half HT"));
    if (notify) client.close_notify();
    if (!notify) client.raw().shut_down_sending();
    auto open = waiting_.take(1);
    ASSERT_EQ(open.size(), 1u);
    on_loop([&] { open[0].second(HttpResponse::text(200, "late")); });
    EXPECT_EQ(client.read_answer().body, "late");
    EXPECT_EQ(client.read_answer().body, "tail");
    EXPECT_EQ(client.read_all(), "");
    EXPECT_TRUE(client.ended_cleanly());
  }
}

TEST_F(HttpTlsTest, says_close_notify_when_it_closes_and_not_when_it_cuts) {
  start_tls();
  TlsClient closes(port_, trusting());
  ASSERT_TRUE(closes.send(post("bye", "Connection: close\r\n")));
  EXPECT_EQ(closes.read_answer().body, "bye");
  EXPECT_EQ(closes.read_all(), "");
  EXPECT_TRUE(closes.ended_cleanly());

  TlsClient cut(port_, trusting());
  ASSERT_TRUE(cut.send("GET /stream HTTP/1.0\r\n\r\n"));
  auto streams = streams_.take(1);
  ASSERT_EQ(streams.size(), 1u);
  on_loop([&] {
    streams[0].second->write("half");
    streams[0].second.reset();
  });
  EXPECT_THAT(cut.read_all(), ::testing::EndsWith("half"));
  EXPECT_FALSE(cut.ended_cleanly()) << "a cut body must not look whole";
}

TEST_F(HttpTlsTest, an_idle_connection_ends_with_a_close_notify_and_an_unfinished_request_without) {
  start_tls({.header_timeout = Millis(50), .idle_timeout = Millis(50)});
  TlsClient idle(port_, trusting());
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.ended_cleanly());
  TlsClient half(port_, trusting());
  ASSERT_TRUE(half.send("POST /half HT"));
  EXPECT_EQ(half.read_all(), "");
  EXPECT_FALSE(half.ended_cleanly());
}

TEST_F(HttpTlsTest, streams_over_tls) {
  start_tls();
  TlsClient client(port_, trusting());
  ASSERT_TRUE(client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n" + post("behind")));
  auto streams = streams_.take(1);
  ASSERT_EQ(streams.size(), 1u);
  client.read_until("\r\n\r\n");
  on_loop([&] { streams[0].second->write("hello"); });
  EXPECT_EQ(client.read_exactly(10), "5\r\nhello\r\n");
  const std::string big(3 << 20, 's');
  on_loop([&] { streams[0].second->write(big); });
  EXPECT_EQ(client.read_exactly(big.size() + 10).size(), big.size() + 10);
  on_loop([&] { streams[0].second->close(); });
  EXPECT_EQ(client.read_exactly(5), "0\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "behind");
}

TEST_F(HttpTlsTest, a_stop_ends_handshakes_and_idle_connections_and_answers_what_is_open) {
  start_tls({}, ClientAuth::none, 2);
  RawClient shaking(port_);
  TlsClient idle(port_, trusting());
  ASSERT_TRUE(idle.send(post("a")));
  ASSERT_EQ(idle.read_answer().body, "a");
  TlsClient waits(port_, trusting());
  ASSERT_TRUE(waits.send(post("", "", "/later")));
  auto open = waiting_.take(1);
  ASSERT_EQ(open.size(), 1u);
  const std::future<void> stopped = stop(std::chrono::minutes(5));
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.ended_cleanly());
  shaking.read_all();
  EXPECT_TRUE(shaking.closed());
  open[0].first->post([&] { open[0].second(HttpResponse::text(200, "finished")); });
  EXPECT_EQ(waits.read_answer().body, "finished");
  EXPECT_EQ(stopped.wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST_F(HttpTlsTest, serves_hundreds_of_connections_that_open_and_close) {
  start_tls({}, ClientAuth::none, 2);
  for (int i = 0; i < 300; ++i) {
    TlsClient client(port_, trusting());
    ASSERT_TRUE(client.connected()) << client.error();
    ASSERT_TRUE(client.send(post(std::to_string(i))));
    if (i % 5 == 0) {
      client.raw().reset();
    } else {
      ASSERT_EQ(client.read_answer().body, std::to_string(i));
    }
  }
  EXPECT_TRUE(eventually([](const auto& now) { return now.connections == 0; }));
  EXPECT_EQ(server_->statistics().tls_handshakes, 300u);
}

}  // namespace
}  // namespace trunkline::net
