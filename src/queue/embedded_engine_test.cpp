#include "queue/embedded_engine.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "engine/contract_suite.hpp"
#include "net/io_loop.hpp"
#include "queue/embedded_fixture.hpp"
#include "queue/queue_runner.hpp"

namespace trunkline::queue {

INSTANTIATE_TEST_SUITE_P(Embedded, Contract,
                         testing::Values(engine::contract::Factory([] { return std::make_unique<EmbeddedFixture>(); })),
                         [](const auto&) { return std::string("engine"); });

namespace {

using engine::contract::make_event;

TEST(EmbeddedEngine, a_newer_format_is_refused_and_left_untouched) {
  EmbeddedFixture fixture;
  fixture.close();
  std::ofstream(fixture.directory() + "/FORMAT") << "trunkline 999\n";
  const auto before = std::filesystem::last_write_time(fixture.directory() + "/db");
  const auto opened = fixture.try_open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, base::Errc::unsupported);
  EXPECT_EQ(std::filesystem::last_write_time(fixture.directory() + "/db"), before);
}

TEST(EmbeddedEngine, a_directory_of_somebody_else_is_refused) {
  EmbeddedFixture fixture;
  fixture.close();
  std::filesystem::remove(fixture.directory() + "/FORMAT");
  EXPECT_EQ(fixture.try_open().error().code, base::Errc::conflict);
}

TEST(EmbeddedEngine, what_was_settled_before_a_drain_is_on_disk_after_it) {
  EmbeddedFixture fixture;
  const engine::QueueSpec spec{.name = "crm"};
  const auto queue = fixture.embedded().declare(spec);
  ASSERT_TRUE(queue.ok());
  base::Loop& loop = fixture.engine().loop_of(*queue);
  for (std::uint64_t round = 1; round <= 20; ++round) {
    std::promise<void> settled;
    loop.post([&] {
      std::vector<engine::PublishItem> items;
      items.emplace_back(engine::PublishEntry{make_event(std::to_string(round), "c1"), "test", {*queue}, {1}});
      fixture.engine().publish(std::move(items), loop, [](const std::vector<engine::PublishResult>&) {});
      fixture.engine().receive(*queue, {}, [&](base::Result<std::vector<engine::Lease>> leases) {
        fixture.engine().settle(*queue, leases.value().at(0).id, {engine::MessageFate{}});
        settled.set_value();
      });
    });
    settled.get_future().wait();
    fixture.embedded().drain(std::chrono::seconds(60));
    const auto stored = read_queue(fixture.embedded().store(), *queue, spec, {});
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->cursor.totals.settled, round);
  }
}

// ---- promise I10: what an older program has written

class OldFormat : public Contract {
 protected:
  void SetUp() override { fixture_ = std::make_unique<EmbeddedFixture>(); }
  EmbeddedFixture& fixture() { return static_cast<EmbeddedFixture&>(*fixture_); }
  std::string format() const {
    std::string line;
    std::ifstream file(static_cast<EmbeddedFixture&>(*fixture_).directory() + "/FORMAT");
    std::getline(file, line);
    return line;
  }
};

TEST_F(OldFormat, is_opened_with_all_that_waits_in_it_and_raised_once_that_has_worked) {
  const engine::QueueSpec wanted = spec("crm", event::Order::conversation);
  const base::QueueId queue = declare(wanted);
  for (const char* id : {"parked", "behind"}) publish(make_event(id, "c1"), {queue});
  ASSERT_TRUE(settle_all(receive(queue, 1, 1).at(0), engine::Fate::park).ok());
  publish(make_event("skipped", "c2"), {queue});
  ASSERT_TRUE(settle_all(receive(queue, 1, 1).at(0), engine::Fate::skip).ok());
  fixture().close();
  const std::string directory = fixture().directory();
  std::ofstream(directory + "/FORMAT") << "trunkline 1\n";

  std::filesystem::rename(directory + "/db/CURRENT", directory + "/CURRENT");
  EXPECT_FALSE(fixture().try_open().ok());
  fixture().close();
  EXPECT_EQ(format(), "trunkline 1") << "what does not open stays what it is";

  std::filesystem::rename(directory + "/CURRENT", directory + "/db/CURRENT");
  ASSERT_TRUE(fixture().try_open().ok());
  EXPECT_EQ(format(), "trunkline 6");
  ASSERT_EQ(declare(wanted), queue);
  EXPECT_EQ(redrive(queue), 2U);
  std::vector<std::string> delivered = deliver(queue, 3);
  std::ranges::sort(delivered);
  EXPECT_EQ(delivered, (engine::contract::Ids{"behind", "parked", "skipped"}));
}

// Bytes of format 2: it knew no event time and no event-time window.
TEST(OldFormatValues, scan_entries_and_cursors_decode) {
  using namespace std::string_view_literals;
  const auto entry = decode_scan(
      "\0\0\x01\x9d\0\0\0\x01\x0a"
      "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04"
      "\x02\x05\x02"sv);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->event_ms, entry->accepted_ms) << "it waits by its acceptance";
  EXPECT_EQ(entry->routes, (std::vector<base::QueueId>{{5}, {7}}));
  const auto cursor = decode_cursor("\0\0\0\0\0\0\0\x09\x07\x07\0\0\0\0\x02\x03\x05"sv);
  ASSERT_TRUE(cursor.ok());
  EXPECT_EQ(cursor->outstanding, (std::vector<base::Sequence>{{3}, {8}}));
  EXPECT_FALSE(cursor->ordered);
}

// Bytes of format 1, written by that program.
TEST(OldFormatValues, rows_places_and_dead_letters_decode) {
  using namespace std::string_view_literals;
  const auto row = decode_row("\0\0\0\0\0\0\0\x05\x0a\x01\x01"sv);
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->bytes, 10U);
  EXPECT_TRUE(row->redriven);
  EXPECT_EQ(row->operation.value, 0U);
  EXPECT_FALSE(row->edited);
  const auto place = decode_place("\x01\x02\x03\x04\x05\x06\x07\x08\0\0\x01\x9d\0\0\0\x01"sv);
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->operation.value, 0U);
  const auto letter =
      decode_dead_letter("\x01\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x05\x0a\x01\0\x05\0\0\0\0\0\0\0\x09\x08http_400\x01x"sv);
  ASSERT_TRUE(letter.ok());
  EXPECT_TRUE(letter->parked);
  EXPECT_EQ(letter->attempts, 5U);
  EXPECT_FALSE(letter->row.redriven);
}

}  // namespace
}  // namespace trunkline::queue
