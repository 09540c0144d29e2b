#include "wfm/rows_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <initializer_list>
#include <utility>

#include "base/text.hpp"
#include "json/writer.hpp"
#include "wfm/csv.hpp"

namespace trunkline::wfm {
namespace {

std::string time_text(Time at) {
  return base::format_time(base::WallTime(base::Millis(at)));
}

std::string seconds_text(Time milliseconds) {
  return fmt::format("{}.{:03}", milliseconds / 1'000, milliseconds % 1'000);
}

using Field = std::pair<std::string_view, std::string_view>;  // name, text

// `raw` is the name of the member that is a number.
void append_row(std::string& out, RowFormat format, std::initializer_list<Field> fields, std::string_view raw = {}) {
  if (format == RowFormat::csv) {
    bool first = true;
    for (const auto& [name, text] : fields) {
      if (!first) out += ',';
      first = false;
      append_csv(out, text);
    }
    out += '\n';
    return;
  }
  json::Writer writer(out);
  writer.begin_object();
  for (const auto& [name, text] : fields) {
    writer.key(name);
    if (text.empty()) {
      writer.null();
    } else if (name == raw) {
      writer.raw(text);
    } else {
      writer.string(text);
    }
  }
  writer.end_object();
  out += '\n';
}

std::string head(RowFormat format, std::string_view columns) {
  return format == RowFormat::csv ? std::string(columns) + "\n" : std::string();
}

}  // namespace

std::string_view suffix(RowFormat format) {
  return format == RowFormat::csv ? "csv" : "jsonl";
}

std::string changes_text(const IntervalRows& rows, RowFormat format) {
  std::string out = head(format, "at,agent,code,previous,presence,routing,reason");
  for (const ChangeRow& row : rows.changes) {
    append_row(out, format,
               {{"at", time_text(row.at)},
                {"agent", row.agent},
                {"code", row.code},
                {"previous", row.previous},
                {"presence", row.presence},
                {"routing", row.routing},
                {"reason", row.reason}});
  }
  return out;
}

std::string times_text(const IntervalRows& rows, RowFormat format) {
  std::string out = head(format, "begin,end,agent,code,seconds");
  const std::string begin = time_text(rows.begin);
  const std::string end = time_text(rows.end);
  for (const TimeRow& row : rows.times) {
    append_row(out, format,
               {{"begin", begin},
                {"end", end},
                {"agent", row.agent},
                {"code", row.code},
                {"seconds", seconds_text(row.milliseconds)}},
               "seconds");
  }
  return out;
}

std::string late_text(const IntervalRows& rows, RowFormat format) {
  std::string out = head(format, "at,interval,agent,code,presence,routing,reason");
  for (const LateRow& row : rows.late) {
    append_row(out, format,
               {{"at", time_text(row.at)},
                {"interval", time_text(row.interval)},
                {"agent", row.agent},
                {"code", row.code},
                {"presence", row.presence},
                {"routing", row.routing},
                {"reason", row.reason}});
  }
  return out;
}

std::string stamp(Time at) {
  const auto seconds = static_cast<std::time_t>(at / 1'000 - (at % 1'000 < 0 ? 1 : 0));
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(seconds));
}

}  // namespace trunkline::wfm
