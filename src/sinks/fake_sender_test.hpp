#pragma once

#include <utility>
#include <vector>

#include "sinks/http_sender.hpp"

namespace trunkline::sinks {

// Keeps what it was to send; the test answers.
struct FakeSender final : HttpSender {
  struct Sent {
    net::ClientRequest request;
    net::ClientCallback done;
  };
  explicit FakeSender(std::vector<Sent>& to) : sent(to) {}
  void send(net::ClientRequest request, net::ClientCallback done) override {
    sent.push_back({std::move(request), std::move(done)});
  }
  std::vector<Sent>& sent;
};

}  // namespace trunkline::sinks
