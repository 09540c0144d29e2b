#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::app {

// Names of an organisation's users and queues by id, page after page, from Genesys's Platform API: GET /api/v2/users and
// GET /api/v2/routing/queues, which take the permissions directory:user:view and routing:queue:view.
class GenesysNames {
 public:
  static constexpr std::size_t kPageSize = 100;     // the most that both take
  static constexpr std::size_t kPagesMax = 10'000;  // of one list: a million names, as many as a names file holds
  static constexpr std::size_t kTriesMax = 6;       // of one page; Genesys allows 300 requests a minute
  static constexpr base::Millis kWaitMax{65'000};   // Retry-After is at most the rest of a minute

  struct Found {
    std::vector<std::pair<std::string, std::string>> names;  // id, name
    std::size_t users = 0;
    std::size_t queues = 0;
  };
  using Progress = std::function<void(const Found&)>;  // after each page
  using Callback = base::UniqueFunction<void(base::Result<Found>)>;

  // `sender` adds the access token. `api` is https://api.REGION. Loop and sender outlive the run; all on the loop.
  static void fetch(base::Loop& loop, sinks::HttpSender& sender, std::string api, Progress progress, Callback done);
};

}  // namespace trunkline::app
