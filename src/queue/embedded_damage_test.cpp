#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>

#include "queue/faulty_engine_test.hpp"

// A data directory with a flipped bit: it is refused with the way out, or what is delivered is what was accepted.
namespace trunkline::queue {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using engine::contract::Ids;
using engine::contract::make_event;

class EmbeddedDamage : public Contract {
 protected:
  void SetUp() override { begin(); }
  void begin() {
    EmbeddedOptions options;
    options.tail_bytes_max = 1;  // bodies come from the disk
    options.queue.unreadable_pause = base::Millis(20);
    options.write_buffer_bytes = 64 << 10;
    fixture_ = std::make_unique<EmbeddedFixture>(options);
  }
  EmbeddedFixture& fixture() { return static_cast<EmbeddedFixture&>(*fixture_); }
  std::string data() { return fixture().directory() + "/db"; }

  void fill(int count) {
    const base::QueueId queue = declare(spec("crm", event::Order::conversation));
    for (int i = 0; i < count; ++i) {
      event::Event event =
          make_event(fmt::format("e{:04}", i), "c", fmt::format(R"({{"n":{}}})", std::string(900, 'x')));
      ids_.push_back(event.envelope_id);
      raw_[event.envelope_id] = event.raw;
      ASSERT_EQ(publish(std::move(event), {queue}).verdict, engine::PublishVerdict::accepted);
    }
  }
  std::vector<std::string> files(std::string_view part) {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(data())) {
      if (entry.path().filename().string().find(part) != std::string::npos && entry.file_size() > 0)
        found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  // What comes until an error or nothing: a prefix of what was accepted, byte for byte.
  void expect_nothing_wrong(const std::string& what) {
    const auto queue = engine().declare(spec("crm", event::Order::conversation));
    if (!queue.ok()) {
      EXPECT_EQ(queue.error().code, Errc::corrupt) << what << ": " << queue.error().detail;
      return;
    }
    Ids delivered;
    for (;;) {
      engine::ReceiveLimits limits;
      limits.max_messages = limits.max_messages_per_group = 50;
      limits.wait = base::Millis(50);
      const auto leases = await<base::Result<std::vector<engine::Lease>>>(
          engine().loop_of(*queue),
          [this, queue, limits](engine::ReceiveCallback done) { engine().receive(*queue, limits, std::move(done)); });
      if (!leases.ok() || leases->empty()) break;
      for (const engine::Lease& lease : *leases) {
        for (const engine::LeasedMessage& message : lease.messages) {
          const event::Event& event = message.record->event;
          delivered.push_back(event.envelope_id);
          EXPECT_EQ(event.raw, raw_[event.envelope_id]) << what;
        }
        EXPECT_TRUE(settle_all(lease, engine::Fate::delivered).ok()) << what;
      }
    }
    ASSERT_LE(delivered.size(), ids_.size()) << what;
    EXPECT_TRUE(std::equal(delivered.begin(), delivered.end(), ids_.begin())) << what;
  }
  // Each with one bit flipped, in a copy put in the place of the directory. Returns how many were refused.
  std::size_t try_flips(std::string_view part, int flips) {
    const std::string good = fixture().directory() + "-good";
    fs::remove_all(good);
    fs::copy(data(), good, fs::copy_options::recursive);
    std::size_t refused = 0;
    std::mt19937_64 random(17);
    for (int i = 0; i < flips; ++i) {
      fs::remove_all(data());
      fs::copy(good, data(), fs::copy_options::recursive);
      const auto candidates = files(part);
      EXPECT_FALSE(candidates.empty()) << part;
      if (candidates.empty()) break;
      const std::string& file = candidates[random() % candidates.size()];
      const std::uint64_t at = random() % fs::file_size(file);
      EXPECT_TRUE(store::FaultFs::flip_bit(file, at, static_cast<unsigned>(random() % 8)).ok());
      const std::string what = fmt::format("{} at {}", fs::path(file).filename().string(), at);
      const auto opened = fixture().try_open();
      if (opened.ok()) {
        expect_nothing_wrong(what);
      } else {
        ++refused;
        EXPECT_THAT(opened.error().detail, testing::HasSubstr("backup")) << what;
      }
      fixture().close();
    }
    fs::remove_all(good);
    return refused;
  }

  Ids ids_;
  std::map<std::string, std::string> raw_;
};

TEST_F(EmbeddedDamage, a_flipped_bit_of_a_table_is_never_delivered) {
  fill(300);
  fixture().close();
  try_flips(".sst", 60);
}

TEST_F(EmbeddedDamage, a_flipped_bit_of_the_manifest_is_refused) {
  fill(50);
  fixture().close();
  EXPECT_EQ(try_flips("MANIFEST", 40), 40u);
}

TEST_F(EmbeddedDamage, a_flipped_bit_of_the_current_file_is_refused) {
  fill(50);
  fixture().close();
  EXPECT_EQ(try_flips("CURRENT", 30), 30u);
}

TEST_F(EmbeddedDamage, a_flipped_bit_of_the_write_ahead_log_is_refused) {
  fill(50);
  // As at a kill: a stop would have emptied the log.
  const std::string killed = fixture().directory() + "-killed";
  fs::copy(data(), killed, fs::copy_options::recursive);
  fixture().close();
  fs::remove_all(data());
  fs::rename(killed, data());
  EXPECT_EQ(try_flips(".log", 40), 40u);
}

TEST_F(EmbeddedDamage, a_directory_that_lost_its_current_file_is_refused_and_not_begun_anew) {
  fill(50);
  fixture().close();
  fs::rename(data() + "/CURRENT", data() + "/away");
  const auto opened = fixture().try_open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_THAT(opened.error().detail, testing::HasSubstr("backup"));
  fixture().close();
  fs::rename(data() + "/away", data() + "/CURRENT");
  ASSERT_TRUE(fixture().try_open().ok());
  expect_nothing_wrong("put back");
}

}  // namespace
}  // namespace trunkline::queue
