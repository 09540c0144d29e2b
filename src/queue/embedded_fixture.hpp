#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/contract_fixture.hpp"
#include "net/io_loop.hpp"
#include "queue/embedded_engine.hpp"

namespace trunkline::queue {

using Contract = engine::contract::Contract;

// Real time with an offset that any thread may move.
class MovableClock final : public base::Clock {
 public:
  base::WallTime wall() const override { return real_.wall() + base::Millis(offset_.load()); }
  base::MonoTime mono() const override { return real_.mono(); }
  void advance(base::Millis by) { offset_.fetch_add(by.count()); }

 private:
  base::SystemClock real_;
  std::atomic<std::int64_t> offset_{0};
};

// An embedded engine in a directory of its own, with two real loops. For tests.
class EmbeddedFixture final : public engine::contract::Fixture {
 public:
  // `before_open` may change the options once the directory is known; `clock` is the engine's, the loops keep real
  // time.
  explicit EmbeddedFixture(EmbeddedOptions options = {}, const std::function<void(EmbeddedOptions&)>& before_open = {},
                           const base::Clock* clock = nullptr)
      : options_(std::move(options)), clock_(clock != nullptr ? *clock : system_clock_) {
    char name[] = "/tmp/trunkline-engine-XXXXXX";
    options_.directory = ::mkdtemp(name);
    options_.memory_budget = 16 << 20;
    if (before_open) before_open(options_);
    const auto opened = try_open();
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().detail);
  }
  ~EmbeddedFixture() override {
    close();
    std::filesystem::remove_all(options_.directory);
  }

  engine::Engine& engine() override { return *engine_; }
  EmbeddedEngine& embedded() { return *engine_; }
  base::Loop& loop() override { return *loops_[0]; }
  base::Loop& loop_at(std::size_t index) { return *loops_[index]; }
  const std::string& directory() const { return options_.directory; }
  EmbeddedOptions& options() { return options_; }

  void close() {
    if (engine_) engine_->stop();
    for (const auto& loop : loops_) {
      loop->stop();
      loop->join();
    }
    engine_.reset();
    loops_.clear();
  }
  base::Result<void> try_open() {
    std::vector<base::Loop*> loops;
    for (const char* name : {"one", "two"}) {
      loops_.push_back(std::make_unique<net::IoLoop>(name));
      loops_.back()->start();
      loops.push_back(loops_.back().get());
    }
    auto opened = EmbeddedEngine::open(options_, loops, clock_);
    if (!opened.ok()) return opened.error();
    engine_ = std::move(*opened);
    return {};
  }
  void reopen() override {
    close();
    const auto opened = try_open();
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
  }

 private:
  EmbeddedOptions options_;
  base::SystemClock system_clock_;
  const base::Clock& clock_;
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::unique_ptr<EmbeddedEngine> engine_;
};

}  // namespace trunkline::queue
