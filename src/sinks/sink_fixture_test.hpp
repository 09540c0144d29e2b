#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "delivery/sink.hpp"
#include "sinks/fake_sender_test.hpp"

// What tests of several sinks need.
namespace trunkline::sinks {

inline std::vector<delivery::Verdict> verdicts(const delivery::BatchVerdict& batch) {
  std::vector<delivery::Verdict> all;
  for (const auto& each : batch.events) all.push_back(each.verdict);
  return all;
}

inline engine::LeasedMessage leased(const engine::Record& record) {
  return {std::make_shared<engine::Record>(record), 0, 1, {}, false};
}

// Of sinks that make one HTTP request of a batch.
class HttpSinkTest : public testing::Test {
 protected:
  // The program's renderer.
  static std::string enriched(const engine::Record& record) {
    return fmt::format(R"({{"enriched":{}}})", record.sequence.value);
  }
  std::unique_ptr<FakeSender> sender() { return std::make_unique<FakeSender>(sent_); }
  // The request that carries these messages, third attempt.
  net::ClientRequest request_of(const std::unique_ptr<delivery::Sink>& sink, std::string consumer,
                                std::vector<engine::LeasedMessage> messages) {
    sent_.clear();
    sink->send({std::move(consumer), 1, 3, std::move(messages)}, [](delivery::BatchVerdict) {});
    return std::move(sent_.at(0).request);
  }
  static std::string header(const net::ClientRequest& request, std::string_view name) {
    return std::string(net::find_header(request.headers, name).value_or("(absent)"));
  }

  base::ManualClock clock_;
  std::vector<FakeSender::Sent> sent_;
};

}  // namespace trunkline::sinks
