#include "sinks/postgres_sink.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <variant>

#include "base/text.hpp"
#include "json/writer.hpp"
#include "postgres/copy_text.hpp"
#include "sinks/bulk_document.hpp"
#include "sinks/detail.hpp"
#include "sinks/postgres_verdict.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;

constexpr std::size_t kBatchMessagesMax = 10'000;
constexpr std::size_t kBatchBytesMax = 64 << 20;
constexpr std::size_t kIdentifierBytesMax = 63;  // PostgreSQL cuts longer ones without a word
constexpr std::string_view kReplacement = "\\ufffd";

bool is_identifier(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && text.find('\0') == std::string_view::npos &&
         base::is_valid_utf8(text);
}

// The code unit of the \uXXXX that begins at `at`; -1 for anything else.
int code_unit(std::string_view json, std::size_t at) {
  if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') return -1;
  int unit = 0;
  for (std::size_t i = at + 2; i < at + 6; ++i) {
    const int digit = base::hex_value(json[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}
bool is_high(int unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(int unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

std::string delivery_members(const engine::LeasedMessage& message, const delivery::Batch& batch, event::Order order) {
  std::string members;
  json::Writer writer(members);
  writer.begin_object();
  append_delivery_members(writer, message, batch, order);
  writer.end_object();
  std::string replaced;
  return has_jsonb_escapes(members, &replaced) ? members : replaced;
}

std::string way_out(const postgres::Failure& failure) {
  const std::string_view state = failure.sqlstate;
  if (state.empty()) return "look whether the server runs, and at host, port, user, password and tls of the sink";
  if (state.starts_with("42501")) return "grant it to the sink's user";
  if (state.starts_with("42")) return "make the table as the sink's page says, or name another";
  return "mend it on the server";
}

}  // namespace

Result<void> validate(const PostgresOptions& o) {
  if (!is_identifier(o.schema, kIdentifierBytesMax)) return {Errc::invalid, "schema must have 1 to 63 bytes"};
  // The names of its indexes are longer, by a column's name.
  if (!is_identifier(o.table, kIdentifierBytesMax - 17)) return {Errc::invalid, "table must have 1 to 46 bytes"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kBatchBytesMax)
    return {Errc::invalid, "batch bytes must be 1 to 64 MiB"};
  return {};
}

postgres::Table postgres_table(const PostgresOptions& options) {
  postgres::Table table{options.schema, options.table, {}, {"occurred_at", "conversation_id"}};
  table.columns = {{"event_id", "text", true},
                   {"sequence", "bigint", true},
                   {"accepted_at", "timestamptz", true},
                   {"occurred_at", "timestamptz", true},
                   {"envelope_id", "text"},
                   {"event_type", "text"},
                   {"topic", "text"},
                   {"category", "text"},
                   {"org_id", "text"},
                   {"conversation_id", "text"},
                   {"user_id", "text"},
                   {"queue_id", "text"},
                   {"media_type", "text"},
                   {"source", "text"},
                   {"event", "jsonb"},
                   {"event_text", "text"},
                   {"trunkline", "jsonb"}};
  return table;
}

bool has_jsonb_escapes(std::string_view json, std::string* replaced) {
  bool good = true;
  std::size_t copied = 0;
  for (std::size_t at = json.find('\\'); at != std::string_view::npos; at = json.find('\\', at)) {
    const int unit = code_unit(json, at);
    if (unit < 0) {
      at += 2;  // \n, \\, \"
      continue;
    }
    if (is_high(unit) && is_low(code_unit(json, at + 6))) {
      at += 12;
      continue;
    }
    if (unit == 0 || is_high(unit) || is_low(unit)) {
      good = false;
      if (replaced == nullptr) return false;
      *replaced += json.substr(copied, at - copied);
      *replaced += kReplacement;
      copied = at + 6;
    }
    at += 6;
  }
  if (replaced != nullptr) *replaced += json.substr(copied);
  return good;
}

Result<std::unique_ptr<PostgresSink>> PostgresSink::make(PostgresOptions options, Renderer renderer,
                                                         std::unique_ptr<RowSender> sender) {
  TRUNKLINE_TRY_VOID(validate(options));
  Renderer body = renderer_for(options.body, std::move(renderer));
  return std::unique_ptr<PostgresSink>(new PostgresSink(std::move(options), std::move(body), std::move(sender)));
}

PostgresSink::PostgresSink(PostgresOptions options, Renderer renderer, std::unique_ptr<RowSender> sender)
    : options_(std::move(options)),
      renderer_(std::move(renderer)),
      sender_(std::move(sender)),
      secrets_(std::make_shared<const std::vector<std::string>>(options_.secrets)) {}

delivery::SinkLimits PostgresSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

// In the order of postgres_table().
std::string PostgresSink::rows_of(const delivery::Batch& batch) const {
  postgres::CopyText rows;
  for (const engine::LeasedMessage& message : batch.messages) {
    const engine::Record& record = *message.record;
    const event::Event& event = record.event;
    rows.begin_row().text(document_id(record)).number(record.sequence.value);
    rows.text(base::format_time(record.accepted_at)).text(base::format_time(happened_at(record)));
    const std::array<std::string_view, 10> members = {
        event.envelope_id,     event.event_type, event.topic_name, event.category,   event.org_id,
        event.conversation_id, event.user_id,    event.queue_id,   event.media_type, event.source};
    for (const std::string_view member : members) rows.text_or_null(member);
    const std::string body = renderer_(record);
    if (has_jsonb_escapes(body)) {
      rows.text(body).null();
    } else {
      rows.null().text(body);
    }
    rows.text(delivery_members(message, batch, options_.order)).end_row();
  }
  return rows.take();
}

void PostgresSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  // Nothing of this object: the answer may come after it has gone.
  sender_->write(rows_of(batch), [events = batch.messages.size(), secrets = secrets_,
                                  done = std::move(done)](const std::optional<postgres::Failure>& failure) mutable {
    done(postgres_verdict(failure, events, *secrets));
  });
}

void PostgresSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  const std::string table = fmt::format("{}.{}", options_.schema, options_.table);
  sender_->look([table, create = options_.create, target = options_.target, secrets = secrets_,
                 done = std::move(done)](postgres::Writer::Look looked) mutable {
    if (const auto* failure = std::get_if<postgres::Failure>(&looked)) {
      return done(
          base::Error{Errc::unavailable,
                      detail_text(fmt::format("{}: {}; {}", target, failure->message, way_out(*failure)), *secrets)});
    }
    const auto& found = std::get<postgres::Found>(looked);
    if (found.table_exists)
      return done(fmt::format("{} is PostgreSQL {}, {} can be written to", target, found.version, table));
    if (!create)
      return done(
          base::Error{Errc::not_found, fmt::format("{} is PostgreSQL {}, but {} is not there; make it as the sink's "
                                                   "page says, or set create: true",
                                                   target, found.version, table)});
    if (found.may_create)
      return done(fmt::format("{} is PostgreSQL {}, {} will be made", target, found.version, table));
    done(base::Error{
        Errc::unauthenticated,
        fmt::format("{} is PostgreSQL {}, but {} is not there and this user may not make it; make it as the "
                    "sink's page says, or grant CREATE",
                    target, found.version, table)});
  });
}

}  // namespace trunkline::sinks
