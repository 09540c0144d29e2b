#include "store/fault_fs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/file_system.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <vector>

namespace trunkline::store {
namespace {

namespace fs = std::filesystem;
using rocksdb::FileOptions;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

std::string temporary_directory() {
  std::string path = (fs::temp_directory_path() / "trunkline-fault-XXXXXX").native();
  EXPECT_NE(::mkdtemp(path.data()), nullptr);
  return path;
}

std::string read_real(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Names relative to the root and contents, hidden files left out.
std::map<std::string, std::string> real_files(const std::string& root) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file() || entry.path().filename().native().starts_with(".unlinked-")) continue;
    files[entry.path().lexically_relative(root).native()] = read_real(entry.path());
  }
  return files;
}

// The rules of a strict disk, said in the plainest way: contents by inode, live and synced; names by directory, live
// and synced.
struct Model {
  struct Inode {
    std::string live;
    std::string lost;     // 'x' where a failed sync lost the byte, ' ' elsewhere
    std::string flushed;  // 'x' where the byte was covered by a sync, successful or not
    std::string synced;
    std::size_t shortest = SIZE_MAX;  // size since the last sync
  };
  std::vector<Inode> inodes;
  std::map<std::string, std::size_t> live_names;
  std::map<std::string, std::size_t> synced_names;

  static std::string directory(const std::string& name) { return name.substr(0, name.rfind('/') + 1); }

  void resize(std::size_t inode, std::size_t size) {
    Inode& node = inodes[inode];
    node.shortest = std::min(node.shortest, size);
    node.live.resize(size, '\0');
    node.lost.resize(size, ' ');
    node.flushed.resize(size, ' ');
  }
  void append(std::size_t inode, const std::string& bytes) {
    const std::size_t at = inodes[inode].live.size();
    resize(inode, at + bytes.size());
    inodes[inode].live.replace(at, bytes.size(), bytes);
  }
  void sync(std::size_t inode) {
    Inode& node = inodes[inode];
    // Lost bytes at the end are not there at all, unless the file had that length before.
    const std::size_t kept = std::min(node.synced.size(), node.shortest);
    node.shortest = SIZE_MAX;
    node.flushed.assign(node.live.size(), 'x');
    node.synced = node.live;
    for (std::size_t at = 0; at < node.live.size(); ++at) {
      if (node.lost[at] == 'x') node.synced[at] = '\0';
    }
    while (node.synced.size() > kept && node.lost[node.synced.size() - 1] == 'x') node.synced.pop_back();
  }
  void fail_sync(std::size_t inode) {
    Inode& node = inodes[inode];
    for (std::size_t at = 0; at < node.live.size(); ++at) {
      if (node.flushed[at] != 'x') node.lost[at] = node.flushed[at] = 'x';
    }
  }
  void sync_directory(const std::string& directory_name) {
    std::erase_if(synced_names, [&](const auto& entry) { return directory(entry.first) == directory_name; });
    for (const auto& [name, inode] : live_names) {
      if (directory(name) == directory_name) synced_names[name] = inode;
    }
  }
  std::map<std::string, std::string> on_disk() const {
    std::map<std::string, std::string> files;
    for (const auto& [name, inode] : synced_names) files[name] = inodes[inode].synced;
    return files;
  }
  // What a start after the cut finds.
  void cut() {
    const std::map<std::string, std::size_t> names = synced_names;
    for (Inode& node : inodes) {
      node.live = node.synced;
      node.shortest = SIZE_MAX;
      node.lost.assign(node.live.size(), ' ');
      node.flushed.assign(node.live.size(), 'x');
    }
    live_names = names;
  }
};

// Runs random operations on FaultFs and Model side by side.
class Comparison {
 public:
  Comparison(std::string root, std::uint64_t seed) : root_(std::move(root)), random_(seed) {
    fs::create_directories(root_ + "/sub");
    start();
  }

  void step() {
    const std::uint64_t kind = random_() % 100;
    if (kind < 14) return create();
    if (kind < 34) return append();
    if (kind < 44) return sync();
    if (kind < 48) return fail_sync();
    if (kind < 56) return remove();
    if (kind < 66) return rename();
    if (kind < 72) return link();
    if (kind < 77) return truncate();
    if (kind < 82) return reopen_for_append();
    if (kind < 90) return sync_directory();
    if (kind < 97) return compare_view();
    cut();
  }
  void compare_disk() { ASSERT_EQ(real_files(root_), model_.on_disk()); }
  void cut() {
    writers_.clear();
    files_.reset();
    faults_.reset();
    compare_disk();
    model_.cut();
    start();
    compare_view();
  }

 private:
  struct Writer {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    std::size_t inode;
  };

  void start() {
    faults_ = std::move(FaultFs::open({.root = root_})).value();
    files_ = faults_->file_system();
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      ASSERT_FALSE(entry.path().filename().native().starts_with(".unlinked-")) << entry.path();
    }
  }
  std::string random_name() {
    static const std::vector<std::string> names = {"a", "b", "c", "000001.log", "sub/a", "sub/b", "sub/000002.log"};
    return names[random_() % names.size()];
  }
  std::string path(const std::string& name) const { return root_ + "/" + name; }
  std::string random_bytes() {
    std::string bytes(random_() % (random_() % 20 == 0 ? 70000 : 300), '\0');
    for (char& byte : bytes) byte = static_cast<char>('A' + random_() % 26);
    return bytes;
  }
  Writer* random_writer() { return writers_.empty() ? nullptr : &writers_[random_() % writers_.size()]; }
  void keep(std::unique_ptr<rocksdb::FSWritableFile> file, std::size_t inode) {
    if (writers_.size() >= 6)
      writers_.erase(writers_.begin() + static_cast<std::ptrdiff_t>(random_() % writers_.size()));
    writers_.push_back({std::move(file), inode});
  }

  void create() {
    const std::string name = random_name();
    std::unique_ptr<rocksdb::FSWritableFile> file;
    ASSERT_TRUE(files_->NewWritableFile(path(name), {}, &file, nullptr).ok());
    const auto known = model_.live_names.find(name);
    if (known == model_.live_names.end()) {
      model_.inodes.emplace_back();
      model_.live_names[name] = model_.inodes.size() - 1;
    } else {
      model_.resize(known->second, 0);
    }
    keep(std::move(file), model_.live_names[name]);
  }
  void reopen_for_append() {
    const std::string name = random_name();
    if (!model_.live_names.contains(name)) return;
    std::unique_ptr<rocksdb::FSWritableFile> file;
    ASSERT_TRUE(files_->ReopenWritableFile(path(name), {}, &file, nullptr).ok());
    keep(std::move(file), model_.live_names[name]);
  }
  void append() {
    Writer* writer = random_writer();
    if (writer == nullptr) return;
    const std::string bytes = random_bytes();
    ASSERT_TRUE(writer->file->Append(bytes, IOOptions(), nullptr).ok());
    model_.append(writer->inode, bytes);
  }
  void sync() {
    Writer* writer = random_writer();
    if (writer == nullptr) return;
    ASSERT_TRUE(random_() % 2 == 0 ? writer->file->Sync(IOOptions(), nullptr).ok()
                                   : writer->file->Fsync(IOOptions(), nullptr).ok());
    model_.sync(writer->inode);
  }
  void fail_sync() {
    Writer* writer = random_writer();
    if (writer == nullptr) return;
    faults_->inject({.op = FaultOp::sync, .times = 1});
    ASSERT_TRUE(writer->file->Sync(IOOptions(), nullptr).IsIOError());
    faults_->clear_faults();
    model_.fail_sync(writer->inode);
  }
  void truncate() {
    Writer* writer = random_writer();
    if (writer == nullptr) return;
    const std::size_t now = model_.inodes[writer->inode].live.size();
    const std::size_t size = random_() % (now + 50);
    ASSERT_TRUE(writer->file->Truncate(size, IOOptions(), nullptr).ok());
    model_.resize(writer->inode, size);
  }
  void remove() {
    const std::string name = random_name();
    const IOStatus status = files_->DeleteFile(path(name), IOOptions(), nullptr);
    ASSERT_EQ(status.ok(), model_.live_names.erase(name) == 1) << name << status.ToString();
  }
  void rename() {
    const std::string source = random_name();
    const std::string target = random_name();
    const IOStatus status = files_->RenameFile(path(source), path(target), IOOptions(), nullptr);
    const auto found = model_.live_names.find(source);
    ASSERT_EQ(status.ok(), found != model_.live_names.end()) << status.ToString();
    if (!status.ok()) return;
    const std::size_t inode = found->second;
    const auto there = model_.live_names.find(target);
    if (there != model_.live_names.end() && there->second == inode) return;  // rename(2): does nothing
    model_.live_names.erase(found);
    model_.live_names[target] = inode;
  }
  void link() {
    const std::string source = random_name();
    const std::string target = random_name();
    const bool allowed = model_.live_names.contains(source) && !model_.live_names.contains(target);
    ASSERT_EQ(files_->LinkFile(path(source), path(target), IOOptions(), nullptr).ok(), allowed);
    if (allowed) model_.live_names[target] = model_.live_names[source];
  }
  void sync_directory() {
    const bool top = random_() % 2 == 0;
    std::unique_ptr<rocksdb::FSDirectory> directory;
    ASSERT_TRUE(files_->NewDirectory(top ? root_ : root_ + "/sub", IOOptions(), &directory, nullptr).ok());
    ASSERT_TRUE(directory->FsyncWithDirOptions(IOOptions(), nullptr, rocksdb::DirFsyncOptions()).ok());
    model_.sync_directory(top ? "" : "sub/");
  }

  void compare_view() {
    std::map<std::string, std::string> expected;
    for (const auto& [name, inode] : model_.live_names) expected[name] = model_.inodes[inode].live;
    std::map<std::string, std::string> seen;
    for (const std::string prefix : {"", "sub/"}) {
      std::vector<std::string> children;
      ASSERT_TRUE(files_->GetChildren(root_ + "/" + prefix, IOOptions(), &children, nullptr).ok());
      for (const std::string& child : children) {
        if (child != "sub") read_both_ways(prefix + child, &seen[prefix + child]);
      }
    }
    ASSERT_EQ(seen, expected);
    std::uint64_t used = 0;
    std::set<std::size_t> counted;
    for (const auto& [name, inode] : model_.live_names) {
      if (counted.insert(inode).second) used += model_.inodes[inode].live.size();
    }
    ASSERT_EQ(faults_->space_used(), used);
  }
  void read_both_ways(const std::string& name, std::string* content) {
    std::uint64_t size = 0;
    ASSERT_TRUE(files_->FileExists(path(name), IOOptions(), nullptr).ok());
    ASSERT_TRUE(files_->GetFileSize(path(name), IOOptions(), &size, nullptr).ok());
    ASSERT_TRUE(rocksdb::ReadFileToString(files_.get(), path(name), content).ok());
    ASSERT_EQ(content->size(), size);
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    ASSERT_TRUE(files_->NewRandomAccessFile(path(name), {}, &file, nullptr).ok());
    const std::size_t offset = random_() % (size + 10);
    const std::size_t wanted = random_() % 400;
    std::string scratch(wanted, '\0');
    Slice part;
    ASSERT_TRUE(file->Read(offset, wanted, IOOptions(), &part, scratch.data(), nullptr).ok());
    ASSERT_EQ(part.ToString(), offset >= size ? "" : content->substr(offset, wanted));
  }

  const std::string root_;
  std::mt19937_64 random_;
  std::unique_ptr<FaultFs> faults_;
  std::shared_ptr<rocksdb::FileSystem> files_;
  std::vector<Writer> writers_;
  Model model_;
};

std::uint64_t test_seed() {
  const char* given = std::getenv("TRUNKLINE_TEST_SEED");
  return given != nullptr ? std::stoull(given) : 20261;
}

TEST(FaultFs, holds_on_the_real_disk_at_every_instant_exactly_what_was_synced) {
  const std::uint64_t seed = test_seed();
  std::printf("seed %lu\n", seed);
  for (std::uint64_t run = 0; run < 1500; ++run) {
    const std::string root = temporary_directory();
    {
      Comparison comparison(root, seed + run);
      for (int i = 0; i < 60 && !testing::Test::HasFatalFailure(); ++i) {
        comparison.step();
        if (i % 5 == 0) comparison.compare_disk();
      }
      if (!testing::Test::HasFatalFailure()) comparison.cut();
    }
    fs::remove_all(root);
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed + run;
  }
}

class FaultFsFile : public testing::Test {
 protected:
  void SetUp() override { open({.root = root_}); }
  void TearDown() override { fs::remove_all(root_); }
  void open(FaultFsOptions options) {
    files_.reset();
    faults_ = std::move(FaultFs::open(std::move(options))).value();
    files_ = faults_->file_system();
  }
  std::unique_ptr<rocksdb::FSWritableFile> create(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(files_->NewWritableFile(root_ + "/" + name, {}, &file, nullptr).ok());
    return file;
  }
  IOStatus sync_directory(const std::string& path) {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    EXPECT_TRUE(files_->NewDirectory(path, IOOptions(), &directory, nullptr).ok());
    return directory->Fsync(IOOptions(), nullptr);
  }
  static IOStatus append(rocksdb::FSWritableFile& file, const std::string& bytes) {
    return file.Append(bytes, IOOptions(), nullptr);
  }
  static IOStatus sync(rocksdb::FSWritableFile& file) { return file.Sync(IOOptions(), nullptr); }

  const std::string root_ = temporary_directory();
  std::unique_ptr<FaultFs> faults_;
  std::shared_ptr<rocksdb::FileSystem> files_;
};

TEST_F(FaultFsFile, a_torn_log_keeps_its_synced_bytes_and_a_prefix_of_the_rest) {
  std::set<std::size_t> lengths;
  for (const TornTail torn : {TornTail::prefix, TornTail::zero_tail, TornTail::garbage_tail}) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      open({.root = root_, .seed = seed, .torn_tail = torn});
      const auto log = create("7.log");
      const auto table = create("8.sst");
      ASSERT_TRUE(append(*log, "synced").ok() && append(*table, "synced").ok());
      ASSERT_TRUE(sync(*log).ok() && sync(*table).ok() && sync_directory(root_).ok());
      ASSERT_TRUE(append(*log, "unsynced").ok() && append(*table, "unsynced").ok());
      faults_->power_cut();
      EXPECT_TRUE(sync(*log).IsIOError());
      EXPECT_TRUE(append(*log, "more").IsIOError());
      EXPECT_TRUE(sync_directory(root_).IsIOError());
      std::string left = read_real(root_ + "/7.log");
      EXPECT_EQ(read_real(root_ + "/8.sst"), "synced");
      if (torn == TornTail::prefix) {
        EXPECT_TRUE(std::string("syncedunsynced").starts_with(left)) << left;
        EXPECT_GE(left.size(), 6u);
        lengths.insert(left.size());
      } else {
        EXPECT_EQ(left.size(), 14u);
        EXPECT_TRUE(left.starts_with("synced"));
      }
      if (torn == TornTail::zero_tail) {
        while (left.ends_with('\0')) left.pop_back();
        EXPECT_TRUE(std::string("syncedunsynced").starts_with(left)) << left;
      }
      ASSERT_TRUE((fs::remove(root_ + "/7.log") && fs::remove(root_ + "/8.sst")));
    }
  }
  EXPECT_GT(lengths.size(), 6u) << "every length comes up";
}

TEST_F(FaultFsFile, rules_fire_on_the_operations_that_they_name_and_are_counted) {
  faults_->inject({.op = FaultOp::append, .kind = FaultKind::no_space, .name_part = ".log", .skip = 1, .times = 2});
  const auto log = create("1.log");
  const auto other = create("1.sst");
  EXPECT_TRUE(append(*log, "a").ok());
  EXPECT_TRUE(append(*other, "a").ok());
  EXPECT_TRUE(append(*log, "b").IsNoSpace());
  EXPECT_TRUE(append(*log, "c").IsNoSpace());
  EXPECT_TRUE(append(*log, "d").ok());
  EXPECT_EQ(log->GetFileSize(IOOptions(), nullptr), 2u);
  faults_->clear_faults();
  faults_->inject({.op = FaultOp::directory_sync});
  faults_->inject({.op = FaultOp::open, .name_part = "2"});
  faults_->inject({.op = FaultOp::rename});
  const IOStatus directory = sync_directory(root_);
  EXPECT_TRUE(directory.IsIOError() && !directory.IsNoSpace() && !directory.GetRetryable());
  EXPECT_TRUE(real_files(root_).empty());
  std::unique_ptr<rocksdb::FSWritableFile> refused;
  EXPECT_TRUE(files_->NewWritableFile(root_ + "/2.log", {}, &refused, nullptr).IsIOError());
  EXPECT_TRUE(files_->RenameFile(root_ + "/1.log", root_ + "/3.log", IOOptions(), nullptr).IsIOError());
  EXPECT_TRUE(files_->FileExists(root_ + "/1.log", IOOptions(), nullptr).ok());
  const FaultCounts counts = faults_->counts();
  EXPECT_EQ(counts.failed[static_cast<int>(FaultOp::append)], 2u);
  EXPECT_EQ(counts.passed[static_cast<int>(FaultOp::append)], 5u);
  EXPECT_EQ(counts.failed[static_cast<int>(FaultOp::directory_sync)], 1u);
  EXPECT_EQ(counts.failed[static_cast<int>(FaultOp::open)], 1u);
  EXPECT_EQ(counts.failed[static_cast<int>(FaultOp::rename)], 1u);
}

TEST_F(FaultFsFile, a_share_of_the_operations_fails_the_same_way_for_the_same_seed) {
  const auto run = [&](std::uint64_t seed) {
    open({.root = root_, .seed = seed});
    faults_->inject({.op = FaultOp::append, .share = 0.3});
    const auto file = create("x");
    std::string outcome;
    for (int i = 0; i < 1000; ++i) outcome.push_back(append(*file, "b").ok() ? '.' : 'x');
    return outcome;
  };
  const std::string first = run(5);
  EXPECT_EQ(first, run(5));
  EXPECT_NE(first, run(6));
  EXPECT_NEAR(static_cast<double>(std::count(first.begin(), first.end(), 'x')), 300.0, 60.0);
}

TEST_F(FaultFsFile, the_space_budget_refuses_appends_until_it_is_raised_or_files_are_deleted) {
  faults_->set_space_budget(10);
  const auto one = create("one");
  const auto two = create("two");
  EXPECT_TRUE(append(*one, "12345678").ok());
  const IOStatus full = append(*two, "123");
  EXPECT_TRUE(full.IsNoSpace() && full.GetRetryable());
  EXPECT_EQ(faults_->counts().no_space, 1u);
  faults_->set_space_budget(11);
  EXPECT_TRUE(append(*two, "123").ok());
  EXPECT_TRUE(append(*two, "4").IsNoSpace());
  EXPECT_TRUE(files_->DeleteFile(root_ + "/one", IOOptions(), nullptr).ok());
  EXPECT_TRUE(append(*two, "4").ok());
  EXPECT_EQ(faults_->space_used(), 4u);
}

TEST_F(FaultFsFile, a_read_with_a_flipped_bit_differs_in_one_bit_and_a_failed_read_is_an_error) {
  const auto file = create("x");
  const std::string content(1000, 'q');
  ASSERT_TRUE(append(*file, content).ok() && sync(*file).ok());
  std::unique_ptr<rocksdb::FSRandomAccessFile> reader;
  ASSERT_TRUE(files_->NewRandomAccessFile(root_ + "/x", {}, &reader, nullptr).ok());
  faults_->inject({.op = FaultOp::read, .kind = FaultKind::bit_flip, .times = 1});
  std::string scratch(1000, '\0');
  Slice part;
  const auto different_bits = [&] {
    int bits = 0;
    for (std::size_t at = 0; at < part.size(); ++at)
      bits += __builtin_popcount(static_cast<unsigned char>(part[at] ^ 'q'));
    return bits;
  };
  ASSERT_TRUE(reader->Read(0, 1000, IOOptions(), &part, scratch.data(), nullptr).ok());
  EXPECT_EQ(different_bits(), 1);
  ASSERT_TRUE(reader->Read(0, 1000, IOOptions(), &part, scratch.data(), nullptr).ok());
  EXPECT_EQ(different_bits(), 0);
  EXPECT_EQ(faults_->counts().bits_flipped, 1u);
  faults_->inject({.op = FaultOp::read});
  EXPECT_TRUE(reader->Read(0, 1000, IOOptions(), &part, scratch.data(), nullptr).IsIOError());
}

TEST_F(FaultFsFile, flip_bit_turns_one_bit_of_a_file_on_the_disk) {
  std::ofstream(root_ + "/x") << "abc";
  ASSERT_TRUE(FaultFs::flip_bit(root_ + "/x", 1, 0).ok());
  EXPECT_EQ(read_real(root_ + "/x"), "acc");
  EXPECT_FALSE(FaultFs::flip_bit(root_ + "/x", 3, 0).ok());
  EXPECT_FALSE(FaultFs::flip_bit(root_ + "/none", 0, 0).ok());
}

TEST_F(FaultFsFile, the_hook_sees_each_sync_before_it_happens) {
  std::vector<std::string> seen;
  faults_->before_sync([&](const std::string& path) { seen.push_back(path + ":" + read_real(path)); });
  const auto file = create("x");
  ASSERT_TRUE(sync(*file).ok() && sync_directory(root_).ok());
  ASSERT_TRUE(append(*file, "1").ok() && sync(*file).ok());
  ASSERT_TRUE(append(*file, "2").ok() && sync(*file).ok());
  EXPECT_THAT(seen, testing::ElementsAre(root_ + "/x:", root_ + "/x:", root_ + "/x:1"));
  faults_->before_sync(nullptr);
  ASSERT_TRUE(sync(*file).ok());
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(FaultFsFile, a_directory_moves_with_its_unsynced_files_and_their_synced_bytes) {
  fs::create_directory(root_ + "/new.tmp");
  const auto table = create("1.sst");
  ASSERT_TRUE(append(*table, "table").ok() && sync(*table).ok() && sync_directory(root_).ok());
  ASSERT_TRUE(files_->LinkFile(root_ + "/1.sst", root_ + "/new.tmp/1.sst", IOOptions(), nullptr).ok());
  const auto manifest = create("new.tmp/MANIFEST");
  ASSERT_TRUE(append(*manifest, "half").ok() && sync(*manifest).ok() && append(*manifest, "lost").ok());
  ASSERT_TRUE(files_->RenameFile(root_ + "/new.tmp", root_ + "/new", IOOptions(), nullptr).ok());
  std::string content;
  ASSERT_TRUE(rocksdb::ReadFileToString(files_.get(), root_ + "/new/MANIFEST", &content).ok());
  EXPECT_EQ(content, "halflost");
  EXPECT_TRUE(files_->FileExists(root_ + "/new.tmp/MANIFEST", IOOptions(), nullptr).IsNotFound());
  const std::map<std::string, std::string> expected{
      {"1.sst", "table"}, {"new/1.sst", "table"}, {"new/MANIFEST", "half"}};
  EXPECT_EQ(real_files(root_), expected);
}

// A file that is written over: what was there shows until it is covered, on the disk until that is synced.
TEST_F(FaultFsFile, a_reused_file_keeps_what_is_not_written_over_yet) {
  auto file = create("old");
  ASSERT_TRUE(append(*file, std::string(10, '.')).ok());
  ASSERT_TRUE(sync(*file).ok());
  ASSERT_TRUE(sync_directory(root_).ok());
  ASSERT_TRUE(files_->ReuseWritableFile(root_ + "/1.log", root_ + "/old", {}, &file, nullptr).ok());
  const auto seen = [&] {
    std::string content;
    EXPECT_TRUE(rocksdb::ReadFileToString(files_.get(), root_ + "/1.log", &content).ok());
    return content;
  };
  ASSERT_TRUE(append(*file, "abc").ok());
  EXPECT_EQ(seen(), "abc.......");
  EXPECT_EQ(real_files(root_), (std::map<std::string, std::string>{{"old", ".........."}}));
  ASSERT_TRUE(sync(*file).ok());
  ASSERT_TRUE(append(*file, "def").ok());
  ASSERT_TRUE(sync_directory(root_).ok());
  EXPECT_EQ(seen(), "abcdef....");
  EXPECT_EQ(real_files(root_), (std::map<std::string, std::string>{{"1.log", "abc......."}}));
  EXPECT_EQ(faults_->space_used(), 10u);

  // Beyond its end it grows, and only that needs room.
  faults_->set_space_budget(11);
  EXPECT_TRUE(append(*file, "ghij").ok());
  EXPECT_TRUE(append(*file, "kl").IsNoSpace());
  faults_->set_space_budget(0);
  EXPECT_TRUE(append(*file, "k").ok());
  EXPECT_EQ(seen(), "abcdefghijk");
  EXPECT_EQ(faults_->space_used(), 11u);
  ASSERT_TRUE(file->Truncate(5, IOOptions(), nullptr).ok());
  EXPECT_EQ(seen(), "abcde");
  EXPECT_EQ(faults_->space_used(), 5u);
  EXPECT_EQ(real_files(root_), (std::map<std::string, std::string>{{"1.log", "abc......."}}));
  ASSERT_TRUE(sync(*file).ok());
  EXPECT_EQ(real_files(root_), (std::map<std::string, std::string>{{"1.log", "abcde"}}));
}

TEST_F(FaultFsFile, a_power_cut_leaves_a_reused_log_with_a_part_of_what_was_not_synced_over_what_was_there) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    fs::remove_all(root_);
    open({.root = root_, .seed = seed, .torn_tail = TornTail::prefix});
    auto file = create("old");
    ASSERT_TRUE(append(*file, std::string(10, '.')).ok());
    ASSERT_TRUE(sync(*file).ok());
    ASSERT_TRUE(files_->ReuseWritableFile(root_ + "/1.log", root_ + "/old", {}, &file, nullptr).ok());
    ASSERT_TRUE(sync_directory(root_).ok());
    ASSERT_TRUE(append(*file, "abc").ok());
    ASSERT_TRUE(sync(*file).ok());
    ASSERT_TRUE(append(*file, "def").ok());
    faults_->power_cut();
    const std::string left = read_real(root_ + "/1.log");
    EXPECT_THAT(left, testing::AnyOf("abc.......", "abcd......", "abcde.....", "abcdef...."));
  }
}

TEST_F(FaultFsFile, what_the_model_does_not_cover_is_refused) {
  std::unique_ptr<rocksdb::FSRandomRWFile> random;
  EXPECT_TRUE(files_->NewRandomRWFile(root_ + "/x", {}, &random, nullptr).IsNotSupported());
  std::unique_ptr<rocksdb::FSWritableFile> file;
  file = create("y");
  EXPECT_TRUE(append(*file, "not synced").ok());
  EXPECT_FALSE(files_->ReuseWritableFile(root_ + "/x", root_ + "/y", {}, &file, nullptr).ok());
  FileOptions mapped;
  mapped.use_mmap_writes = true;
  EXPECT_TRUE(files_->NewWritableFile(root_ + "/x", mapped, &file, nullptr).IsNotSupported());
  FileOptions direct;
  direct.use_direct_writes = true;
  direct.use_mmap_writes = false;
  EXPECT_TRUE(files_->NewWritableFile(root_ + "/x", direct, &file, nullptr).IsNotSupported());
  file = create("x");
  EXPECT_TRUE(file->PositionedAppend("a", 0, IOOptions(), nullptr).IsNotSupported());
}

}  // namespace
}  // namespace trunkline::store
