#include "base/thread.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <csignal>
#include <future>

namespace trunkline::base {
namespace {

bool blocks_all() {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE}) {
    if (sigismember(&now, signal) != 1) return false;
  }
  return true;
}

TEST(Thread, is_interrupted_by_no_signal_and_leaves_the_mask_of_its_maker_as_it_was) {
  ASSERT_FALSE(blocks_all());
  std::promise<bool> blocked;
  std::thread thread = start_thread("a", [&] { blocked.set_value(blocks_all()); });
  EXPECT_TRUE(blocked.get_future().get());
  thread.join();
  EXPECT_FALSE(blocks_all());
}

TEST(Thread, has_as_much_of_its_name_as_fits) {
  std::promise<void> named;
  std::thread thread = start_thread("a name that is long", [&] { named.get_future().wait(); });
  std::array<char, 32> name{};
  EXPECT_EQ(pthread_getname_np(thread.native_handle(), name.data(), name.size()), 0);
  named.set_value();
  thread.join();
  EXPECT_STREQ(name.data(), "a name that is ");
}

}  // namespace
}  // namespace trunkline::base
