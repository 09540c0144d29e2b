#include "store/wal_check.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/file_system.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>

#include "store/fault_fs.hpp"
#include "store/numbered_keys_test.hpp"
#include "store/store.hpp"
#include "store/wal_scan.hpp"

namespace trunkline::store {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using testing::HasSubstr;

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

WalScan scan(std::string_view bytes, std::uint64_t floor = 0) {
  const WalSource source{bytes.size(), [bytes](std::uint64_t block) -> base::Result<std::string_view> {
                           return bytes.substr(block * kWalBlock, kWalBlock);
                         }};
  return scan_wal(source, floor).value();
}

// A store whose newest write-ahead log holds `count` synced commits of one key each, as a kill leaves it.
class WalCheck : public testing::Test {
 protected:
  void SetUp() override {
    path_ = (fs::temp_directory_path() / "trunkline-wal-XXXXXX").native();
    ASSERT_NE(::mkdtemp(path_.data()), nullptr);
  }
  void TearDown() override { fs::remove_all(path_); }

  // Copied while the store is open, so that nothing of a stop is in it.
  void make(std::size_t count, std::size_t bytes) {
    const auto store = Store::open(numbered_options(path_ + "/origin"));
    ASSERT_TRUE(store.ok());
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(put(**store, i, bytes));
    fs::copy(path_ + "/origin", path_ + "/kill", fs::copy_options::recursive);
    log_ = fs::path(newest_log(path_ + "/kill")).filename();
    whole_ = read_file(path_ + "/kill/db/" + log_);
  }
  struct Opened {
    std::optional<base::Error> refused;
    std::size_t present = 0;  // keys from 0 on, without a gap
    bool untouched = false;   // refused: the log is as it was
  };
  // Opens a copy of the directory with that content of the log.
  Opened open_with(const std::string& log) const {
    const std::string copy = path_ + "/copy";
    fs::remove_all(copy);
    fs::copy(path_ + "/kill", copy, fs::copy_options::recursive);
    write_file(copy + "/db/" + log_, log);
    Opened opened;
    const auto store = Store::open(numbered_options(copy));
    if (!store.ok()) {
      opened.refused = store.error();
      opened.untouched = read_file(copy + "/db/" + log_) == log;
      return opened;
    }
    opened.present = count_present(**store);
    return opened;
  }
  // The check alone, without RocksDB behind it: fast enough for every bit.
  base::Result<std::vector<WalDrop>> check_with(const std::string& log) const {
    write_file(path_ + "/kill/db/" + log_, log);
    return check_wals(*rocksdb::FileSystem::Default(), path_ + "/kill/db");
  }

  std::string path_;
  std::string log_;    // name of the newest log
  std::string whole_;  // its bytes
};

TEST_F(WalCheck, a_whole_log_is_not_touched) {
  make(20, 100);
  const WalScan found = scan(whole_);
  EXPECT_FALSE(found.bad_at);
  EXPECT_EQ(found.good_end, whole_.size());
  const auto dropped = check_with(whole_);
  ASSERT_TRUE(dropped.ok());
  EXPECT_TRUE(dropped->empty());
  EXPECT_EQ(open_with(whole_).present, 20u);
}

TEST_F(WalCheck, every_single_flipped_bit_is_refused_and_the_log_left_as_it_was) {
  make(6, 40);
  for (std::size_t bit = 0; bit < whole_.size() * 8; ++bit) {
    std::string flipped = whole_;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const WalScan found = scan(flipped);
    ASSERT_TRUE(found.bad_at) << "bit " << bit;
    ASSERT_TRUE(found.behind || found.one_bit) << "bit " << bit;
    if (bit % 61 != 0) continue;
    const Opened opened = open_with(flipped);
    ASSERT_TRUE(opened.refused) << "bit " << bit;
    EXPECT_EQ(opened.refused->code, Errc::corrupt);
    EXPECT_TRUE(opened.untouched);
    EXPECT_THAT(opened.refused->detail, HasSubstr(log_));
    EXPECT_THAT(opened.refused->detail, HasSubstr(fmt::format("at byte {}", *found.bad_at)));
    EXPECT_THAT(opened.refused->detail, HasSubstr("backup"));
  }
}

// Records over several blocks; a sample of the bits, and all bits of every fragment's length and type.
TEST_F(WalCheck, a_flipped_bit_in_a_record_of_many_fragments_is_refused) {
  make(5, 50'000);
  std::vector<std::size_t> bits;
  for (std::size_t block = 0; block < whole_.size(); block += kWalBlock) {
    for (std::size_t bit = (block + 4) * 8; bit < (block + kWalHeader) * 8; ++bit) bits.push_back(bit);
  }
  std::mt19937_64 random(11);
  for (int i = 0; i < 200; ++i) bits.push_back(random() % (whole_.size() * 8));
  for (const std::size_t bit : bits) {
    std::string flipped = whole_;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const WalScan found = scan(flipped);
    // The bytes that no header fits into, at the end of a block, mean nothing.
    if (!found.bad_at) {
      EXPECT_GE(bit / 8 % kWalBlock, kWalBlock - kWalHeader + 1) << "bit " << bit;
      EXPECT_EQ(found.records, scan(whole_).records);
      continue;
    }
    EXPECT_TRUE(found.behind || found.one_bit) << "bit " << bit;
  }
}

TEST_F(WalCheck, a_log_torn_at_any_byte_opens_with_every_record_before_it) {
  make(8, 60);
  std::vector<std::size_t> ends;  // of records
  for (std::size_t size = 0; size <= whole_.size(); ++size) {
    if (scan(whole_.substr(0, size)).good_end == size && size > 0) ends.push_back(size);
  }
  ASSERT_EQ(ends.size(), scan(whole_).records);
  ASSERT_GE(ends.size(), 8u);
  const std::size_t others = ends.size() - 8;  // records of the store itself
  for (std::size_t size = 0; size < whole_.size(); ++size) {
    const auto whole_records =
        static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin());
    const auto dropped = check_with(whole_.substr(0, size));
    ASSERT_TRUE(dropped.ok()) << dropped.error().detail;
    const std::size_t good = whole_records == 0 ? 0 : ends[whole_records - 1];
    EXPECT_EQ(fs::file_size(path_ + "/kill/db/" + log_), good);
    EXPECT_EQ(dropped->empty(), size == good);
    if (size % 47 != 0) continue;
    const Opened opened = open_with(whole_.substr(0, size));
    ASSERT_FALSE(opened.refused) << opened.refused->detail;
    EXPECT_EQ(opened.present, whole_records > others ? whole_records - others : 0);
  }
}

TEST_F(WalCheck, a_last_record_whose_size_came_to_the_disk_before_its_bytes_is_a_torn_tail) {
  make(8, 3000);
  const std::size_t begin = whole_.size() - 3000;
  std::mt19937_64 random(5);
  for (int round = 0; round < 50; ++round) {
    const std::size_t from = begin + random() % 2900;
    std::string torn = whole_;
    for (std::size_t i = from; i < torn.size(); ++i) torn[i] = round % 2 == 0 ? '\0' : static_cast<char>(random());
    const Opened opened = open_with(torn);
    ASSERT_FALSE(opened.refused) << opened.refused->detail;
    EXPECT_EQ(opened.present, 7u);
  }
}

TEST_F(WalCheck, bytes_behind_the_last_record_are_dropped) {
  make(8, 60);
  std::mt19937_64 random(3);
  for (const std::size_t size : {1u, 6u, 7u, 500u, 40'000u, 100'000u}) {
    for (const bool zeros : {true, false}) {
      std::string tail(size, '\0');
      for (std::size_t i = 0; !zeros && i < size; ++i) tail[i] = static_cast<char>(random());
      const Opened opened = open_with(whole_ + tail);
      ASSERT_FALSE(opened.refused) << opened.refused->detail;
      EXPECT_EQ(opened.present, 8u);
    }
  }
}

// A log that is written over a file of zeros.
TEST_F(WalCheck, zeros_behind_whole_records_are_no_drop) {
  make(8, 60);
  for (const std::size_t zeros : {1u, 6u, 7u, 100u, 40'000u, 300'000u}) {
    const std::string log = whole_ + std::string(zeros, '\0');
    const auto dropped = check_with(log);
    ASSERT_TRUE(dropped.ok()) << dropped.error().detail;
    EXPECT_TRUE(dropped->empty()) << zeros;
    EXPECT_EQ(fs::file_size(path_ + "/kill/db/" + log_), whole_.size());
    EXPECT_EQ(open_with(log).present, 8u);
  }
  const auto dropped = check_with(std::string(100'000, '\0'));
  ASSERT_TRUE(dropped.ok());
  EXPECT_TRUE(dropped->empty()) << "nothing was written yet";
  EXPECT_EQ(fs::file_size(path_ + "/kill/db/" + log_), 0u);
}

TEST_F(WalCheck, a_record_that_is_torn_over_zeros_is_cut_at_any_byte_and_told_of) {
  make(3, 40'000);
  const std::size_t begin = scan(whole_.substr(0, whole_.size() - 1)).good_end;
  std::mt19937_64 random(17);
  for (int round = 0; round < 120; ++round) {
    const std::size_t torn = begin + 20 + random() % (whole_.size() - begin - 85);
    std::string log = whole_;
    std::fill(log.begin() + static_cast<std::ptrdiff_t>(torn), log.end(), '\0');
    // A disk may have brought a later page of it, and not this one.
    if (round % 3 == 0 && torn < whole_.size() - 4096)
      log.replace(whole_.size() - 4096, 4096, whole_, whole_.size() - 4096, 4096);
    log += std::string(70'000, '\0');
    const auto dropped = check_with(log);
    ASSERT_TRUE(dropped.ok()) << dropped.error().detail;
    ASSERT_EQ(dropped->size(), 1u) << "torn at " << torn;
    EXPECT_EQ((*dropped)[0].kept, begin);
    EXPECT_EQ(fs::file_size(path_ + "/kill/db/" + log_), begin);
  }
}

TEST_F(WalCheck, every_single_flipped_bit_is_refused_before_zeros_too) {
  make(3, 40);
  const std::string zeros(5000, '\0');
  for (std::size_t bit = 0; bit < whole_.size() * 8; ++bit) {
    std::string flipped = whole_ + zeros;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const WalScan found = scan(flipped);
    ASSERT_TRUE(found.bad_at) << "bit " << bit;
    ASSERT_TRUE(found.behind || found.one_bit) << "bit " << bit;
  }
  std::string lost = whole_ + zeros;
  lost.replace(scan(whole_).good_end / 2, 20, 20, '\0');
  EXPECT_TRUE(scan(lost).behind) << "zeros with a record behind them are no end";
}

TEST_F(WalCheck, a_lost_page_or_block_in_the_middle_is_refused) {
  make(200, 1000);
  for (const std::size_t size : {4096u, 32'768u}) {
    std::string holed = whole_;
    std::fill_n(holed.begin() + 65'536, size, '\0');
    const Opened opened = open_with(holed);
    ASSERT_TRUE(opened.refused);
    EXPECT_EQ(opened.refused->code, Errc::corrupt);
    EXPECT_TRUE(opened.untouched);
  }
}

TEST_F(WalCheck, a_record_of_an_earlier_log_behind_a_torn_tail_is_no_proof) {
  make(8, 60);
  const std::uint64_t sequence = scan(whole_).sequence;
  const std::string torn = whole_.substr(0, whole_.size() - 5);
  // Older records, as a reused disk block may show them.
  const WalScan found = scan(torn + std::string(30, '\x55') + whole_.substr(0, 120), sequence);
  ASSERT_TRUE(found.bad_at);
  EXPECT_FALSE(found.behind);
}

TEST_F(WalCheck, an_empty_log_and_no_log_open) {
  make(0, 0);
  EXPECT_FALSE(open_with("").refused);
  fs::remove(path_ + "/kill/db/" + log_);
  EXPECT_TRUE(check_wals(*rocksdb::FileSystem::Default(), path_ + "/kill/db").ok());
  EXPECT_TRUE(check_wals(*rocksdb::FileSystem::Default(), path_ + "/nowhere").ok());
}

// The limits. Nobody can tell these from a write that was cut short: the log holds no word about its own end.
TEST_F(WalCheck, what_cannot_be_known_from_a_log_opens_without_its_end) {
  make(8, 60);
  std::string two_bits = whole_;
  two_bits[two_bits.size() - 1] ^= 1;
  two_bits[two_bits.size() - 9] ^= 4;
  EXPECT_EQ(open_with(two_bits).present, 7u) << "two bits of the last record";
  EXPECT_EQ(open_with(whole_.substr(0, scan(whole_.substr(0, whole_.size() - 1)).good_end)).present, 7u) << "cut";
  fs::remove(path_ + "/kill/db/" + log_);
  const auto store = Store::open(numbered_options(path_ + "/kill"));
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(count_present(**store), 0u) << "the newest log is gone";
}

// ---- several logs

std::string fragment(std::uint64_t sequence, std::size_t bytes) {
  std::string content(1, '\x01');
  for (int i = 0; i < 8; ++i) content.push_back(static_cast<char>(sequence >> (8 * i)));
  content += std::string("\1\0\0\0", 4) + std::string(bytes, 'x');
  std::string out;
  const std::uint32_t crc = wal_checksum(content);
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(crc >> (8 * i)));
  const std::size_t length = content.size() - 1;
  out.push_back(static_cast<char>(length & 0xff));
  out.push_back(static_cast<char>(length >> 8));
  return out + content;
}

TEST_F(WalCheck, damage_at_the_end_of_an_older_log_is_refused_when_a_newer_one_holds_records) {
  const std::string older = fragment(1, 10) + fragment(2, 10);
  write_file(path_ + "/000007.log", older.substr(0, older.size() - 3));
  write_file(path_ + "/000011.log", fragment(3, 10));
  const auto refused = check_wals(*rocksdb::FileSystem::Default(), path_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::corrupt);
  EXPECT_THAT(refused.error().detail, HasSubstr("000007.log"));
  EXPECT_THAT(refused.error().detail, HasSubstr("000011.log holds later records"));
  EXPECT_EQ(fs::file_size(path_ + "/000007.log"), older.size() - 3);
}

// A flush between a write and its sync begins a new log; a power cut then tears the older one.
TEST_F(WalCheck, a_torn_older_log_is_cut_when_the_newer_ones_hold_nothing) {
  const std::string older = fragment(1, 10) + fragment(2, 10);
  write_file(path_ + "/000007.log", older.substr(0, older.size() - 3));
  write_file(path_ + "/000011.log", "");
  write_file(path_ + "/000012.log", std::string(9, '\0'));
  const auto dropped = check_wals(*rocksdb::FileSystem::Default(), path_);
  ASSERT_TRUE(dropped.ok()) << dropped.error().detail;
  ASSERT_EQ(dropped->size(), 1u) << "zeros are no record";
  EXPECT_EQ((*dropped)[0].kept, older.size() / 2);
  EXPECT_EQ((*dropped)[0].dropped, older.size() / 2 - 3);
  EXPECT_EQ(fs::file_size(path_ + "/000007.log"), older.size() / 2);
  EXPECT_EQ(fs::file_size(path_ + "/000012.log"), 0u);
}

TEST_F(WalCheck, logs_are_read_in_the_order_of_their_numbers) {
  write_file(path_ + "/999999.log", fragment(1, 10) + "torn");
  write_file(path_ + "/1000000.log", fragment(2, 10));
  const auto refused = check_wals(*rocksdb::FileSystem::Default(), path_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().detail, HasSubstr("999999.log is damaged"));
}

TEST_F(WalCheck, a_record_whose_head_is_split_over_two_blocks_is_read) {
  std::string log = fragment(1, kWalBlock - kWalHeader - 12 - kWalHeader - 3);  // leaves a header and three bytes
  std::string first(1, '\x02');
  first += std::string("\2\0\0", 3);
  std::string last(1, '\x04');
  last += std::string("\0\0\0\0\0\1\0\0\0", 9) + "abc";
  for (const std::string& content : {first, last}) {
    const std::uint32_t crc = wal_checksum(content);
    for (int i = 0; i < 4; ++i) log.push_back(static_cast<char>(crc >> (8 * i)));
    log.push_back(static_cast<char>(content.size() - 1));
    log.push_back('\0');
    log += content;
  }
  const WalScan found = scan(log);
  EXPECT_FALSE(found.bad_at);
  EXPECT_EQ(found.records, 2u);
  EXPECT_EQ(found.sequence, 2u);
  // The same record as proof, behind damage in the one before it that is more than a bit.
  log[100] ^= 3;
  log[200] ^= 3;
  const WalScan damaged = scan(log);
  EXPECT_EQ(damaged.bad_at, 0u);
  EXPECT_TRUE(damaged.behind);
}

// ---- with a disk that fails

TEST_F(WalCheck, a_power_cut_with_any_torn_tail_keeps_every_synced_record) {
  for (const TornTail torn : {TornTail::none, TornTail::prefix, TornTail::zero_tail, TornTail::garbage_tail}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const std::string directory = fmt::format("{}/{}-{}", path_, static_cast<int>(torn), seed);
      fs::create_directories(directory);
      write_file(directory + "/FORMAT", "trunkline 1\n");  // FaultFs makes db/ before the store is there
      FaultFsOptions fault_options;
      fault_options.root = directory + "/db";
      fault_options.seed = seed;
      fault_options.torn_tail = torn;
      auto faults = FaultFs::open(fault_options).value();
      {
        Options with = numbered_options(directory);
        with.file_system = faults->file_system();
        const auto store = Store::open(with);
        ASSERT_TRUE(store.ok()) << store.error().detail;
        for (std::size_t i = 0; i < 10; ++i) ASSERT_TRUE(put(**store, i, 5000 * seed));
        Batch unsynced;
        unsynced.put(0, key_of(10), std::string(20'000 * seed, 'z'));
        ASSERT_TRUE((*store)->write(unsynced).ok());
        faults->power_cut();
      }
      faults.reset();
      const auto store = Store::open(numbered_options(directory));
      ASSERT_TRUE(store.ok()) << store.error().detail;
      EXPECT_GE(count_present(**store), 10u);
    }
  }
}

TEST_F(WalCheck, a_log_that_cannot_be_read_or_cut_is_unavailable_and_opens_later) {
  make(8, 60);
  write_file(path_ + "/kill/db/" + log_, whole_.substr(0, whole_.size() - 5));
  FaultFsOptions fault_options;
  fault_options.root = path_ + "/kill/db";
  const auto faults = FaultFs::open(fault_options).value();
  for (const FaultOp op : {FaultOp::open, FaultOp::read, FaultOp::sync}) {
    FaultRule rule;
    rule.op = op;
    rule.name_part = ".log";
    faults->inject(rule);
    const auto failed = check_wals(*faults->file_system(), path_ + "/kill/db");
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code, Errc::unavailable);
    faults->clear_faults();
  }
  const auto dropped = check_wals(*faults->file_system(), path_ + "/kill/db");
  EXPECT_TRUE(dropped.ok());
}

TEST_F(WalCheck, a_log_that_is_being_written_is_never_cut) {
  const auto store = Store::open(numbered_options(path_ + "/live"));
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(put(**store, 0, 100));
  const std::string log = newest_log(path_ + "/live");
  const std::string before = read_file(log);
  const auto refused = Store::open(numbered_options(path_ + "/live"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_THAT(refused.error().detail, HasSubstr("another trunkline"));
  EXPECT_EQ(read_file(log), before);
  ASSERT_TRUE(put(**store, 1, 100));
}

TEST_F(WalCheck, a_flushed_store_does_not_depend_on_its_log) {
  {
    const auto store = Store::open(numbered_options(path_ + "/origin"));
    ASSERT_TRUE(store.ok());
    for (std::size_t i = 0; i < 5; ++i) ASSERT_TRUE(put(**store, i, 100));
    ASSERT_TRUE((*store)->flush().ok());
  }
  fs::remove(newest_log(path_ + "/origin"));
  const auto store = Store::open(numbered_options(path_ + "/origin"));
  ASSERT_TRUE(store.ok()) << store.error().detail;
  EXPECT_EQ(count_present(**store), 5u);
}

}  // namespace
}  // namespace trunkline::store
