#include "store/store.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "store/fail_stop_fs.hpp"
#include "store/format_file.hpp"
#include "store/wal_check.hpp"

namespace trunkline::store {
namespace {

using base::Errc;
using base::Error;
using base::Result;

rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view view(const rocksdb::Slice& bytes) {
  return {bytes.data(), bytes.size()};
}

// Of the memory budget, for blocks of logs. They are read once, by who is behind, and would push out what is looked up
// again and again; the share holds what several readers of one place read.
constexpr std::uint64_t kLogCacheShare = 8;

// What a cursor of a log that walks far reads at once: thousands of entries, which else are read from a cold disk block
// by block, each for the time of a whole request.
constexpr std::size_t kLogReadahead = 128 << 10;

constexpr std::size_t kRemovalsWindow = 32 << 10;  // entries in a row, of which half are removals

constexpr const char* kWayOut = ". Stored bytes are not what was written: restore the data directory from a backup";

Error to_error(const rocksdb::Status& status, std::string_view what) {
  Errc code = Errc::unavailable;
  if (status.IsCorruption()) code = Errc::corrupt;
  if (status.IsNoSpace()) code = Errc::disk_full;
  return {code, fmt::format("{}: {}{}", what, status.ToString(), code == Errc::corrupt ? kWayOut : "")};
}

// Marks the moments at which the crash drill kills; a file of a flush or compaction has just been begun then.
class FailpointListener final : public rocksdb::EventListener {
 public:
  void OnTableFileCreationStarted(const rocksdb::TableFileCreationBriefInfo& info) override {
    if (info.reason == rocksdb::TableFileCreationReason::kFlush) base::failpoint::pass("flush");
    if (info.reason == rocksdb::TableFileCreationReason::kCompaction) base::failpoint::pass("compaction");
  }
  void OnMemTableSealed(const rocksdb::MemTableInfo&) override { base::failpoint::pass("wal.switch"); }
};

// Instead of RocksDB's own log file: in 7.8.3 as Debian builds it, with assertions, the first line written to that file
// after one that met a full disk ends the process.
class InfoLog final : public rocksdb::Logger {
 public:
  InfoLog() : Logger(rocksdb::WARN_LEVEL) {}
  void Logv(const char*, std::va_list) override {}  // headers and lines without a level
  void Logv(rocksdb::InfoLogLevel level, const char* format, std::va_list arguments) override {
    if (level < rocksdb::WARN_LEVEL || level >= rocksdb::HEADER_LEVEL) return;
    char text[1024];
    const int size = std::vsnprintf(text, sizeof text, format, arguments);
    if (size > 0) base::log::debug("rocksdb", "says", text);  // what fails is told by who asked
  }
};

class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(const Family& family) : family_(family) {}
  const char* Name() const override { return "trunkline.expiry"; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*, bool*) const override {
    return family_.expired(view(key), view(value));
  }

 private:
  const Family& family_;
};

rocksdb::DBOptions db_options(rocksdb::Env* env, const std::shared_ptr<rocksdb::WriteBufferManager>& write_buffers) {
  rocksdb::DBOptions db;
  db.env = env;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  // Never point-in-time recovery, the default: it opens without a word with acknowledged records missing behind one
  // flipped byte. check_wals has refused what this mode would drop in silence, too.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.write_buffer_manager = write_buffers;
  // Bounds the start after a kill: checked and replayed it takes 5 ms of CPU a megabyte, 0.65 s in all.
  db.max_total_wal_size = 128 << 20;
  db.max_background_jobs = 2;
  db.bytes_per_sync = 1 << 20;
  // What waits long is no longer in the page cache, and is read in its order: the kernel may read ahead.
  db.advise_random_on_open = false;
  db.compaction_readahead_size = 2 << 20;
  db.info_log = std::make_shared<InfoLog>();
  db.stats_dump_period_sec = 0;
  db.max_open_files = 512;
  db.listeners.push_back(std::make_shared<FailpointListener>());
  return db;
}

rocksdb::ColumnFamilyOptions family_options(const Family& family, std::uint64_t write_buffer_bytes,
                                            const std::shared_ptr<rocksdb::Cache>& cache,
                                            const std::shared_ptr<rocksdb::CompactionFilter>& filter) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  options.write_buffer_size = write_buffer_bytes;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kLZ4Compression;
  if (family.shape == Shape::log) {
    table.block_size = 8 << 10;  // a queue that wants few of many events unpacks a block for each
    options.target_file_size_base = 64 << 20;
  }
  if (family.shape == Shape::small) {
    // Rows are appended at one end of a key range and removed at the other: small files are moved, or rewritten alone.
    options.max_bytes_for_level_base = 16 << 20;
    options.target_file_size_base = 4 << 20;
    // Files that hold mostly removals are merged soon: whoever iterates passes each of them.
    options.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(kRemovalsWindow, kRemovalsWindow / 2));
  }
  if (family.shape == Shape::lookup) {
    // Its keys come in no order: by levels each flush would rewrite all of the first one.
    options.compaction_style = rocksdb::kCompactionStyleUniversal;
    // Random 16-byte keys do not compress; misses are answered by the filter. Partitioned, so that memory follows use.
    options.compression = rocksdb::kNoCompression;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = true;
    table.metadata_block_size = 32 << 10;
    options.memtable_prefix_bloom_size_ratio = 0.02;
    options.memtable_whole_key_filtering = true;
    // A batch inserts its random keys in order, each near to where the last of the same first byte went.
    options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  }
  if (filter) {
    options.compaction_filter = filter.get();
    options.periodic_compaction_seconds = 24 * 3600;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

// ---- Batch

struct Change {
  Batch::Kind kind;
  FamilyHandle family;
  std::uint32_t key_bytes;
  std::uint32_t value_bytes;
};

// Changes in one buffer: column families are known by RocksDB's handles only once the store is open, and a batch
// outlives reopening.
struct Batch::Impl {
  std::vector<Change> changes;
  std::string bytes;

  void add(Kind kind, FamilyHandle family, std::string_view key, std::string_view value) {
    changes.push_back({kind, family, static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size())});
    bytes.append(key);
    bytes.append(value);
  }
};

Batch::Batch() : impl_(std::make_unique<Impl>()) {}
Batch::~Batch() = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;

void Batch::put(FamilyHandle family, std::string_view key, std::string_view value) {
  impl_->add(Kind::put, family, key, value);
}
void Batch::remove(FamilyHandle family, std::string_view key) {
  impl_->add(Kind::remove, family, key, {});
}
void Batch::remove_range(FamilyHandle family, std::string_view first, std::string_view end) {
  impl_->add(Kind::remove_range, family, first, end);
}
void Batch::append(const Batch& other) {
  impl_->changes.insert(impl_->changes.end(), other.impl_->changes.begin(), other.impl_->changes.end());
  impl_->bytes.append(other.impl_->bytes);
}
void Batch::clear() {
  impl_->changes.clear();
  impl_->bytes.clear();
}
void Batch::visit(const std::function<void(Kind, FamilyHandle, std::string_view, std::string_view)>& visitor) const {
  std::string_view rest = impl_->bytes;
  for (const Change& change : impl_->changes) {
    visitor(change.kind, change.family, rest.substr(0, change.key_bytes),
            rest.substr(change.key_bytes, change.value_bytes));
    rest.remove_prefix(change.key_bytes + change.value_bytes);
  }
}
bool Batch::empty() const {
  return impl_->changes.empty();
}
std::size_t Batch::bytes() const {
  return impl_->bytes.size();
}

// ---- Store

namespace {

// An open database with its handles; closed when the last reader lets go.
struct Opened {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;

  ~Opened() {
    if (!db) return;
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    db->Close().PermitUncheckedError();
  }
};
using OpenedPtr = std::shared_ptr<Opened>;

class RocksCursor final : public Cursor {
 public:
  RocksCursor(OpenedPtr opened, rocksdb::ColumnFamilyHandle* handle, std::string_view first, std::string_view end,
              std::size_t readahead)
      : opened_(std::move(opened)), end_text_(end), end_(end_text_) {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    options.readahead_size = readahead;
    if (!end_text_.empty()) options.iterate_upper_bound = &end_;
    iterator_.reset(opened_->db->NewIterator(options, handle));
    iterator_->Seek(slice(first));
  }
  bool valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return view(iterator_->key()); }
  std::string_view value() const override { return view(iterator_->value()); }
  void next() override { iterator_->Next(); }
  Result<void> status() const override {
    const rocksdb::Status status = iterator_->status();
    if (status.ok()) return {};
    return to_error(status, "iterate");
  }

 private:
  OpenedPtr opened_;  // before the iterator, which must go first
  std::string end_text_;
  rocksdb::Slice end_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// Of a store that is closed: every operation says so.
class ClosedCursor final : public Cursor {
 public:
  bool valid() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  void next() override {}
  Result<void> status() const override { return {Errc::unavailable, "the store is being reopened"}; }
};

}  // namespace

struct Store::Impl {
  explicit Impl(Options given) : options(std::move(given)) {
    disk = std::make_shared<FailStopFs>(options.file_system ? options.file_system : rocksdb::FileSystem::Default(),
                                        directory(), options.spare_log_bytes);
    env = rocksdb::NewCompositeEnv(disk);
    // Memtables are charged to the cache, so that one number bounds both.
    const std::uint64_t for_logs = options.memory_budget / kLogCacheShare;
    cache = rocksdb::NewLRUCache(options.memory_budget - for_logs);
    log_cache = rocksdb::NewLRUCache(for_logs);
    write_buffers = std::make_shared<rocksdb::WriteBufferManager>(options.memory_budget / 2, cache);
    for (const Family& family : options.families) {
      filters.push_back(family.expired ? std::make_shared<ExpiryFilter>(family) : nullptr);
    }
  }

  Result<void> open() {
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors{{rocksdb::kDefaultColumnFamilyName, {}}};
    for (std::size_t i = 0; i < options.families.size(); ++i) {
      const Family& family = options.families[i];
      const auto& blocks = family.shape == Shape::log ? log_cache : cache;
      descriptors.emplace_back(family.name, family_options(family, options.write_buffer_bytes, blocks, filters[i]));
      descriptors.back().options.disable_auto_compactions = !options.compacts;
    }
    TRUNKLINE_TRY_VOID(check_manifest(*disk, directory()));
    TRUNKLINE_TRY_VOID(check_wals(*disk, directory()));
    if (options.compacts) disk->begin_spare_logs();  // which are made on a thread, too
    auto fresh = std::make_shared<Opened>();
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::Open(db_options(env.get(), write_buffers), directory(), descriptors, &fresh->handles, &db);
    if (!status.ok()) {
      Error error = to_error(status, fmt::format("open store in {}", options.directory));
      // A file that another one names is not there, or a text makes no sense.
      const bool missing = status.IsPathNotFound() || status.IsNotFound() || status.IsInvalidArgument();
      if (missing) error = {Errc::corrupt, error.detail + kWayOut};
      return error;
    }
    fresh->db.reset(db);
    const std::lock_guard lock(mutex);
    opened = std::move(fresh);
    return {};
  }

  std::string directory() const { return options.directory + "/db"; }

  OpenedPtr current() const {
    const std::lock_guard lock(mutex);
    return opened;
  }

  Result<OpenedPtr> require() const {
    if (OpenedPtr now = current()) return now;
    return {Errc::unavailable, "the store is being reopened"};
  }

  // The handle of a family; RocksDB's default family stands in front and is not used.
  static rocksdb::ColumnFamilyHandle* handle(const Opened& opened, FamilyHandle family) {
    return opened.handles[family + 1];
  }

  Options options;
  std::shared_ptr<FailStopFs> disk;
  std::unique_ptr<rocksdb::Env> env;  // on disk
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::Cache> log_cache;  // of families of that shape
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
  std::vector<std::shared_ptr<rocksdb::CompactionFilter>> filters;
  mutable std::mutex mutex;  // guards the pointer only
  OpenedPtr opened;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(Options options) {
  const std::string directory = options.directory;
  TRUNKLINE_TRY_VOID(check_format_file(directory, options.format_version));
  const std::uint32_t format = options.format_version;
  auto impl = std::make_unique<Impl>(std::move(options));
  TRUNKLINE_TRY_VOID(impl->open());
  TRUNKLINE_TRY_VOID(raise_format_file(directory, format));
  // RocksDB syncs what is in its directory, never the directory's own name.
  TRUNKLINE_TRY_VOID(sync_directory(directory));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Result<std::optional<std::string>> Store::get(FamilyHandle family, std::string_view key) const {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  std::string value;
  const rocksdb::Status status = opened->db->Get({}, Impl::handle(*opened, family), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error(status, "get");
  return std::optional<std::string>(std::move(value));
}

Result<std::vector<std::optional<std::string>>> Store::multi_get(FamilyHandle family,
                                                                 const std::vector<std::string_view>& keys) const {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const std::string_view key : keys) slices.push_back(slice(key));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  opened->db->MultiGet({}, Impl::handle(*opened, family), keys.size(), slices.data(), values.data(), statuses.data());
  std::vector<std::optional<std::string>> found(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      found[i] = values[i].ToString();
    } else if (!statuses[i].IsNotFound()) {
      return to_error(statuses[i], "get");
    }
  }
  return found;
}

std::unique_ptr<Cursor> Store::seek(FamilyHandle family, std::string_view first, std::string_view end,
                                    Walk walk) const {
  OpenedPtr opened = impl_->current();
  if (!opened) return std::make_unique<ClosedCursor>();
  rocksdb::ColumnFamilyHandle* handle = Impl::handle(*opened, family);
  const bool ahead = walk == Walk::far && impl_->options.families[family].shape == Shape::log;
  return std::make_unique<RocksCursor>(std::move(opened), handle, first, end, ahead ? kLogReadahead : 0);
}

Result<std::optional<std::string>> Store::last_key(FamilyHandle family, std::string_view end) const {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  rocksdb::ReadOptions options;
  const rocksdb::Slice bound = slice(end);
  if (!end.empty()) options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> iterator(opened->db->NewIterator(options, Impl::handle(*opened, family)));
  iterator->SeekToLast();
  if (!iterator->status().ok()) return to_error(iterator->status(), "seek to last");
  if (!iterator->Valid()) return std::optional<std::string>();
  return std::optional<std::string>(iterator->key().ToString());
}

Result<void> Store::write(Batch& batch) {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  rocksdb::WriteBatch changes(batch.bytes() + 4096);
  rocksdb::Status staged;
  batch.visit([&](Batch::Kind kind, FamilyHandle family, std::string_view key, std::string_view value) {
    rocksdb::ColumnFamilyHandle* handle = Impl::handle(*opened, family);
    if (!staged.ok()) return;
    switch (kind) {
      case Batch::Kind::put:
        staged = changes.Put(handle, slice(key), slice(value));
        break;
      case Batch::Kind::remove:
        staged = changes.Delete(handle, slice(key));
        break;
      case Batch::Kind::remove_range:
        staged = changes.DeleteRange(handle, slice(key), slice(value));
        break;
    }
  });
  if (!staged.ok()) return to_error(staged, "stage write");
  rocksdb::Status status = opened->db->Write({}, &changes);
  if (status.ok()) status = impl_->disk->error();
  if (!status.ok()) return to_error(status, "write");
  return {};
}

Result<void> Store::sync() {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  rocksdb::Status status = opened->db->SyncWAL();
  if (const rocksdb::IOStatus log = impl_->disk->error(); !log.ok()) status = log;  // the cause, not what followed it
  if (!status.ok()) return to_error(status, "sync write-ahead log");
  return {};
}

void Store::limit_spare_logs(std::uint64_t bytes) {
  impl_->disk->limit_spare_logs(bytes);
}

Result<void> Store::reopen() {
  std::weak_ptr<Opened> closing;
  {
    const std::lock_guard lock(impl_->mutex);
    closing = impl_->opened;
    impl_->opened.reset();
  }
  // Readers hold the old database for the length of one read each.
  while (!closing.expired()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  impl_->disk->reset();
  return impl_->open();
}

Store::Usage Store::usage() const {
  Usage usage;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(impl_->directory(), ignored)) {
    std::error_code gone;  // files come and go under the iteration
    const auto size = entry.file_size(gone);
    if (!gone) usage.bytes += size;
  }
  const auto space = std::filesystem::space(impl_->options.directory, ignored);
  if (!ignored) usage.free_bytes = space.available;
  usage.memory_bytes = impl_->cache->GetUsage() + impl_->log_cache->GetUsage();
  usage.unflushed_bytes = impl_->write_buffers->mutable_memtable_memory_usage();
  const auto opened = impl_->require();
  if (!opened.ok()) return usage;
  usage.changes = (*opened)->db->GetLatestSequenceNumber();
  for (std::size_t i = 0; i < impl_->options.families.size(); ++i) {
    if (impl_->options.families[i].shape != Shape::lookup) continue;
    std::uint64_t size = 0;
    (*opened)->db->GetIntProperty(impl_->handle(**opened, i), rocksdb::DB::Properties::kLiveSstFilesSize, &size);
    usage.merge_bytes += size;
  }
  return usage;
}

Result<void> Store::checkpoint(const std::string& directory) const {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  TRUNKLINE_TRY_VOID(check_format_file(directory, impl_->options.format_version));
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(opened->db.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory + "/db");
  if (!status.ok()) return to_error(status, "checkpoint");
  return sync_directory(directory);
}

Result<void> Store::compact() {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  for (rocksdb::ColumnFamilyHandle* handle : opened->handles) {
    const rocksdb::Status status = opened->db->CompactRange({}, handle, nullptr, nullptr);
    if (!status.ok()) return to_error(status, "compact");
  }
  return {};
}

Result<void> Store::compact(FamilyHandle family, std::string_view first, std::string_view end) {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;  // compactions of other ranges and families go on
  const rocksdb::Slice from = slice(first);
  const rocksdb::Slice to = slice(end);
  const rocksdb::Status status = opened->db->CompactRange(options, Impl::handle(*opened, family), &from, &to);
  if (!status.ok()) return to_error(status, "compact");
  return {};
}

Result<void> Store::flush() {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  rocksdb::FlushOptions flush_options;
  flush_options.allow_write_stall = true;  // else it waits for compactions, for as long as they take
  const rocksdb::Status status = opened->db->Flush(flush_options, opened->handles);
  if (!status.ok()) return to_error(status, "flush");
  return {};
}

Result<void> Store::reclaim(FamilyHandle family, std::string_view first, std::string_view end) {
  TRUNKLINE_TRY(const OpenedPtr opened, impl_->require());
  const rocksdb::Slice from = slice(first);
  const rocksdb::Slice to = slice(end);
  const rocksdb::Status status =
      rocksdb::DeleteFilesInRange(opened->db.get(), Impl::handle(*opened, family), &from, &to, false);
  if (!status.ok()) return to_error(status, "reclaim");
  return {};
}

}  // namespace trunkline::store
