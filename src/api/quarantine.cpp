// The quarantine: read, resubmit, remove.
#include <fmt/format.h>

#include "api/describe.hpp"
#include "api/handlers.hpp"
#include "api/object_reader.hpp"
#include "api/view.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

using base::Errc;
using base::Result;

// The engine reads the bytes, too, which may be 8 MiB each: pages are read in chunks, of which only the heads stay.
constexpr std::size_t kChunk = 16;
// A filter that matches nothing must not read 100,000 entries in one call: the caller goes on from next_after.
constexpr std::size_t kScanMax = 2'000;
constexpr std::size_t kIdsMax = 1'000;

// A walk over the quarantine that keeps the entries of one reason, or all of them.
struct Walk {
  Hub& hub;
  base::Loop& loop;
  PageQuery page;
  std::string reason{};
  std::size_t scanned = 0;
  std::size_t matched = 0;
  base::UniqueFunction<void(const engine::Quarantined&)> on_entry{};
  // The id to go on behind; nothing at the end.
  base::UniqueFunction<void(Result<std::optional<std::uint64_t>>)> done{};
};

void walk(std::unique_ptr<Walk> state) {
  engine::Engine& engine = state->hub.engine();
  base::Loop& loop = state->loop;
  // Not more than may match, so that what was read and not shown is never skipped.
  const std::size_t wanted = std::min(kChunk, state->page.limit - state->matched);
  const engine::Page page{state->page.after, wanted};
  engine.quarantine_list(page, loop,
                         [state = std::move(state), wanted](Result<std::vector<engine::Quarantined>> entries) mutable {
                           if (!entries.ok()) return state->done(entries.error());
                           for (const engine::Quarantined& entry : *entries) {
                             ++state->scanned;
                             state->page.after = entry.id;
                             if (!state->reason.empty() && entry.reason != state->reason) continue;
                             ++state->matched;
                             state->on_entry(entry);
                           }
                           if (entries->size() < wanted) return state->done(std::optional<std::uint64_t>());
                           if (state->matched >= state->page.limit || state->scanned >= kScanMax)
                             return state->done(std::optional(state->page.after));
                           walk(std::move(state));
                         });
}

std::string next_json(std::optional<std::uint64_t> next) {
  return next ? std::to_string(*next) : "null";
}

// Reads the entry and goes on with it; fails the call when it is not there.
void with_entry(CallPtr call, base::UniqueFunction<void(CallPtr, engine::Quarantined)> then) {
  const auto id = parse_id("the entry's id", call->captures[0]);
  if (!id.ok()) return call->fail(id.error());
  engine::Engine& engine = call->hub.engine();
  base::Loop& loop = call->loop;
  engine.quarantine_list({*id - 1, 1}, loop,
                         [call = std::move(call), id = *id,
                          then = std::move(then)](Result<std::vector<engine::Quarantined>> entries) mutable {
                           if (!entries.ok()) return call->fail(entries.error());
                           if (entries->empty() || entries->front().id != id)
                             return call->fail({Errc::not_found, fmt::format("there is no quarantine entry {}", id)},
                                               "it may have been resubmitted or removed");
                           then(std::move(call), std::move(entries->front()));
                         });
}

// What a bulk resubmit is asked to do.
struct Selection {
  std::vector<std::uint64_t> ids;
  bool all = false;
  std::string reason;
  PageQuery page;
};

Result<Selection> read_selection(const std::string& body) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value value, parse_body(document, body));
  ObjectReader reader(value, "");
  Selection selection;
  const bool by_id = reader.has("ids");
  selection.all = reader.boolean("all");
  selection.reason = reader.text("reason", 64);
  selection.page.after = reader.whole("after", 0, INT64_MAX, 0);
  selection.page.limit = reader.whole("limit", 1, kIdsMax, 100);
  for (const json::Value id : reader.array("ids", kIdsMax)) {
    const auto number = id.integer();
    if (!number || *number < 1) {
      reader.complain(fmt::format("'ids' holds something at byte {} that is not a number from 1 on", id.offset()));
      break;
    }
    selection.ids.push_back(static_cast<std::uint64_t>(*number));
  }
  if (by_id == selection.all || (by_id && selection.ids.empty()))
    reader.complain("say which entries: either {\"ids\":[…]} or {\"all\":true}, with \"reason\" to narrow it down");
  if (by_id && (!selection.reason.empty() || reader.has("after") || reader.has("limit")))
    reader.complain("'reason', 'after' and 'limit' go with {\"all\":true} only");
  TRUNKLINE_TRY_VOID(reader.finish());
  return selection;
}

void resubmit_ids(CallPtr call, const std::vector<std::uint64_t>& ids, std::optional<std::uint64_t> next) {
  std::vector<Resubmission> entries;
  for (const std::uint64_t id : ids) entries.push_back({id});
  Hub& hub = call->hub;
  base::Loop& loop = call->loop;
  hub.resubmit(std::move(entries), loop, [call = std::move(call), next](const std::vector<ResubmitOutcome>& outcomes) {
    std::uint64_t resubmitted = 0;
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("results").begin_array();
    for (const ResubmitOutcome& outcome : outcomes) {
      resubmitted += outcome.error ? 0 : 1;
      write_resubmitted(writer, outcome);
    }
    writer.end_array().member("resubmitted", resubmitted);
    writer.member("left", static_cast<std::uint64_t>(outcomes.size()) - resubmitted);
    writer.key("next_after").raw(next_json(next)).end_object();
    call->answer(std::move(out));
  });
}

}  // namespace

void get_quarantine(CallPtr call) {
  const auto page = page_query(call->request);
  if (!page.ok()) return call->fail(page.error());
  const std::string reason = call->request.query_parameter("reason").value_or(std::string());
  auto entries = std::make_shared<std::string>();  // both callbacks of the walk write to it
  auto state = std::make_unique<Walk>(Walk{call->hub, call->loop, *page, reason});
  state->on_entry = [entries](const engine::Quarantined& entry) {
    if (!entries->empty()) entries->push_back(',');
    json::Writer writer(*entries);
    write_quarantined(writer, entry, false);
  };
  state->done = [entries, call = std::move(call)](const Result<std::optional<std::uint64_t>>& next) {
    if (!next.ok()) return call->fail(next.error());
    call->answer("{\"entries\":[" + *entries + "],\"next_after\":" + next_json(*next) + "}");
  };
  walk(std::move(state));
}

// What was not understood cannot be mapped either: where operators do not see everything, its bytes are not shown.
void get_quarantine_entry(CallPtr call) {
  auto mapping = call->hub.views();
  with_view(std::move(call), std::move(mapping), [](CallPtr asking, View view) {
    with_entry(std::move(asking), [all = view.raw()](CallPtr answering, engine::Quarantined entry) {
      std::string out;
      json::Writer writer(out);
      write_quarantined(writer, entry, all);
      answering->answer(std::move(out));
    });
  });
}

void post_resubmit_one(CallPtr call) {
  const auto id = parse_id("the entry's id", call->captures[0]);
  if (!id.ok()) return call->fail(id.error());
  Resubmission entry{*id};
  if (!call->request.body.empty()) entry.bytes = std::move(call->request.body);
  Hub& hub = call->hub;
  base::Loop& loop = call->loop;
  hub.resubmit({std::move(entry)}, loop, [call = std::move(call)](const std::vector<ResubmitOutcome>& outcomes) {
    TRUNKLINE_CHECK(outcomes.size() == 1, "one outcome per entry");
    if (const auto& error = outcomes.front().error)
      return call->fail(*error, error->code == Errc::invalid
                                    ? "the entry stays; send corrected bytes as the body, or DELETE it"
                                    : "the entry stays");
    std::string out;
    json::Writer writer(out);
    write_resubmitted(writer, outcomes.front());
    call->answer(std::move(out));
  });
}

void post_resubmit(CallPtr call) {
  auto selection = read_selection(call->request.body);
  if (!selection.ok()) return call->fail(selection.error(), "nothing was resubmitted");
  if (!selection->all) return resubmit_ids(std::move(call), selection->ids, std::nullopt);
  auto ids = std::make_shared<std::vector<std::uint64_t>>();  // both callbacks of the walk use it
  auto state = std::make_unique<Walk>(Walk{call->hub, call->loop, selection->page, selection->reason});
  state->on_entry = [ids](const engine::Quarantined& entry) { ids->push_back(entry.id); };
  state->done = [ids, call = std::move(call)](const Result<std::optional<std::uint64_t>>& next) mutable {
    if (!next.ok()) return call->fail(next.error());
    resubmit_ids(std::move(call), *ids, *next);
  };
  walk(std::move(state));
}

void delete_quarantine_entry(CallPtr call) {
  with_entry(std::move(call), [](CallPtr answering, const engine::Quarantined& entry) {
    engine::Engine& engine = answering->hub.engine();
    base::Loop& loop = answering->loop;
    engine.quarantine_remove({entry.id}, loop, [answering = std::move(answering), id = entry.id](Result<void> removed) {
      if (!removed.ok()) return answering->fail(removed.error());
      std::string out;
      json::Writer(out).begin_object().member("removed", id).end_object();
      answering->answer(std::move(out));
    });
  });
}

}  // namespace trunkline::api
