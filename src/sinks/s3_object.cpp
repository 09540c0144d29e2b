#include "sinks/s3_object.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <chrono>
#include <map>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "json/canonical.hpp"
#include "net/content_coding.hpp"
#include "sinks/bulk_document.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

std::string directory_of(base::WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const auto hours = std::chrono::floor<std::chrono::hours>(time - days);
  return fmt::format("year={:04}/month={:02}/day={:02}/hour={:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), hours.count());
}

std::string_view extension(S3Compression compression) {
  switch (compression) {
    case S3Compression::gzip:
      return ".jsonl.gz";
    case S3Compression::zstd:
      return ".jsonl.zst";
    case S3Compression::none:
      return ".jsonl";
  }
  return ".jsonl";
}

std::string compressed(std::string bytes, S3Compression compression) {
  if (compression == S3Compression::gzip) return net::gzip_bytes(bytes);
  return compression == S3Compression::zstd ? zstd_bytes(bytes) : bytes;
}

std::string key_of(const delivery::Batch& batch, const std::vector<std::size_t>& events, const S3Layout& layout,
                   const std::string& directory) {
  std::string all;
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  for (const std::size_t at : events) {
    const engine::Record& record = *batch.messages[at].record;
    first = std::min(first, record.sequence.value);
    last = std::max(last, record.sequence.value);
    base::put_u64(all, record.sequence.value);
    base::put_u64(all, static_cast<std::uint64_t>(record.accepted_at.time_since_epoch().count()));
  }
  // A sequence alone is given out again by another hub, or after a start on an empty store.
  return fmt::format("{}{}{}/{:016}-{:016}-{}{}", layout.prefix, layout.prefix.empty() ? "" : "/", directory, first,
                     last, base::hex_encode(base::view(base::hash128(all))), extension(layout.compression));
}

}  // namespace

std::string zstd_bytes(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  TRUNKLINE_CHECK(ZSTD_isError(size) == 0, "zstd has room for its bound, and takes any bytes");
  out.resize(size);
  return out;
}

std::vector<S3Object> s3_objects(const delivery::Batch& batch, std::span<const std::size_t> events,
                                 const S3Layout& layout, const Renderer& renderer) {
  std::map<std::string, S3Object> by_hour;  // at most one for each event
  for (const std::size_t at : events) {
    const engine::Record& record = *batch.messages[at].record;
    S3Object& object =
        by_hour[directory_of(layout.hour == S3Hour::occurred ? happened_at(record) : record.accepted_at)];
    std::string line = json::splice_members(
        renderer(record), fmt::format(R"("_sequence":{},"_eventId":"{}")", record.sequence.value, document_id(record)));
    to_one_line(line);
    object.bytes += line;
    object.bytes += '\n';
    object.events.push_back(at);
  }
  std::vector<S3Object> objects;
  for (auto& [directory, object] : by_hour) {
    object.key = key_of(batch, object.events, layout, directory);
    object.bytes = compressed(std::move(object.bytes), layout.compression);
    object.sha256_hex = base::hex_encode(base::sha256(object.bytes));
    objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace trunkline::sinks
