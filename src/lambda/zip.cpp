#include "lambda/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <limits>

extern "C" {
extern const char trunkline_bootstrap_begin[];
extern const char trunkline_bootstrap_end[];
}

namespace trunkline::lambda {
namespace {

using base::Errc;
using base::Error;
using base::Result;

// PKWARE's APPNOTE.TXT, 4.3: local file headers, the central directory, its end.
constexpr std::uint32_t kLocal = 0x04034b50;
constexpr std::uint32_t kCentral = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint16_t kVersion = 20;
constexpr std::uint16_t kMadeByUnix = 3 << 8 | kVersion;
constexpr std::uint16_t kUtf8 = 1 << 11;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kDate = 1 << 5 | 1;  // 1980-01-01, the format's first day
constexpr std::uint64_t kBytesMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kRegular = 0100000;

void put16(std::string& out, std::uint64_t value) {
  out += static_cast<char>(value & 0xff);
  out += static_cast<char>(value >> 8 & 0xff);
}
void put32(std::string& out, std::uint64_t value) {
  put16(out, value & 0xffff);
  put16(out, value >> 16 & 0xffff);
}

Result<std::string> deflated(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    return Error{Errc::overloaded, "no memory to compress"};
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END) return Error{Errc::corrupt, "zlib cannot compress"};
  return out;
}

// From "version needed" to "extra field length", the same in both headers.
void put_common(std::string& out, const ZipFile& file, std::uint64_t packed) {
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(file.bytes.data()), file.bytes.size());
  put16(out, kVersion);
  put16(out, kUtf8);
  put16(out, kDeflated);
  put16(out, 0);  // time
  put16(out, kDate);
  put32(out, crc);
  put32(out, packed);
  put32(out, file.bytes.size());
  put16(out, file.name.size());
  put16(out, 0);
}

}  // namespace

Result<std::string> make_zip(std::vector<ZipFile> files) {
  std::ranges::sort(files, {}, &ZipFile::name);
  if (std::ranges::adjacent_find(files, {}, &ZipFile::name) != files.end())
    return Error{Errc::invalid, "a name stands in the zip twice"};
  if (files.size() >= std::numeric_limits<std::uint16_t>::max()) return Error{Errc::too_large, "too many files"};
  std::string out;
  std::string directory;
  for (const ZipFile& file : files) {
    if (file.bytes.size() >= kBytesMax || file.name.size() > 0xffff) return Error{Errc::too_large, file.name};
    TRUNKLINE_TRY(const std::string packed, deflated(file.bytes));
    put32(directory, kCentral);
    put16(directory, kMadeByUnix);
    put_common(directory, file, packed.size());
    put16(directory, 0);  // comment
    put16(directory, 0);  // disk
    put16(directory, 0);  // internal attributes
    put32(directory, (kRegular | (file.executable ? 0755U : 0644U)) << 16);
    put32(directory, out.size());
    directory += file.name;
    put32(out, kLocal);
    put_common(out, file, packed.size());
    out += file.name;
    out += packed;
    if (out.size() + directory.size() >= kBytesMax) return Error{Errc::too_large, "the zip is over 4 GiB"};
  }
  const std::size_t at = out.size();
  out += directory;
  put32(out, kEnd);
  put32(out, 0);  // disks
  put16(out, files.size());
  put16(out, files.size());
  put32(out, directory.size());
  put32(out, at);
  put16(out, 0);  // comment
  return out;
}

std::string_view bootstrap_program() {
  return {trunkline_bootstrap_begin, trunkline_bootstrap_end};
}

}  // namespace trunkline::lambda
