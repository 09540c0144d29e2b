#include "disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/clock.hpp"
#include "base/hash.hpp"
#include "load.hpp"
#include "queue/codec.hpp"
#include "queue/keys.hpp"
#include "store/store.hpp"

namespace trunkline::bench {

sim::Histogram time_fdatasync(const std::string& directory, std::size_t bytes, double seconds) {
  const std::string path = directory + "/fdatasync." + std::to_string(::getpid());
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  TRUNKLINE_CHECK(file >= 0, "the directory can be written");
  const std::string block(bytes, 'x');
  sim::Histogram times;
  const std::int64_t end = now_nanoseconds() + static_cast<std::int64_t>(seconds * 1e9);
  for (std::int64_t begun = now_nanoseconds(); begun < end; begun = now_nanoseconds()) {
    TRUNKLINE_CHECK(::write(file, block.data(), block.size()) == static_cast<ssize_t>(bytes) && ::fdatasync(file) == 0,
                    "the disk takes a write");
    times.add(std::chrono::microseconds((now_nanoseconds() - begun) / 1000));
  }
  ::close(file);
  ::unlink(path.c_str());
  return times;
}

double fill_identities(const std::string& directory, std::uint64_t identities) {
  constexpr std::uint64_t kBatch = 20'000;
  const std::int64_t begun = now_nanoseconds();
  store::Options options;
  options.directory = directory;
  options.families = queue::families([](std::string_view, std::string_view) { return false; });
  options.format_version = queue::kFormatVersion;
  auto store = std::move(store::Store::open(std::move(options))).value();
  queue::Twin twin;
  twin.accepted_ms = base::SystemClock().wall().time_since_epoch().count();
  for (std::uint64_t done = 0; done < identities;) {
    store::Batch batch;
    for (std::uint64_t i = 0; i < kBatch && done < identities; ++i, ++done) {
      std::string name;
      base::put_u64(name, done);
      twin.sequence = {done / 2 + 1};  // an event has two
      twin.body_hash = base::hash128(name);
      name += "identity";
      const base::Hash128 key = base::hash128(name);
      batch.put(queue::handle(queue::Table::identity), base::view(key), queue::encode_twins({twin}));
    }
    TRUNKLINE_CHECK(store->write(batch).ok(), "the store takes a write");
  }
  TRUNKLINE_CHECK(store->sync().ok() && store->flush().ok(), "the store syncs");
  return static_cast<double>(now_nanoseconds() - begun) / 1e9;
}

}  // namespace trunkline::bench
