#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "net/http_client.hpp"

namespace trunkline::sinks {

// The answer of Elasticsearch and OpenSearch to _bulk: {"errors":true,"items":[{"create":{"status":201}},
// {"create":{"status":400,"error":{"type":"…","reason":"…"}}}]}, in the order of the request.
struct BulkItem {
  std::int64_t status = 0;  // 0: none that could be read
  std::string type;         // of the error
  std::string reason;       // with that of its cause
};
struct BulkAnswer {
  bool errors = true;
  std::vector<BulkItem> items;
};
// Nothing if it is no JSON object with `errors` as a boolean. Of `items_max` and more items the first ones.
std::optional<BulkAnswer> parse_bulk_answer(std::string_view body, std::size_t items_max);

// What a server says of a whole request: {"error":{"type":"…","reason":"…"},"status":403}; what of it there is.
BulkItem parse_bulk_error(std::string_view body);

// What an answer says of the events sent with it.
//
//  status of an item               verdict        why
//  200, 201, 2xx                   delivered
//  409                             delivered      a document of that _id is there: an earlier try has written it
//  429                             retry          es_rejected_execution_exception: not now
//  408, 502, 503, 504              retry          a shard is away (unavailable_shards_exception). Where no item of the request
//                                                 went better: unavailable, it is the cluster
//  401, 403, 404, 405              unavailable    credential, block (disk watermark, read only), index missing and not made
//                                                 by itself: a configuration, never the event's fault
//  any of index_closed_exception, invalid_index_name_exception, index_not_found_exception, cluster_block_exception (the
//  disk's flood stage comes as 429), security_exception: the same
//  400, 413, 500, other            rejected       this event: mapper_parsing_exception, document_parsing_exception, strict_
//                                                 dynamic_mapping_exception, illegal_argument_exception (fields over the limit)
//  none                            unavailable    nobody knows what became of it
//
//  answer as a whole
//  2xx, errors, items              as above, item by item
//  2xx, errors false, no items     delivered      the server says that nothing failed
//  2xx, another number of items    unavailable    not the answer to this request
//  2xx, no such object             unavailable    not the answer of _bulk: a proxy's page must not count
//  2xx, cut at `answer_bytes_max`  refused        the answer was too long to be read: halve
//  406, 415                        unavailable    content types are a matter of versions, not of events
//  others, none                    as in http_verdict.hpp: 413 and 400 of a batch refused, 429 retry, 401, 403, 404, 503 unavailable
//
// Retry-After and `secrets` are as in http_verdict.hpp.
delivery::BatchVerdict bulk_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events,
                                    std::size_t answer_bytes_max, base::WallTime now,
                                    std::span<const std::string> secrets = {});

}  // namespace trunkline::sinks
