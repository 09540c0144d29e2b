#pragma once

#include <curl/curl.h>

#include <memory>
#include <unordered_map>

#include "base/function.hpp"
#include "net/io_loop.hpp"

namespace trunkline::net {

// Waits on libcurl's sockets with the loop's io_context. libcurl says which socket it wants to read or write and is
// told when that is possible. Sockets stay registered as long as they live, not only while a transfer uses them, so
// that a request on a kept connection costs no change of registration. Loop thread only.
class CurlSockets {
 public:
  // `on_ready` gets the socket and CURL_CSELECT_ bits; never called from inside a member function.
  using Ready = base::UniqueFunction<void(curl_socket_t, int)>;

  CurlSockets(IoLoop& loop, Ready on_ready);
  ~CurlSockets();  // all sockets that libcurl opened through open() have been closed through close() by then
  CurlSockets(const CurlSockets&) = delete;
  CurlSockets& operator=(const CurlSockets&) = delete;

  // CURLMOPT_SOCKETFUNCTION: `what` is CURL_POLL_IN, OUT, INOUT or REMOVE.
  void want(curl_socket_t socket, int what);
  // CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION.
  curl_socket_t open(const curl_sockaddr& address);
  void close(curl_socket_t socket);

 private:
  struct Watch;
  Watch& watch(curl_socket_t socket, bool ours);

  IoLoop& loop_;
  std::shared_ptr<Ready> on_ready_;  // the watches' handlers ask whether it is still there
  std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
};

}  // namespace trunkline::net
