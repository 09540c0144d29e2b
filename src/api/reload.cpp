// A new configuration for the running hub.
#include "api/handlers.hpp"
#include "api/object_reader.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

constexpr std::size_t kDropMax = 1'000;  // as many consumers as a configuration may have

base::Result<ReloadRequest> read_request(const std::string& body) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, parse_body(document, body));
  ObjectReader reader(root, "");
  ReloadRequest request;
  request.dry_run = reader.boolean("dry_run");
  for (const json::Value name : reader.array("drop", kDropMax)) {
    if (!name.is(json::Type::string)) {
      reader.complain("'drop' lists names of consumers");
      break;
    }
    request.drop.emplace_back(name.string());
  }
  TRUNKLINE_TRY_VOID(reader.finish());
  return request;
}

void write_texts(json::Writer& writer, std::string_view name, const std::vector<std::string>& texts) {
  writer.key(name).begin_array();
  for (const std::string& text : texts) writer.string(text);
  writer.end_array();
}

std::string report_json(const ReloadReport& report, bool dry_run) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("applied", report.applied).member("dry_run", dry_run);
  writer.key("changes").begin_array();
  for (const ReloadReport::Change& change : report.changes)
    writer.begin_object().member("text", change.text).member("needs_restart", change.needs_restart).end_object();
  writer.end_array();
  write_texts(writer, "problems", report.problems);
  write_texts(writer, "notes", report.notes);
  writer.end_object();
  return out;
}

}  // namespace

void post_reload(CallPtr call) {
  auto request = read_request(call->request.body);
  if (!request.ok()) return call->fail(request.error());
  Hub& hub = call->hub;
  base::Loop& loop = call->loop;
  const bool dry_run = request->dry_run;
  hub.reload(std::move(*request), loop, [call = std::move(call), dry_run](const ReloadReport& report) {
    call->answer(report_json(report, dry_run), report.problems.empty() ? 200 : 409);
  });
}

}  // namespace trunkline::api
