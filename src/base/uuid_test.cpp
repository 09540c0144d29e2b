#include "base/uuid.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace trunkline::base {
namespace {

TEST(Uuid, is_of_version_4_and_no_two_are_the_same) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const std::string uuid = random_uuid();
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    seen.insert(uuid);
  }
  EXPECT_EQ(seen.size(), 1'000u);
}

TEST(Uuid, of_bytes_is_theirs_but_for_version_and_variant) {
  EXPECT_EQ(uuid_of(std::string(16, '\0')), "00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(uuid_of(std::string(16, '\xff')), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

}  // namespace
}  // namespace trunkline::base
