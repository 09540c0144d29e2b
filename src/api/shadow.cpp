// What a shadow would have sent.
#include "api/describe.hpp"
#include "api/handlers.hpp"
#include "api/view.hpp"
#include "mapping/hidden.hpp"

namespace trunkline::api {

// Requests were made by what the consumer gets. Where operators may see less than it does, their bodies are not shown:
// one body may be of many events, in a form that no mapping knows.
void get_shadow(CallPtr call) {
  const std::string name = call->captures[0];
  auto report = call->hub.shadow(name);
  if (!report.ok()) return call->fail(report.error(), "GET /api/v1/consumers says of each whether it is a shadow");
  const auto consumer = call->hub.consumer(name);
  const bool all = consumer && consumer->mapping && consumer->mapping->protects();
  auto mapping = all ? nullptr : call->hub.views();
  with_view(std::move(call), std::move(mapping),
            [name, report = std::move(*report)](CallPtr asking, View view) mutable {
              for (ShadowRequest& request : report.newest) {
                if (!view.raw()) request.body = mapping::kWithheld;
              }
              std::string out;
              json::Writer writer(out);
              write_shadow(writer, name, report);
              asking->answer(std::move(out));
            });
}

}  // namespace trunkline::api
