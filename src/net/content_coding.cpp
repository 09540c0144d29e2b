#include "net/content_coding.hpp"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace trunkline::net {
namespace {

constexpr std::size_t kStep = 64 << 10;

int window_bits(Coding coding) {
  switch (coding) {
    case Coding::gzip:
      return MAX_WBITS + 16;
    case Coding::zlib:
      return MAX_WBITS;
    case Coding::raw_deflate:
      return -MAX_WBITS;
  }
  return MAX_WBITS;
}

class Inflater {
 public:
  Inflater(std::string_view coded, Coding coding) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));  // zlib's interface is not const
    stream_.avail_in = static_cast<uInt>(coded.size());
    TRUNKLINE_CHECK(::inflateInit2(&stream_, window_bits(coding)) == Z_OK, "out of memory");
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream_); }

  // One step into `room` bytes at `out`; `written` tells how many were filled. Returns zlib's code.
  int step(char* out, std::size_t room, std::size_t& written) {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(room);
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    written = room - stream_.avail_out;
    return code;
  }
  bool input_left() const { return stream_.avail_in > 0; }
  void next_member() { TRUNKLINE_CHECK(::inflateReset(&stream_) == Z_OK, "a stream that was open"); }

 private:
  z_stream stream_{};
};

void decode(HttpRequest& request, Coding coding, std::size_t bound, DecodeOutcome& outcome) {
  std::string decoded;
  Inflated result = inflate_bytes(request.body, coding, bound, decoded);
  if (result == Inflated::damaged && coding == Coding::zlib) {
    result = inflate_bytes(request.body, Coding::raw_deflate, bound, decoded);
  }
  if (result == Inflated::ok) request.body = std::move(decoded);
  if (result == Inflated::damaged) request.body_error = "damaged compressed body";
  if (result == Inflated::over_bound) {
    request.body = std::string();
    outcome = DecodeOutcome::over_bound;
  }
}

}  // namespace

Inflated inflate_bytes(std::string_view coded, Coding coding, std::size_t decoded_bytes_max, std::string& decoded) {
  decoded.clear();
  Inflater inflater(coded, coding);
  for (;;) {
    const std::size_t before = decoded.size();
    decoded.resize(before + std::min(std::max(kStep, before), decoded_bytes_max + 1 - before));
    std::size_t written = 0;
    const int code = inflater.step(decoded.data() + before, decoded.size() - before, written);
    decoded.resize(before + written);
    if (decoded.size() > decoded_bytes_max) return Inflated::over_bound;
    if (code == Z_STREAM_END) {
      if (!inflater.input_left()) return Inflated::ok;
      if (coding != Coding::gzip) return Inflated::damaged;
      inflater.next_member();
    } else if (code != Z_OK || (written == 0 && !inflater.input_left())) {
      return Inflated::damaged;
    }
  }
}

DecodeOutcome decode_content(HttpRequest& request, std::size_t decoded_bytes_max) {
  const std::optional<std::string_view> coding = request.header("Content-Encoding");
  DecodeOutcome outcome = DecodeOutcome::ok;
  const auto is_coding = [](const auto& header) { return equal_ignoring_case(header.first, "Content-Encoding"); };
  if (std::count_if(request.headers.begin(), request.headers.end(), is_coding) > 1) {
    request.body_error = "more than one Content-Encoding";
    return outcome;
  }
  if (!coding || coding->empty() || equal_ignoring_case(*coding, "identity") || request.body.empty()) return outcome;
  if (equal_ignoring_case(*coding, "gzip") || equal_ignoring_case(*coding, "x-gzip")) {
    decode(request, Coding::gzip, decoded_bytes_max, outcome);
  } else if (equal_ignoring_case(*coding, "deflate")) {
    decode(request, Coding::zlib, decoded_bytes_max, outcome);
  } else {
    request.body_error = "Content-Encoding is neither gzip nor deflate";
  }
  return outcome;
}

std::string gzip_bytes(std::string_view bytes) {
  constexpr int kMemoryLevel = 8;  // zlib's own default
  TRUNKLINE_CHECK(bytes.size() <= (std::size_t{1} << 30), "a body that zlib counts in 32 bits");
  z_stream stream{};
  TRUNKLINE_CHECK(::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits(Coding::gzip), kMemoryLevel,
                                 Z_DEFAULT_STRATEGY) == Z_OK,
                  "out of memory");
  std::string coded(::deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib's interface is not const
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(coded.data());
  stream.avail_out = static_cast<uInt>(coded.size());
  const int code = ::deflate(&stream, Z_FINISH);
  coded.resize(stream.total_out);
  ::deflateEnd(&stream);
  TRUNKLINE_CHECK(code == Z_STREAM_END, "deflateBound() gave room for all");
  return coded;
}

}  // namespace trunkline::net
