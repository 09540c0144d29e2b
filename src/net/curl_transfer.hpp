#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "net/curl_sockets.hpp"
#include "net/http_client.hpp"

namespace trunkline::net {

// One exchange on one easy handle: sets the options, collects the answer, and says what became of it. Must not move
// while libcurl has the handle.
class CurlTransfer {
 public:
  CurlTransfer(std::uint64_t id, ClientRequest request, ClientCallback done, const HttpClientOptions& options,
               CurlSockets& sockets);
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // Sets up the handle; an error when the request cannot be sent as it is.
  base::Result<void> prepare();
  base::Result<ClientResponse> outcome(CURLcode code);
  // What it is when the time is over: no connection in time, or no answer.
  base::Error late() const;

  CURL* handle() const { return handle_; }
  std::uint64_t id() const { return id_; }
  base::Millis timeout() const { return request_.timeout; }
  ClientCallback take_callback() { return std::move(done_); }

  IoLoop::TimerId timer = 0;

 private:
  base::Result<void> add_headers();
  void set_method();
  void set_limits();
  bool was_connected() const;
  int status() const;
  void on_header(std::string_view line);

  static std::size_t write_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t write_header(char* bytes, std::size_t size, std::size_t count, void* self);
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int close_socket(void* sockets, curl_socket_t socket);

  const std::uint64_t id_;
  const ClientRequest request_;
  ClientCallback done_;
  const HttpClientOptions& options_;
  CurlSockets& sockets_;
  CURL* handle_;
  curl_slist* header_list_ = nullptr;
  ClientResponse response_;
  std::size_t header_bytes_ = 0;
  std::string forbidden_;  // the last address that the policy refused, and why
  bool tried_to_connect_ = false;
  bool ended_ = false;  // by on_body
  char error_text_[CURL_ERROR_SIZE] = {};
};

}  // namespace trunkline::net
