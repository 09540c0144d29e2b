// HTTP/1.1 requests and answers, query strings and compressed bodies, without sockets. The first byte of an input
// chooses what the rest is: 'Q' requests, 'A' answers, 'H' an answer to HEAD, 'U' a request target and a query, 'G'
// gzip, 'Z' zlib, 'D' bare deflate.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "net/content_coding.hpp"
#include "net/http_parser.hpp"
#include "net/request_target.hpp"

namespace {

using namespace trunkline;
using net::ParseStatus;

constexpr net::ParserLimits kLimits{4096, 16384};
constexpr std::size_t kDecodedMax = 65536;

// Where to cut the input: a xorshift over a seed taken from the input itself, so that a finding replays.
class Cuts {
 public:
  explicit Cuts(std::string_view text) {
    for (const char c : text) state_ = (state_ ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  }
  std::size_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return 1 + state_ % (state_ % 3 == 0 ? 3 : 64);
  }

 private:
  std::uint64_t state_ = 1469598103934665603ull;
};

struct Outcome {
  std::vector<std::string> messages;
  ParseStatus end = ParseStatus::need_more;
};

std::string text_of(net::RequestParser& parser) {
  const bool head = parser.is_head() && parser.head_done();
  std::string text = std::string(parser.keep_alive() ? "k" : "c") + (parser.http_1_0() ? "0" : "1") + (head ? "h" : "");
  text += parser.wants_continue() ? "e" : "";
  const std::size_t body_bytes = parser.body_bytes();
  const net::HttpRequest request = parser.take();
  TRUNKLINE_CHECK(parser.idle(), "a parser is fresh after take()");
  TRUNKLINE_CHECK(request.body.size() == body_bytes && body_bytes <= kLimits.body_bytes_max, "the body is bounded");
  TRUNKLINE_CHECK(request.path == "*" || request.path.starts_with('/') || request.path.find('/') != 0, "a path");
  text += request.method + " " + request.path + "?" + request.query + "\n";
  for (const auto& [name, value] : request.headers) text += name + ":" + value + "\n";
  return text + request.body;
}

std::string text_of(net::ResponseParser& parser) {
  std::string text = parser.keep_alive() ? "k" : "c";
  const net::ClientResponse response = parser.take();
  TRUNKLINE_CHECK(response.body.size() <= kLimits.body_bytes_max, "the body is bounded");
  text += std::to_string(response.status) + "\n";
  for (const auto& [name, value] : response.headers) text += name + ":" + value + "\n";
  return text + response.body;
}

// Reads the bytes as they would come from a socket: what is not consumed is given again with more behind it.
template <class Parser>
Outcome read(Parser& parser, std::string_view bytes, Cuts* cuts) {
  Outcome outcome;
  std::string buffer;
  while (!bytes.empty()) {
    const std::size_t size = cuts == nullptr ? bytes.size() : std::min(cuts->next(), bytes.size());
    buffer += bytes.substr(0, size);
    bytes.remove_prefix(size);
    for (std::size_t used = 0;;) {
      const net::ParseProgress progress = parser.put(std::string_view(buffer).substr(used));
      used += progress.consumed;
      TRUNKLINE_CHECK(used <= buffer.size(), "no more is consumed than there is");
      if (progress.status == ParseStatus::complete) {
        outcome.messages.push_back(text_of(parser));
        if (used < buffer.size()) continue;
      } else if (progress.status != ParseStatus::need_more) {
        outcome.end = progress.status;
        return outcome;
      }
      buffer.erase(0, used);
      break;
    }
    TRUNKLINE_CHECK(buffer.size() <= kLimits.header_bytes_max, "what waits for more is bounded");
  }
  return outcome;
}

// However the bytes are cut, the same messages come out. Bounds are told sooner or later, depending on the cuts; so is
// a malformed head that has not come to its end.
void compare(const Outcome& whole, const Outcome& cut) {
  if (whole.end == ParseStatus::too_large || cut.end == ParseStatus::too_large) return;
  TRUNKLINE_CHECK(whole.messages == cut.messages, "messages depend on how the bytes are cut");
}

template <class Make>
void parse_both_ways(std::string_view bytes, Make make) {
  auto whole_parser = make();
  const Outcome whole = read(whole_parser, bytes, nullptr);
  auto cut_parser = make();
  Cuts cuts(bytes);
  compare(whole, read(cut_parser, bytes, &cuts));
}

void parse_answers(std::string_view bytes, bool to_head) {
  const auto make = [to_head] {
    net::ResponseParser parser(kLimits.header_bytes_max, kLimits.body_bytes_max);
    if (to_head) parser.expect_no_body();
    return parser;
  };
  parse_both_ways(bytes, make);
  net::ResponseParser parser = make();
  const Outcome outcome = read(parser, bytes, nullptr);
  if (outcome.end == ParseStatus::need_more && parser.put_eof() == ParseStatus::complete) text_of(parser);
}

void parse_target(std::string_view text) {
  if (const auto target = net::parse_request_target(text)) {
    TRUNKLINE_CHECK(target->path.find('\0') == std::string::npos && !target->path.empty(),
                    "a path that names something");
  }
  net::HttpRequest request;
  request.query = std::string(text);
  const std::string_view name = text.substr(0, text.find_first_of("=&"));
  const auto value = request.query_parameter(name);
  TRUNKLINE_CHECK(!value || value->size() <= text.size(), "decoding never makes longer");
}

// What we compress ourselves comes back as it was.
void round_trip(const std::string& bytes) {
  std::string again;
  const net::Inflated result = net::inflate_bytes(net::gzip_bytes(bytes), net::Coding::gzip, bytes.size(), again);
  TRUNKLINE_CHECK(result == net::Inflated::ok && again == bytes, "compressed bytes do not come back");
}

void decode(std::string_view bytes, net::Coding coding, const char* name) {
  std::string decoded;
  const net::Inflated result = net::inflate_bytes(bytes, coding, kDecodedMax, decoded);
  TRUNKLINE_CHECK(result == net::Inflated::over_bound || decoded.size() <= kDecodedMax, "the decoded body is bounded");
  if (result == net::Inflated::ok) round_trip(decoded);
  net::HttpRequest request;
  request.headers = {{"Content-Encoding", name}};
  request.body = std::string(bytes);
  const net::DecodeOutcome outcome = net::decode_content(request, kDecodedMax);
  TRUNKLINE_CHECK(outcome == net::DecodeOutcome::ok || request.body.empty(), "what is over the bound is gone");
  // A second time, as a header of two codings.
  request.headers.emplace_back("content-encoding", std::string(bytes.substr(0, 8)));
  (void)net::decode_content(request, kDecodedMax);
  request.headers = {{"Content-Encoding", std::string(bytes.substr(0, 8))}};
  (void)net::decode_content(request, kDecodedMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'Q':
      parse_both_ways(rest, [] { return net::RequestParser(kLimits); });
      break;
    case 'A':
    case 'H':
      parse_answers(rest, data[0] == 'H');
      break;
    case 'U':
      parse_target(rest);
      break;
    case 'G':
      decode(rest, net::Coding::gzip, "gzip");
      break;
    case 'Z':
      decode(rest, net::Coding::zlib, "deflate");
      break;
    case 'D':
      decode(rest, net::Coding::raw_deflate, "deflate");
      break;
    default:
      break;
  }
  return 0;
}
