#include "aws/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/http_date.hpp"
#include "base/text.hpp"

namespace trunkline::aws {
namespace {

using base::Errc;
using base::Millis;
using base::Result;

// A signature holds for five minutes; the SDKs act from four on.
constexpr Millis kSkewMin = std::chrono::minutes(4);
// What a server may ask for by x-amz-retry-after, beyond the delay of its own.
constexpr Millis kAskedMax = std::chrono::seconds(20);

// One call through its tries.
struct Call {
  std::string method = "POST";
  std::string path{};  // without its first '/'
  net::Headers headers{};
  std::string body{};
  Millis timeout{};
  ReplyCallback done;
  std::uint32_t tries = 0;
  std::uint32_t cost = 0;       // what its last retry took from the quota
  bool renewed = false;         // other credentials were asked for once
  bool skewed = false;          // the clock was corrected once
  std::string access_key_id{};  // of this try
};
using CallPtr = std::shared_ptr<Call>;

}  // namespace

struct Client::Impl : std::enable_shared_from_this<Impl> {
  Impl(ClientOptions given, Transport& over, CredentialChain& chain, base::Loop& its_loop, Fraction jitter)
      : options(std::move(given)),
        transport(over),
        credentials(chain),
        loop(its_loop),
        fraction(std::move(jitter)),
        url(options.endpoint.ends_with('/') ? options.endpoint : options.endpoint + "/") {}

  void attempt(const CallPtr& call);
  void send(const CallPtr& call, const Credentials& with);
  void answered(const CallPtr& call, Result<net::ClientResponse> answer);
  void failed(const CallPtr& call, Failure failure, const net::Headers& headers);
  bool correct_clock(const Failure& failure, const net::Headers& headers);
  bool again(const CallPtr& call, const Failure& failure, const net::Headers& headers);
  void finish(const CallPtr& call, Reply reply);

  const ClientOptions options;
  Transport& transport;
  CredentialChain& credentials;
  base::Loop& loop;
  const Fraction fraction;
  const std::string url;
  RetryQuota quota;
  Millis offset{0};
};

void Client::Impl::attempt(const CallPtr& call) {
  ++call->tries;
  credentials.get([weak = weak_from_this(), call](Result<Credentials> found) {
    const auto self = weak.lock();
    if (!self) return;
    if (found.ok()) return self->send(call, *found);
    self->finish(call, {Failure{found.error().code, {}, found.error().detail}});
  });
}

void Client::Impl::send(const CallPtr& call, const Credentials& with) {
  net::ClientRequest request;
  request.method = call->method;
  request.url = url + call->path;
  request.headers = call->headers;
  request.body = call->body;
  request.timeout = call->timeout;
  request.connect_timeout = std::min(options.connect_timeout, call->timeout);
  request.response_bytes_max = options.response_bytes_max;
  call->access_key_id = with.keys.access_key_id;
  net::sign_for_aws(request, with.keys, {options.region, options.service}, loop.clock().wall() + offset);
  transport.send(std::move(request), [weak = weak_from_this(), call](Result<net::ClientResponse> answer) {
    if (const auto self = weak.lock()) self->answered(call, std::move(answer));
  });
}

void Client::Impl::answered(const CallPtr& call, Result<net::ClientResponse> answer) {
  if (!answer.ok()) return failed(call, Failure{answer.error().code, {}, answer.error().detail}, {});
  if (answer->status < 200 || answer->status >= 300) return failed(call, failure_of(*answer), answer->headers);
  // What came is cut there.
  if (answer->body.size() >= options.response_bytes_max)
    return finish(call, {Failure{Errc::too_large, {}, "the answer is larger than any should be", {}, answer->status}});
  quota.give(call->cost > 0 ? call->cost : RetryQuota::kNoRetryGain);
  finish(call, {std::nullopt, std::move(answer->body), request_id_of(answer->headers)});
}

// Whether the clock was wrong, and is not any more.
bool Client::Impl::correct_clock(const Failure& failure, const net::Headers& headers) {
  if (!may_be_clock_skew(failure.code)) return false;
  const auto date = net::find_header(headers, "Date");
  const base::WallTime now = loop.clock().wall();
  const auto there = date ? base::parse_http_date(*date, now) : std::nullopt;
  if (!there) return false;
  const Millis wrong = *there - (now + offset);
  if (wrong < kSkewMin && wrong > -kSkewMin) return false;
  offset = *there - now;
  return true;
}

// Whether the call may be made again; then the quota has paid for it.
bool Client::Impl::again(const CallPtr& call, const Failure& failure, const net::Headers& headers) {
  if (call->tries >= options.tries_max) return false;
  const bool unheard = failure.status == 0;
  bool worth = unheard
                   ? failure.errc == Errc::timeout || failure.errc == Errc::unavailable
                   : is_throttling(failure.code) || failure.status == 429 || is_transient(failure.code, failure.status);
  if (!worth && !call->skewed && correct_clock(failure, headers)) worth = call->skewed = true;
  if (!worth && !call->renewed && is_credential_fault(failure.code)) {
    worth = call->renewed = true;
    credentials.refused(call->access_key_id);
  }
  if (!worth) return false;
  call->cost = failure.errc == Errc::timeout ? RetryQuota::kTimeoutCost : RetryQuota::kRetryCost;
  return quota.take(call->cost);
}

void Client::Impl::failed(const CallPtr& call, Failure failure, const net::Headers& headers) {
  if (!again(call, failure, headers)) return finish(call, {std::move(failure)});
  Millis delay = retry_delay(call->tries, fraction());
  if (const auto asked = net::find_header(headers, "x-amz-retry-after")) {
    std::int64_t millis = 0;
    const auto read = std::from_chars(asked->data(), asked->data() + asked->size(), millis);
    if (read.ec == std::errc() && millis > 0) delay = std::max(delay, std::min(Millis(millis), kAskedMax));
  }
  loop.after(delay, [weak = weak_from_this(), call] {
    if (const auto self = weak.lock()) self->attempt(call);
  });
}

void Client::Impl::finish(const CallPtr& call, Reply reply) {
  std::exchange(call->done, {})(std::move(reply));
}

Client::Client(ClientOptions options, Transport& transport, CredentialChain& credentials, base::Loop& loop,
               Fraction fraction)
    : impl_(std::make_shared<Impl>(std::move(options), transport, credentials, loop, std::move(fraction))) {}
Client::~Client() = default;

namespace {

CallPtr make_call(std::string body, base::Millis timeout, ReplyCallback done) {
  auto call = std::make_shared<Call>();
  call->body = std::move(body);
  call->timeout = timeout;
  call->done = std::move(done);
  return call;
}

}  // namespace

void Client::call(std::string_view operation, std::string body, base::Millis timeout, ReplyCallback done) {
  const CallPtr call = make_call(std::move(body), timeout, std::move(done));
  call->headers = {{"Content-Type", "application/x-amz-json-" + impl_->options.version},
                   {"X-Amz-Target", fmt::format("{}.{}", impl_->options.target, operation)}};
  impl_->attempt(call);
}

void Client::query(std::string_view action, const std::vector<std::pair<std::string, std::string>>& parameters,
                   base::Millis timeout, ReplyCallback done) {
  std::string form = fmt::format("Action={}&Version={}", action, impl_->options.version);
  for (const auto& [name, value] : parameters)
    form += fmt::format("&{}={}", base::percent_encode(name), base::percent_encode(value));
  const CallPtr call = make_call(std::move(form), timeout, std::move(done));
  call->headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  impl_->attempt(call);
}

void Client::get(std::string path, base::Millis timeout, ReplyCallback done) {
  const CallPtr call = make_call({}, timeout, std::move(done));
  call->method = "GET";
  call->path = std::move(path);
  call->path.erase(0, call->path.find_first_not_of('/'));
  impl_->attempt(call);
}

void Client::put(std::string path, std::string body, base::Millis timeout, ReplyCallback done,
                 std::string_view content_type) {
  const CallPtr call = make_call(std::move(body), timeout, std::move(done));
  call->method = "PUT";
  call->path = std::move(path);
  call->path.erase(0, call->path.find_first_not_of('/'));
  call->headers = {{"Content-Type", std::string(content_type)}};
  impl_->attempt(call);
}

const ClientOptions& Client::options() const {
  return impl_->options;
}
base::Millis Client::clock_offset() const {
  return impl_->offset;
}

}  // namespace trunkline::aws
