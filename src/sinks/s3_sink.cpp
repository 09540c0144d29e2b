#include "sinks/s3_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/s3_in_doubt.hpp"
#include "sinks/s3_maker.hpp"
#include "sinks/s3_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;
using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

constexpr std::size_t kBatchMessagesMax = 10'000;
constexpr std::size_t kBatchBytesMax = 64 << 20;
constexpr std::size_t kPrefixBytesMax = 512;  // a key has 1,024 at most
constexpr std::string_view kAbsent = "trunkline-check";

bool is_name(std::string_view text, std::string_view marks) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

// Of a key of the characters that S3 calls safe, and '='.
std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (is_name(std::string_view(&c, 1), "-_.~/")) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// curl takes them out of a path, and the signature would be of another one.
bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

// Whether it may be a part of a host's name that a wildcard certificate covers.
bool is_label(std::string_view bucket) {
  return std::ranges::all_of(bucket,
                             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string base_of(const S3Options& o) {
  if (o.url.empty()) {
    const std::string_view domain = o.region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
    if (is_label(o.bucket)) return fmt::format("https://{}.s3.{}.{}", o.bucket, o.region, domain);
    return fmt::format("https://s3.{}.{}/{}", o.region, domain, o.bucket);
  }
  std::string_view url = o.url;
  while (url.ends_with('/')) url.remove_suffix(1);
  return fmt::format("{}/{}", url, o.bucket);
}

std::string_view content_type(S3Compression compression) {
  switch (compression) {
    case S3Compression::gzip:
      return "application/gzip";
    case S3Compression::zstd:
      return "application/zstd";
    case S3Compression::none:
      return "application/x-ndjson";
  }
  return "application/octet-stream";
}

Result<std::string> found_by(const net::ClientResponse& answer, const std::string& base,
                             const std::vector<std::string>& secrets) {
  const S3Error error = parse_s3_error(answer.body);
  const bool is_there = answer.status == 200 && net::find_header(answer.headers, "ETag");
  if (is_there || (answer.status == 404 && error.code == "NoSuchKey"))
    return fmt::format("{}; the bucket is there, and may be read", reachable(base));
  if (answer.status == 403 && error.code == "AccessDenied") {
    return fmt::format(
        "{}; the credentials are known, but may not list, so that whether they may write shows the first "
        "object",
        reachable(base));
  }
  return {Errc::unavailable,
          detail_text(fmt::format("{}, but it answers {} {}: {}; correct the sink's bucket, region and credentials",
                                  reachable(base), answer.status,
                                  error.code.empty() ? "without a code of S3" : error.code, error.message),
                      secrets)};
}

EventVerdict ended() {
  return {Verdict::unavailable, {}, "cancelled", "the sink has ended"};
}
EventVerdict later() {
  return {Verdict::retry, {}, "s3_next_object", "what stood before it in its batch was sent first", true};
}

// What an operator has edited, or wants once more, is no matter of what was sent before.
bool may_be_stored(const engine::LeasedMessage& message) {
  return !message.edited && !message.replay;
}

}  // namespace

struct S3Sink::Core {
  S3Options options;
  std::string base;
  std::vector<std::string> secrets;
  std::unique_ptr<HttpSender> sender;
  base::Loop& loop;
  S3InDoubt in_doubt{};
  std::unique_ptr<S3Maker> maker;

  net::ClientRequest request(std::string_view method, std::string_view key) const {
    net::ClientRequest request;
    request.method = method;
    request.url = fmt::format("{}/{}", base, escaped(key));
    request.connect_timeout = options.connect_timeout;
    request.timeout = options.timeout;
    return request;
  }
  void sign(net::ClientRequest& request, std::string_view body_sha256_hex = {}) const {
    net::sign_for_aws(request, options.credentials, {options.region, "s3"}, loop.clock().wall(), body_sha256_hex);
  }
  EventVerdict verdict(const Result<net::ClientResponse>& answer) const {
    return s3_verdict(answer, loop.clock().wall(), secrets);
  }
};

// A batch on its way: what is in doubt is asked for, then its objects are made, and stored one after the other.
struct S3Sink::Upload {
  delivery::Batch batch;
  std::vector<std::uint64_t> to_ask{};  // sequences of the events that an earlier object may hold
  std::vector<S3Object> objects{};
  std::size_t next = 0;
  bool settles = false;  // some events are delivered already, by an earlier object or by one of these
  BatchVerdict verdict{};
  base::UniqueFunction<void(BatchVerdict)> done;

  std::vector<std::uint64_t> sequences_of(const S3Object& object) const {
    std::vector<std::uint64_t> sequences;
    for (const std::size_t at : object.events) sequences.push_back(batch.messages[at].record->sequence.value);
    return sequences;
  }
};

Result<void> validate(const S3Options& o) {
  if (!o.url.empty()) {
    TRUNKLINE_TRY_VOID(validate_url(o.url));
    if (o.url.find_first_of("?#") != std::string::npos || has_dot_segment(o.url))
      return {Errc::invalid, "url must have no query, no fragment and no '..'"};
  }
  if (o.bucket.size() < 3 || o.bucket.size() > 63 || !is_name(o.bucket, "-._") || o.bucket.starts_with('.') ||
      o.bucket.find("..") != std::string::npos)
    return {Errc::invalid, "bucket must have 3 to 63 letters, digits, '-', '.' or '_'"};
  if (o.region.empty() || !is_name(o.region, "-")) return {Errc::invalid, "region must be one such as eu-west-1"};
  if (o.credentials.access_key_id.empty() || o.credentials.secret_access_key.empty())
    return {Errc::invalid, "access_key_id and secret_access_key go together"};
  const std::string& prefix = o.layout.prefix;
  if (prefix.size() > kPrefixBytesMax || !is_name(prefix, "-_.=/") || prefix.starts_with('/') ||
      prefix.ends_with('/') || prefix.find("//") != std::string::npos || has_dot_segment(prefix))
    return {Errc::invalid,
            "prefix must be a path of letters, digits, '-', '_', '.' and '=', without a slash at its ends"};
  if (!is_name(o.storage_class, "_")) return {Errc::invalid, "storage_class must be a word such as STANDARD_IA"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kBatchBytesMax)
    return {Errc::invalid, "batch bytes must be 1 to 64 MiB"};
  return validate_timeouts(o.connect_timeout, o.timeout);
}

Result<std::unique_ptr<S3Sink>> S3Sink::make(S3Options options, Renderer renderer, std::unique_ptr<HttpSender> sender,
                                             base::Loop& loop) {
  TRUNKLINE_TRY_VOID(validate(options));
  Renderer body = renderer_for(options.layout.body, std::move(renderer));
  std::vector<std::string> secrets = {options.credentials.secret_access_key};
  if (!options.credentials.session_token.empty()) secrets.push_back(options.credentials.session_token);
  std::string base = base_of(options);
  auto maker = std::make_unique<S3Maker>(options.layout, std::move(body), loop);
  auto core = std::make_shared<Core>(Core{.options = std::move(options),
                                          .base = std::move(base),
                                          .secrets = std::move(secrets),
                                          .sender = std::move(sender),
                                          .loop = loop,
                                          .maker = std::move(maker)});
  return std::unique_ptr<S3Sink>(new S3Sink(std::move(core)));
}

S3Sink::~S3Sink() = default;

delivery::SinkLimits S3Sink::limits() const {
  return {core_->options.batch_messages_max, core_->options.batch_bytes_max};
}

void S3Sink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  auto upload = std::make_shared<Upload>(Upload{.batch = std::move(batch), .done = std::move(done)});
  upload->verdict.events.resize(upload->batch.messages.size());
  for (const engine::LeasedMessage& message : upload->batch.messages) {
    if (may_be_stored(message)) upload->to_ask.push_back(message.record->sequence.value);
  }
  ask_next(core_, std::move(upload));
}

void S3Sink::ask_next(const CorePtr& core, UploadPtr upload) {
  const auto key = core->in_doubt.to_ask(upload->to_ask);
  if (!key) return make_objects(core, std::move(upload));
  net::ClientRequest get = core->request("GET", *key);
  get.headers.emplace_back("Range", "bytes=0-0");
  core->sign(get);
  core->sender->send(std::move(get), [weak = std::weak_ptr(core), key = *key,
                                      upload = std::move(upload)](Result<net::ClientResponse> answer) mutable {
    const auto alive = weak.lock();
    if (!alive) return stop(*upload, ended());
    const S3Presence presence = s3_presence(answer);
    if (presence == S3Presence::unknown) {
      EventVerdict verdict = alive->verdict(answer);
      verdict.verdict = Verdict::unavailable;
      return stop(*upload, std::move(verdict));
    }
    alive->in_doubt.answered(key, presence == S3Presence::there);
    ask_next(alive, std::move(upload));
  });
}

void S3Sink::make_objects(const CorePtr& core, UploadPtr upload) {
  std::vector<std::size_t> left;
  for (std::size_t at = 0; at < upload->batch.messages.size(); ++at) {
    const engine::LeasedMessage& message = upload->batch.messages[at];
    if (!may_be_stored(message) || !core->in_doubt.take(message.record->sequence.value)) left.push_back(at);
  }
  upload->settles = left.size() < upload->batch.messages.size();
  if (left.empty()) {
    // Later: send() may be the caller.
    return core->loop.post([upload = std::move(upload)] { upload->done(std::move(upload->verdict)); });
  }
  delivery::Batch batch = std::move(upload->batch);
  core->maker->make(std::move(batch), std::move(left),
                    [weak = std::weak_ptr(core), upload = std::move(upload)](delivery::Batch given,
                                                                             std::vector<S3Object> objects) mutable {
                      upload->batch = std::move(given);
                      upload->objects = std::move(objects);
                      if (const auto alive = weak.lock()) put_next(alive, std::move(upload));
                    });
}

void S3Sink::put_next(const CorePtr& core, UploadPtr upload) {
  if (upload->next == upload->objects.size()) return upload->done(std::move(upload->verdict));
  if (upload->next == kObjectsMax) return stop(*upload, later());
  S3Object& object = upload->objects[upload->next];
  net::ClientRequest put = core->request("PUT", object.key);
  put.body = std::move(object.bytes);
  put.headers.emplace_back("Content-Type", content_type(core->options.layout.compression));
  if (!core->options.storage_class.empty())
    put.headers.emplace_back("x-amz-storage-class", core->options.storage_class);
  core->sign(put, object.sha256_hex);
  core->sender->send(std::move(put), [weak = std::weak_ptr(core), shadow = core->options.shadow,
                                      upload = std::move(upload)](Result<net::ClientResponse> answer) mutable {
    const bool stored = shadow || is_stored(answer);
    if (stored) {
      ++upload->next;
      upload->settles = true;
    }
    const auto alive = weak.lock();
    if (!alive) return stop(*upload, ended());
    if (stored) return put_next(alive, std::move(upload));
    EventVerdict verdict = alive->verdict(answer);
    const S3Object& sent = upload->objects[upload->next];
    if (may_have_stored(answer)) alive->in_doubt.add(sent.key, upload->sequences_of(sent));
    stop(*upload, std::move(verdict));
  });
}

// What is not stored yet gets the verdict.
void S3Sink::stop(Upload& upload, EventVerdict verdict) {
  const bool one_object_of_many = upload.next < upload.objects.size() && upload.objects[upload.next].events.size() > 1;
  if (verdict.verdict == Verdict::rejected && one_object_of_many) {
    if (!upload.settles) return upload.done({.refused = true, .events = {std::move(verdict)}});
    // Halved they would take what is stored with them; in a batch of their own they will not.
    verdict.verdict = Verdict::retry;
    verdict.downstream_is_well = true;
  }
  if (upload.objects.empty()) std::ranges::fill(upload.verdict.events, verdict);
  for (std::size_t i = upload.next; i < upload.objects.size(); ++i) {
    for (const std::size_t at : upload.objects[i].events) upload.verdict.events[at] = verdict;
    if (verdict.verdict == Verdict::rejected) verdict = later();
  }
  upload.done(std::move(upload.verdict));
}

void S3Sink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  const std::string& prefix = core_->options.layout.prefix;
  net::ClientRequest get = core_->request("GET", fmt::format("{}{}{}", prefix, prefix.empty() ? "" : "/", kAbsent));
  core_->sign(get);
  core_->sender->send(std::move(get), [base = core_->base, secrets = core_->secrets,
                                       done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (!answer.ok()) return done(unreachable(base, answer.error()));
    done(found_by(*answer, base, secrets));
  });
}

}  // namespace trunkline::sinks
