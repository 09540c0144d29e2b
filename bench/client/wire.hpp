#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "events.hpp"

namespace trunkline::bench {

// What differs between the peers of the load client: the bytes of a request, and where an answer ends.
class Wire {
 public:
  virtual ~Wire() = default;
  // Appends the request for events `first` … `first + count - 1`.
  virtual void request(std::string& out, std::uint64_t first, std::uint32_t count) = 0;

  struct Answer {
    std::size_t bytes = 0;  // 0: not complete yet
    bool good = false;      // it says that all of the request's events are taken
    std::string_view why;   // else what it says
  };
  virtual Answer answer(std::string_view bytes, std::uint32_t count) = 0;
};

struct HttpWireOptions {
  std::string target = "/";
  bool hub = true;           // the answer must name as many accepted events as were sent; else any 2xx will do
  bool close_after = false;  // "Connection: close"
  EventShape events;
};
std::unique_ptr<Wire> http_wire(const HttpWireOptions& options);
// XADD of one event with field `e`; several events are so many commands in one write.
std::unique_ptr<Wire> redis_wire(const std::string& stream, std::uint32_t salt);

}  // namespace trunkline::bench
