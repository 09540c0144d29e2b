#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "queue/codec.hpp"
#include "queue/history.hpp"

namespace {

using namespace trunkline;

constexpr base::Sequence kSequence{7};

// What decodes is what was encoded: written again and read again it is the same bytes.
template <class Decode, class Encode>
void round_trip(std::string_view bytes, Decode decode, Encode encode) {
  const auto first = decode(bytes);
  if (!first.ok()) return;
  const std::string again = encode(*first);
  const auto second = decode(again);
  TRUNKLINE_CHECK(second.ok() && encode(*second) == again, "an encoded value does not decode to itself");
}

// A mark set in the encoded bytes is the record's mark, and all else stays.
void mark(std::string_view bytes) {
  auto record = queue::decode_record(kSequence, bytes);
  if (!record.ok()) return;
  std::string marked = queue::encode_record(*record);
  queue::set_conflict(marked);
  record->conflict = true;
  TRUNKLINE_CHECK(queue::encode_record(*record) == marked, "a mark changes more than itself");
}

// Which queues an entry names is seen without decoding it.
void route(std::string_view bytes) {
  const auto entry = queue::decode_scan(bytes);
  if (!entry.ok()) return;
  for (const base::QueueId named : entry->routes) {
    TRUNKLINE_CHECK(queue::may_route_to(bytes, named), "a queue that is named is passed over");
    const base::QueueId next{named.value + 1};
    const bool also = std::binary_search(entry->routes.begin(), entry->routes.end(), next);
    TRUNKLINE_CHECK(queue::may_route_to(bytes, next) == also, "a queue that is not named is taken for one that is");
  }
}

}  // namespace

// The first byte chooses the value, the rest are its bytes on disk.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 15) {
    case 0:
      round_trip(bytes, [](std::string_view b) { return queue::decode_record(kSequence, b); }, queue::encode_record);
      mark(bytes);
      break;
    case 1:
      round_trip(bytes, queue::decode_scan, queue::encode_scan);
      route(bytes);
      break;
    case 2:
      round_trip(bytes, queue::decode_twins, queue::encode_twins);
      break;
    case 3:
      round_trip(bytes, queue::decode_cursor, queue::encode_cursor);
      break;
    case 4:
      round_trip(bytes, queue::decode_lane, queue::encode_lane);
      break;
    case 5:
      round_trip(bytes, queue::decode_row, queue::encode_row);
      break;
    case 6:
      round_trip(bytes, queue::decode_dead_letter, queue::encode_dead_letter);
      break;
    case 7:
      round_trip(bytes, queue::decode_queue, queue::encode_queue);
      break;
    case 9:
      round_trip(bytes, queue::decode_place, queue::encode_place);
      break;
    case 10:
      round_trip(bytes, queue::decode_operation, queue::encode_operation);
      break;
    case 11:
      round_trip(bytes, queue::decode_failure, queue::encode_failure);
      break;
    case 12:
      round_trip(bytes, queue::decode_repeats, queue::encode_repeats);
      break;
    case 13:
      round_trip(bytes, queue::decode_left, queue::encode_left);
      break;
    case 14:
      round_trip(bytes, queue::decode_receive, queue::encode_receive);
      break;
    default:
      round_trip(bytes, [](std::string_view b) { return queue::decode_quarantined(7, b); }, queue::encode_quarantined);
      break;
  }
  return 0;
}
