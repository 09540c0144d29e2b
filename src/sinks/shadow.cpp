#include "sinks/shadow.hpp"

#include <algorithm>
#include <utility>

namespace trunkline::sinks {

void ShadowLog::add(ShadowRequest request) {
  const std::scoped_lock lock(mutex_);
  request.number = ++counts_.requests;
  counts_.bytes += request.bytes;
  kept_.push_back(std::move(request));
  if (kept_.size() > kKept) kept_.pop_front();
}

ShadowLog::Counts ShadowLog::counts() const {
  const std::scoped_lock lock(mutex_);
  Counts counts = counts_;
  counts.since = since_;
  return counts;
}

std::vector<ShadowRequest> ShadowLog::newest() const {
  const std::scoped_lock lock(mutex_);
  return {kept_.rbegin(), kept_.rend()};
}

ShadowSender::ShadowSender(base::Loop& loop, std::shared_ptr<ShadowLog> log, std::vector<std::string> masked,
                           std::string answer)
    : loop_(loop), log_(std::move(log)), masked_(std::move(masked)), answer_(std::move(answer)) {}

void ShadowSender::send(net::ClientRequest request, net::ClientCallback done) {
  ShadowRequest shown;
  shown.at = loop_.clock().wall();
  shown.method = std::move(request.method);
  shown.url = std::move(request.url);
  shown.headers = std::move(request.headers);
  for (auto& [name, value] : shown.headers) {
    const bool masked = std::ranges::any_of(
        masked_, [&header = name](const std::string& each) { return net::equal_ignoring_case(header, each); });
    if (masked) value = "***";
  }
  shown.bytes = request.body.size();
  std::size_t end = std::min(request.body.size(), ShadowLog::kBodyBytesMax);
  // Not inside of a character of UTF-8.
  while (end > 0 && end < request.body.size() && (static_cast<unsigned char>(request.body[end]) & 0xC0) == 0x80) --end;
  shown.body = request.body.substr(0, end);
  log_->add(std::move(shown));
  loop_.post([done = std::move(done), body = answer_]() mutable {
    net::ClientResponse response;
    response.status = 200;
    response.body = std::move(body);
    done(std::move(response));
  });
}

}  // namespace trunkline::sinks
