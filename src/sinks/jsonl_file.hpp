#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "sinks/file_ops.hpp"

namespace trunkline::sinks {

struct JsonlFileOptions {
  std::string directory;
  std::string name = "events";  // letters, digits, '_', '.' and '-'
  // A new file is begun when the next lines would exceed this, or when the file is older. 256 MiB compress well and
  // load quickly; a day is what people look for.
  std::uint64_t rotate_bytes = 256ull << 20;
  base::Millis rotate_age = std::chrono::hours(24);
  // Oldest files beyond either are removed; 0 keeps all. Never the current one.
  std::size_t keep_files = 0;
  std::uint64_t keep_bytes = 0;
};
base::Result<void> validate(const JsonlFileOptions& options);

// Lines in files NAME-YYYYMMDDTHHMMSS-NNN.jsonl of one directory; names sort by age, even when the clock goes back.
// Blocking: one thread, not the loop's. What append() has answered with success is on disk, directory entry included.
//
// After any failure the file is closed and, at the next append, opened again and cut to what is known to be on disk:
// the kernel may have dropped the pages of a failed fsync and call the next one a success. When a file of an earlier
// process is taken over, its last line is cut if it has no end: it was never confirmed, so it comes again.
class JsonlFile {
 public:
  JsonlFile(JsonlFileOptions options, FileOps& ops);
  ~JsonlFile();
  JsonlFile(const JsonlFile&) = delete;
  JsonlFile& operator=(const JsonlFile&) = delete;

  // `lines` end with a line break each. All of them are on disk, or, after an error, none counts.
  base::Result<void> append(std::string_view lines, base::WallTime now);

  const std::string& path() const { return path_; }  // of the current file; empty before the first append

 private:
  base::Result<void> ensure_open(std::size_t bytes, base::WallTime now);
  base::Result<void> take_over(base::WallTime now);
  base::Result<void> reopen();
  base::Result<void> begin_new(base::WallTime now);
  base::Result<std::uint64_t> end_of_last_line(std::uint64_t size);
  base::Result<std::vector<FileOps::Entry>> files();  // oldest first
  base::Result<void> write_all(std::string_view lines);
  base::Result<void> cut_to(std::uint64_t bytes);
  void remove_old();
  void close();

  const JsonlFileOptions options_;
  FileOps& ops_;
  std::optional<int> file_;
  std::string path_;
  std::string newest_;               // name of the newest file of all
  std::uint64_t durable_bytes_ = 0;  // of the current file
  base::WallTime began_{};           // by its name
};

}  // namespace trunkline::sinks
