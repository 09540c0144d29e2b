#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "postgres/table.hpp"
#include "sinks/render.hpp"
#include "sinks/row_sender.hpp"

namespace trunkline::sinks {

struct PostgresOptions {
  std::string target;  // "postgresql://db.example:5432/genesys", for people
  std::string schema = "trunkline";
  std::string table = "events";
  bool create = true;  // the writer makes what is missing
  Body body = Body::enriched;
  event::Order order = event::Order::none;  // of the consumer's queue: what a lane is
  std::vector<std::string> secrets{};       // shown nowhere
  std::size_t batch_messages_max = 1'000;
  std::size_t batch_bytes_max = 4 << 20;  // of events before rendering
};

// Errc::invalid names the option.
base::Result<void> validate(const PostgresOptions& options);

// The columns, of which event_id is the key: the same over retries, restarts, restores and replays.
postgres::Table postgres_table(const PostgresOptions& options);

// Whether jsonb takes the JSON's escapes: it holds neither \u0000 nor half a surrogate pair. In `replaced`, where given,
// each of those has become \ufffd.
bool has_jsonb_escapes(std::string_view json, std::string* replaced = nullptr);

// Writes events as rows of a table: COPY into a staging table, and from there by their ids, in one transaction a batch.
// What the failures mean is in postgres_verdict.hpp. An event that jsonb cannot hold has its text in `event_text` instead
// of `event`, so that nothing of it is lost.
class PostgresSink final : public delivery::Sink {
 public:
  // `renderer` makes enriched bodies.
  static base::Result<std::unique_ptr<PostgresSink>> make(PostgresOptions options, Renderer renderer,
                                                          std::unique_ptr<RowSender> sender);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // Connects and looks whether the table is there, and may be written to by writing no row, or may be made.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  PostgresSink(PostgresOptions options, Renderer renderer, std::unique_ptr<RowSender> sender);
  std::string rows_of(const delivery::Batch& batch) const;

  const PostgresOptions options_;
  const Renderer renderer_;
  const std::unique_ptr<RowSender> sender_;
  // Shared with the answers that are still to come, which may outlive the sink.
  const std::shared_ptr<const std::vector<std::string>> secrets_;
};

}  // namespace trunkline::sinks
