#include "net/io_loop.hpp"

#include <pthread.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "net/timer_heap.hpp"

namespace trunkline::net {
namespace {

using base::Millis;

TEST(IoLoop, runs_posted_tasks_in_order_on_its_own_thread) {
  IoLoop loop("orders");
  std::vector<int> seen;
  std::promise<std::string> named;
  EXPECT_FALSE(loop.here());
  for (int i = 0; i < 1000; ++i) {
    loop.post([&seen, i] { seen.push_back(i); });
  }
  loop.post([&] {
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof(name));
    named.set_value(loop.here() ? name : "not on the loop");
  });
  loop.start();
  EXPECT_EQ(named.get_future().get(), "orders");
  ASSERT_EQ(seen.size(), 1000u);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(IoLoop, keeps_the_order_of_each_of_several_posting_threads) {
  IoLoop loop("posts");
  loop.start();
  std::array<std::vector<int>, 4> seen;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < seen.size(); ++t) {
    threads.emplace_back([&loop, &seen, t] {
      for (int i = 0; i < 2000; ++i) loop.post([&seen, t, i] { seen[t].push_back(i); });
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::promise<void> done;
  loop.post([&] { done.set_value(); });
  done.get_future().wait();
  for (const std::vector<int>& one : seen) {
    ASSERT_EQ(one.size(), 2000u);
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST(IoLoop, post_from_the_loop_never_runs_inside_post) {
  IoLoop loop("post");
  loop.start();
  std::promise<bool> nested;
  loop.post([&] {
    bool returned = false;
    auto shared = std::make_shared<bool>(false);
    loop.post([&nested, shared] { nested.set_value(!*shared); });
    returned = true;
    *shared = returned;
  });
  EXPECT_FALSE(nested.get_future().get());
}

TEST(IoLoop, runs_timers_by_deadline_and_never_early) {
  IoLoop loop("timers");
  loop.start();
  std::vector<int> order;
  std::promise<void> done;
  const base::MonoTime start = std::chrono::steady_clock::now();
  loop.post([&] {
    loop.after(Millis(60), [&] {
      order.push_back(3);
      done.set_value();
    });
    loop.after(Millis(0), [&] { order.push_back(1); });
    loop.after(Millis(30), [&] { order.push_back(2); });
  });
  done.get_future().wait();
  EXPECT_GE(std::chrono::steady_clock::now() - start, Millis(60));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(IoLoop, a_cancelled_timer_never_runs_and_its_task_is_destroyed_at_once) {
  IoLoop loop("cancel");
  loop.start();
  std::promise<bool> destroyed;
  std::promise<void> later;
  bool ran = false;
  loop.post([&] {
    auto owned = std::make_shared<int>(1);
    std::weak_ptr<int> watch = owned;
    const auto id = loop.after(Millis(10), [&ran, owned = std::move(owned)] { ran = *owned == 1; });
    loop.cancel(id);
    loop.cancel(id);
    destroyed.set_value(watch.expired());
    loop.after(Millis(30), [&] { later.set_value(); });
  });
  EXPECT_TRUE(destroyed.get_future().get());
  later.get_future().wait();
  EXPECT_FALSE(ran);
}

TEST(IoLoop, a_timer_task_may_cancel_another_that_is_due_in_the_same_tick) {
  IoLoop loop("same");
  loop.start();
  std::promise<void> later;
  bool ran = false;
  loop.post([&] {
    auto second = std::make_shared<base::Loop::TimerId>(0);
    loop.after(Millis(5), [&loop, second] { loop.cancel(*second); });
    *second = loop.after(Millis(5), [&ran] { ran = true; });
    loop.after(Millis(50), [&] { later.set_value(); });
  });
  later.get_future().wait();
  EXPECT_FALSE(ran);
}

TEST(IoLoop, destroys_what_has_not_run_and_lets_those_destructors_use_the_loop) {
  struct Bomb {
    IoLoop* loop;
    int* count;
    ~Bomb() {
      ++*count;
      loop->post([] {});
      loop->cancel(loop->after(Millis(1), [] {}));
    }
  };
  int count = 0;
  {
    IoLoop loop("gone");
    loop.post([bomb = std::make_unique<Bomb>(&loop, &count)] {});
    loop.after(std::chrono::hours(1), [bomb = std::make_unique<Bomb>(&loop, &count)] {});
  }
  EXPECT_EQ(count, 2);
}

TEST(TimerHeap, agrees_with_a_plain_sorted_map_over_random_adds_cancels_and_pops) {
  TimerHeap heap;
  std::map<std::pair<base::MonoTime, int>, TimerHeap::Id> model;
  std::uint64_t state = 42;
  const auto random = [&](std::uint64_t bound) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 33) % bound;
  };
  int ran = -1;
  base::MonoTime now{};
  for (int step = 0; step < 50'000; ++step) {
    if (random(3) != 0) {
      const base::MonoTime deadline = now + Millis(random(1000));
      const auto id = heap.add(deadline, [&ran, step] { ran = step; });
      model[{deadline, step}] = id;
    } else if (!model.empty() && random(2) == 0) {
      const auto victim =
          std::next(model.begin(), static_cast<std::ptrdiff_t>(random(std::min<std::size_t>(model.size(), 20))));
      heap.cancel(victim->second);
      model.erase(victim);
    } else {
      now += Millis(random(20));
    }
    ASSERT_EQ(heap.size(), model.size());
    while (base::Task task = heap.pop(now)) {
      task();
      ASSERT_FALSE(model.empty());
      ASSERT_EQ(model.begin()->first.second, ran);
      model.erase(model.begin());
    }
    ASSERT_EQ(heap.next().has_value(), !model.empty());
    if (model.empty()) continue;
    ASSERT_EQ(*heap.next(), model.begin()->first.first);
  }
}

}  // namespace
}  // namespace trunkline::net
