#include "aws_engine/search.hpp"

#include <set>

#include "aws_engine/codec.hpp"
#include "base/log.hpp"

namespace trunkline::aws_engine {
namespace {

using base::QueueId;
using base::Result;
using base::Sequence;

constexpr std::size_t kPageMax = 1'000;

struct Search {
  Cloud& cloud;
  const std::string& conversation;
  std::size_t limit;
  const std::function<bool()>& stopping;
  std::set<Sequence> newest{};
  bool complete = true;

  void add(Sequence sequence) {
    newest.insert(sequence);
    if (newest.size() <= limit) return;
    newest.erase(newest.begin());
    complete = false;
  }
};

Result<void> read_dead_letters(Search& search, QueueId queue) {
  QueryRequest query{dead_letter_pk(queue), {}, {}, kPageMax, false, {}, "contains(e_group, :conversation)", {}};
  query.values.text(":conversation", search.conversation);
  for (;;) {
    if (search.stopping()) {
      search.complete = false;
      return {};
    }
    TRUNKLINE_TRY(const QueryPage page, search.cloud.query_wait(query));
    for (const Item& letter : page.items) search.add({unhex(letter.text("sk"))});
    if (!page.next) return {};
    query.start = page.next;
  }
}

Result<void> read_table(Search& search) {
  Item values;
  values.text(":event", "e#").text(":first", "0");
  std::optional<Item> start;
  do {
    if (search.stopping()) {
      search.complete = false;
      return {};
    }
    TRUNKLINE_TRY(const std::string body,
                  search.cloud.call_wait(Service::dynamodb, "Scan",
                                         scan_request(search.cloud.table(), "begins_with(pk, :event) AND sk = :first",
                                                      values, "pk, e_head", start)));
    TRUNKLINE_TRY(QueryPage page, read_page(body));
    for (const Item& item : page.items) {
      const Sequence sequence{unhex(std::string_view(item.text("pk")).substr(2))};
      const auto record = decode_head(sequence, item.bytes("e_head"));
      if (record.ok() && record->event.conversation_id == search.conversation) search.add(sequence);
    }
    start = std::move(page.next);
  } while (start);
  return {};
}

}  // namespace

Result<FoundEvents> find_conversation(Cloud& cloud, const std::vector<QueueId>& queues, const std::string& conversation,
                                      std::size_t limit, const std::function<bool()>& stopping) {
  Search search{cloud, conversation, limit, stopping};
  for (const QueueId queue : queues) TRUNKLINE_TRY_VOID(read_dead_letters(search, queue));
  // What the role may not read, or not now, takes nothing from what was found.
  if (const auto read = read_table(search); !read.ok()) {
    base::log::warn("the table cannot be read through for a conversation (dynamodb:Scan)", "error",
                    read.error().detail);
    search.complete = false;
  }
  return FoundEvents{{search.newest.begin(), search.newest.end()}, search.complete};
}

}  // namespace trunkline::aws_engine
