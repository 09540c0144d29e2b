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

}  // namespace
}  // namespace trunkline::queue
