#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "engine/engine.hpp"
#include "event/event.hpp"
#include "json/document.hpp"
#include "sinks/render.hpp"

// How an event becomes a document of Elasticsearch and OpenSearch.
namespace trunkline::sinks {

// The name of an index, an alias or a data stream: text with {category} (of the event; what a name may not hold becomes
// '-'), {date} (2026.03.02) and {month} (2026.03), both in UTC of the document's @timestamp, so that one event always
// goes to one index, whenever it is sent.
class IndexName {
 public:
  // Errc::invalid says what a name may not have (lower case, no \ / * ? " < > | space , # :, no - _ + in front, at most
  // 200 bytes here, so that the category's fit into the 255 that the servers allow).
  static base::Result<IndexName> parse(std::string_view pattern);
  std::string of(const event::Event& event, base::WallTime timestamp) const;

 private:
  enum class Part : std::uint8_t { text, category, date, month };
  std::vector<std::pair<Part, std::string>> parts_;
};

// _id: the same for the same event over all tries, restarts, restores and replays, and another one for another body under
// the same id of the sender: a hash of the event's identity and its body. Where an event has no identity, of its place in
// the hub's log.
std::string document_id(const engine::Record& record);

enum class DocumentFields : std::uint8_t {
  ecs,       // Elastic Common Schema, with the enriched event as text in event.original
  enriched,  // the enriched event's members, @timestamp and trunkline
  raw,       // the event's own members and @timestamp
};

// Makes documents, each one line without its end. Not for two threads at once: it keeps its parser.
class DocumentMaker {
 public:
  // `renderer` makes enriched bodies: one JSON object each.
  DocumentMaker(DocumentFields fields, Renderer renderer, event::Order order);

  std::string make(const engine::LeasedMessage& message, const delivery::Batch& batch, base::WallTime timestamp);

 private:
  std::string ecs(const engine::LeasedMessage& message, const delivery::Batch& batch, base::WallTime timestamp) const;
  std::string members_of_body(const engine::LeasedMessage& message, const delivery::Batch& batch,
                              base::WallTime timestamp);

  const DocumentFields fields_;
  const Renderer renderer_;
  const event::Order order_;
  json::Document parser_;
};

}  // namespace trunkline::sinks
