// Dead letters of one consumer: read, redrive, purge.
#include <fmt/format.h>

#include "api/describe.hpp"
#include "api/handlers.hpp"
#include "api/object_reader.hpp"
#include "api/view.hpp"
#include "base/crypto.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

using base::Errc;
using base::Result;

// The engine reads the bodies, too, which may be 8 MiB each: a page is read in chunks, of which only the heads stay.
constexpr std::size_t kChunk = 32;

// A page that is being put together.
struct Listing {
  CallPtr call;
  base::QueueId queue;
  PageQuery page;
  View view;
  std::string entries{};
  std::size_t count = 0;
};

// What a view shows of it. An edited body is shown as the event's own would be.
engine::DeadLetter shown(View& view, engine::DeadLetter letter) {
  if (view.raw() || !letter.record) return letter;
  if (letter.edited) {
    engine::Record edited = *letter.record;
    edited.event.raw = std::move(*letter.edited);
    letter.edited = view.of(edited)->event.raw;
  }
  letter.record = view.of(std::move(letter.record));
  letter.group_text = view.text(letter.group_text);
  letter.error_detail = view.error(letter.error_class, letter.error_detail);
  return letter;
}

void answer_listing(Listing& listing, bool more) {
  std::string out = "{\"dead_letters\":[" + listing.entries + "],\"next_after\":";
  out += more ? std::to_string(listing.page.after) : "null";
  out += "}";
  listing.call->answer(std::move(out));
}

void list_on(std::unique_ptr<Listing> listing) {
  engine::Engine& engine = listing->call->hub.engine();
  base::Loop& loop = listing->call->loop;
  const std::size_t wanted = std::min(kChunk, listing->page.limit - listing->count);
  const base::QueueId queue = listing->queue;
  const engine::Page page{listing->page.after, wanted};
  engine.dead_letters(queue, page, loop,
                      [listing = std::move(listing), wanted](Result<std::vector<engine::DeadLetter>> letters) mutable {
                        if (!letters.ok()) return listing->call->fail(letters.error());
                        for (const engine::DeadLetter& letter : *letters) {
                          if (listing->count++ > 0) listing->entries.push_back(',');
                          json::Writer writer(listing->entries);
                          write_dead_letter(writer, shown(listing->view, letter), false);
                          listing->page.after = letter.sequence.value;
                        }
                        if (letters->size() < wanted) return answer_listing(*listing, false);
                        if (listing->count >= listing->page.limit) return answer_listing(*listing, true);
                        list_on(std::move(listing));
                      });
}

// Which dead letters are meant. A choice must be made: nothing means all by accident.
Result<engine::RedriveFilter> read_filter(const std::string& body) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value value, parse_body(document, body));
  ObjectReader reader(value, "");
  engine::RedriveFilter filter;
  const std::size_t given =
      (reader.has("sequence") ? 1 : 0) + (reader.has("error_class") ? 1 : 0) + (reader.boolean("all") ? 1 : 0);
  if (reader.has("sequence")) filter.sequence = base::Sequence{reader.whole("sequence", 1, INT64_MAX, 1)};
  filter.error_class = reader.text("error_class", 64);
  if (given != 1 || (reader.has("error_class") && filter.error_class.empty()))
    reader.complain("say which dead letters: one of {\"sequence\":N}, {\"error_class\":\"…\"}, {\"all\":true}");
  TRUNKLINE_TRY_VOID(reader.finish());
  return filter;
}

using Action = void (engine::Engine::*)(base::QueueId, engine::RedriveFilter, base::Loop&,
                                        base::UniqueFunction<void(Result<std::uint64_t>)>);

void act_audited(CallPtr call, base::QueueId queue, engine::RedriveFilter filter, Action action, std::string_view word,
                 std::uint64_t audit) {
  engine::Engine& engine = call->hub.engine();
  base::Loop& loop = call->loop;
  const bool single = filter.sequence.has_value();
  auto done = [call = std::move(call), word, single, audit](Result<std::uint64_t> count) {
    call->hub.operations().set_outcome(audit, count.ok() ? fmt::format("{} {}", *count, word) : count.error().detail);
    if (!count.ok()) return call->fail(count.error());
    if (single && *count == 0)
      return call->fail({Errc::not_found, fmt::format("consumer '{}' has no such dead letter", call->captures[0])},
                        fmt::format("GET /api/v1/consumers/{}/dead-letters lists them", call->captures[0]));
    std::string out;
    json::Writer(out).begin_object().member(word, *count).end_object();
    call->answer(std::move(out));
  };
  (engine.*action)(queue, std::move(filter), loop, std::move(done));
}

void act(CallPtr call, Action action, std::string_view word) {
  const auto consumer = find_consumer(*call);
  if (!consumer) return;
  auto filter = read_filter(call->request.body);
  if (!filter.ok()) return call->fail(filter.error(), "nothing was changed");
  operation::AuditEntry audit;
  audit.by = call->caller;
  audit.action = word == "purged" ? "purge" : "redrive.at_once";
  audit.consumer = consumer->name;
  audit.what = operation::describe(*filter);
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  // Nothing is done that is not written down first; what came of it is added.
  auto audited = [call = std::move(call), queue = consumer->queue, filter = std::move(*filter), action,
                  word](Result<std::uint64_t> entry) mutable {
    if (!entry.ok()) return call->fail(entry.error());
    act_audited(std::move(call), queue, std::move(filter), action, word, *entry);
  };
  operations.record(std::move(audit), loop, std::move(audited));
}

void edit(CallPtr call, base::QueueId queue, base::Sequence sequence, std::string_view before) {
  const auto hash = [](std::string_view text) { return base::hex_encode(base::sha256(text)); };
  operation::AuditEntry audit;
  audit.by = call->caller;
  audit.action = "edit";
  audit.consumer = call->captures[0];
  audit.what = fmt::format("sequence={} sha256 {} -> {}", sequence.value, hash(before), hash(call->request.body));
  operation::Operations& operations = call->hub.operations();
  base::Loop& loop = call->loop;
  operations.record(std::move(audit), loop,
                    [call = std::move(call), queue, sequence](Result<std::uint64_t> entry) mutable {
                      if (!entry.ok()) return call->fail(entry.error());
                      engine::Engine& engine = call->hub.engine();
                      base::Loop& there = call->loop;
                      std::string body = call->request.body;
                      auto done = [call = std::move(call), sequence, entry = *entry](const Result<void>& edited) {
                        call->hub.operations().set_outcome(entry, edited.ok() ? "edited" : edited.error().detail);
                        if (!edited.ok()) return call->fail(edited.error());
                        std::string out;
                        json::Writer(out).begin_object().member("edited", sequence.value).end_object();
                        call->answer(std::move(out));
                      };
                      engine.edit_dead_letter(queue, sequence, std::move(body), there, std::move(done));
                    });
}

void show_one(CallPtr call, View view, base::QueueId queue, std::uint64_t sequence) {
  engine::Engine& engine = call->hub.engine();
  base::Loop& loop = call->loop;
  engine.dead_letters(queue, {sequence - 1, 1}, loop,
                      [call = std::move(call), view = std::move(view),
                       sequence](Result<std::vector<engine::DeadLetter>> letters) mutable {
                        if (!letters.ok()) return call->fail(letters.error());
                        if (letters->empty() || letters->front().sequence.value != sequence)
                          return call->fail({Errc::not_found, fmt::format("consumer '{}' has no dead letter {}",
                                                                          call->captures[0], sequence)},
                                            "it may have been redriven or purged");
                        std::string out;
                        json::Writer writer(out);
                        write_dead_letter(writer, shown(view, std::move(letters->front())), true);
                        call->answer(std::move(out));
                      });
}

}  // namespace

void get_dead_letters(CallPtr call) {
  const auto consumer = find_consumer(*call);
  if (!consumer) return;
  const auto page = page_query(call->request);
  if (!page.ok()) return call->fail(page.error());
  auto mapping = view_mapping(call->hub, &*consumer);
  with_view(std::move(call), std::move(mapping), [queue = consumer->queue, page = *page](CallPtr answering, View view) {
    list_on(std::make_unique<Listing>(Listing{std::move(answering), queue, page, std::move(view)}));
  });
}

void get_dead_letter(CallPtr call) {
  const auto consumer = find_consumer(*call);
  if (!consumer) return;
  const auto sequence = parse_id("the event's sequence", call->captures[1]);
  if (!sequence.ok()) return call->fail(sequence.error());
  auto mapping = view_mapping(call->hub, &*consumer);
  with_view(std::move(call), std::move(mapping),
            [queue = consumer->queue, sequence = *sequence](CallPtr answering, View view) {
              show_one(std::move(answering), std::move(view), queue, sequence);
            });
}

// The body is the event's new body. What was there and what is there now are told apart by their hashes in the audit.
void post_edit(CallPtr call) {
  const auto consumer = find_consumer(*call);
  if (!consumer) return;
  const auto sequence = parse_id("the event's sequence", call->captures[1]);
  if (!sequence.ok()) return call->fail(sequence.error());
  json::Document document;
  const auto body = document.parse(call->request.body);
  if (!body.ok() || !body->is(json::Type::object))
    return call->fail({Errc::invalid, body.ok() ? "the new body is not a JSON object"
                                                : "the new body is not JSON: " + body.error().detail},
                      "nothing was changed");
  engine::Engine& engine = call->hub.engine();
  base::Loop& loop = call->loop;
  const base::QueueId queue = consumer->queue;
  engine.dead_letters(
      queue, {*sequence - 1, 1}, loop,
      [call = std::move(call), queue,
       sequence = base::Sequence{*sequence}](const Result<std::vector<engine::DeadLetter>>& letters) mutable {
        if (!letters.ok()) return call->fail(letters.error());
        if (letters->empty() || letters->front().sequence != sequence || !letters->front().record)
          return call->fail(
              {Errc::not_found, fmt::format("consumer '{}' has no dead letter {}", call->captures[0], sequence.value)},
              "it may have been redriven or purged");
        const engine::DeadLetter& letter = letters->front();
        edit(std::move(call), queue, sequence, letter.edited.value_or(letter.record->event.raw));
      });
}

void post_redrive(CallPtr call) {
  act(std::move(call), &engine::Engine::redrive, "redriven");
}
void post_purge(CallPtr call) {
  act(std::move(call), &engine::Engine::purge_dead_letters, "purged");
}

}  // namespace trunkline::api
