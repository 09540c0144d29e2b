#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace trunkline::config {
namespace {

using testing::HasSubstr;

Loaded with(const std::string& maintenance, const std::string& more = "") {
  return parse("consumers:\n  crm:\n    sink: {file: {path: ./a}}\n    maintenance: " + maintenance + "\n" + more,
               Resolver::system());
}
std::string fault(const Loaded& loaded) {
  return loaded.diagnostics.empty() ? "" : loaded.diagnostics.front().message;
}

TEST(Maintenance, a_window_is_read_into_numbers) {
  const Loaded loaded = with(R"([{days: [sat, sun], from: "02:00", to: "04:30", timezone: "-05:30"},
      {from: "23:00", to: "01:00", timezone: local}])");
  ASSERT_TRUE(loaded.config) << fault(loaded);
  const auto& windows = loaded.config->consumers[0].maintenance;
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0].day_bits, 0x60);
  EXPECT_EQ(windows[0].from_minute, 120);
  EXPECT_EQ(windows[0].to_minute, 270);
  EXPECT_EQ(windows[0].offset_minutes, -330);
  EXPECT_FALSE(windows[0].local);
  EXPECT_EQ(windows[1].day_bits, 0x7F);
  EXPECT_TRUE(windows[1].local);
}

TEST(Maintenance, what_is_no_window_is_refused_with_the_way_out) {
  const auto says = [](const std::string& window, const char* words) {
    const Loaded loaded = with(window);
    EXPECT_FALSE(loaded.config) << window;
    EXPECT_THAT(fault(loaded), HasSubstr(words)) << window;
  };
  says(R"({from: "25:00", to: "04:00"})", "'25:00' is no time of day");
  says(R"({from: "24:00", to: "04:00"})", "'24:00' is no time of day");
  says(R"({from: "2:00", to: "04:00"})", "'2:00' is no time of day");
  says(R"({from: "02:00", to: "00:00"})", "the end of the day is \"24:00\"");
  says(R"({from: "02:00", to: "02:00"})", "begins at the same time");
  says(R"({from: "02:00", to: "04:00", days: [monday]})", "'monday' is no day");
  says(R"({from: "02:00", to: "04:00", timezone: Europe/Berlin})", "UTC, local, or an offset");
  says(R"({to: "04:00"})", "from");
  says(R"({from: "00:00", to: "24:00"})", "leaves no minute of the week");
  says(R"([{from: "00:00", to: "12:00"}, {from: "12:00", to: "24:00", timezone: "+00:00"}])", "leaves no minute");
  says("sunday", "a map or a list of maps");
}

TEST(Alarms, have_defaults_and_a_consumer_may_say_otherwise) {
  const Loaded loaded = parse(
      "alarms: {oldest_age: 5m, webhook: {url: \"https://ops.example/hook\", secret: whsec_x}}\n"
      "consumers:\n  crm: {alarms: {oldest_age: 1h, blocked_lanes: 0}}\n  any: {}\n"
      "sources:\n  a: {kind: eventbridge, silent_after: 10m}\n",
      Resolver::system());
  ASSERT_TRUE(loaded.config) << fault(loaded);
  const Config& config = *loaded.config;
  EXPECT_EQ(config.alarms.oldest_age, std::chrono::minutes(5));
  EXPECT_EQ(config.alarms.failed_deliveries, 1u);
  ASSERT_TRUE(config.alarms.webhook);
  EXPECT_EQ(config.alarms.webhook->url, "https://ops.example/hook");
  EXPECT_EQ(config.consumers[0].alarms.oldest_age, std::chrono::hours(1));
  EXPECT_EQ(config.consumers[0].alarms.blocked_lanes, 0u);
  EXPECT_FALSE(config.consumers[1].alarms.oldest_age);
  EXPECT_EQ(config.sources[0].silent_after, std::chrono::minutes(10));
  const Loaded plain = parse("consumers: {}\n", Resolver::system());
  ASSERT_TRUE(plain.config) << fault(plain);
  EXPECT_EQ(plain.config->alarms.oldest_age, std::chrono::minutes(15)) << "without the section, too";
  EXPECT_FALSE(plain.config->alarms.webhook);
  EXPECT_FALSE(parse("alarms: {webhook: {}}\n", Resolver::system()).config) << "a webhook needs a url";
}

}  // namespace
}  // namespace trunkline::config
