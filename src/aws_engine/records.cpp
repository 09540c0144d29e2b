#include "aws_engine/records.hpp"

#include <algorithm>
#include <utility>

#include "aws_engine/codec.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr std::uint64_t kChunksMax = kBodyMax / kChunkBytes + 1;

// An event as its chunks come in.
struct Loading {
  std::shared_ptr<engine::Record> record;
  std::uint64_t chunks = 0;  // beyond the first item
};

Result<Loading> begin(base::Sequence sequence, const std::optional<Item>& item) {
  if (!item) return Loading{};
  TRUNKLINE_TRY(engine::Record record, decode_head(sequence, item->bytes("e_head")));
  record.event.raw = item->bytes("e_body");
  const std::uint64_t chunks = item->number("e_chunks");
  if (chunks > kChunksMax) return {Errc::corrupt, "a stored event does not decode"};
  return Loading{std::make_shared<engine::Record>(std::move(record)), chunks};
}

Result<void> add(Loading& loading, std::uint64_t chunk, const std::optional<Item>& item) {
  if (!item || item->bytes("e_body").empty()) return {Errc::corrupt, "a part of a stored event is gone"};
  loading.record->event.raw += item->bytes("e_body");
  loading.chunks = std::max(loading.chunks, chunk);
  return {};
}

void next_chunk(Cloud& cloud, base::Sequence sequence, Loading loading, std::uint64_t chunk, RecordDone done) {
  if (!loading.record || chunk > loading.chunks) return done(engine::RecordPtr(std::move(loading.record)));
  cloud.call(Service::dynamodb, "GetItem", get_request(cloud.table(), event_key(sequence, chunk)),
             [&cloud, sequence, loading = std::move(loading), chunk,
              done = std::move(done)](Result<std::string> body) mutable {
               if (!body.ok()) return done(body.error());
               auto item = read_item(*body);
               if (!item.ok()) return done(item.error());
               if (auto added = add(loading, chunk, *item); !added.ok()) return done(added.error());
               next_chunk(cloud, sequence, std::move(loading), chunk + 1, std::move(done));
             });
}

}  // namespace

std::vector<Write> event_writes(const engine::Record& record, std::string_view nonce, std::uint64_t ends) {
  const std::string_view raw = record.event.raw;
  const std::uint64_t more = raw.empty() ? 0 : (raw.size() - 1) / kChunkBytes;
  std::vector<Write> writes;
  Item first = event_key(record.sequence);
  first.bytes("e_head", encode_head(record)).bytes("e_body", raw.substr(0, kChunkBytes)).text("e_nonce", nonce);
  first.number("e_chunks", more).number("e_ends", ends);
  writes.push_back({WriteKind::put, std::move(first), {}, "attribute_not_exists(pk)", {}});
  for (std::uint64_t chunk = 1; chunk <= more; ++chunk) {
    Item item = event_key(record.sequence, chunk);
    item.bytes("e_body", raw.substr(chunk * kChunkBytes, kChunkBytes)).number("e_ends", ends);
    writes.push_back({WriteKind::put, std::move(item), {}, {}, {}});
  }
  return writes;
}

void load_record(Cloud& cloud, base::Sequence sequence, RecordDone done) {
  cloud.call(Service::dynamodb, "GetItem", get_request(cloud.table(), event_key(sequence)),
             [&cloud, sequence, done = std::move(done)](Result<std::string> body) mutable {
               if (!body.ok()) return done(body.error());
               auto item = read_item(*body);
               if (!item.ok()) return done(item.error());
               auto loading = begin(sequence, *item);
               if (!loading.ok()) return done(loading.error());
               next_chunk(cloud, sequence, std::move(*loading), 1, std::move(done));
             });
}

Result<engine::RecordPtr> load_record_wait(Cloud& cloud, base::Sequence sequence) {
  TRUNKLINE_TRY(const auto item, cloud.get_wait(event_key(sequence)));
  TRUNKLINE_TRY(Loading loading, begin(sequence, item));
  for (std::uint64_t chunk = 1; chunk <= loading.chunks; ++chunk) {
    TRUNKLINE_TRY(const auto part, cloud.get_wait(event_key(sequence, chunk)));
    TRUNKLINE_TRY_VOID(add(loading, chunk, part));
  }
  return engine::RecordPtr(std::move(loading.record));
}

}  // namespace trunkline::aws_engine
