#include "app/genesys_names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "json/document.hpp"
#include "sinks/retry_after.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Error;
using base::Result;

struct List {
  const char* path;
  const char* permission;
  std::size_t GenesysNames::Found::* count;
};
constexpr List kLists[] = {{"/api/v2/users", "directory:user:view", &GenesysNames::Found::users},
                           {"/api/v2/routing/queues", "routing:queue:view", &GenesysNames::Found::queues}};
constexpr std::size_t kAnswerBytesMax = 8 << 20;  // a user of many groups and skills has some 10 KB

// Whether there are more pages.
Result<bool> read_page(const std::string& body, std::size_t page, std::size_t& count,
                       std::vector<std::pair<std::string, std::string>>& names) {
  json::Document document;
  const auto root = document.parse(body);
  const auto list = root.ok() ? root->find("entities") : std::nullopt;
  if (!list || !list->is(json::Type::array)) return Error{Errc::unavailable, "an answer without a list of entities"};
  std::size_t found = 0;
  for (auto item = list->first(); item; item = item->next(), ++found) {
    const std::string_view id = item->string_at("id");
    const std::string_view name = item->string_at("name");
    if (id.empty() || name.empty()) continue;  // a deleted one may have no name any more
    names.emplace_back(id, name);
    ++count;
  }
  const auto pages = root->find("pageCount");
  const auto number = pages ? pages->integer() : std::nullopt;
  return found > 0 && (number ? static_cast<std::int64_t>(page) < *number : found == GenesysNames::kPageSize);
}

std::optional<base::Millis> pause_of(const net::ClientResponse& response) {
  const auto field = net::find_header(response.headers, "retry-after");
  return field ? sinks::parse_retry_after(*field, base::SystemClock().wall()) : std::nullopt;
}

// One run; kept alive by what it waits for.
struct Run : std::enable_shared_from_this<Run> {
  Run(base::Loop& on, sinks::HttpSender& by, std::string at, GenesysNames::Progress tell, GenesysNames::Callback end)
      : loop(on), sender(by), api(std::move(at)), progress(std::move(tell)), done(std::move(end)) {}

  void ask() {
    net::ClientRequest request;
    request.method = "GET";
    request.url = fmt::format("{}{}?pageSize={}&pageNumber={}", api, kLists[list].path, GenesysNames::kPageSize, page);
    request.headers = {{"Accept", "application/json"}};
    request.response_bytes_max = kAnswerBytesMax;
    sender.send(std::move(request),
                [self = shared_from_this()](Result<net::ClientResponse> answer) { self->answered(std::move(answer)); });
  }

  void answered(Result<net::ClientResponse> answer) {
    if (!answer.ok() && answer.error().code != Errc::unavailable && answer.error().code != Errc::timeout)
      return done(answer.error());
    if (!answer.ok()) return again(answer.error(), std::nullopt);
    const int status = answer->status;
    if (status == 429 || status >= 500)
      return again({Errc::unavailable, fmt::format("{} is answered {}", kLists[list].path, status)}, pause_of(*answer));
    if (status == 401 || status == 403)
      return done(
          Error{Errc::unauthenticated, fmt::format("{} is answered {}: the OAuth client needs the permission {}",
                                                   kLists[list].path, status, kLists[list].permission)});
    if (status != 200)
      return done(
          Error{Errc::invalid, fmt::format("{} is answered {}: is the region right?", kLists[list].path, status)});
    const auto more = read_page(answer->body, page, found.*kLists[list].count, found.names);
    if (!more.ok()) return done(more.error());
    progress(found);
    tries = 0;
    next(*more && page < GenesysNames::kPagesMax);
  }

  void next(bool more) {
    ++page;
    if (!more) {
      ++list;
      page = 1;
    }
    if (list == std::size(kLists)) return done(std::move(found));
    ask();
  }

  void again(const Error& error, std::optional<base::Millis> after) {
    if (++tries == GenesysNames::kTriesMax) return done(error);
    const base::Millis pause = after.value_or(base::Millis(500) * (1 << tries));
    loop.after(std::min(pause, GenesysNames::kWaitMax), [self = shared_from_this()] { self->ask(); });
  }

  base::Loop& loop;
  sinks::HttpSender& sender;
  const std::string api;
  const GenesysNames::Progress progress;
  GenesysNames::Callback done;
  GenesysNames::Found found;
  std::size_t list = 0;
  std::size_t page = 1;
  std::size_t tries = 0;  // of this page
};

}  // namespace

void GenesysNames::fetch(base::Loop& loop, sinks::HttpSender& sender, std::string api, Progress progress,
                         Callback done) {
  std::make_shared<Run>(loop, sender, std::move(api), std::move(progress), std::move(done))->ask();
}

}  // namespace trunkline::app
