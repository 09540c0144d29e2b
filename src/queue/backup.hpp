#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

struct BackupReport {
  std::string directory;
  base::Sequence end;       // no event after this one is in it
  std::uint64_t bytes = 0;  // of its files; on the same device most of them are hard links, which cost no room
};

// Copies the store while it runs, one backup at a time, on a thread of its own: a copy to another device takes as long
// as the device does. The copy is the state of one moment, as a power cut would have left it.
class Backup {
 public:
  using Callback = base::UniqueFunction<void(base::Result<BackupReport>)>;

  // Both outlive it. `end` is the newest sequence on disk; any thread.
  Backup(const store::Store& store, std::function<base::Sequence()> end);
  ~Backup();  // stop()

  // `directory` is absolute and does not exist yet, or is empty; its parent exists. Errc::invalid otherwise,
  // Errc::conflict while another backup runs, Errc::disk_full, Errc::unavailable. What a failed one has written is
  // removed. The callback is posted to the loop.
  void start(std::string directory, base::Loop& reply_on, Callback done);
  // Waits for the one under way; later ones get Errc::cancelled. Loops may go on calling start().
  void stop();

 private:
  base::Result<BackupReport> make(const std::string& directory) const;

  const store::Store& store_;
  const std::function<base::Sequence()> end_;
  std::atomic<bool> running_{false};
  std::mutex mutex_;  // guards what follows
  bool stopping_ = false;
  std::thread thread_;
};

struct RestoreReport {
  std::uint64_t bytes = 0;
  base::Sequence end;             // the newest event of the backup is at most this one
  base::Sequence continue_after;  // the next event gets a number above this one
};

// Sequence numbers that a restore leaves out. The hub that was lost gave out numbers after the backup, and receivers
// drop what is not above the highest they have seen of a lane (docs/consumers.md): a number must not come again with
// another event. 10^9 events are years of a large contact centre.
constexpr std::uint64_t kSequencesLeftOut = 1'000'000'000;

// Makes a data directory from a backup. No hub runs on either. `to` does not exist, or is empty: Errc::conflict
// otherwise. What is no complete backup is Errc::corrupt, one of a newer version Errc::unsupported; the backup is only
// read. Until all is done there is no FORMAT file in `to`, so that no hub opens half of it; what a failed restore has
// written is removed. `progress` gets bytes done and bytes in all. Blocks.
base::Result<RestoreReport> restore(const std::string& from, const std::string& to,
                                    const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace trunkline::queue
