#include "app/bounded_work.hpp"

#include <gtest/gtest.h>

#include "base/manual_loop.hpp"

namespace trunkline::app {
namespace {

TEST(BoundedWork, refuses_what_is_over_its_bound_until_some_is_done) {
  base::ManualClock clock;
  base::ManualLoop loop(clock);
  BoundedWork work(loop, 2);
  int ran = 0;
  EXPECT_TRUE(work.post([&] { ++ran; }));
  EXPECT_TRUE(work.post([&] {
    ++ran;
    EXPECT_TRUE(work.post([&] { ++ran; })) << "the first one is done, the second one is this";
    EXPECT_FALSE(work.post([&] { ++ran; }));
  }));
  EXPECT_FALSE(work.post([&] { ++ran; }));
  loop.run();
  EXPECT_EQ(ran, 3);
  EXPECT_TRUE(work.post([&] { ++ran; }));
  EXPECT_TRUE(work.post([&] { ++ran; }));
  EXPECT_FALSE(work.post([&] { ++ran; }));
}

}  // namespace
}  // namespace trunkline::app
