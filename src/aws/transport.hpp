#pragma once

#include <utility>

#include "net/http_client.hpp"

namespace trunkline::aws {

// What is needed of an HTTP client, so that tests can play the network. Loop thread only; the callback runs later on the
// loop, exactly once.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void send(net::ClientRequest request, net::ClientCallback done) = 0;
};

// One client, whose address policy is the SSRF guard. Must be destroyed on the loop or after it has stopped; what is
// under way then gets no callback.
class ClientTransport final : public Transport {
 public:
  ClientTransport(net::IoLoop& loop, net::HttpClientOptions options) : client_(loop, std::move(options)) {}
  void send(net::ClientRequest request, net::ClientCallback done) override {
    client_.send(std::move(request), std::move(done));
  }

 private:
  net::HttpClient client_;
};

// Where credentials come from: metadata endpoints are at link-local addresses, which are called nowhere else. Every
// address is one that the operator's own environment names.
inline net::HttpClientOptions credential_client_options() {
  net::HttpClientOptions options;
  options.addresses = {
      true,
      true,
      {"169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "fd00:ec2::254/128", "fd00:ec2::23/128"}};
  options.requests_max = 16;  // one fetch at a time, of a few requests
  return options;
}

}  // namespace trunkline::aws
