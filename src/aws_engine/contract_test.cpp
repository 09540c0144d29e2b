#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>

#include "aws_engine/peer_fixture_test.hpp"
#include "engine/contract_suite.hpp"

// The contract suite against an emulator: tests/peers/aws_engine starts one and names it. Without one every test is
// skipped aloud.
namespace trunkline::aws_engine {
namespace {

class AwsFixture final : public engine::contract::Fixture {
 public:
  // `young`: how long what is routed to a new queue is sent there directly.
  explicit AwsFixture(base::Millis young) {
    options_.young = young;
    open();
  }

  engine::Engine& engine() override { return worker_->engine(); }
  base::Loop& loop() override { return worker_->loop(); }
  void reopen() override {
    worker_.reset();
    open();
  }

 private:
  void open() { worker_ = std::make_unique<peer::Worker>(options_); }

  AwsOptions options_ = peer::options();
  std::unique_ptr<peer::Worker> worker_;
};

std::unique_ptr<engine::contract::Fixture> by_topics() {
  return std::make_unique<AwsFixture>(base::Millis(0));
}
std::unique_ptr<engine::contract::Fixture> directly() {
  return std::make_unique<AwsFixture>(AwsOptions().young);
}

}  // namespace
}  // namespace trunkline::aws_engine

namespace trunkline::engine::contract {

INSTANTIATE_TEST_SUITE_P(AwsTopics, Contract, testing::Values(aws_engine::by_topics));
INSTANTIATE_TEST_SUITE_P(AwsYoungQueues, Contract, testing::Values(aws_engine::directly));

}  // namespace trunkline::engine::contract

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (trunkline::aws_engine::peer::endpoint().empty()) {
    if (!testing::GTEST_FLAG(list_tests))
      std::cout
          << "SKIPPED: the contract suite: TRUNKLINE_AWS_ENDPOINT names no emulator; tests/peers/aws_engine does\n";
    const std::string wanted = testing::GTEST_FLAG(filter);
    testing::GTEST_FLAG(filter) =
        wanted + (wanted.find('-') == std::string::npos ? "-" : ":") + "Aws*/Contract.*:AwsPeer.*";
  }
  return RUN_ALL_TESTS();
}
