#include "net/http_parser.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "net/request_target.hpp"

namespace trunkline::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

// 256 fields of 4 bytes would already be a strange request; every field costs two strings.
constexpr std::size_t kFieldsMax = 256;
constexpr std::size_t kBodyReserveMax = 1 << 20;  // what a claimed Content-Length alone may make us allocate
constexpr std::size_t kFieldsReserve = 16;
// "0\r\n\r\n": no chunked body ends in less. Beast 1.81 aborts on an assertion when a last chunk is given to it twice
// in fewer bytes.
constexpr std::size_t kLastChunkBytes = 5;

std::string_view view(string_view text) {
  return {text.data(), text.size()};
}

ParseStatus status_of(const error_code& error) {
  if (!error || error == http::error::need_more) return ParseStatus::need_more;
  const bool bound = error == http::error::header_limit || error == http::error::body_limit;
  return bound ? ParseStatus::too_large : ParseStatus::malformed;
}

// What the head says about framing, beyond what Beast checks.
class FramingCheck {
 public:
  void see(http::field field, std::string_view value, int version, error_code& error) {
    if (field == http::field::content_length) {
      const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
      if (++lengths_ > 1 || !digits) error = http::error::bad_content_length;
    } else if (field == http::field::transfer_encoding) {
      if (version < 11 || !equal_ignoring_case(value, "chunked")) error = http::error::bad_transfer_encoding;
    } else if (field == http::field::host) {
      ++hosts_;
    }
  }
  bool hosts_ok(int version) const { return hosts_ == 1 || (hosts_ == 0 && version < 11); }

 private:
  int lengths_ = 0;
  int hosts_ = 0;
};

class RequestReader final : public http::basic_parser<true> {
 public:
  explicit RequestReader(const ParserLimits& limits) : extra_left_(limits.header_bytes_max) {
    header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
    body_limit(limits.body_bytes_max);
    request.headers.reserve(kFieldsReserve);
  }

  void set_input(std::string_view bytes) { input_ = bytes; }

  HttpRequest request;
  int version = 11;
  bool head_done = false;
  bool keeps_alive = false;
  bool expects_continue = false;

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int http_version,
                       error_code& error) override {
    version = http_version;
    request.method = view(method);
    std::optional<RequestTarget> parsed = parse_request_target(view(target));
    if (!parsed) {
      error = http::error::bad_target;
      return;
    }
    request.path = std::move(parsed->path);
    request.query = std::move(parsed->query);
  }
  void on_response_impl(int, string_view, int, error_code& error) override { error = http::error::bad_method; }
  void on_field_impl(http::field field, string_view name, string_view value, error_code& error) override {
    if (head_done) return spend(name.size() + value.size(), error);
    if (request.headers.size() >= kFieldsMax) {
      error = http::error::header_limit;
      return;
    }
    if (is_folded(name, value)) {
      error = http::error::bad_value;
      return;
    }
    framing_.see(field, view(value), version, error);
    if (field == http::field::expect)
      expects_continue |= version >= 11 && equal_ignoring_case(view(value), "100-continue");
    request.headers.emplace_back(view(name), view(value));
  }
  void on_header_impl(error_code& error) override {
    head_done = true;
    keeps_alive = keep_alive();
    if (!framing_.hosts_ok(version)) error = http::error::bad_field;
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    if (length) request.body.reserve(std::min<std::uint64_t>(*length, kBodyReserveMax));
  }
  std::size_t on_body_impl(string_view bytes, error_code&) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view extension, error_code& error) override {
    spend(extension.size(), error);
  }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}

  // Chunk extensions and trailers are thrown away, so only their sum is bounded.
  void spend(std::size_t bytes, error_code& error) {
    if (bytes > extra_left_) error = http::error::header_limit;
    extra_left_ -= std::min(bytes, extra_left_);
  }
  // Beast joins continuation lines (obs-fold) in a buffer of its own, or skips an empty first line.
  bool is_folded(string_view name, string_view value) const {
    const std::less<const char*> before;
    const char* const end = input_.data() + input_.size();
    if (before(value.data(), name.data()) || !before(value.data(), end)) return true;
    const char* const name_end = name.data() + name.size();
    return std::find(name_end, value.data(), '\r') != value.data();
  }

  FramingCheck framing_;
  std::string_view input_;
  std::size_t extra_left_;
};

class ResponseReader final : public http::basic_parser<false> {
 public:
  ResponseReader(std::size_t header_bytes_max, std::size_t body_bytes_max, bool no_body)
      : body_bytes_max_(body_bytes_max) {
    header_limit(static_cast<std::uint32_t>(header_bytes_max));
    body_limit(boost::none);
    skip(no_body);
  }

  ClientResponse response;

 private:
  void on_request_impl(http::verb, string_view, string_view, int, error_code& error) override {
    error = http::error::bad_status;
  }
  void on_response_impl(int status, string_view, int, error_code&) override { response.status = status; }
  void on_field_impl(http::field, string_view name, string_view value, error_code& error) override {
    if (head_done_) return;
    if (response.headers.size() >= kFieldsMax) {
      error = http::error::header_limit;
      return;
    }
    response.headers.emplace_back(view(name), view(value));
  }
  void on_header_impl(error_code&) override { head_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view bytes, error_code&) override { return keep(bytes); }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) override { return keep(bytes); }
  void on_finish_impl(error_code&) override {}

  std::size_t keep(string_view bytes) {
    const std::size_t room = body_bytes_max_ - response.body.size();
    response.body.append(bytes.data(), std::min(bytes.size(), room));
    return bytes.size();
  }

  std::size_t body_bytes_max_;
  bool head_done_ = false;
};

// Beast returns after each part of a message; this goes on to the end of the message or of the bytes.
template <class Reader>
ParseProgress drive(Reader& reader, std::string_view bytes) {
  std::size_t used = 0;
  while (!reader.is_done() && used < bytes.size()) {
    if (reader.is_header_done() && reader.chunked() && bytes.size() - used < kLastChunkBytes) break;
    error_code error;
    const std::size_t step = reader.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += step;
    if (error) return {used, status_of(error)};
  }
  return {used, reader.is_done() ? ParseStatus::complete : ParseStatus::need_more};
}

// Beast bounds what it was not able to consume; this bounds all that is not body: the head as a whole, and chunk lines
// and trailers that never end.
bool over_bound(const ParseProgress& progress, bool in_head, std::size_t given, std::size_t head_bytes,
                std::size_t bound) {
  if (progress.status != ParseStatus::need_more) return in_head && head_bytes > bound;
  return given - progress.consumed + (in_head ? head_bytes : 0) > bound;
}

}  // namespace

struct RequestParser::Impl {
  explicit Impl(ParserLimits parser_limits) : limits(parser_limits) { reader.emplace(limits); }

  ParserLimits limits;
  std::optional<RequestReader> reader;
  std::size_t head_bytes = 0;
  bool idle = true;
};

RequestParser::RequestParser(ParserLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

ParseProgress RequestParser::put(std::string_view bytes) {
  std::size_t skipped = 0;
  // Empty lines before a request line are skipped (RFC 9112 section 2.2).
  while (impl_->idle && bytes.substr(skipped, 2) == "\r\n") skipped += 2;
  bytes.remove_prefix(skipped);
  if (bytes.empty() || (impl_->idle && bytes == "\r")) return {skipped, ParseStatus::need_more};
  impl_->idle = false;
  RequestReader& reader = *impl_->reader;
  reader.set_input(bytes);
  const bool in_head = !reader.head_done;
  ParseProgress progress = drive(reader, bytes);
  const bool still_in_head = !reader.head_done;
  if (in_head) impl_->head_bytes += still_in_head ? progress.consumed : 0;
  if (over_bound(progress, still_in_head, bytes.size(), impl_->head_bytes, impl_->limits.header_bytes_max)) {
    progress.status = ParseStatus::too_large;
  }
  progress.consumed += skipped;
  return progress;
}

bool RequestParser::idle() const {
  return impl_->idle;
}
bool RequestParser::head_done() const {
  return impl_->reader->head_done;
}
bool RequestParser::keep_alive() const {
  return impl_->reader->keeps_alive;
}
bool RequestParser::http_1_0() const {
  return impl_->reader->version < 11;
}
bool RequestParser::is_head() const {
  return impl_->reader->request.method == "HEAD";
}
bool RequestParser::wants_continue() const {
  return impl_->reader->expects_continue;
}
std::size_t RequestParser::body_bytes() const {
  return impl_->reader->request.body.size();
}

HttpRequest RequestParser::take() {
  HttpRequest request = std::move(impl_->reader->request);
  impl_->reader.emplace(impl_->limits);
  impl_->head_bytes = 0;
  impl_->idle = true;
  return request;
}

struct ResponseParser::Impl {
  Impl(std::size_t header_bound, std::size_t body_bound) : header_bytes_max(header_bound), body_bytes_max(body_bound) {
    reset(false);
  }
  void reset(bool without_body) {
    no_body = without_body;
    reader.emplace(header_bytes_max, body_bytes_max, no_body);
  }

  std::size_t header_bytes_max;
  std::size_t body_bytes_max;
  bool no_body = false;
  std::optional<ResponseReader> reader;
};

ResponseParser::ResponseParser(std::size_t header_bytes_max, std::size_t body_bytes_max)
    : impl_(std::make_unique<Impl>(header_bytes_max, body_bytes_max)) {}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;

void ResponseParser::expect_no_body() {
  impl_->reset(true);
}

ParseProgress ResponseParser::put(std::string_view bytes) {
  std::size_t used = 0;
  for (;;) {
    ParseProgress progress = drive(*impl_->reader, bytes.substr(used));
    used += progress.consumed;
    const bool interim = progress.status == ParseStatus::complete && impl_->reader->response.status / 100 == 1;
    if (!interim) {
      if (progress.status == ParseStatus::need_more && bytes.size() - used > impl_->header_bytes_max) {
        progress.status = ParseStatus::too_large;
      }
      return {used, progress.status};
    }
    impl_->reset(impl_->no_body);
  }
}

ParseStatus ResponseParser::put_eof() {
  if (!impl_->reader->got_some()) return ParseStatus::need_more;
  error_code error;
  impl_->reader->put_eof(error);
  return !error && impl_->reader->is_done() ? ParseStatus::complete : ParseStatus::malformed;
}

bool ResponseParser::keep_alive() const {
  return impl_->reader->keep_alive();
}

ClientResponse ResponseParser::take() {
  ClientResponse response = std::move(impl_->reader->response);
  impl_->reset(false);
  return response;
}

}  // namespace trunkline::net
