#include "queue/backup.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "queue/keys.hpp"
#include "store/format_file.hpp"

namespace trunkline::queue {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::Result;
using base::Sequence;

std::uint64_t bytes_below(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(directory, ignored)) {
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  }
  return bytes;
}

Result<void> check_target(const fs::path& directory) {
  if (!directory.is_absolute()) {
    return {Errc::invalid,
            fmt::format("{} is not an absolute path; it is one of the hub's machine", directory.string())};
  }
  std::error_code error;
  if (!fs::is_directory(directory.parent_path(), error)) {
    return {Errc::invalid, fmt::format("{} is not a directory", directory.parent_path().string())};
  }
  if (fs::exists(directory, error) && (!fs::is_directory(directory, error) || !fs::is_empty(directory, error))) {
    return {Errc::invalid,
            fmt::format("{} is there already; a backup gets a directory of its own", directory.string())};
  }
  return {};
}

// The names of the files below `directory`, relative to it.
Result<std::vector<fs::path>> files_below(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(directory, error); !error && at != fs::end(at); at.increment(error)) {
    if (at->is_regular_file()) files.push_back(fs::relative(at->path(), directory));
  }
  if (error) return {Errc::unavailable, fmt::format("read {}: {}", directory.string(), error.message())};
  return files;
}

Result<void> check_backup(const fs::path& from) {
  const bool complete = fs::exists(from / "FORMAT") && fs::exists(from / "db" / "CURRENT");
  if (complete) return store::check_format_file(from.string(), kFormatVersion);
  return {Errc::corrupt, fmt::format("{} is no complete backup: FORMAT or db/CURRENT is not there", from.string())};
}

Result<void> check_new(const fs::path& to) {
  std::error_code error;
  if (!fs::exists(to, error)) return {};
  if (fs::is_directory(to, error) && fs::is_empty(to, error)) return {};
  return {Errc::conflict,
          fmt::format("{} is not empty: move what is there away first, it is not written over", to.string())};
}

// The numbers given out after the backup are never given again. Opening verifies the logs, and a stop flushes.
Result<RestoreReport> leave_numbers_out(const std::string& directory) {
  store::Options options;
  options.directory = directory;
  options.families = families([](std::string_view, std::string_view) { return false; });
  options.format_version = kFormatVersion;
  TRUNKLINE_TRY(const std::unique_ptr<store::Store> store, store::Store::open(std::move(options)));
  RestoreReport report;
  TRUNKLINE_TRY(report.end, newest_sequence(*store));
  report.continue_after = {report.end.value + kSequencesLeftOut};
  store::Batch batch;
  batch.put(handle(Table::meta), kEndKey, sequence_key(report.continue_after));
  TRUNKLINE_TRY_VOID(store->write(batch));
  TRUNKLINE_TRY_VOID(store->sync());
  TRUNKLINE_TRY_VOID(store->flush());
  return report;
}

// Names the finished store last: a directory without FORMAT is opened by nobody.
Result<void> move_into_place(const fs::path& made, const fs::path& to) {
  std::error_code error;
  fs::rename(made / "db", to / "db", error);
  if (!error) {
    TRUNKLINE_TRY_VOID(store::sync_directory(to.string()));
    fs::rename(made / "FORMAT", to / "FORMAT", error);
  }
  if (error) return {Errc::unavailable, fmt::format("rename in {}: {}", to.string(), error.message())};
  fs::remove_all(made, error);
  return store::sync_directory(to.string());
}

Result<std::uint64_t> copy_files(const fs::path& from, const fs::path& to,
                                 const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  TRUNKLINE_TRY(const std::vector<fs::path> files, files_below(from));
  const std::uint64_t all = bytes_below(from);
  std::uint64_t done = 0;
  for (const fs::path& file : files) {
    std::error_code error;
    fs::create_directories((to / file).parent_path(), error);
    if (!error) fs::copy_file(from / file, to / file, error);
    if (error) {
      const Errc code = error == std::errc::no_space_on_device ? Errc::disk_full : Errc::unavailable;
      return {code, fmt::format("copy {} to {}: {}", (from / file).string(), (to / file).string(), error.message())};
    }
    TRUNKLINE_TRY_VOID(store::sync_file((to / file).string()));
    done += fs::file_size(to / file, error);
    if (progress) progress(done, all);
  }
  TRUNKLINE_TRY_VOID(store::sync_directory((to / "db").string()));
  TRUNKLINE_TRY_VOID(store::sync_directory(to.string()));
  return done;
}

Result<RestoreReport> restore_into(const fs::path& from, const fs::path& to,
                                   const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  TRUNKLINE_TRY(const std::uint64_t bytes, copy_files(from, to, progress));
  TRUNKLINE_TRY(RestoreReport report, leave_numbers_out(to.string()));
  report.bytes = bytes;
  return report;
}

}  // namespace

// ---- Backup

Backup::Backup(const store::Store& store, std::function<Sequence()> end) : store_(store), end_(std::move(end)) {}

Backup::~Backup() {
  stop();
}

void Backup::stop() {
  std::thread under_way;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    under_way.swap(thread_);
  }
  if (under_way.joinable()) under_way.join();
}

void Backup::start(std::string directory, base::Loop& reply_on, Callback done) {
  const std::lock_guard lock(mutex_);
  std::optional<Error> refusal;
  if (stopping_) {
    refusal = Error{Errc::cancelled, "the hub is stopping"};
  } else if (running_.exchange(true)) {
    refusal = Error{Errc::conflict, "another backup is being made"};
  }
  if (refusal) return reply_on.post([done = std::move(done), refusal]() mutable { done(*refusal); });
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this, directory = std::move(directory), &reply_on, done = std::move(done)]() mutable {
    Result<BackupReport> result = make(directory);
    running_.store(false);
    reply_on.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  });
}

Result<BackupReport> Backup::make(const std::string& directory) const {
  TRUNKLINE_TRY_VOID(check_target(directory));
  const Result<void> made = store_.checkpoint(directory);
  if (!made.ok()) {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
    return made.error();
  }
  return BackupReport{directory, end_(), bytes_below(directory)};
}

// ---- restore

Result<RestoreReport> restore(const std::string& from, const std::string& to,
                              const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  TRUNKLINE_TRY_VOID(check_backup(from));
  TRUNKLINE_TRY_VOID(check_new(to));
  const fs::path staging = fs::path(to) / "restoring";
  Result<RestoreReport> report = restore_into(from, staging, progress);
  if (report.ok()) {
    if (const Result<void> moved = move_into_place(staging, to); !moved.ok()) report = moved.error();
  }
  if (!report.ok()) {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    fs::remove_all(fs::path(to) / "db", ignored);
  }
  return report;
}

}  // namespace trunkline::queue
