#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

#include "base/manual_loop.hpp"
#include "base/text.hpp"
#include "sinks/jsonl_file.hpp"
#include "sinks/jsonl_sink.hpp"

namespace trunkline::sinks {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::Millis;
using base::Result;
using base::WallTime;
using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Fails the calls it was told to, and counts the others. Safe for the sink's thread and the test's.
class FaultyOps : public SystemFileOps {
 public:
  void fail_next(const std::string& call, Error error) {
    const std::scoped_lock lock(mutex_);
    faults_[call].push_back(std::move(error));
  }
  std::size_t count(const std::string& call) {
    const std::scoped_lock lock(mutex_);
    return calls_[call];
  }

  // Until a file has been synced, or has failed to be.
  void wait_for_sync() {
    std::unique_lock lock(mutex_);
    called_.wait(lock, [this] { return calls_["sync"] > 0; });
  }

  Result<void> sync_directory(const std::string& path) override {
    if (auto error = fault("sync_directory")) return *error;
    return SystemFileOps::sync_directory(path);
  }
  Result<int> open(const std::string& path) override {
    if (auto error = fault("open")) return *error;
    return SystemFileOps::open(path);
  }
  Result<int> create(const std::string& path) override {
    if (auto error = fault("create")) return *error;
    return SystemFileOps::create(path);
  }
  // A failing append leaves half of the bytes behind, as a full disk does.
  Result<std::size_t> append(int file, std::string_view bytes) override {
    auto error = fault("append");
    if (!error) return SystemFileOps::append(file, bytes.substr(0, std::max<std::size_t>(1, bytes.size() / 2)));
    EXPECT_TRUE(SystemFileOps::append(file, bytes.substr(0, (bytes.size() + 1) / 2)).ok());
    return *error;
  }
  Result<void> cut(int file, std::uint64_t bytes) override {
    if (auto error = fault("cut")) return *error;
    return SystemFileOps::cut(file, bytes);
  }
  Result<void> sync(int file) override {
    if (auto error = fault("sync")) return *error;
    return SystemFileOps::sync(file);
  }

 private:
  std::optional<Error> fault(const std::string& call) {
    const std::scoped_lock lock(mutex_);
    ++calls_[call];
    called_.notify_all();
    auto& faults = faults_[call];
    if (faults.empty()) return std::nullopt;
    Error error = std::move(faults.front());
    faults.pop_front();
    return error;
  }
  std::mutex mutex_;
  std::condition_variable called_;
  std::map<std::string, std::size_t> calls_;
  std::map<std::string, std::deque<Error>> faults_;
};

class JsonlTest : public testing::Test {
 protected:
  JsonlTest() {
    directory_ = fs::path(testing::TempDir()) /
                 ("jsonl-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + "-" +
                  std::to_string(getpid()));
    fs::remove_all(directory_);
    options_.directory = directory_ / "events";
    options_.name = "siem";
  }
  ~JsonlTest() override { fs::remove_all(directory_); }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : fs::directory_iterator(options_.directory)) result.push_back(entry.path().filename());
    std::sort(result.begin(), result.end());
    return result;
  }
  std::string all_text() const {
    std::string text;
    for (const std::string& name : names()) text += text_of(options_.directory + "/" + name);
    return text;
  }
  void put(const std::string& name, const std::string& text) const {
    fs::create_directories(options_.directory);
    std::ofstream(options_.directory + "/" + name, std::ios::binary) << text;
  }

  fs::path directory_;
  JsonlFileOptions options_;
  FaultyOps ops_;
  WallTime now_ = *base::parse_time("2026-03-02T14:00:00.500Z");
};

using JsonlFileTest = JsonlTest;

TEST_F(JsonlFileTest, appends_lines_and_syncs_file_and_directory) {
  JsonlFile file(options_, ops_);
  ASSERT_TRUE(file.append("{\"a\":1}\n", now_).ok());
  ASSERT_TRUE(file.append("{\"a\":2}\n{\"a\":3}\n", now_).ok());
  EXPECT_THAT(names(), ElementsAre("siem-20260302T140000-000.jsonl"));
  EXPECT_EQ(all_text(), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
  EXPECT_EQ(ops_.count("sync"), 2u);
  EXPECT_EQ(ops_.count("sync_directory"), 1u);
  EXPECT_EQ(fs::status(file.path()).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(JsonlFileTest, rotates_by_size_between_appends_only) {
  options_.rotate_bytes = 1'024;
  JsonlFile file(options_, ops_);
  const std::string line = std::string(599, 'x') + "\n";
  ASSERT_TRUE(file.append(line, now_).ok());
  ASSERT_TRUE(file.append(line, now_).ok());
  ASSERT_TRUE(file.append(line + line + line, now_).ok()) << "more than a whole file";
  EXPECT_THAT(names(), SizeIs(3));
  EXPECT_EQ(all_text(), line + line + line + line + line);
}

TEST_F(JsonlFileTest, rotates_by_age_and_not_while_empty) {
  options_.rotate_age = hours(1);
  JsonlFile file(options_, ops_);
  ASSERT_TRUE(file.append("1\n", now_).ok());
  ASSERT_TRUE(file.append("2\n", now_ + hours(1) - seconds(1)).ok());
  ASSERT_TRUE(file.append("3\n", now_ + hours(1)).ok());
  EXPECT_THAT(names(), ElementsAre("siem-20260302T140000-000.jsonl", "siem-20260302T150000-000.jsonl"));
}

TEST_F(JsonlFileTest, names_sort_by_age_even_when_the_clock_goes_back) {
  put("siem-20260302T150000-998.jsonl", std::string(1'023, 'a') + "\n");
  options_.rotate_bytes = 1'024;
  options_.rotate_age = hours(1'000);
  JsonlFile file(options_, ops_);
  const std::string line(1'022, 'b');
  ASSERT_TRUE(file.append(line + "1\n", now_).ok());
  ASSERT_TRUE(file.append(line + "2\n", now_).ok());
  ASSERT_TRUE(file.append(line + "3\n", now_).ok());
  EXPECT_THAT(names(), ElementsAre("siem-20260302T150000-998.jsonl", "siem-20260302T150000-999.jsonl",
                                   "siem-20260302T150001-000.jsonl", "siem-20260302T150001-001.jsonl"));
  EXPECT_EQ(text_of(file.path()), line + "3\n");
}

TEST_F(JsonlFileTest, takes_over_the_newest_file_of_an_earlier_process) {
  put("siem-20260301T000000-000.jsonl", "old\n");
  put("siem-20260302T130000-000.jsonl", "one\n");
  put("siem-20260302T130000-xyz.jsonl", "not ours\n");
  put("other-20260302T139999-000.jsonl", "not ours\n");
  JsonlFile file(options_, ops_);
  ASSERT_TRUE(file.append("two\n", now_).ok());
  EXPECT_EQ(text_of(options_.directory + "/siem-20260302T130000-000.jsonl"), "one\ntwo\n");
  EXPECT_THAT(names(), SizeIs(4));
}

TEST_F(JsonlFileTest, never_glues_two_events_after_a_crash) {
  const std::string whole = "{\"a\":1}\n" + std::string(100'000, 'y') + "\n";
  for (const std::string& torn : {std::string("{\"a\":"), std::string(200'000, 'z')}) {
    put("siem-20260302T130000-000.jsonl", whole + torn);
    JsonlFile file(options_, ops_);
    ASSERT_TRUE(file.append("{\"a\":2}\n", now_).ok());
    EXPECT_EQ(all_text(), whole + "{\"a\":2}\n");
  }
  put("siem-20260302T130000-000.jsonl", "torn from the first byte");
  JsonlFile file(options_, ops_);
  ASSERT_TRUE(file.append("{\"a\":3}\n", now_).ok());
  EXPECT_EQ(all_text(), "{\"a\":3}\n");
}

TEST_F(JsonlFileTest, after_a_failed_sync_nothing_of_the_write_stays) {
  JsonlFile file(options_, ops_);
  ASSERT_TRUE(file.append("1\n", now_).ok());
  ops_.fail_next("sync", {Errc::unavailable, "Input/output error"});
  const auto failed = file.append("2\n", now_);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Errc::unavailable);
  ASSERT_TRUE(file.append("2\n", now_).ok());
  EXPECT_EQ(all_text(), "1\n2\n");
  EXPECT_EQ(ops_.count("open"), 1u) << "the file was opened again";
}

TEST_F(JsonlFileTest, half_a_write_is_cut_even_when_the_first_cut_fails) {
  JsonlFile file(options_, ops_);
  ASSERT_TRUE(file.append("first\n", now_).ok());
  ops_.fail_next("append", {Errc::disk_full, "No space left on device"});
  ops_.fail_next("cut", {Errc::unavailable, "Input/output error"});
  ops_.fail_next("cut", {Errc::unavailable, "Input/output error"});
  EXPECT_EQ(file.append("second\n", now_).error().code, Errc::disk_full);
  EXPECT_NE(all_text(), "first\n");
  EXPECT_FALSE(file.append("second\n", now_).ok()) << "nothing is appended to a torn line";
  ASSERT_TRUE(file.append("second\n", now_).ok());
  EXPECT_EQ(all_text(), "first\nsecond\n");
}

TEST_F(JsonlFileTest, a_new_file_counts_only_with_its_directory_entry_on_disk) {
  ops_.fail_next("sync_directory", {Errc::unavailable, "Input/output error"});
  JsonlFile file(options_, ops_);
  EXPECT_FALSE(file.append("1\n", now_).ok());
  EXPECT_THAT(names(), IsEmpty());
  ASSERT_TRUE(file.append("1\n", now_).ok());
  EXPECT_EQ(all_text(), "1\n");
}

TEST_F(JsonlFileTest, a_file_that_was_moved_away_is_followed_by_a_new_one) {
  JsonlFile file(options_, ops_);
  ASSERT_TRUE(file.append("1\n", now_).ok());
  const std::string first = file.path();
  ops_.fail_next("sync", {Errc::unavailable, "Input/output error"});
  EXPECT_FALSE(file.append("2\n", now_).ok());
  fs::remove(first);
  ASSERT_TRUE(file.append("2\n", now_).ok());
  EXPECT_NE(file.path(), first);
  EXPECT_EQ(all_text(), "2\n");
}

TEST_F(JsonlFileTest, keeps_as_many_files_as_configured_and_never_removes_the_current_one) {
  put("siem-20260301T000000-000.jsonl", "a\n");
  put("siem-20260301T000001-000.jsonl", "b\n");
  put("siem-20260301T000002-000.jsonl", std::string(1'500, 'c') + "\n");
  put("notes.txt", "not ours\n");
  options_.rotate_bytes = 1'024;
  options_.keep_files = 2;
  JsonlFile file(options_, ops_);
  ASSERT_TRUE(file.append("d\n", now_).ok());
  EXPECT_THAT(names(), ElementsAre("notes.txt", "siem-20260301T000002-000.jsonl", "siem-20260302T140000-000.jsonl"));
}

TEST_F(JsonlFileTest, keeps_as_many_bytes_as_configured) {
  options_.rotate_bytes = 1'024;
  options_.keep_bytes = 2'500;
  JsonlFile file(options_, ops_);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(file.append(std::string(999, 'x') + "\n", now_ + seconds(i)).ok());
  EXPECT_THAT(names(), SizeIs(3))
      << "two full ones, and the current one, which was empty when the old ones were removed";
}

TEST_F(JsonlFileTest, without_permission_it_says_which_path) {
  fs::create_directories(directory_);
  std::ofstream(directory_ / "events") << "a file where the directory should be";
  JsonlFile file(options_, ops_);
  const auto failed = file.append("1\n", now_);
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().detail, testing::HasSubstr(options_.directory));
  ops_.fail_next("create", {Errc::unauthenticated, "create x: Permission denied"});
  fs::remove(directory_ / "events");
  EXPECT_EQ(file.append("1\n", now_).error().code, Errc::unauthenticated);
  EXPECT_TRUE(file.append("1\n", now_).ok());
}

// The kernel's own limit on the size of files stands for a full disk: it, too, takes the first part of a write.
TEST_F(JsonlFileTest, survives_a_real_full_disk) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit former{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &former), 0);
  SystemFileOps real;
  JsonlFile file(options_, real);
  const std::string line = std::string(2'999, 'x') + "\n";
  ASSERT_TRUE(file.append(line, now_).ok());
  const rlimit small{4'096, former.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto failed = file.append(line, now_);
  const std::string meanwhile = all_text();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &former), 0);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Errc::disk_full);
  EXPECT_EQ(meanwhile, line);
  ASSERT_TRUE(file.append(line, now_).ok());
  EXPECT_EQ(all_text(), line + line);
}

TEST_F(JsonlFileTest, options_are_checked) {
  EXPECT_TRUE(validate(options_).ok());
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string("../x"), std::string(".hidden"), std::string(101, 'a')}) {
    JsonlFileOptions options = options_;
    options.name = name;
    EXPECT_FALSE(validate(options).ok()) << name;
  }
  JsonlFileOptions options = options_;
  options.directory.clear();
  EXPECT_FALSE(validate(options).ok());
  options = options_;
  options.rotate_bytes = 10;
  EXPECT_FALSE(validate(options).ok());
  options = options_;
  options.rotate_age = Millis(1);
  EXPECT_FALSE(validate(options).ok());
}

// ---- the sink

class JsonlSinkTest : public JsonlTest {
 protected:
  std::unique_ptr<JsonlSink> make(JsonlSinkOptions options) {
    options.file = options_;
    auto faulty = std::make_unique<FaultyOps>();
    sink_ops_ = faulty.get();
    auto sink = JsonlSink::make(
        options,
        [](const engine::Record& record) { return "{\"id\":\n" + std::to_string(record.sequence.value) + "}"; }, loop_,
        std::move(faulty));
    EXPECT_TRUE(sink.ok());
    return std::move(*sink);
  }
  static delivery::Batch batch(std::vector<std::uint64_t> sequences) {
    delivery::Batch result;
    for (const std::uint64_t sequence : sequences) {
      auto record = std::make_shared<engine::Record>();
      record->sequence = {sequence};
      record->event.raw = "{}";
      result.messages.push_back({record, 0, 1, {}, false});
    }
    return result;
  }
  void send(JsonlSink& sink, std::vector<std::uint64_t> sequences) {
    sink.send(batch(std::move(sequences)), [this](delivery::BatchVerdict verdict) {
      for (const auto& event : verdict.events) verdicts_.push_back(event);
    });
  }
  void wait_for(std::size_t verdicts) {
    while (verdicts_.size() < verdicts) loop_.wait_and_run();
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  FaultyOps* sink_ops_ = nullptr;
  std::vector<delivery::EventVerdict> verdicts_;
};

TEST_F(JsonlSinkTest, writes_each_event_on_one_line_and_answers_on_the_loop) {
  JsonlSinkOptions options;
  options.add_sequence = true;
  auto sink = make(options);
  send(*sink, {1, 2});
  send(*sink, {3});
  EXPECT_THAT(verdicts_, IsEmpty()) << "never inside send()";
  wait_for(3);
  for (const auto& event : verdicts_) EXPECT_EQ(event.verdict, delivery::Verdict::delivered);
  EXPECT_EQ(all_text(), "{\"id\": 1,\"_sequence\":1}\n{\"id\": 2,\"_sequence\":2}\n{\"id\": 3,\"_sequence\":3}\n");
}

TEST_F(JsonlSinkTest, raw_bodies_are_written_as_they_came) {
  JsonlSinkOptions options;
  options.body = Body::raw;
  auto sink = make(options);
  send(*sink, {1, 2});
  wait_for(2);
  EXPECT_EQ(all_text(), "{}\n{}\n");
}

TEST_F(JsonlSinkTest, a_disk_that_fails_is_unavailable_by_class_and_no_event_is_written_twice) {
  auto sink = make({});
  send(*sink, {1});
  wait_for(1);
  const std::vector<std::pair<Errc, std::string>> cases{
      {Errc::disk_full, "disk_full"}, {Errc::unauthenticated, "permission"}, {Errc::unavailable, "io_error"}};
  for (const auto& [code, error_class] : cases) {
    verdicts_.clear();
    sink_ops_->fail_next("sync", {code, "why"});
    send(*sink, {2, 3});
    wait_for(2);
    for (const auto& event : verdicts_) {
      EXPECT_EQ(event.verdict, delivery::Verdict::unavailable);
      EXPECT_EQ(event.error_class, error_class);
      EXPECT_THAT(event.detail, testing::HasSubstr("why"));
    }
  }
  verdicts_.clear();
  send(*sink, {2, 3});
  wait_for(2);
  EXPECT_EQ(all_text(), "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3}\n");
}

TEST_F(JsonlSinkTest, what_is_answered_after_its_end_still_reaches_the_callback) {
  auto sink = make({});
  send(*sink, {1});
  sink_ops_->wait_for_sync();
  sink.reset();
  loop_.run();
  EXPECT_THAT(verdicts_, SizeIs(1));
}

TEST_F(JsonlSinkTest, a_probe_tells_where_files_would_be_written_and_makes_nothing) {
  options_.directory = directory_ / "not" / "there";
  const auto probe = [this] {
    auto sink = make({});
    std::optional<Result<std::string>> found;
    sink->probe([&](Result<std::string> answer) { found = std::move(answer); });
    while (!found) loop_.wait_and_run();
    return *found;
  };
  fs::create_directories(directory_);
  const Result<std::string> parent = probe();
  ASSERT_TRUE(parent.ok()) << parent.error().detail;
  EXPECT_THAT(*parent, testing::StartsWith(directory_.string() + " can be written"));
  EXPECT_THAT(*parent, testing::HasSubstr("iB free; the directory below it will be made"));
  EXPECT_FALSE(fs::exists(directory_ / "not"));
  options_.directory = directory_;
  EXPECT_THAT(*probe(), testing::EndsWith("iB free"));
  std::ofstream(directory_ / "file") << "x";
  options_.directory = directory_ / "file";
  EXPECT_FALSE(probe().ok()) << "a file stands where the directory should be";
}

// Which of the two comes first is up to the threads: there is one answer either way.
TEST_F(JsonlSinkTest, a_probe_that_its_end_overtakes_is_answered_cancelled) {
  fs::create_directories(directory_);
  std::size_t cancelled = 0;
  for (std::size_t round = 1; round <= 100; ++round) {
    auto sink = make({});
    std::vector<Result<std::string>> found;
    sink->probe([&](Result<std::string> answer) { found.push_back(std::move(answer)); });
    sink.reset();
    loop_.run();
    ASSERT_THAT(found, SizeIs(1)) << "in round " << round;
    if (found[0].ok()) continue;
    EXPECT_EQ(found[0].error().code, Errc::cancelled);
    ++cancelled;
  }
  EXPECT_GT(cancelled, 0u);
}

TEST_F(JsonlSinkTest, options_are_checked) {
  JsonlSinkOptions options;
  options.file = options_;
  options.batch_messages_max = 0;
  EXPECT_FALSE(JsonlSink::make(options, render_raw, loop_).ok());
  options.batch_messages_max = 1;
  options.file.name = "a/b";
  EXPECT_FALSE(JsonlSink::make(options, render_raw, loop_).ok());
}

}  // namespace
}  // namespace trunkline::sinks
