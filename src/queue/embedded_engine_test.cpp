#include "queue/embedded_engine.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/contract_suite.hpp"
#include "net/io_loop.hpp"
#include "queue/embedded_fixture.hpp"

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

}  // namespace
}  // namespace trunkline::queue
