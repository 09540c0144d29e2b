// What a shadow would have sent.
#include "api/describe.hpp"
#include "api/handlers.hpp"

namespace trunkline::api {
void get_shadow(CallPtr call) {
  const std::string& name = call->captures[0];
  const auto report = call->hub.shadow(name);
  if (!report.ok()) return call->fail(report.error(), "GET /api/v1/consumers says of each whether it is a shadow");
  std::string out;
  json::Writer writer(out);
  write_shadow(writer, name, *report);
  call->answer(std::move(out));
}

}  // namespace trunkline::api
