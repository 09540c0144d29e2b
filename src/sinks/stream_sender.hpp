#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/loop.hpp"
#include "net/stream_client.hpp"
#include "sinks/shadow.hpp"

namespace trunkline::sinks {

// What a sink of plain bytes needs of a connection, so that tests can play the network and a shadow sends nothing. As
// net::StreamClient; loop thread only; the callback runs later on the loop, exactly once.
class StreamSender {
 public:
  virtual ~StreamSender() = default;
  virtual void write(std::string bytes, net::StreamClient::Callback done) = 0;
};

class ClientStreamSender final : public StreamSender {
 public:
  explicit ClientStreamSender(std::unique_ptr<net::StreamClient> client) : client_(std::move(client)) {}
  void write(std::string bytes, net::StreamClient::Callback done) override {
    client_->write(std::move(bytes), std::move(done));
  }

 private:
  std::unique_ptr<net::StreamClient> client_;
};

// Keeps what it would have written, and says that it arrived.
class ShadowStreamSender final : public StreamSender {
 public:
  ShadowStreamSender(base::Loop& loop, std::shared_ptr<ShadowLog> log, std::string target)
      : loop_(loop), log_(std::move(log)), target_(std::move(target)) {}
  void write(std::string bytes, net::StreamClient::Callback done) override;

 private:
  base::Loop& loop_;
  const std::shared_ptr<ShadowLog> log_;  // shared with who shows it
  const std::string target_;
};

}  // namespace trunkline::sinks
