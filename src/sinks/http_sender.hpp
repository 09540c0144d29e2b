#pragma once

#include <utility>

#include "net/http_client.hpp"

namespace trunkline::sinks {

// What an HTTP sink needs of a client, so that tests can play the network. Loop thread only; the callback runs later on
// the loop, exactly once.
class HttpSender {
 public:
  virtual ~HttpSender() = default;
  virtual void send(net::ClientRequest request, net::ClientCallback done) = 0;
};

// One client, whose address policy is the SSRF guard. Must be destroyed on the loop or after it has stopped.
class ClientSender final : public HttpSender {
 public:
  ClientSender(net::IoLoop& loop, net::HttpClientOptions options) : client_(loop, std::move(options)) {}
  void send(net::ClientRequest request, net::ClientCallback done) override {
    client_.send(std::move(request), std::move(done));
  }

 private:
  net::HttpClient client_;
};

}  // namespace trunkline::sinks
