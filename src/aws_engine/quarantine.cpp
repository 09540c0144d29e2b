#include "aws_engine/quarantine.hpp"

#include <algorithm>
#include <utility>

#include "aws_engine/codec.hpp"
#include "aws_engine/keys.hpp"
#include "aws_engine/records.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr base::Millis kCountEvery = std::chrono::seconds(10);
constexpr std::size_t kPageMax = 1'000;
constexpr std::uint64_t kChunksMax = kBodyMax / kChunkBytes + 1;

Item chunk_key(std::uint64_t id, std::uint64_t chunk) {
  return {"q#" + hex(id), std::to_string(chunk)};
}

}  // namespace

void Quarantine::add(const engine::Quarantined& input, std::uint64_t id, Added done) {
  std::string bytes = encode_quarantined(input);
  if (bytes.size() > kBodyMax)
    return done(Error{Errc::too_large, "the input is larger than a transaction of DynamoDB"});
  auto then = [this, bytes = std::move(bytes), id, done = std::move(done)](const Result<void>& known) mutable {
    if (!known.ok()) return done(known.error());
    if (there_ >= options_.inputs_max) return done(Error{Errc::overloaded, "the quarantine is full"});
    ++there_;
    store(bytes, id, std::move(done));
  };
  if (counted_at_ && cloud_.loop().clock().mono() - *counted_at_ < kCountEvery) return then(Result<void>());
  waiting_.emplace_back(std::move(then));
  refresh();
}

void Quarantine::refresh() {
  if (std::exchange(counting_, true)) return;
  count(0, std::nullopt);
}

void Quarantine::count(std::uint64_t so_far, std::optional<Item> start) {
  const QueryRequest query{"q", {}, {}, kPageMax, true, std::move(start), {}, {}};
  cloud_.call(Service::dynamodb, "Query", query_request(cloud_.table(), query),
              [this, so_far](const Result<std::string>& body) {
                const auto page = body.ok() ? read_page(*body) : Result<QueryPage>(body.error());
                if (!page.ok()) return counted(page.error());
                const std::uint64_t number = so_far + page->count;
                if (!page->next || number >= options_.inputs_max) return counted(number);
                count(number, page->next);
              });
}

void Quarantine::counted(Result<std::uint64_t> number) {
  counting_ = false;
  Result<void> known;
  if (number.ok()) {
    there_ = *number;
    counted_at_ = cloud_.loop().clock().mono();
  } else {
    known = number.error();
  }
  for (Waiting& each : std::exchange(waiting_, {})) each(known);
}

void Quarantine::store(const std::string& bytes, std::uint64_t id, Added done) {
  const auto now = millis(cloud_.loop().clock().wall());
  const std::uint64_t ends = (now + static_cast<std::uint64_t>(options_.keep.count())) / 1'000;
  const std::uint64_t chunks = (bytes.size() + kChunkBytes - 1) / kChunkBytes;
  Item first("q", hex(id));
  first.number("e_chunks", chunks).number("e_ends", ends);
  std::vector<Write> writes;
  writes.push_back({WriteKind::put, std::move(first), {}, "attribute_not_exists(pk)", {}});
  for (std::uint64_t chunk = 1; chunk <= chunks; ++chunk) {
    Item item = chunk_key(id, chunk);
    item.bytes("e_bytes", std::string_view(bytes).substr((chunk - 1) * kChunkBytes, kChunkBytes));
    writes.push_back({WriteKind::put, std::move(item.number("e_ends", ends)), {}, {}, {}});
  }
  cloud_.transact(writes, [id, done = std::move(done)](const Result<void>& stored) mutable {
    if (stored.ok()) return done(id);
    // A number that somebody else has taken, or a lost answer whose repeat did not hold: the sender comes again.
    done(Error{Errc::unavailable, stored.error().detail});
  });
}

// Nothing where the TTL is about to delete it.
Result<std::optional<std::string>> Quarantine::bytes_of(std::uint64_t id, const Item& item) {
  std::string bytes;
  for (std::uint64_t chunk = 1; chunk <= std::min(item.number("e_chunks"), kChunksMax); ++chunk) {
    TRUNKLINE_TRY(const auto more, cloud_.get_wait(chunk_key(id, chunk)));
    if (!more) return std::optional<std::string>();
    bytes += more->bytes("e_bytes");
  }
  return std::optional(std::move(bytes));
}

Result<std::vector<engine::Quarantined>> Quarantine::list(engine::Page page) {
  const std::size_t limit = std::min(page.limit, kPageMax);
  QueryRequest query{"q", hex(page.after + 1), {}, limit, false, {}, {}, {}};
  std::vector<engine::Quarantined> inputs;
  while (inputs.size() < limit) {
    TRUNKLINE_TRY(const QueryPage found, cloud_.query_wait(query));
    for (const Item& item : found.items) {
      if (inputs.size() == limit) break;
      const std::uint64_t id = unhex(item.text("sk"));
      TRUNKLINE_TRY(const auto bytes, bytes_of(id, item));
      if (!bytes) continue;
      TRUNKLINE_TRY(engine::Quarantined input, decode_quarantined(id, *bytes));
      inputs.push_back(std::move(input));
    }
    if (!found.next) break;
    query.start = found.next;
  }
  return inputs;
}

// The chunks first: what is left of one that is cut off here is found again.
Result<void> Quarantine::remove(const std::vector<std::uint64_t>& ids) {
  for (const std::uint64_t id : ids) {
    const Item key("q", hex(id));
    TRUNKLINE_TRY(const auto item, cloud_.get_wait(key));
    if (!item) continue;
    for (std::uint64_t chunk = 1; chunk <= std::min(item->number("e_chunks"), kChunksMax); ++chunk) {
      const auto removed = cloud_.write_wait({WriteKind::remove, chunk_key(id, chunk), {}, {}, {}});
      if (!removed.ok()) return removed.error();
    }
    const auto removed = cloud_.write_wait({WriteKind::remove, key, {}, {}, {}});
    if (!removed.ok()) return removed.error();
  }
  return {};
}

}  // namespace trunkline::aws_engine
