#include "queue/backup.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "queue/embedded_fixture.hpp"
#include "queue/faulty_engine_test.hpp"

namespace trunkline::queue {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::Result;
using engine::PublishVerdict;
using engine::contract::Ids;
using engine::contract::make_event;

class BackupTest : public FaultyEngine {
 protected:
  void SetUp() override {
    FaultyEngine::SetUp();
    char name[] = "/tmp/trunkline-backup-XXXXXX";
    scratch_ = ::mkdtemp(name);
    open();
    declare_queue();
  }
  void TearDown() override {
    fixture().close();
    fs::remove_all(scratch_);
  }
  void declare_queue() { queue_ = declare(spec("q", event::Order::conversation)); }
  Result<BackupReport> back_up(const std::string& directory) {
    return await<Result<BackupReport>>(fixture_->loop(), [&](Backup::Callback done) {
      embedded().backup(directory, fixture_->loop(), std::move(done));
    });
  }
  std::string at(const std::string& name) const { return scratch_ + "/" + name; }
  // From now on the engine runs on that directory.
  void run_on(const std::string& directory) {
    fixture().close();
    fixture().options().directory = directory;
    fixture().options().file_system = nullptr;
    const auto opened = fixture().try_open();
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
    declare_queue();
  }

  std::string scratch_;
  base::QueueId queue_;
};

TEST_F(BackupTest, what_waited_at_the_backup_is_delivered_after_a_restore_and_numbers_do_not_come_again) {
  publish(make_event("delivered", "c"), {queue_});
  EXPECT_EQ(deliver(queue_, 1), Ids{"delivered"});
  publish(make_event("waiting", "c"), {queue_});
  const Result<BackupReport> made = back_up(at("backup"));
  ASSERT_TRUE(made.ok()) << made.error().detail;
  EXPECT_EQ(made->end.value, 2u);
  EXPECT_GT(made->bytes, 1'000u);
  const std::uint64_t lost = publish(make_event("after", "c"), {queue_}).sequence;
  fixture().close();

  std::uint64_t last_done = 0;
  std::uint64_t last_all = 0;
  const Result<RestoreReport> restored =
      restore(at("backup"), at("restored"), [&](std::uint64_t done, std::uint64_t all) {
        EXPECT_GE(done, last_done);
        last_done = done;
        last_all = all;
      });
  ASSERT_TRUE(restored.ok()) << restored.error().detail;
  EXPECT_EQ(restored->end.value, 2u);
  EXPECT_EQ(last_done, last_all);
  EXPECT_EQ(restored->bytes, last_all);

  run_on(at("restored"));
  EXPECT_EQ(deliver(queue_, 1), Ids{"waiting"});
  const engine::PublishResult again = publish(make_event("after", "c"), {queue_});
  EXPECT_EQ(again.verdict, PublishVerdict::accepted) << "what came after the backup is not known";
  EXPECT_GT(again.sequence, restored->continue_after.value);
  EXPECT_GT(again.sequence, lost);
  EXPECT_EQ(deliver(queue_, 1), Ids{"after"});
  EXPECT_EQ(publish(make_event("waiting", "c"), {queue_}).verdict, PublishVerdict::duplicate);
  fixture().reopen();
  declare_queue();
  EXPECT_GT(publish(make_event("later", "c"), {queue_}).sequence, again.sequence);
  EXPECT_EQ(deliver(queue_, 1), Ids{"later"});
}

TEST_F(BackupTest, is_the_state_of_one_moment_while_events_come_in) {
  std::vector<std::future<std::vector<engine::PublishResult>>> answers;
  for (int i = 0; i < 500; ++i) answers.push_back(publish_later(make_event("a" + std::to_string(i), "c"), {queue_}));
  const Result<BackupReport> made = back_up(at("backup"));
  ASSERT_TRUE(made.ok()) << made.error().detail;
  for (int i = 0; i < 500; ++i) answers.push_back(publish_later(make_event("b" + std::to_string(i), "c"), {queue_}));
  for (auto& answer : answers) answer.get();
  fixture().close();
  const Result<RestoreReport> restored = restore(at("backup"), at("restored"), {});
  ASSERT_TRUE(restored.ok()) << restored.error().detail;
  EXPECT_LE(restored->end.value, made->end.value);
  run_on(at("restored"));
  // A prefix of what was accepted, whole: with each event its identity, its scan entry and its place in the queue.
  const std::uint64_t count = restored->end.value;
  const Ids found = drain(queue_, count);
  EXPECT_EQ(found.size(), count);
  for (const std::string& id : found)
    EXPECT_EQ(publish(make_event(id, "c"), {queue_}).verdict, PublishVerdict::duplicate) << id;
}

TEST_F(BackupTest, refuses_a_target_that_is_in_use_and_leaves_it_alone) {
  fs::create_directory(at("mine"));
  std::ofstream(at("mine") + "/file") << "keep";
  EXPECT_EQ(back_up(at("mine")).error().code, Errc::invalid);
  EXPECT_EQ(back_up("relative").error().code, Errc::invalid);
  EXPECT_EQ(back_up(at("no/such/parent")).error().code, Errc::invalid);
  EXPECT_TRUE(fs::exists(at("mine") + "/file"));
  EXPECT_TRUE(back_up(at("good")).ok());
  EXPECT_EQ(back_up(at("good")).error().code, Errc::invalid) << "a second one does not write over the first";
}

TEST_F(BackupTest, a_restore_writes_over_nothing_and_takes_no_half_backup) {
  ASSERT_TRUE(back_up(at("backup")).ok());
  fs::create_directory(at("data"));
  std::ofstream(at("data") + "/FORMAT") << "trunkline 1\n";
  EXPECT_EQ(restore(at("backup"), at("data"), {}).error().code, Errc::conflict);
  EXPECT_EQ(restore(at("nothing"), at("new"), {}).error().code, Errc::corrupt);
  fs::remove(at("backup") + "/db/CURRENT");
  EXPECT_EQ(restore(at("backup"), at("new"), {}).error().code, Errc::corrupt);
  EXPECT_FALSE(fs::exists(at("new")));
}

TEST_F(BackupTest, a_damaged_backup_is_refused) {
  for (int i = 0; i < 100; ++i) publish(make_event("e" + std::to_string(i), "c"), {queue_});
  ASSERT_TRUE(back_up(at("backup")).ok());
  for (const auto& entry : fs::directory_iterator(at("backup") + "/db")) {
    if (entry.path().filename().string().starts_with("MANIFEST")) {
      ASSERT_TRUE(store::FaultFs::flip_bit(entry.path().string(), 30, 3).ok());
    }
  }
  EXPECT_EQ(restore(at("backup"), at("new"), {}).error().code, Errc::corrupt);
  EXPECT_TRUE(fs::is_empty(at("new"))) << "a failed restore can be tried again";
}

// A restore that was killed: the numbers may not have been left out yet.
TEST_F(BackupTest, half_a_restore_is_opened_by_no_hub) {
  publish(make_event("a", "c"), {queue_});
  ASSERT_TRUE(back_up(at("backup")).ok());
  bool looked = false;
  const auto look = [&](std::uint64_t done, std::uint64_t all) {
    if (done < all) return;
    looked = true;
    EXPECT_EQ(store::check_format_file(at("new"), kFormatVersion).error().code, Errc::conflict);
  };
  EXPECT_TRUE(restore(at("backup"), at("new"), look).ok());
  EXPECT_TRUE(looked);
  EXPECT_TRUE(store::check_format_file(at("new"), kFormatVersion).ok());
  EXPECT_FALSE(fs::exists(at("new") + "/restoring"));
}

TEST_F(BackupTest, after_a_stop_none_is_begun) {
  embedded().stop();
  EXPECT_EQ(back_up(at("backup")).error().code, Errc::cancelled);
}

}  // namespace
}  // namespace trunkline::queue
