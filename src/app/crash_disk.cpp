#include "app/crash_disk.hpp"

#include <cstdlib>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "queue/keys.hpp"
#include "store/fault_fs.hpp"
#include "store/format_file.hpp"

namespace trunkline::app {

base::Result<void> failpoints_from_environment() {
  const char* points = std::getenv("TRUNKLINE_FAILPOINTS");
  if (points == nullptr) return {};
  TRUNKLINE_TRY_VOID(base::failpoint::configure(points));
  base::log::warn("failpoints are set: this process may kill itself", "points", points);
  return {};
}

base::Result<CrashDisk> crash_disk_from_environment(const std::string& data_dir) {
  CrashDisk result;
  TRUNKLINE_TRY_VOID(failpoints_from_environment());
  const char* seed = std::getenv("TRUNKLINE_CRASH_DISK");
  if (seed == nullptr) return result;
  // The disk makes its own directory, which would look like somebody else's without the file.
  TRUNKLINE_TRY_VOID(store::check_format_file(data_dir, queue::kFormatVersion));
  store::FaultFsOptions options;
  options.root = data_dir + "/db";
  options.seed = std::strtoull(seed, nullptr, 10);
  constexpr store::TornTail kTails[] = {store::TornTail::none, store::TornTail::prefix, store::TornTail::zero_tail,
                                        store::TornTail::garbage_tail};
  options.torn_tail = kTails[options.seed % 4];
  TRUNKLINE_TRY(std::unique_ptr<store::FaultFs> disk, store::FaultFs::open(std::move(options)));
  result.file_system = disk->file_system();
  base::failpoint::on_power_cut([disk = std::shared_ptr<store::FaultFs>(std::move(disk))] { disk->power_cut(); });
  base::log::warn("the store is on a disk that forgets what was not synced", "seed", seed);
  return result;
}

}  // namespace trunkline::app
