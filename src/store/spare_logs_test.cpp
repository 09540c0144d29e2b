#include "store/spare_logs.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "store/fault_fs.hpp"
#include "store/numbered_keys_test.hpp"
#include "store/store.hpp"
#include "store/wal_check.hpp"

namespace trunkline::store {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

// The condition holds within ten seconds.
bool becomes(const std::function<bool()>& condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

std::uint64_t failed_syncs(const FaultFs& faults) {
  return faults.counts().failed[static_cast<std::size_t>(FaultOp::sync)];
}

class SpareLogsTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = (fs::temp_directory_path() / "trunkline-spare-XXXXXX").native();
    ASSERT_NE(::mkdtemp(path_.data()), nullptr);
    make_directory();
  }
  // With what FaultFs needs before the store is there.
  void make_directory() const {
    fs::create_directories(path_ + "/db");
    std::ofstream(path_ + "/FORMAT") << "trunkline 1\n";
  }
  void TearDown() override { fs::remove_all(path_); }

  std::vector<std::string> spares() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(path_ + "/db")) {
      if (entry.path().filename().native().starts_with("spare-")) found.push_back(entry.path().native());
    }
    return found;
  }
  static std::string take(SpareLogs& spares) {
    std::optional<std::string> taken;
    EXPECT_TRUE(becomes([&] { return (taken = spares.take()).has_value(); }));
    return taken.value_or("");
  }

  Options options(std::shared_ptr<rocksdb::FileSystem> file_system = nullptr) const {
    Options options = numbered_options(path_);
    options.file_system = std::move(file_system);
    return options;
  }
  // Writes until the newest log is one that lies over a spare: it is longer than the one record in it.
  void write_until_a_spare_is_in_use(Store& store, std::size_t& next) const {
    ASSERT_TRUE(becomes([&] {
      for (int i = 0; i < 100; ++i) EXPECT_TRUE(put(store, next++, 1000));
      EXPECT_TRUE(store.flush().ok());
      EXPECT_TRUE(put(store, next++, 1000));
      return fs::file_size(newest_log(path_)) > 2000;
    }));
  }

  std::string path_;
};

TEST_F(SpareLogsTest, makes_files_of_zeros_of_the_size_that_was_told_last_and_no_more_than_it_may) {
  SpareLogs logs(rocksdb::FileSystem::Default(), path_ + "/db", kSpareLogBytes);
  EXPECT_FALSE(logs.take()) << "nobody wants any";
  logs.want(SpareLogs::kLeast - 1);
  EXPECT_FALSE(logs.take()) << "too small to be worth it";
  logs.want(3'000'000);
  ASSERT_TRUE(becomes([&] { return spares().size() == SpareLogs::kMost; }));
  EXPECT_EQ(read_file(take(logs)), std::string(3'000'000, '\0'));
}

TEST_F(SpareLogsTest, keeps_within_its_limit_and_gives_back_what_is_over_a_smaller_one) {
  SpareLogs logs(rocksdb::FileSystem::Default(), path_ + "/db", SpareLogs::kMost * 1'000'000);
  logs.want(3'000'000);
  ASSERT_TRUE(becomes([&] { return spares().size() == SpareLogs::kMost; }));
  EXPECT_EQ(fs::file_size(take(logs)), 1'000'000u);
  ASSERT_TRUE(becomes([&] { return spares().size() == SpareLogs::kMost + 1; })) << "the one taken stays where it is";
  logs.limit(SpareLogs::kMost * 500'000);
  EXPECT_TRUE(becomes([&] {
    logs.want(3'000'000);
    const auto taken = logs.take();
    return taken && fs::file_size(*taken) == 500'000;
  }));
  for (const std::string& path : spares()) fs::remove(path);
  logs.limit(0);
  EXPECT_FALSE(logs.take());
  logs.want(3'000'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // that nothing comes
  EXPECT_THAT(spares(), IsEmpty());
}

TEST_F(SpareLogsTest, leaves_none_behind_and_removes_what_an_earlier_process_left) {
  std::ofstream(path_ + "/db/spare-7") << "half made";
  std::ofstream(path_ + "/db/000007.log") << "a log";
  {
    SpareLogs logs(rocksdb::FileSystem::Default(), path_ + "/db", kSpareLogBytes);
    EXPECT_THAT(spares(), IsEmpty());
    logs.want(100'000);
    ASSERT_TRUE(becomes([&] { return spares().size() == SpareLogs::kMost; }));
  }
  EXPECT_THAT(spares(), IsEmpty());
  EXPECT_TRUE(fs::exists(path_ + "/db/000007.log"));
}

TEST_F(SpareLogsTest, makes_none_where_room_is_short_or_the_disk_fails_and_asks_again_with_the_next_log) {
  const auto faults = FaultFs::open({.root = path_ + "/db"}).value();
  SpareLogs logs(faults->file_system(), path_ + "/db", kSpareLogBytes);
  faults->set_space_budget(100'000 * (SpareLogs::kShareOfFreeSpace - 1));
  faults->inject({.op = FaultOp::sync, .name_part = "spare-"});
  logs.want(100'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // that nothing comes
  EXPECT_EQ(failed_syncs(*faults), 0u) << "not even begun";
  EXPECT_FALSE(logs.take());
  faults->set_space_budget(0);
  logs.want(100'000);
  ASSERT_TRUE(becomes([&] { return failed_syncs(*faults) == 1; }));
  EXPECT_FALSE(logs.take());
  ASSERT_TRUE(becomes([&] { return faults->space_used() == 0; })) << "what could not be made is removed";
  faults->clear_faults();
  logs.want(100'000);
  EXPECT_NE(take(logs), "");
}

// ---- under a store

TEST_F(SpareLogsTest, a_log_over_a_spare_is_found_whole_after_a_kill_and_nothing_is_told_of_its_zeros) {
  const auto store = Store::open(options()).value();
  std::size_t next = 0;
  write_until_a_spare_is_in_use(*store, next);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(put(*store, next++, 1000));
  const std::string copy = path_ + "-kill";
  fs::remove_all(copy);
  fs::copy(path_, copy, fs::copy_options::recursive);
  fs::remove(copy + "/db/LOCK");
  const auto dropped = check_wals(*rocksdb::FileSystem::Default(), copy + "/db");
  ASSERT_TRUE(dropped.ok()) << dropped.error().detail;
  EXPECT_THAT(*dropped, IsEmpty());
  const auto killed = Store::open(numbered_options(copy));
  ASSERT_TRUE(killed.ok()) << killed.error().detail;
  EXPECT_EQ(count_present(**killed), next);
  fs::remove_all(copy);
}

// A copy of the newest log, as a checkpoint makes it, is of what was written, although the file is longer.
TEST_F(SpareLogsTest, a_checkpoint_that_is_made_while_a_log_is_written_over_a_spare_opens_whole) {
  const auto store = Store::open(options()).value();
  std::size_t next = 0;
  write_until_a_spare_is_in_use(*store, next);
  for (int round = 0; round < 5; ++round) {
    const std::string copy = fmt::format("{}/backup-{}", path_, round);
    const std::size_t before = next;
    std::atomic<bool> done = false;
    std::thread backup([&] {
      fs::create_directories(copy);
      EXPECT_TRUE(store->checkpoint(copy).ok());
      done = true;
    });
    while (!done) EXPECT_TRUE(put(*store, next++, 3000));
    backup.join();
    EXPECT_EQ(check_wals(*rocksdb::FileSystem::Default(), copy + "/db").value().size(), 0u);
    const auto opened = Store::open(numbered_options(copy));
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
    EXPECT_GE(count_present(**opened), before);
  }
}

TEST_F(SpareLogsTest, a_power_cut_keeps_every_synced_record_whatever_is_torn) {
  for (const TornTail torn : {TornTail::none, TornTail::prefix, TornTail::zero_tail, TornTail::garbage_tail}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      fs::remove_all(path_);
      make_directory();
      auto faults = FaultFs::open({.root = path_ + "/db", .seed = seed, .torn_tail = torn}).value();
      std::size_t next = 0;
      {
        const auto store = Store::open(options(faults->file_system())).value();
        write_until_a_spare_is_in_use(*store, next);
        for (std::uint64_t i = 0; i < 10 * seed; ++i) ASSERT_TRUE(put(*store, next++, 5000 * seed));
        Batch unsynced;
        unsynced.put(0, key_of(next), std::string(20'000 * seed, 'z'));
        ASSERT_TRUE(store->write(unsynced).ok());
        faults->power_cut();
      }
      faults.reset();
      const auto store = Store::open(options());
      ASSERT_TRUE(store.ok()) << store.error().detail;
      EXPECT_GE(count_present(**store), next);
    }
  }
}

// At each sync of any file from when spares are made on.
TEST_F(SpareLogsTest, a_power_cut_at_any_sync_loses_no_synced_record) {
  std::atomic<std::uint64_t> of_spares = 0;
  for (std::uint64_t at = 100; at < 180; at += 7) {
    fs::remove_all(path_);
    make_directory();
    auto faults = FaultFs::open({.root = path_ + "/db"}).value();
    std::atomic<std::uint64_t> syncs = 0;
    faults->before_sync([&](const std::string& path) {
      if (path.find("/spare-") != std::string::npos) ++of_spares;
      if (++syncs == at) faults->power_cut();
    });
    std::size_t synced = 0;
    {
      const auto store = Store::open(options(faults->file_system())).value();
      for (bool works = true; works;) {
        for (int i = 0; works && i < 25; ++i) works = put(*store, synced, 4000) && ++synced > 0;
        works = works && store->flush().ok();
      }
    }
    ASSERT_GE(syncs.load(), at) << "the cut has happened";
    faults.reset();
    const auto store = Store::open(options());
    ASSERT_TRUE(store.ok()) << store.error().detail << " at sync " << at;
    EXPECT_GE(count_present(**store), synced) << "at sync " << at;
  }
  EXPECT_GT(of_spares.load(), 0u) << "there were spares to be cut";
}

TEST_F(SpareLogsTest, a_store_that_was_reopened_after_an_error_has_spares_again) {
  const auto faults = FaultFs::open({.root = path_ + "/db"}).value();
  const auto store = Store::open(options(faults->file_system())).value();
  std::size_t next = 0;
  write_until_a_spare_is_in_use(*store, next);
  faults->inject({.op = FaultOp::sync, .name_part = ".log", .times = 1});
  EXPECT_FALSE(put(*store, next, 1000));
  ASSERT_TRUE(store->reopen().ok());
  EXPECT_GE(count_present(*store), next);
  write_until_a_spare_is_in_use(*store, next);
}

}  // namespace
}  // namespace trunkline::store
