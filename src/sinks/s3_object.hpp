#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "sinks/render.hpp"

// How a batch becomes objects: one for each hour, JSON Lines, compressed.
namespace trunkline::sinks {

enum class S3Compression : std::uint8_t { gzip, zstd, none };
enum class S3Hour : std::uint8_t {
  accepted,  // when the hub took the event: an hour that is over gets no more, but for what waited
  occurred,  // when it happened
};

struct S3Layout {
  std::string prefix{};  // in front of the key, without a slash at its end; may be empty
  S3Hour hour = S3Hour::accepted;
  S3Compression compression = S3Compression::gzip;
  Body body = Body::enriched;
};

struct S3Object {
  // PREFIX/year=2026/month=03/day=02/hour=14/FIRST-LAST-HASH.jsonl.gz: the places of its first and last event in the hub's
  // log, and a hash of all of them with the times of their acceptance. The same events always make the same key, so that a
  // batch that is sent again overwrites its objects.
  std::string key;
  std::string bytes{};
  std::string sha256_hex{};
  std::vector<std::size_t> events{};  // their places in the batch, ascending
};

// Of these events of the batch, given by their places. In order of their hours. Each event is one line: its JSON with
// `_sequence` and `_eventId` (the same over all repeats) behind its last member. Any thread.
std::vector<S3Object> s3_objects(const delivery::Batch& batch, std::span<const std::size_t> events,
                                 const S3Layout& layout, const Renderer& renderer);

std::string zstd_bytes(std::string_view bytes);

}  // namespace trunkline::sinks
