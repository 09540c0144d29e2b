#include "api/handlers.hpp"
#include "api/object_reader.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

constexpr std::size_t kPathBytesMax = 4'096;  // PATH_MAX of Linux

base::Result<std::string> read_directory(const std::string& body) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value value, parse_body(document, body));
  ObjectReader reader(value, "");
  reader.require("directory");
  std::string directory = reader.text("directory", kPathBytesMax);
  TRUNKLINE_TRY_VOID(reader.finish());
  return directory;
}

}  // namespace

void post_backup(CallPtr call) {
  auto directory = read_directory(call->request.body);
  if (!directory.ok()) return call->fail(directory.error(), "{\"directory\":\"/absolute/path/of/the/hub's/machine\"}");
  Hub& hub = call->hub;
  base::Loop& loop = call->loop;
  hub.backup(std::move(*directory), loop, [call = std::move(call)](base::Result<BackupInfo> made) {
    if (!made.ok()) return call->fail(made.error(), "nothing of a backup that failed is left");
    std::string out;
    json::Writer writer(out);
    writer.begin_object().member("directory", made->directory).member("end", made->end.value);
    writer.member("bytes", made->bytes).end_object();
    call->answer(std::move(out));
  });
}

}  // namespace trunkline::api
