// The load driver and the sink over real sockets.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <map>

#include "base/crypto.hpp"
#include "json/writer.hpp"
#include "sim/cli.hpp"
#include "sim/contact_centre.hpp"
#include "sim/faults.hpp"
#include "sim/load.hpp"
#include "sim/sink_server.hpp"
#include "sim/verify.hpp"

namespace trunkline::sim {
namespace {

// Runs on the loop's thread and gives back what the task returned.
template <class Task>
auto on_loop(net::IoLoop& loop, Task task) {
  std::promise<decltype(task())> result;
  loop.post([&] { result.set_value(task()); });
  return result.get_future().get();
}

// Stores events by envelope id as a hub does, sends each stored one to `deliver`, and fails as it is told.
class SmallHub {
 public:
  explicit SmallHub(net::IoLoop& loop)
      : server_({&loop}, {}, [this](net::IoLoop&, net::HttpRequest request, net::Responder respond) {
          take(request, std::move(respond));
        }) {
    port = server_.listen("127.0.0.1:0").value();
  }
  std::uint16_t port = 0;
  int fail_every = 0;                           // each n-th request is answered 503 before it is stored
  int lose_answer_every = 0;                    // each n-th request is stored, but answered 503
  std::map<std::string, std::uint64_t> stored;  // by envelope id, with the sequence
  std::vector<std::pair<std::uint64_t, std::string>> log;
  std::size_t requests = 0;
  std::size_t largest_batch = 0;

 private:
  void take(const net::HttpRequest& request, net::Responder respond) {
    ++requests;
    if (fail_every != 0 && requests % fail_every == 0) return respond(net::HttpResponse::text(503, ""));
    std::string body;
    json::Writer writer(body);
    writer.begin_object().key("results").begin_array();
    auto events = split_events(request.body);
    if (events.empty()) events.push_back(request.body);
    largest_batch = std::max(largest_batch, events.size());
    for (const std::string_view event : events) store(writer, event);
    writer.end_array().end_object();
    const bool lost = lose_answer_every != 0 && requests % lose_answer_every == 0;
    respond(lost ? net::HttpResponse::text(503, "") : net::HttpResponse::json(200, body));
  }
  void store(json::Writer& writer, std::string_view event) {
    const auto root = document_.parse(event);
    const auto detail = root.ok() && root->is(json::Type::object) ? root->find("detail") : std::nullopt;
    std::string_view verdict = "quarantined";
    std::uint64_t sequence = 0;
    if (detail && detail->is(json::Type::object)) {
      const auto [found, is_new] = stored.emplace(root->string_at("id"), log.size() + 1);
      sequence = found->second;
      verdict = is_new ? "accepted" : "duplicate";
      if (is_new) log.emplace_back(sequence, event);
    }
    writer.begin_object().member("verdict", verdict).member("sequence", sequence).end_object();
  }
  json::Document document_;
  net::HttpServer server_;
};

class Sockets : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ =
        std::filesystem::temp_directory_path() / ("trunkline-sim-" + std::to_string(::getpid()) + "-" + test->name());
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string path(const char* name) const { return (directory_ / name).string(); }

  SimOptions options(const SmallHub& hub) const {
    SimOptions o;
    o.to = "http://127.0.0.1:" + std::to_string(hub.port) + "/ingest/test";
    o.events = 3'000;
    o.interactions = 2'000;
    o.connections = 8;
    o.ledger = path("accepted");
    o.quiet = true;
    return o;
  }
  // What the hub stored, as a perfect downstream would have taken it.
  void write_delivered(const SmallHub& hub) const {
    auto ledger = LedgerWriter::open(path("delivered"), kDeliveredHeader);
    for (const auto& [sequence, event] : hub.log) {
      ledger->add(DeliveredLine{.sequence = sequence, .hash = base::hash128(event)});
    }
    ASSERT_TRUE(ledger->flush(false).ok());
  }
  VerifyOptions verify_options() const { return {.accepted = path("accepted"), .delivered = path("delivered")}; }

  std::filesystem::path directory_;
};

TEST_F(Sockets, every_event_is_answered_and_written_down_once) {
  net::IoLoop loop("hub");
  SmallHub hub(loop);
  loop.start();
  SimOptions o = options(hub);
  o.duplicates = 0.02;
  o.reordered = 0.02;
  o.malformed = 0.02;
  EXPECT_EQ(run_sim(o), 0);
  loop.stop();
  loop.join();
  EXPECT_EQ(hub.requests, 3'000u);
  write_delivered(hub);
  EXPECT_EQ(run_verify(verify_options()), 0);
  std::size_t lines = 0;
  ASSERT_TRUE(for_each_line(path("accepted"), [&lines](std::string_view, std::uint64_t) -> base::Result<void> {
                ++lines;
                return {};
              }).ok());
  EXPECT_EQ(lines, 3'000u);
}

TEST_F(Sockets, what_is_answered_503_comes_again_with_the_same_id_until_it_is_stored) {
  net::IoLoop loop("hub");
  SmallHub hub(loop);
  hub.fail_every = 7;
  hub.lose_answer_every = 11;
  loop.start();
  SimOptions o = options(hub);
  o.events = 400;
  o.connections = 16;
  EXPECT_EQ(run_sim(o), 0);
  loop.stop();
  loop.join();
  EXPECT_EQ(hub.log.size(), 400u);
  EXPECT_GT(hub.requests, 450u);
  write_delivered(hub);
  EXPECT_EQ(run_verify(verify_options()), 0);
}

TEST_F(Sockets, batches_and_pipelines_carry_the_same_events_and_broken_ones_travel_alone) {
  net::IoLoop loop("hub");
  SmallHub hub(loop);
  loop.start();
  SimOptions o = options(hub);
  o.batch = 50;
  o.pipeline = 4;
  o.connections = 3;
  o.malformed = 0.01;
  o.sticky = true;
  EXPECT_EQ(run_sim(o), 0);
  loop.stop();
  loop.join();
  EXPECT_EQ(hub.largest_batch, 50u);
  EXPECT_LT(hub.requests, 400u);
  write_delivered(hub);
  EXPECT_EQ(run_verify(verify_options()), 0);
}

TEST_F(Sockets, gives_up_when_nobody_listens_and_says_so) {
  std::uint16_t port = 0;
  {
    net::IoLoop loop("gone");
    SmallHub hub(loop);
    port = hub.port;
  }
  SimOptions o;
  o.to = "http://127.0.0.1:" + std::to_string(port) + "/ingest/test";
  o.events = 20;
  o.connections = 4;
  o.attempts_max = 2;
  o.ledger = path("accepted");
  o.quiet = true;
  EXPECT_EQ(run_sim(o), 1);
  std::ifstream ledger(path("accepted"));
  std::string line;
  std::size_t given_up = 0;
  while (std::getline(ledger, line)) given_up += line.starts_with("given_up\t");
  EXPECT_EQ(given_up, 20u);
}

TEST_F(Sockets, refuses_options_that_make_no_sense) {
  EXPECT_EQ(run_sim({}), 2);
  SimOptions o;
  for (const char* url : {"ftp://x/", "http://:80/", "http://x:0/", "http://x:99999/", "x"}) {
    o.to = url;
    EXPECT_EQ(run_sim(o), 2) << url;
  }
  o.to = "http://127.0.0.1:1/";
  o.duplicates = 2;
  EXPECT_EQ(run_sim(o), 2);
}

TEST_F(Sockets, writes_the_same_file_for_the_same_seed) {
  SimOptions o;
  o.events = 5'000;
  o.malformed = 0.05;
  o.duplicates = 0.05;
  const auto digest = [&](const char* name, std::uint64_t seed) {
    o.out = path(name);
    o.seed = seed;
    EXPECT_EQ(run_sim(o), 0);
    std::ifstream file(o.out, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5'000);
    return base::hash128(text);
  };
  EXPECT_EQ(digest("a", 1), digest("b", 1));
  EXPECT_NE(digest("a", 1), digest("c", 2));
}

// A sink on a loop of its own and one connection to it.
class SinkFixture : public Sockets {
 protected:
  void start(SinkRules rules, bool with_control = false) {
    ledger_.emplace(LedgerWriter::open(path("delivered"), kDeliveredHeader).value());
    sink_ = std::make_unique<SinkServer>(loop_, std::move(rules), 1, &*ledger_);
    port_ = sink_->listen("127.0.0.1:0").value();
    if (with_control) control_port_ = sink_->listen_control("127.0.0.1:0").value();
    loop_.start();
  }
  void TearDown() override {
    loop_.stop();
    loop_.join();
    sink_.reset();
    Sockets::TearDown();
  }
  base::Result<net::ClientResponse> request(std::uint16_t port, const std::string& target, const std::string& body,
                                            const net::Headers& headers = {},
                                            base::Millis timeout = std::chrono::seconds(5)) {
    std::promise<base::Result<net::ClientResponse>> answer;
    auto future = answer.get_future();
    std::shared_ptr<net::HttpConnection> connection;
    loop_.post([&] {
      connection = std::make_shared<net::HttpConnection>(loop_, "127.0.0.1", port);
      connection->send(
          net::request_bytes("POST", target, "sink", headers, body), timeout,
          [&answer](base::Result<net::ClientResponse> response) { answer.set_value(std::move(response)); });
    });
    auto result = future.get();
    on_loop(loop_, [&] {
      connection.reset();
      return 0;
    });
    return result;
  }
  int post(const std::string& body, const net::Headers& headers = {}) {
    const auto response = request(port_, "/hook", body, headers);
    return response.ok() ? response->status : -1;
  }
  std::vector<std::string> ledger_lines() {
    on_loop(loop_, [this] { return ledger_->flush(false).ok(); });
    std::vector<std::string> lines;
    static_cast<void>(
        for_each_line(path("delivered"), [&lines](std::string_view line, std::uint64_t) -> base::Result<void> {
          lines.emplace_back(line);
          return {};
        }));
    return lines;
  }

  net::IoLoop loop_{"sink"};
  std::optional<LedgerWriter> ledger_;
  std::unique_ptr<SinkServer> sink_;
  std::uint16_t port_ = 0;
  std::uint16_t control_port_ = 0;
};

TEST_F(SinkFixture, writes_down_each_event_of_a_batch_with_its_own_sequence) {
  start({});
  const std::string a = R"({"id":"a","n":1})";
  const std::string b = R"({"id":"b","n":2})";
  EXPECT_EQ(post("[" + a + "," + b + "]", {{"Trunkline-Sequence", "17, 18"},
                                           {"trunkline-consumer", "crm"},
                                           {"trunkline-attempt", "2"},
                                           {"trunkline-gap-before", "18=16"}}),
            200);
  EXPECT_EQ(post(a + "\n" + b + "\n",
                 {{"trunkline-sequence", "19"}, {"trunkline-sequence", "20"}, {"trunkline-redriven", "20"}}),
            200);
  const auto lines = ledger_lines();
  ASSERT_EQ(lines.size(), 4u);
  const auto first = parse_delivered(lines[0]).value();
  const auto second = parse_delivered(lines[1]).value();
  EXPECT_EQ(first.sequence, 17u);
  EXPECT_EQ(first.hash, base::hash128(a));
  EXPECT_EQ(first.envelope_id, "a");
  EXPECT_EQ(first.consumer, "crm");
  EXPECT_EQ(first.attempt, 2u);
  EXPECT_FALSE(first.gap_before);
  EXPECT_EQ(second.sequence, 18u);
  EXPECT_EQ(second.attempt, 2u);
  EXPECT_EQ(second.consumer, "crm");
  EXPECT_EQ(second.place, 1u);
  EXPECT_EQ(second.arrival, first.arrival);
  EXPECT_TRUE(second.gap_before);
  EXPECT_FALSE(parse_delivered(lines[2]).value().redriven);
  const auto fourth = parse_delivered(lines[3]).value();
  EXPECT_EQ(fourth.sequence, 20u);
  EXPECT_TRUE(fourth.redriven);
  EXPECT_GT(fourth.arrival, second.answered);
}

TEST_F(SinkFixture, writes_nothing_down_of_what_it_did_not_take) {
  start({.poison = "poison"});
  EXPECT_EQ(post(R"({"id":"poison"})"), 400);
  EXPECT_EQ(request(port_, "/control", R"({"mode":"503"})")->status, 200);
  EXPECT_EQ(post(R"({"id":"a"})"), 503);
  EXPECT_EQ(request(port_, "/control", R"({"mode":"ok"})")->status, 200);
  EXPECT_EQ(post(R"({"id":"a"})"), 200);
  EXPECT_EQ(ledger_lines().size(), 1u);
}

TEST_F(SinkFixture, says_when_to_come_back_if_events_come_too_fast) {
  start({.rate = 1});
  EXPECT_EQ(post(R"({"id":"a"})"), 200);
  const auto limited = request(port_, "/hook", R"({"id":"b"})");
  ASSERT_TRUE(limited.ok());
  EXPECT_EQ(limited->status, 429);
  EXPECT_EQ(net::find_header(limited->headers, "Retry-After"), "1");
}

TEST_F(SinkFixture, hangs_until_it_is_told_otherwise) {
  start({});
  ASSERT_TRUE(on_loop(loop_, [this] { return sink_->set_mode("hang", base::Millis(0)).ok(); }));
  const auto hung = request(port_, "/hook", R"({"id":"a"})", {}, base::Millis(100));
  ASSERT_FALSE(hung.ok());
  EXPECT_EQ(hung.error().code, base::Errc::timeout);
  EXPECT_EQ(request(port_, "/control", R"({"mode":"ok"})")->status, 200);
  EXPECT_EQ(post(R"({"id":"a"})"), 200);
  EXPECT_EQ(ledger_lines().size(), 1u);
}

TEST_F(SinkFixture, refuses_connections_and_comes_back_on_the_same_port) {
  start({}, true);
  EXPECT_EQ(request(control_port_, "/control", R"({"mode":"refuse"})")->status, 200);
  // The listener goes a moment later.
  while (post(R"({"id":"early"})") == 200) {
  }
  EXPECT_EQ(post(R"({"id":"a"})"), -1);
  EXPECT_EQ(request(control_port_, "/control", R"({"mode":"ok"})")->status, 200);
  while (post(R"({"id":"b"})") != 200) {
  }
  const auto lines = ledger_lines();
  EXPECT_EQ(parse_delivered(lines.back())->envelope_id, "b");
}

// What the hub sends to Splunk, written by hand.
std::string hec_event(int sequence, const std::string& event, const std::string& more = "") {
  return R"({"time":1.000,"fields":{"trunkline_sequence":")" + std::to_string(sequence) +
         R"(","trunkline_consumer":"siem")" + more + R"(},"event":)" + event + "}";
}

TEST_F(SinkFixture, is_a_splunk_event_collector_under_its_path) {
  start({.poison = "poison"});
  const net::Headers token = {{"Authorization", "Splunk t"}, {"trunkline-attempt", "2"}};
  const auto post_hec = [&](const std::string& body, const net::Headers& headers) {
    const auto answer = request(port_, "/services/collector/event", body, headers);
    return answer.ok() ? std::to_string(answer->status) + " " + answer->body : answer.error().detail;
  };
  const std::string a = R"({"id":"a","s":"}{"})";
  const std::string enriched = R"({"id":"b","n":2,"_processingTimestamp":"x","_eventCategory":"y"})";
  EXPECT_EQ(post_hec(hec_event(17, a) + hec_event(18, enriched, R"(,"trunkline_gap_before":"16")") + "\n" +
                         hec_event(20, a, R"(,"trunkline_redriven":"true")"),
                     token),
            R"(200 {"text":"Success","code":0})");
  const auto lines = ledger_lines();
  ASSERT_EQ(lines.size(), 3u);
  const auto first = parse_delivered(lines[0]).value();
  EXPECT_EQ(first.sequence, 17u);
  EXPECT_EQ(first.consumer, "siem");
  EXPECT_EQ(first.attempt, 2u);
  EXPECT_EQ(first.envelope_id, "a");
  EXPECT_EQ(first.hash, base::hash128(a));
  const auto second = parse_delivered(lines[1]).value();
  EXPECT_EQ(second.hash, base::hash128(R"({"id":"b","n":2})"));
  EXPECT_TRUE(second.gap_before);
  EXPECT_EQ(second.place, 1u);
  EXPECT_TRUE(parse_delivered(lines[2]).value().redriven);

  EXPECT_EQ(post_hec(hec_event(1, a), {}), R"(401 {"text":"Token is required","code":2})");
  EXPECT_EQ(post_hec(hec_event(1, a), {{"Authorization", "Bearer t"}}),
            R"(401 {"text":"Invalid authorization","code":3})");
  EXPECT_EQ(post_hec("", token), R"(400 {"text":"No data","code":5})");
  EXPECT_EQ(post_hec(hec_event(1, a) + "{]", token),
            R"(400 {"text":"Invalid data format","code":6,"invalid-event-number":1})");
  EXPECT_EQ(post_hec(hec_event(1, a) + "{}", token),
            R"(400 {"text":"Event field is required","code":12,"invalid-event-number":1})");
  EXPECT_EQ(post_hec(hec_event(1, "\"\""), token),
            R"(400 {"text":"Event field cannot be blank","code":13,"invalid-event-number":0})");
  EXPECT_EQ(post_hec(hec_event(1, a, R"(,"deep":{})"), token),
            R"(400 {"text":"Error in handling indexed fields","code":15,"invalid-event-number":0})");
  EXPECT_EQ(post_hec(hec_event(1, a) + hec_event(2, R"({"id":"poison"})") + hec_event(3, a), token),
            R"(400 {"text":"Invalid data format","code":6,"invalid-event-number":1})");
  const auto health = [&] { return request(port_, "/services/collector/health", "")->status; };
  EXPECT_EQ(health(), 200);
  EXPECT_EQ(request(port_, "/control", R"({"mode":"503"})")->status, 200);
  EXPECT_EQ(post_hec(hec_event(1, a), token), R"(503 {"text":"Server is busy","code":9})");
  EXPECT_EQ(health(), 503);
  EXPECT_EQ(request(port_, "/control", R"({"mode":"413"})")->status, 200);
  EXPECT_EQ(post_hec(hec_event(1, a), token), "413 ");
  EXPECT_EQ(ledger_lines().size(), 3u) << "nothing of what was refused";
}

TEST_F(SinkFixture, refuses_control_that_it_does_not_understand) {
  start({});
  EXPECT_EQ(request(port_, "/control", R"({"mode":"fine"})")->status, 400);
  EXPECT_EQ(request(port_, "/control", R"({"mode":"refuse"})")->status, 400) << "nobody could end it";
  EXPECT_EQ(request(port_, "/control", "mode=ok")->status, 400);
  EXPECT_EQ(request(port_, "/control", R"({"latency":"soon"})")->status, 400);
}

}  // namespace
}  // namespace trunkline::sim
