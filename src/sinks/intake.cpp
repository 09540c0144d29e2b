#include "sinks/intake.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "net/content_coding.hpp"
#include "sinks/http_verdict.hpp"

namespace trunkline::sinks {
namespace {

using delivery::EventVerdict;
using delivery::Verdict;

EventVerdict too_long(std::string_view error_class, std::size_t bytes, std::size_t bytes_max) {
  return {Verdict::rejected,
          {},
          std::string(error_class),
          fmt::format("it has {} bytes as it would be sent, the target takes {}", bytes, bytes_max)};
}

}  // namespace

IntakeArray make_intake_array(const delivery::Batch& batch, const IntakeBounds& bounds,
                              const std::function<IntakeItem(const engine::LeasedMessage&)>& item) {
  IntakeArray array;
  const bool ordered = !batch.lanes.empty();
  std::set<std::uint32_t> cut;  // lanes that end in this batch; at most one for each of its events
  for (std::size_t i = 0; i < batch.messages.size(); ++i) {
    array.verdict.events.emplace_back();
    if (ordered && cut.contains(batch.lanes[i])) continue;
    const IntakeItem made = item(batch.messages[i]);
    if (made.counted > bounds.item_bytes_max) {
      array.verdict.events.back() = too_long(bounds.too_long, made.counted, bounds.item_bytes_max);
      if (ordered) cut.insert(batch.lanes[i]);
      continue;
    }
    array.body += array.body.empty() ? '[' : ',';
    array.body += made.json;
  }
  if (array.body.empty()) return array;
  array.body += ']';
  if (array.body.size() <= bounds.array_bytes_max) return array;
  array.verdict.refused = batch.messages.size() > 1;
  array.verdict.events.assign(1, too_long(bounds.too_long, array.body.size(), bounds.array_bytes_max));
  array.body.clear();
  return array;
}

delivery::BatchVerdict intake_verdict(const base::Result<net::ClientResponse>& answer, std::size_t events,
                                      base::WallTime now, std::span<const std::string> secrets) {
  delivery::BatchVerdict verdict = http_verdict(answer, events, now, secrets);
  if (!answer.ok()) return verdict;
  const bool success = answer->status >= 200 && answer->status < 300;
  const auto type = net::find_header(answer->headers, "Content-Type");
  const bool page = success && type && type->starts_with("text/html");
  if (!page && answer->status < 500) return verdict;
  EventVerdict each = std::move(verdict.events.front());
  each.verdict = Verdict::unavailable;
  if (page) {
    each.error_class = "no_intake";
    each.detail = "it answers with a page: look at the url and at what stands between";
  }
  verdict.refused = false;
  verdict.events.assign(events, each);
  return verdict;
}

void send_intake_array(IntakePost post, IntakeArray array, const delivery::Batch& batch, HttpSender& sender,
                       base::Loop& loop, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  if (array.body.empty()) {
    loop.post([done = std::move(done), verdict = std::move(array.verdict)]() mutable { done(std::move(verdict)); });
    return;
  }
  net::ClientRequest request = std::move(post.request);
  request.body = post.gzip ? net::gzip_bytes(array.body) : std::move(array.body);
  if (post.gzip) request.headers.emplace_back("Content-Encoding", "gzip");
  request.headers.emplace_back("trunkline-attempt", std::to_string(batch.attempt));
  sender.send(std::move(request), [taken = std::move(array.verdict), events = batch.messages.size(),
                                   clock = &loop.clock(), secrets = std::move(post.secrets),
                                   done = std::move(done)](base::Result<net::ClientResponse> answer) mutable {
    auto verdict = intake_verdict(answer, events, clock->wall(), secrets);
    const bool all = verdict.events.front().verdict == Verdict::delivered;
    done(all ? std::move(taken) : std::move(verdict));
  });
}

}  // namespace trunkline::sinks
