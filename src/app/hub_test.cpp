#include "app/hub.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "event/event_testing.hpp"
#include "net/raw_client_test.hpp"
#include "queue/keys.hpp"
#include "source/signing_key_test.hpp"
#include "store/fault_fs.hpp"
#include "store/format_file.hpp"

// A whole hub on a disk that fails: what a reload leaves when it cannot do all it wants.
namespace trunkline::app {
namespace {

using net::testing::RawClient;
using store::FaultOp;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Accepts when told and answers when told; takes connections meanwhile, as every listening socket.
class SilentServer {
 public:
  SilentServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 16), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { ::close(fd_); }
  RawClient accept() const { return RawClient::adopt(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

class HubTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/trunkline-hub-XXXXXX";
    directory_ = ::mkdtemp(name);
    loop_.start();
  }
  void TearDown() override {
    if (faults_) faults_->before_sync({});
    hub_.reset();
    loop_.stop();
    loop_.join();
    std::filesystem::remove_all(directory_);
  }

  // Consumers and sources, as in the file; the rest of it is the test's own.
  config::Loaded loaded() const {
    config::Resolver resolver;
    resolver.environment = [](const std::string&) { return std::optional<std::string>("value"); };
    resolver.file = [](const std::string&) { return base::Result<std::string>(std::string("value")); };
    return config::parse(fmt::format("data_dir: {}/data\nlisten: 127.0.0.1:0\nsources: {{{}}}\nconsumers: {{{}}}\n",
                                     directory_, sources_, consumers_),
                         resolver);
  }
  void start(const std::string& consumers) {
    consumers_ = consumers;
    const std::string data = directory_ + "/data";
    ASSERT_TRUE(store::check_format_file(data, queue::kFormatVersion).ok());
    store::FaultFsOptions with;
    with.root = data + "/db";
    faults_ = store::FaultFs::open(with).value();
    HubOptions options;
    options.loops = 2;
    options.file_system = faults_->file_system();
    options.load_config = [this] { return loaded(); };
    const config::Loaded read = loaded();
    ASSERT_TRUE(read.config) << read.diagnostics[0].message;
    auto started = Hub::start(*read.config, std::move(options));
    ASSERT_TRUE(started.ok()) << started.error().detail;
    hub_ = std::move(*started);
  }
  void stop() {
    hub_.reset();
    faults_.reset();
  }
  api::ReloadReport reload(const std::string& consumers, std::vector<std::string> drop = {}) {
    consumers_ = consumers;
    return hub_->reload_now({std::move(drop), false});
  }
  static std::vector<std::string> changes(const api::ReloadReport& report) {
    std::vector<std::string> texts;
    for (const auto& change : report.changes) texts.push_back(change.text);
    return texts;
  }

  // Calls the task before the sync of that number from now on, on the commit thread; once.
  void before_sync(int number, std::function<void()> task) {
    faults_->before_sync(
        [number, task = std::move(task), seen = std::make_shared<std::atomic<int>>(0)](const std::string& path) {
          if (path.ends_with(".log") && ++*seen == number) task();
        });
  }
  // The next operations of that kind on the log fail, behind the first `skip`, once.
  void fail_once(FaultOp op, std::uint64_t skip) {
    store::FaultRule rule;
    rule.op = op;
    rule.name_part = ".log";
    rule.skip = skip;
    rule.times = 1;
    faults_->inject(rule);
  }
  void until(const std::function<bool()>& condition, const std::string& what) {
    auto done = std::make_shared<std::promise<void>>();
    auto look = std::make_shared<std::function<void()>>();
    *look = [this, condition, done, weak = std::weak_ptr(look)] {
      if (condition()) return done->set_value();
      if (const auto again = weak.lock()) loop_.after(base::Millis(10), [again] { (*again)(); });
    };
    loop_.post([look] { (*look)(); });
    ASSERT_EQ(done->get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready) << what;
  }
  void until_it_works() {
    until([this] { return hub_->readiness().ready; }, "the store works again");
  }

  // Bodies differ, else all were duplicates of the first.
  static std::string event_text(const std::string& id) {
    return event::testing::envelope("v2.detail.events.conversation.c-1.customer.start",
                                    fmt::format(R"({{"note":"of {}"}})", id), id);
  }
  static std::string request(const std::string& id, std::string_view fields = {}, std::string_view source = "open") {
    const std::string body = event_text(id);
    return fmt::format("POST /ingest/{} HTTP/1.1\r\nHost: hub\r\n{}Content-Length: {}\r\n\r\n{}", source, fields,
                       body.size(), body);
  }
  int post(const std::string& id) {
    RawClient client(hub_->port());
    EXPECT_TRUE(client.send(request(id)));
    return client.read_answer().status;
  }
  engine::Engine& engine() { return hub_->engine(); }
  base::QueueId queue(const std::string& consumer) { return hub_->consumer(consumer)->queue; }
  // Straight to one queue, whatever the router says: as a request that was routed a moment ago.
  void publish(const std::string& id, base::QueueId queue) {
    std::vector<engine::PublishItem> items;
    items.emplace_back(engine::PublishEntry{event::testing::decode_event(event_text(id)), "open", {queue}, {1}});
    engine().publish(std::move(items), engine().loop_of(queue), [](const std::vector<engine::PublishResult>&) {});
  }
  // Of a pulled consumer: receives that many and settles them.
  std::vector<std::string> take(const std::string& consumer, std::size_t count) {
    const base::QueueId from = queue(consumer);
    std::vector<std::string> found;
    while (found.size() < count) {
      std::promise<std::vector<engine::Lease>> received;
      engine().loop_of(from).post([&] {
        engine::ReceiveLimits limits;
        limits.max_messages = count - found.size();
        limits.wait = std::chrono::seconds(20);
        engine().receive(from, limits, [&](base::Result<std::vector<engine::Lease>> leases) {
          received.set_value(leases.ok() ? *leases : std::vector<engine::Lease>());
        });
      });
      const std::vector<engine::Lease> leases = received.get_future().get();
      if (leases.empty()) break;
      for (const engine::Lease& lease : leases) {
        for (const auto& message : lease.messages) found.push_back(message.record->event.envelope_id);
        std::promise<void> settled;
        engine().loop_of(from).post([&] {
          engine().settle(from, lease.id, std::vector<engine::MessageFate>(lease.messages.size()),
                          [&](const base::Result<void>&) { settled.set_value(); });
        });
        settled.get_future().get();
      }
    }
    return found;
  }
  std::string file_sink() const { return fmt::format("{{filter: {{}}, sink: {{file: {{path: {}}}}}}}", out()); }
  std::string out() const { return directory_ + "/out.jsonl"; }
  std::string delivered() const {
    std::stringstream all;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      if (entry.path().extension() == ".jsonl") all << std::ifstream(entry.path()).rdbuf();
    }
    return all.str();
  }
  void until_delivered(const std::string& id) {
    until([this, id] { return delivered().find('"' + id + '"') != std::string::npos; }, id + " is delivered");
  }
  // And on disk: no settle of before is synced behind this.
  void until_settled(const std::string& consumer) {
    auto& embedded = dynamic_cast<queue::EmbeddedEngine&>(engine());
    const base::QueueId of = queue(consumer);
    until([&embedded, of] { return embedded.statistics_now(of)->held() == 0; }, "settled");
    embedded.drain(std::chrono::seconds(60));
  }
  void put_state(const std::string& owner, const std::string& key, const std::string& bytes) {
    std::promise<bool> stored;
    base::Loop& loop = engine().loop_of(base::QueueId{1});
    engine().put_state(owner, key, 0, bytes, loop,
                       [&](const base::Result<void>& result) { stored.set_value(result.ok()); });
    ASSERT_TRUE(stored.get_future().get());
  }
  std::map<std::string, std::string> state(const std::string& owner) { return engine().list_state(owner).value(); }

  std::string directory_;
  std::string sources_ = "open: {kind: genesys}";
  std::string consumers_;
  net::IoLoop loop_{"test"};
  std::unique_ptr<store::FaultFs> faults_;
  std::unique_ptr<Hub> hub_;
};

const std::string kOther = "other: {filter: {}}";
const std::string kBoth = "other: {filter: {}}, crm: {filter: {}}";
// Of a reload that only removes a consumer, behind the one that stays: its queue, the text and the version of the
// policies. The removal comes behind them.
constexpr int kSyncsBeforeRemoval = 3;

// ---- a removal that does not come to its end

TEST_F(HubTest, a_consumer_whose_removal_met_new_events_comes_back_with_them) {
  start(kBoth);
  const base::QueueId crm = queue("crm");
  before_sync(1, [this, crm] { publish("e-1", crm); });
  const api::ReloadReport removed = reload(kOther);
  EXPECT_TRUE(removed.applied);
  ASSERT_EQ(removed.notes.size(), 1u);
  EXPECT_THAT(removed.notes[0], HasSubstr("consumer 'crm' is still there: 1 events came"));
  EXPECT_EQ(post("e-2"), 200) << "goes to the other one only";
  const api::ReloadReport back = reload(kBoth);
  EXPECT_TRUE(back.applied);
  EXPECT_THAT(changes(back), ElementsAre("consumers.crm: added"));
  EXPECT_EQ(post("e-3"), 200);
  EXPECT_THAT(take("crm", 2), ElementsAre("e-1", "e-3"));
  EXPECT_THAT(changes(reload(kBoth)), IsEmpty());
}

TEST_F(HubTest, a_removal_is_tried_again_by_the_next_reload_and_refuses_nothing_else) {
  start(kBoth);
  const base::QueueId crm = queue("crm");
  before_sync(1, [this, crm] { publish("e-1", crm); });
  EXPECT_TRUE(reload(kOther).applied);
  const api::ReloadReport waiting = reload("other: {filter: {}, max_wait: 1d}");
  EXPECT_TRUE(waiting.applied) << "what was refused before is no matter of this";
  EXPECT_THAT(waiting.problems, IsEmpty());
  ASSERT_EQ(waiting.notes.size(), 1u);
  EXPECT_THAT(waiting.notes[0], HasSubstr("1 events wait for it"));
  EXPECT_THAT(take("crm", 1), ElementsAre("e-1"));
  const api::ReloadReport again = reload("other: {filter: {}, max_wait: 1d}");
  EXPECT_TRUE(again.applied);
  EXPECT_THAT(changes(again), ElementsAre("consumers.crm: removed"));
  EXPECT_FALSE(hub_->consumer("crm"));
  EXPECT_THAT(changes(reload("other: {filter: {}, max_wait: 1d}")), IsEmpty());
}

TEST_F(HubTest, what_waits_for_a_leaving_consumer_can_be_given_up) {
  start(kBoth);
  const base::QueueId crm = queue("crm");
  before_sync(1, [this, crm] { publish("e-1", crm); });
  EXPECT_TRUE(reload(kOther).applied);
  EXPECT_THAT(changes(reload(kOther, {"crm"})), ElementsAre("consumers.crm: removed"));
  EXPECT_FALSE(hub_->consumer("crm"));
}

// The write fails: the queue is what it was.
TEST_F(HubTest, a_consumer_whose_queue_could_not_be_removed_goes_on_delivering) {
  start(kOther + ", crm: " + file_sink());
  EXPECT_EQ(post("e-1"), 200);
  until_delivered("e-1");
  until_settled("crm");
  const base::QueueId crm = queue("crm");
  before_sync(kSyncsBeforeRemoval, [this] { fail_once(FaultOp::append, 0); });
  const api::ReloadReport removed = reload(kOther);
  EXPECT_TRUE(removed.applied);
  ASSERT_EQ(removed.notes.size(), 1u);
  EXPECT_THAT(removed.notes[0], HasSubstr("consumer 'crm' is still there"));
  until_it_works();
  publish("e-2", crm);
  until_delivered("e-2");
  EXPECT_TRUE(reload(kOther + ", crm: " + file_sink()).applied);
  EXPECT_EQ(queue("crm"), crm);
  EXPECT_EQ(post("e-3"), 200);
  until_delivered("e-3");
  const api::ReloadReport last = reload(kOther, {"crm"});
  EXPECT_THAT(last.notes, IsEmpty());
  EXPECT_FALSE(hub_->consumer("crm"));
}

// The sync fails: what was written can be read back, so the queue is gone, though the removal was answered with an
// error.
TEST_F(HubTest, a_consumer_whose_queue_went_with_a_failed_sync_begins_anew) {
  start(kOther + ", crm: " + file_sink());
  EXPECT_EQ(post("e-1"), 200);
  until_delivered("e-1");
  until_settled("crm");
  const base::QueueId crm = queue("crm");
  before_sync(kSyncsBeforeRemoval, [this] { fail_once(FaultOp::sync, 1); });
  EXPECT_EQ(reload(kOther).notes.size(), 1u);
  until_it_works();
  EXPECT_TRUE(reload(kOther + ", crm: " + file_sink()).applied);
  EXPECT_NE(queue("crm"), crm);
  EXPECT_EQ(post("e-2"), 200);
  until_delivered("e-2");
  const std::string all = delivered();
  EXPECT_EQ(all.find("\"e-1\""), all.rfind("\"e-1\"")) << "nothing that was delivered comes again";
  stop();
  start(kOther + ", crm: " + file_sink());
  EXPECT_EQ(post("e-3"), 200);
  until_delivered("e-3");
}

// ---- a reload that is refused late

TEST_F(HubTest, a_refused_reload_ends_its_key_sources_where_they_live) {
  SilentServer keys;
  start(kOther);
  sources_ = fmt::format(
      "open: {{kind: genesys}}, signed: {{kind: genesys, auth: {{jwt: {{issuer: \"https://i.example\", "
      "audience: hub, jwks_url: \"{}/keys\", allow_loopback: true}}}}}}",
      keys.url());
  // The queue, then the policies, when the new sources ask for their keys already.
  std::optional<RawClient> asked;
  before_sync(2, [&] {
    asked.emplace(keys.accept());
    fail_once(FaultOp::sync, 0);
  });
  const api::ReloadReport report = reload("other: {filter: {eventCategory: [agent]}}");
  EXPECT_FALSE(report.applied);
  EXPECT_THAT(report.problems, ::testing::Contains(HasSubstr("store the filter policies")));
  until_it_works();
  EXPECT_EQ(post("e-1"), 200);
  EXPECT_THAT(take("other", 1), ElementsAre("e-1")) << "by the filter of before";
}

// ---- requests of former sources

TEST_F(HubTest, a_request_that_waited_for_keys_during_two_reloads_is_routed_by_the_newest_filters) {
  SilentServer keys;
  const auto with = [&](const std::string& option) {
    return fmt::format(
        "open: {{kind: genesys}}, signed: {{kind: genesys, {}auth: {{jwt: {{issuer: \"https://i.example\", "
        "audience: hub, jwks_url: \"{}/keys\", allow_loopback: true}}}}}}",
        option, keys.url());
  };
  sources_ = with("");
  start(kOther);
  RawClient fetch = keys.accept();
  const auto key = source::testing::SigningKey::p256();
  const std::string token =
      key.token("ES256", R"({"alg":"ES256","kid":"a"})", R"({"iss":"https://i.example","aud":"hub","exp":4102444800})");
  RawClient client(hub_->port());
  ASSERT_TRUE(client.send(request("e-1", "Authorization: Bearer " + token + "\r\n", "signed")));
  // A second request on the same loop is read behind the first.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(post(fmt::format("later-{}", i)), 200);
  sources_ = with("org: o-1, ");
  ASSERT_TRUE(reload(kOther).applied) << "others take the requests from here on";
  ASSERT_TRUE(reload(kBoth).applied);
  const std::string body = R"({"keys":[)" + key.jwk("a") + "]}";
  ASSERT_TRUE(fetch.send(fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", body.size(), body)));
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_THAT(take("crm", 1), ElementsAre("e-1"));
}

// ---- what is kept of policies

std::string many_consumers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text +=
        fmt::format("{}c{}: {{filter: {{eventType: [\"{}-{}\"]}}}}", i == 0 ? "" : ", ", i, std::string(180, 'x'), i);
  }
  return text;
}

TEST_F(HubTest, a_thousand_consumers_with_filters_start_and_their_policies_are_kept) {
  start(many_consumers(1'000));
  std::string text;
  for (const auto& [key, part] : state("policies")) {
    if (key.starts_with("0000000001")) text += part;
  }
  EXPECT_EQ(std::ranges::count(text, '\n'), 1'000);
  EXPECT_GT(text.size(), 200'000u);
  EXPECT_THAT(text, HasSubstr("\tc999\t"));
  EXPECT_EQ(engine().get_state("policies", "current").value()->version, 1u);
  stop();
  start(many_consumers(1'000));
  EXPECT_EQ(engine().get_state("policies", "current").value()->version, 1u) << "the same policies, the same version";
  EXPECT_TRUE(reload(many_consumers(999)).applied);
  EXPECT_EQ(engine().get_state("policies", "current").value()->version, 2u);
}

TEST_F(HubTest, the_policies_of_a_directory_of_before_are_known_again) {
  start(kBoth);
  const std::string text = state("policies").at("0000000001");
  stop();
  std::filesystem::remove_all(directory_ + "/data");
  {
    // As it was written: the text as a whole, and again as the current one.
    net::IoLoop loop("old");
    loop.start();
    base::SystemClock clock;
    queue::EmbeddedOptions options;
    options.directory = directory_ + "/data";
    auto old = queue::EmbeddedEngine::open(options, {&loop}, clock).value();
    for (const char* name : {"other", "crm"}) {
      engine::QueueSpec spec;
      spec.name = name;
      spec.pulled = true;
      ASSERT_TRUE(old->declare(spec).ok());
    }
    for (const char* key : {"current", "0000000001"}) {
      std::promise<bool> stored;
      old->put_state("policies", key, 0, text, loop,
                     [&](const base::Result<void>& result) { stored.set_value(result.ok()); });
      ASSERT_TRUE(stored.get_future().get());
    }
    old->stop();
    loop.stop();
    loop.join();
  }
  start(kBoth);
  EXPECT_EQ(engine().get_state("policies", "current").value()->version, 1u);
  EXPECT_EQ(post("e-1"), 200);
  EXPECT_THAT(take("crm", 1), ElementsAre("e-1"));
}

// ---- what a consumer leaves behind

TEST_F(HubTest, the_board_of_a_removed_consumer_goes_with_it) {
  start(kOther + ", crm: {filter: {}, sink: {live: {}}}");
  put_state("live/crm", "c/old", "x");
  put_state("live/other", "c/kept", "x");
  EXPECT_TRUE(reload(kOther).applied);
  EXPECT_THAT(state("live/crm"), IsEmpty());
  EXPECT_EQ(state("live/other").size(), 1u);
}

TEST_F(HubTest, the_board_of_a_consumer_that_left_while_the_hub_was_down_goes_with_its_queue) {
  start(kOther + ", crm: {filter: {}, sink: {live: {}}}");
  put_state("live/crm", "c/old", "x");
  stop();
  start(kOther);
  EXPECT_THAT(state("live/crm"), IsEmpty());
}

TEST_F(HubTest, a_board_is_kept_over_a_restart_and_not_over_a_time_with_another_sink) {
  const std::string live = "crm: {filter: {}, sink: {live: {}}}";
  start(live);
  put_state("live/crm", "c/old", "x");
  stop();
  start(live);
  EXPECT_EQ(state("live/crm").size(), 1u);
  stop();
  start("crm: " + file_sink());
  EXPECT_THAT(state("live/crm"), IsEmpty());
}

TEST_F(HubTest, a_consumer_of_an_old_name_begins_without_its_board) {
  start(kOther);
  put_state("live/crm", "c/old", "x");
  EXPECT_TRUE(reload(kOther + ", crm: {filter: {}, sink: {live: {}}}").applied);
  EXPECT_THAT(state("live/crm"), IsEmpty());
}

TEST_F(HubTest, a_consumer_of_an_old_name_is_not_paused) {
  start(kBoth);
  put_state("consumers", "new/paused", "1");
  EXPECT_TRUE(reload(kBoth + ", new: {filter: {}}").applied);
  EXPECT_FALSE(hub_->consumer("new")->paused);
}

}  // namespace
}  // namespace trunkline::app
