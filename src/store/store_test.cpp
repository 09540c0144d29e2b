#include "store/store.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "store/fault_fs.hpp"

namespace trunkline::store {
namespace {

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    char name[] = "/tmp/trunkline-store-XXXXXX";
    directory_ = ::mkdtemp(name);
    open(nullptr);
  }
  void open(std::shared_ptr<rocksdb::FileSystem> file_system) {
    Options options;
    options.directory = directory_ + "/data";
    options.families = {{"log", Shape::log, {}}, {"other", Shape::small, {}}, {"looked_up", Shape::lookup, {}}};
    options.memory_budget = 16 << 20;
    options.file_system = std::move(file_system);
    auto opened = Store::open(std::move(options));
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().detail);
    store_ = std::move(*opened);
  }
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::string key(int number) { return fmt::format("{:05}", number); }
  void put(int first, int end, std::size_t bytes) {
    for (int i = first; i < end; ++i) {
      Batch batch;
      std::string value(bytes, 'x');
      for (char& c : value)
        c = static_cast<char>((random_ = random_ * 1'103'515'245 + 12'345) >> 16);  // does not compress
      batch.put(0, key(i), value);
      ASSERT_TRUE(store_->write(batch).ok());
    }
    ASSERT_TRUE(store_->sync().ok());
  }

  std::string directory_;
  std::unique_ptr<Store> store_;
  unsigned random_ = 1;
};

TEST_F(StoreTest, has_no_log_file_of_rocksdb_since_that_one_aborts_on_a_full_disk) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
    ++files;
    EXPECT_NE(entry.path().filename(), "LOG");
  }
  EXPECT_GT(files, 3u);
}

// A flush syncs the logs before its own. In RocksDB 7.8.3 as Debian builds it the process ended when the writer synced
// such a log once more after an error.
TEST_F(StoreTest, an_error_of_a_log_that_a_flush_met_first_is_the_writers_error) {
  store_.reset();
  FaultFsOptions with;
  with.root = directory_ + "/data/db";
  const auto faults = FaultFs::open(with).value();
  open(faults->file_system());
  put(0, 10, 100);
  Batch unsynced;
  unsynced.put(0, key(10), "not synced");
  unsynced.put(1, key(10), "not synced");
  ASSERT_TRUE(store_->write(unsynced).ok());
  FaultRule fault;
  fault.op = FaultOp::sync;
  fault.name_part = ".log";
  fault.times = 1;
  faults->inject(fault);
  EXPECT_FALSE(store_->flush().ok()) << "nothing reaches a table that no log has";
  const auto synced = store_->sync();
  ASSERT_FALSE(synced.ok());
  EXPECT_NE(synced.error().detail.find("injected fault"), std::string::npos) << synced.error().detail;
  Batch refused;
  refused.put(0, key(11), "refused");
  EXPECT_FALSE(store_->write(refused).ok());
  EXPECT_FALSE(store_->sync().ok());

  ASSERT_TRUE(store_->reopen().ok());
  EXPECT_TRUE(store_->get(0, key(9)).value().has_value());
  EXPECT_EQ(store_->get(0, key(10)).value().has_value(), store_->get(1, key(10)).value().has_value())
      << "all or nothing";
  EXPECT_FALSE(store_->get(0, key(11)).value().has_value());
  put(20, 30, 100);
  ASSERT_TRUE(store_->flush().ok());
  ASSERT_TRUE(store_->reopen().ok());
  EXPECT_TRUE(store_->get(0, key(29)).value().has_value());
  store_.reset();
}

TEST_F(StoreTest, compacting_a_range_gives_back_what_was_removed_and_keeps_the_rest) {
  put(0, 200, 64 << 10);
  ASSERT_TRUE(store_->flush().ok());
  const std::uint64_t full = store_->usage().bytes;
  ASSERT_GT(full, 12u << 20);
  Batch batch;
  batch.remove_range(0, key(0), key(77));
  batch.remove_range(0, key(78), key(190));
  ASSERT_TRUE(store_->write(batch).ok());
  ASSERT_TRUE(store_->flush().ok());
  ASSERT_TRUE(store_->compact(0, key(0), key(190)).ok());
  ASSERT_TRUE(store_->reopen().ok());  // without its spare logs, which count
  EXPECT_LT(store_->usage().bytes, full / 4);
  for (const int kept : {77, 190, 199}) {
    const auto value = store_->get(0, key(kept));
    ASSERT_TRUE(value.ok());
    EXPECT_TRUE(value->has_value()) << kept;
  }
}

TEST_F(StoreTest, says_what_room_a_merge_of_what_is_looked_up_may_need) {
  put(0, 16, 64 << 10);
  ASSERT_TRUE(store_->flush().ok());
  EXPECT_EQ(store_->usage().merge_bytes, 0u) << "logs are merged file by file";
  for (int i = 0; i < 16; ++i) {
    Batch batch;
    batch.put(2, key(i), std::string(64 << 10, 'x'));
    ASSERT_TRUE(store_->write(batch).ok());
  }
  ASSERT_TRUE(store_->flush().ok());
  EXPECT_GT(store_->usage().merge_bytes, 16u * (64 << 10));
  EXPECT_LT(store_->usage().merge_bytes, 2u * 16 * (64 << 10));
}

// Reading through a log that is larger than the memory leaves the rest of the memory to what is looked up.
TEST_F(StoreTest, blocks_of_logs_have_a_small_share_of_the_memory) {
  put(0, 160, 64 << 10);
  ASSERT_TRUE(store_->flush().ok());
  for (int i = 0; i < 160; ++i) ASSERT_TRUE(store_->get(0, key(i)).value().has_value());
  EXPECT_GT(store_->usage().memory_bytes, 0u);
  EXPECT_LT(store_->usage().memory_bytes, 5u << 20) << "of a budget of 16 MiB, with ten read";
}

}  // namespace
}  // namespace trunkline::store
