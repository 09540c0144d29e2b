#include "sinks/interval_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/manual_loop.hpp"
#include "base/text.hpp"
#include "sinks/interval_sink.hpp"

namespace trunkline::sinks {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::Millis;
using base::Result;
using base::WallTime;
using delivery::Verdict;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using wfm::StateFact;

constexpr wfm::Time kBegin = 1'772'460'000'000;  // 2026-03-02T14:00:00Z
constexpr wfm::Time kMinute = 60'000;

// Fails a call by its number, or that one and all that follow: then the process is dead. An append that fails leaves half.
class FaultyOps final : public SystemFileOps {
 public:
  std::size_t calls = 0;
  std::size_t fail_at = SIZE_MAX;
  bool stays_dead = false;
  Error error{Errc::unavailable, "killed"};

  Result<void> make_directory(const std::string& path) override {
    if (fails()) return error;
    return SystemFileOps::make_directory(path);
  }
  Result<void> sync_directory(const std::string& path) override {
    if (fails()) return error;
    return SystemFileOps::sync_directory(path);
  }
  Result<void> remove(const std::string& path) override {
    if (fails()) return error;
    return SystemFileOps::remove(path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (fails()) return error;
    return SystemFileOps::rename(from, to);
  }
  Result<int> create(const std::string& path) override {
    if (fails()) return error;
    return SystemFileOps::create(path);
  }
  Result<int> open(const std::string& path) override {
    if (fails()) return error;
    return SystemFileOps::open(path);
  }
  Result<std::size_t> append(int file, std::string_view bytes) override {
    if (!fails()) return SystemFileOps::append(file, bytes);
    EXPECT_TRUE(SystemFileOps::append(file, bytes.substr(0, (bytes.size() + 1) / 2)).ok());
    return error;
  }
  Result<void> sync(int file) override {
    if (fails()) return error;
    return SystemFileOps::sync(file);
  }

 private:
  bool fails() {
    const std::size_t call = calls++;
    return call == fail_at || (stays_dead && call > fail_at);
  }
};

wfm::CodeTable codes() {
  return *wfm::CodeTable::parse("presence,code\nBUSY,BUSY\nOFFLINE,OUT\n", "OTHER");
}

StateFact fact(wfm::Time at, std::string value, std::string agent = "anna") {
  return {std::move(agent), at, StateFact::Kind::presence, std::move(value)};
}

class IntervalFilesTest : public testing::Test {
 protected:
  IntervalFilesTest() {
    root_ = fs::path(testing::TempDir()) /
            ("intervals-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + "-" +
             std::to_string(getpid()));
    fs::remove_all(root_);
    options_.directory = root_ / "wfm";
  }
  ~IntervalFilesTest() override { fs::remove_all(root_); }

  static std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Those that do not begin with a dot.
  std::map<std::string, std::string> shown() const {
    std::map<std::string, std::string> files;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(options_.directory, none)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with('.')) files[name] = text_of(entry.path());
    }
    return files;
  }
  // Takes the shown files away, as who imports them does; each may come once.
  void fetch(std::map<std::string, std::string>& taken) const {
    for (auto& [name, text] : shown()) {
      EXPECT_FALSE(taken.contains(name)) << name << " came twice";
      taken[name] = text;
      fs::remove(fs::path(options_.directory) / name);
    }
  }

  fs::path root_;
  IntervalFilesOptions options_;
  WallTime now_{Millis(kBegin + kMinute)};
};

TEST_F(IntervalFilesTest, shows_the_files_of_an_interval_when_it_is_closed) {
  FaultyOps ops;
  IntervalFiles files(options_, codes(), ops);
  ASSERT_TRUE(files.take({fact(kBegin + kMinute, "BUSY")}, now_).ok());
  EXPECT_THAT(shown(), IsEmpty());
  EXPECT_EQ(*files.open_end(now_), WallTime(Millis(kBegin + 15 * kMinute)));
  ASSERT_TRUE(files.close(now_).ok());
  const auto made = shown();
  ASSERT_THAT(made, SizeIs(2));
  EXPECT_EQ(made.at("agents-20260302T140000Z-changes.csv"),
            "at,agent,code,previous,presence,routing,reason\n2026-03-02T14:01:00.000Z,anna,BUSY,,BUSY,,\n");
  EXPECT_THAT(made.at("agents-20260302T140000Z-times.csv"), HasSubstr("anna,BUSY,840.000\n"));
}

TEST_F(IntervalFilesTest, writes_json_lines_with_the_same_members) {
  options_.format = wfm::RowFormat::jsonl;
  FaultyOps ops;
  IntervalFiles files(options_, codes(), ops);
  ASSERT_TRUE(files.take({fact(kBegin + kMinute, "BUSY")}, now_).ok());
  ASSERT_TRUE(files.close(now_).ok());
  EXPECT_EQ(
      shown().at("agents-20260302T140000Z-times.jsonl"),
      R"({"begin":"2026-03-02T14:00:00.000Z","end":"2026-03-02T14:15:00.000Z","agent":"anna","code":"BUSY","seconds":840.000})"
      "\n");
  EXPECT_THAT(shown().at("agents-20260302T140000Z-changes.jsonl"), HasSubstr(R"("previous":null)"));
}

TEST_F(IntervalFilesTest, what_comes_too_late_has_a_file_of_its_own) {
  FaultyOps ops;
  IntervalFiles files(options_, codes(), ops);
  ASSERT_TRUE(files.take({fact(kBegin + kMinute, "BUSY")}, now_).ok());
  ASSERT_TRUE(files.close(now_).ok());
  ASSERT_TRUE(files.take({fact(kBegin + 2 * kMinute, "OFFLINE"), fact(kBegin + kMinute, "BUSY")}, now_).ok());
  ASSERT_TRUE(files.close(now_).ok());
  EXPECT_EQ(shown().at("agents-20260302T141500Z-late.csv"),
            "at,interval,agent,code,presence,routing,reason\n"
            "2026-03-02T14:02:00.000Z,2026-03-02T14:00:00.000Z,anna,OUT,OFFLINE,,\n");
}

// The whole of a run, killed at a call of the system. What was confirmed may come again as well.
TEST_F(IntervalFilesTest, killed_at_any_call_no_row_is_lost_or_comes_twice) {
  const std::vector<std::vector<StateFact>> batches = {
      {fact(kBegin + kMinute, "BUSY"), fact(kBegin + kMinute, "OFFLINE", "bob")},
      {fact(kBegin + 3 * kMinute, "OFFLINE"), fact(kBegin + 16 * kMinute, "BUSY")},
      {fact(kBegin + 4 * kMinute, "OFFLINE", "bob")},
  };
  const std::vector<StateFact> second = {fact(kBegin + 2 * kMinute, "BUSY", "late"),
                                         fact(kBegin + 20 * kMinute, "BUSY", "bob")};
  const auto run = [&](FaultyOps& ops, std::size_t& step, std::map<std::string, std::string>& taken) {
    IntervalFiles files(options_, codes(), ops);
    if (step > 0 && !files.take(batches[std::min(step, batches.size()) - 1], now_).ok()) return;
    if (step > batches.size() + 1 && !files.take(second, now_).ok()) return;
    for (; step < batches.size(); ++step) {
      if (!files.take(batches[step], now_).ok()) return;
    }
    const auto close_until = [&](wfm::Time end) {
      for (;;) {
        const auto open = files.open_end(now_);
        if (!open.ok()) return false;
        if (*open > WallTime(Millis(end))) return true;
        const auto closed = files.close(now_);
        fetch(taken);
        if (!closed.ok()) return false;
      }
    };
    if (step == batches.size()) {
      if (!close_until(kBegin + 15 * kMinute)) return;
      ++step;
    }
    if (step == batches.size() + 1) {
      if (!files.take(second, now_).ok()) return;
      ++step;
    }
    if (!close_until(kBegin + 30 * kMinute)) return;
    ++step;
  };
  std::map<std::string, std::string> expected;
  std::size_t calls = 0;
  {
    FaultyOps ops;
    std::size_t step = 0;
    run(ops, step, expected);
    calls = ops.calls;
    ASSERT_EQ(step, batches.size() + 3);
    ASSERT_THAT(expected, SizeIs(5));
  }
  for (const bool dies : {true, false}) {
    for (std::size_t at = 0; at < calls; ++at) {
      fs::remove_all(options_.directory);
      std::map<std::string, std::string> taken;
      std::size_t step = 0;
      FaultyOps ops;
      ops.fail_at = at;
      ops.stays_dead = dies;
      run(ops, step, taken);
      for (int again = 0; again < 3 && step < batches.size() + 3; ++again) {
        FaultyOps fine;
        run(fine, step, taken);
        fetch(taken);
      }
      EXPECT_EQ(taken, expected) << "call " << at << (dies ? ", killed" : ", failed once");
      for (const auto& entry : fs::directory_iterator(options_.directory))
        EXPECT_EQ(entry.path().filename(), ".agents.journal") << "call " << at;
    }
  }
}

TEST_F(IntervalFilesTest, after_a_failure_the_same_process_goes_on_and_loses_nothing) {
  for (std::size_t at = 0; at < 60; ++at) {
    fs::remove_all(options_.directory);
    FaultyOps ops;
    ops.fail_at = at;
    ops.error = {Errc::disk_full, "no space"};
    IntervalFiles files(options_, codes(), ops);
    std::map<std::string, std::string> taken;
    for (const auto& each : {fact(kBegin + kMinute, "BUSY"), fact(kBegin + 2 * kMinute, "OFFLINE")}) {
      for (int tries = 0; tries < 2 && !files.take({each}, now_).ok(); ++tries) {
      }
    }
    for (int tries = 0; tries < 3; ++tries) {
      const auto end = files.open_end(now_);
      if (!end.ok()) continue;
      if (*end > WallTime(Millis(kBegin + 15 * kMinute))) break;
      (void)files.close(now_).ok();
      fetch(taken);
    }
    fetch(taken);
    ASSERT_THAT(taken, SizeIs(2)) << at;
    EXPECT_THAT(taken.begin()->second, HasSubstr("14:01:00.000Z,anna,BUSY,,BUSY")) << at;
    EXPECT_THAT(taken.begin()->second, HasSubstr("14:02:00.000Z,anna,OUT,BUSY")) << at;
  }
}

TEST_F(IntervalFilesTest, a_directory_that_was_taken_away_is_made_again_with_all_that_is_known) {
  FaultyOps ops;
  IntervalFiles files(options_, codes(), ops);
  ASSERT_TRUE(files.take({fact(kBegin + kMinute, "BUSY")}, now_).ok());
  fs::remove_all(options_.directory);
  ASSERT_TRUE(files.take({fact(kBegin + 2 * kMinute, "OFFLINE")}, now_).ok());
  IntervalFiles next(options_, codes(), ops);
  ASSERT_TRUE(next.close(now_).ok());
  EXPECT_THAT(shown().at("agents-20260302T140000Z-changes.csv"), HasSubstr("anna,BUSY,"));
}

TEST_F(IntervalFilesTest, a_journal_that_is_not_ours_is_refused_and_left_alone) {
  fs::create_directories(options_.directory);
  const fs::path journal = fs::path(options_.directory) / ".agents.journal";
  std::ofstream(journal) << "something else\n";
  FaultyOps ops;
  IntervalFiles files(options_, codes(), ops);
  const auto taken = files.take({fact(kBegin, "BUSY")}, now_);
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.error().detail, HasSubstr("line 1 is not what this version writes"));
  EXPECT_EQ(text_of(journal), "something else\n");
}

TEST_F(IntervalFilesTest, keeps_files_as_long_as_it_is_told_and_leaves_others_alone) {
  options_.keep = std::chrono::minutes(30);
  FaultyOps ops;
  IntervalFiles files(options_, codes(), ops);
  ASSERT_TRUE(files.open_end(now_).ok());
  for (const char* other : {"agents-x-20200302T140000Z-changes.csv", "agents-20200302T140000Z-notes.csv", "other.csv"})
    std::ofstream(fs::path(options_.directory) / other) << "x";
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(files.close(now_).ok());
  std::vector<std::string> names;
  for (const auto& [name, text] : shown()) names.push_back(name);
  EXPECT_THAT(names,
              ElementsAre("agents-20200302T140000Z-notes.csv", "agents-20260302T144500Z-changes.csv",
                          "agents-20260302T144500Z-times.csv", "agents-20260302T150000Z-changes.csv",
                          "agents-20260302T150000Z-times.csv", "agents-x-20200302T140000Z-changes.csv", "other.csv"));
}

TEST_F(IntervalFilesTest, takes_no_interval_that_does_not_divide_a_day) {
  options_.timeline.interval = std::chrono::minutes(7);
  EXPECT_FALSE(validate(options_).ok());
  options_.timeline.interval = std::chrono::hours(48);
  EXPECT_FALSE(validate(options_).ok());
  options_.timeline.interval = std::chrono::minutes(30);
  EXPECT_TRUE(validate(options_).ok());
  options_.name = "../agents";
  EXPECT_FALSE(validate(options_).ok());
}

class IntervalSinkTest : public IntervalFilesTest {
 protected:
  void begin(std::unique_ptr<FileOps> ops = std::make_unique<SystemFileOps>()) {
    IntervalSinkOptions options;
    options.files = options_;
    auto made = IntervalSink::make(std::move(options), codes(), [this] { return oldest_; }, loop_, std::move(ops));
    ASSERT_TRUE(made.ok()) << made.error().detail;
    sink_ = std::move(*made);
    sink_->rest(false);
  }
  delivery::EventVerdict send(wfm::Time at, const std::string& presence) {
    auto record = std::make_shared<engine::Record>();
    record->accepted_at = clock_.wall();
    record->event.event_type = "v2.users.{id}.presence";
    record->event.user_id = "anna";
    record->event.topic_known = true;
    record->event.business_time = WallTime(Millis(at));
    record->event.raw = R"({"primary":true,"presenceDefinition":{"id":"d","systemPresence":")" + presence + R"("}})";
    delivery::Batch batch;
    batch.messages.emplace_back().record = record;
    std::optional<delivery::EventVerdict> verdict;
    sink_->send(std::move(batch), [&](delivery::BatchVerdict said) { verdict = said.events.at(0); });
    while (!verdict) loop_.wait_and_run();
    return *verdict;
  }
  // A probe is answered behind the look that came before it.
  void pass(Millis time) {
    for (Millis gone{0}; gone < time; gone += std::chrono::seconds(10)) {
      loop_.advance(std::chrono::seconds(10));
      bool answered = false;
      sink_->probe([&](const Result<std::string>&) { answered = true; });
      while (!answered) loop_.wait_and_run();
    }
  }

  base::ManualClock clock_{WallTime(Millis(kBegin + kMinute))};
  base::ManualLoop loop_{clock_};
  std::optional<WallTime> oldest_;
  std::unique_ptr<IntervalSink> sink_;
};

TEST_F(IntervalSinkTest, closes_an_interval_when_its_grace_is_over) {
  begin();
  EXPECT_EQ(send(kBegin + kMinute, "BUSY").verdict, Verdict::delivered);
  pass(std::chrono::minutes(15));
  EXPECT_THAT(shown(), IsEmpty());
  pass(std::chrono::minutes(2));
  EXPECT_THAT(shown(), SizeIs(2));
}

TEST_F(IntervalSinkTest, waits_for_what_was_accepted_in_time_and_still_waits_in_the_queue) {
  begin();
  EXPECT_EQ(send(kBegin + kMinute, "BUSY").verdict, Verdict::delivered);
  oldest_ = WallTime(Millis(kBegin + 2 * kMinute));
  pass(std::chrono::hours(4));
  EXPECT_THAT(shown(), IsEmpty());
  EXPECT_EQ(send(kBegin + 2 * kMinute, "OFFLINE").verdict, Verdict::delivered);
  oldest_.reset();
  pass(std::chrono::minutes(1));
  EXPECT_THAT(shown().at("agents-20260302T140000Z-changes.csv"), HasSubstr("14:02:00.000Z,anna,OUT"));
}

TEST_F(IntervalSinkTest, does_not_wait_for_a_lane_that_newer_events_have_overtaken_by_minutes) {
  begin();
  oldest_ = WallTime(Millis(kBegin + 2 * kMinute));
  pass(std::chrono::minutes(30));
  EXPECT_THAT(shown(), IsEmpty());
  EXPECT_EQ(send(kBegin + 30 * kMinute, "BUSY").verdict, Verdict::delivered);
  pass(std::chrono::minutes(1));
  EXPECT_THAT(shown(), SizeIs(2));
}

TEST_F(IntervalSinkTest, a_new_process_waits_for_what_was_sent_while_there_was_none) {
  begin();
  EXPECT_EQ(send(kBegin + kMinute, "BUSY").verdict, Verdict::delivered);
  sink_.reset();
  clock_.advance(std::chrono::hours(1));
  begin();
  pass(std::chrono::minutes(2));
  EXPECT_THAT(shown(), IsEmpty());
  EXPECT_EQ(send(kBegin + 14 * kMinute, "OFFLINE").verdict, Verdict::delivered);
  pass(std::chrono::seconds(10));
  EXPECT_THAT(shown().at("agents-20260302T140000Z-changes.csv"), HasSubstr("14:14:00.000Z,anna,OUT"));
  EXPECT_THAT(shown(), SizeIs(8));
}

TEST_F(IntervalSinkTest, a_disk_that_fails_is_unavailable_also_where_only_the_closing_fails) {
  auto owned = std::make_unique<FaultyOps>();
  FaultyOps& ops = *owned;
  begin(std::move(owned));
  EXPECT_EQ(send(kBegin + kMinute, "BUSY").verdict, Verdict::delivered);
  ops.error = {Errc::disk_full, "no space"};
  ops.fail_at = ops.calls;
  ops.stays_dead = true;
  EXPECT_EQ(send(kBegin + 2 * kMinute, "OFFLINE").error_class, "disk_full");
  pass(std::chrono::minutes(20));
  const auto verdict = send(kBegin + 2 * kMinute, "OFFLINE");
  EXPECT_EQ(verdict.verdict, Verdict::unavailable);
  EXPECT_EQ(verdict.error_class, "disk_full");
  ops.fail_at = SIZE_MAX;
  ops.stays_dead = false;
  pass(std::chrono::seconds(10));
  EXPECT_EQ(send(kBegin + 2 * kMinute, "OFFLINE").verdict, Verdict::delivered);
}

TEST_F(IntervalSinkTest, an_event_without_a_state_is_delivered_and_a_mad_agent_is_rejected_alone) {
  options_.timeline.facts_max = 1;
  begin();
  EXPECT_EQ(send(kBegin + kMinute, "").verdict, Verdict::delivered);
  EXPECT_EQ(send(kBegin + kMinute, "BUSY").verdict, Verdict::delivered);
  const auto verdict = send(kBegin + kMinute + 1, "OFFLINE");
  EXPECT_EQ(verdict.verdict, Verdict::rejected);
  EXPECT_EQ(verdict.error_class, "too_many_changes");
}

}  // namespace
}  // namespace trunkline::sinks
