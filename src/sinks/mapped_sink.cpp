#include "sinks/mapped_sink.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "mapping/record.hpp"
#include "sinks/detail.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

// Words of this program about a connection or a disk: nothing of an event is in them.
constexpr std::array<std::string_view, 8> kOwnWords = {"connect",     "timeout",   "cancelled",  "forbidden_address",
                                                       "client_full", "disk_full", "permission", "io_error"};

// Batches above this are not looked through for one answer: its text is withheld.
constexpr std::size_t kScrubbedMax = 200;

bool is_own(const EventVerdict& verdict) {
  return verdict.detail.empty() || std::ranges::find(kOwnWords, verdict.error_class) != kOwnWords.end();
}

BatchVerdict unmappable(std::size_t events, std::size_t place, const base::Error& error) {
  BatchVerdict result;
  result.refused = events > 1;
  if (result.refused) result.suspect = place;
  result.events.push_back({Verdict::rejected, {}, std::string(mapping::kUnmappable), error.detail});
  return result;
}

// What a downstream has said of these events, without what the mapping conceals in them. `cut`: it ends anywhere, perhaps
// within a value.
std::string scrubbed(std::string_view said, bool cut, const std::vector<engine::LeasedMessage>& messages,
                     const mapping::Mapping& mapping, const event::NameTable* names) {
  if (messages.size() > kScrubbedMax) return std::string(mapping::kWithheld);
  mapping::Scratch scratch;
  mapping::Hidden hidden;
  std::string text(said);
  for (const engine::LeasedMessage& message : messages) {
    const event::Event& event = message.record->event;
    const std::string body = event::enriched(event, message.record->accepted_at, names);
    const auto applied = mapping.apply(body, mapping::subject_of(event), scratch, &hidden);
    if (!applied.ok()) return std::string(mapping::kWithheld);
    text = hidden.scrub(text, cut);
  }
  return detail_text(text, {});
}

void scrub(BatchVerdict& verdict, const std::vector<engine::LeasedMessage>& messages,
           const MappedSinkOptions& options) {
  if (std::ranges::all_of(verdict.events, is_own)) return;
  std::vector<MappedSinkOptions::MappingPtr> mappings;
  if (options.mapping) mappings.push_back(options.mapping);
  if (auto views = options.views ? options.views() : nullptr) mappings.push_back(std::move(views));
  // All events of a batch have the same answer as a rule.
  std::map<std::string, std::string> known;
  for (EventVerdict& each : verdict.events) {
    if (is_own(each)) continue;
    const auto [entry, is_new] = known.try_emplace(each.detail, each.detail);
    if (is_new) {
      // Near the sinks' own bound: it was cut there.
      const bool cut = each.detail.size() + 4 >= kDetailBytesMax;
      for (const auto& mapping : mappings)
        entry->second = scrubbed(entry->second, cut, messages, *mapping, options.names.get());
    }
    each.detail = entry->second;
  }
}

}  // namespace

MappedSink::MappedSink(std::unique_ptr<delivery::Sink> inner, MappedSinkOptions options, base::Loop& loop)
    : inner_(std::move(inner)), options_(std::move(options)), loop_(loop) {}

void MappedSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  std::vector<engine::LeasedMessage> messages = batch.messages;
  if (options_.mapping) {
    batch.mapping = options_.mapping->version();
    for (std::size_t i = 0; i < batch.messages.size(); ++i) {
      auto record = mapping::mapped(*batch.messages[i].record, *options_.mapping, scratch_);
      if (!record.ok()) {
        loop_.post([done = std::move(done), verdict = unmappable(batch.messages.size(), i, record.error())]() mutable {
          done(std::move(verdict));
        });
        return;
      }
      batch.messages[i].record = std::move(*record);
    }
  }
  // Nothing of this object: the answer may come after it has gone.
  inner_->send(std::move(batch), [messages = std::move(messages), options = options_,
                                  done = std::move(done)](BatchVerdict verdict) mutable {
    scrub(verdict, messages, options);
    done(std::move(verdict));
  });
}

}  // namespace trunkline::sinks
