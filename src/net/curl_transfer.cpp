#include "net/curl_transfer.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/check.hpp"

namespace trunkline::net {
namespace {

// More headers than any webhook answers; what lies behind is not kept.
constexpr std::size_t kResponseHeaderBytesMax = 64 << 10;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool has_control(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kExtra = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kExtra.find(c) != kExtra.npos;
  });
}

std::string address_text(const curl_sockaddr& address) {
  char text[NI_MAXHOST] = {};
  const int failed = ::getnameinfo(&address.addr, address.addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
  return failed == 0 ? text : "";
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  TRUNKLINE_CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK, "an option that this libcurl has");
}

}  // namespace

CurlTransfer::CurlTransfer(std::uint64_t id, ClientRequest request, ClientCallback done,
                           const HttpClientOptions& options, CurlSockets& sockets)
    : id_(id),
      request_(std::move(request)),
      done_(std::move(done)),
      options_(options),
      sockets_(sockets),
      handle_(curl_easy_init()) {
  TRUNKLINE_CHECK(handle_ != nullptr, "out of memory");
}

CurlTransfer::~CurlTransfer() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(header_list_);
}

base::Result<void> CurlTransfer::prepare() {
  if (has_control(request_.url)) return {base::Errc::invalid, "a URL with a line break"};
  if (!is_token(request_.method)) return {base::Errc::invalid, "'" + request_.method + "' is no method"};
  set(handle_, CURLOPT_URL, request_.url.c_str());
  set(handle_, CURLOPT_PRIVATE, this);
  set(handle_, CURLOPT_ERRORBUFFER, error_text_);
  set(handle_, CURLOPT_WRITEFUNCTION, &CurlTransfer::write_body);
  set(handle_, CURLOPT_WRITEDATA, this);
  set(handle_, CURLOPT_HEADERFUNCTION, &CurlTransfer::write_header);
  set(handle_, CURLOPT_HEADERDATA, this);
  set(handle_, CURLOPT_OPENSOCKETFUNCTION, &CurlTransfer::open_socket);
  set(handle_, CURLOPT_OPENSOCKETDATA, this);
  set(handle_, CURLOPT_CLOSESOCKETFUNCTION, &CurlTransfer::close_socket);
  set(handle_, CURLOPT_CLOSESOCKETDATA, &sockets_);  // a connection outlives the transfer that opened it
  set_limits();
  set_method();
  return add_headers();
}

void CurlTransfer::set_limits() {
  set(handle_, CURLOPT_NOSIGNAL, 1L);
  set(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle_, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(handle_, CURLOPT_PROXY, "");  // also keeps libcurl from looking into the environment
  set(handle_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle_, CURLOPT_CONNECTTIMEOUT_MS, std::max<long>(1, request_.connect_timeout.count()));
  set(handle_, CURLOPT_TCP_KEEPALIVE, 1L);
  set(handle_, CURLOPT_USERAGENT, options_.user_agent.c_str());
  // libcurl itself has the paths of one distribution compiled in. Without a directory of authorities it keeps what it has
  // read of the file; else every connection would read all 140 anew.
  const char* authorities = std::getenv("SSL_CERT_FILE");  // NOLINT(concurrency-mt-unsafe): nobody here sets any
  if (!options_.ca_file.empty()) authorities = options_.ca_file.c_str();
  if (authorities != nullptr && *authorities != '\0') {
    set(handle_, CURLOPT_CAINFO, authorities);
    set(handle_, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (!options_.certificate_file.empty()) {
    set(handle_, CURLOPT_SSLCERT, options_.certificate_file.c_str());
    set(handle_, CURLOPT_SSLKEY, options_.key_file.c_str());
    set(handle_, CURLOPT_KEYPASSWD, "");  // else OpenSSL would ask for one on the terminal
  }
}

void CurlTransfer::set_method() {
  if (request_.method == "HEAD") return set(handle_, CURLOPT_NOBODY, 1L);
  if (request_.method == "GET" && request_.body.empty()) return set(handle_, CURLOPT_HTTPGET, 1L);
  set(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  set(handle_, CURLOPT_POSTFIELDS, request_.body.data());  // not copied
  if (request_.method != "POST") set(handle_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

base::Result<void> CurlTransfer::add_headers() {
  const auto append = [this](const std::string& line) {
    header_list_ = curl_slist_append(header_list_, line.c_str());
    TRUNKLINE_CHECK(header_list_ != nullptr, "out of memory");
  };
  // What libcurl would add by itself: a wait of a second for 100 Continue, and a form's type.
  append("Expect:");
  if (!find_header(request_.headers, "Content-Type")) append("Content-Type:");
  for (const auto& [name, value] : request_.headers) {
    if (!is_token(name) || has_control(value)) return {base::Errc::invalid, "header '" + name + "' cannot be sent"};
    append(value.empty() ? name + ";" : name + ": " + value);
  }
  set(handle_, CURLOPT_HTTPHEADER, header_list_);
  return {};
}

std::size_t CurlTransfer::write_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.request_.on_body && transfer.status() / 100 == 2) {
    if (transfer.request_.on_body({bytes, size * count})) return size * count;
    transfer.ended_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  std::string& body = transfer.response_.body;
  const std::size_t room = transfer.request_.response_bytes_max - body.size();
  body.append(bytes, std::min(size * count, room));
  return size * count;
}

std::size_t CurlTransfer::write_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  static_cast<CurlTransfer*>(self)->on_header({bytes, size * count});
  return size * count;
}

void CurlTransfer::on_header(std::string_view line) {
  // Each answer, interim ones too, begins with its status line.
  if (line.starts_with("HTTP/")) {
    response_.headers.clear();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || header_bytes_ + line.size() > kResponseHeaderBytesMax) return;
  header_bytes_ += line.size();
  response_.headers.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
}

curl_socket_t CurlTransfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::string ip = address_text(*address);
  if (const std::optional<std::string> why = forbidden_address(ip, transfer.options_.addresses)) {
    transfer.forbidden_ = ip + " may not be called: " + *why;
    return CURL_SOCKET_BAD;
  }
  transfer.tried_to_connect_ = true;
  return transfer.sockets_.open(*address);
}

int CurlTransfer::close_socket(void* sockets, curl_socket_t socket) {
  static_cast<CurlSockets*>(sockets)->close(socket);
  return 0;
}

int CurlTransfer::status() const {
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

bool CurlTransfer::was_connected() const {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(handle_, CURLINFO_PRETRANSFER_TIME_T, &microseconds);
  return microseconds > 0;
}

base::Error CurlTransfer::late() const {
  if (was_connected())
    return {base::Errc::timeout, fmt::format("no complete answer within {} ms", request_.timeout.count())};
  return {base::Errc::unavailable, "no connection in time"};
}

base::Result<ClientResponse> CurlTransfer::outcome(CURLcode code) {
  if (ended_) return {base::Errc::cancelled, "the receiver has seen enough"};
  const std::string detail = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OK: {
      response_.status = status();
      return std::move(response_);
    }
    case CURLE_OPERATION_TIMEDOUT:
      return late();
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED:
      // The second is also said of a peer whose answer is no HTTP/1.
      return {was_connected() ? base::Errc::unavailable : base::Errc::invalid, detail};
    default:
      if (!forbidden_.empty() && !tried_to_connect_) return {base::Errc::invalid, forbidden_};
      return {base::Errc::unavailable, detail};
  }
}

}  // namespace trunkline::net
