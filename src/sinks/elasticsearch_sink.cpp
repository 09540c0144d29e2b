#include "sinks/elasticsearch_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/crypto.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "net/content_coding.hpp"
#include "sinks/bulk_verdict.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;

constexpr std::size_t kBatchMessagesMax = 5'000;
constexpr std::size_t kBatchBytesMax = 64 << 20;
constexpr std::size_t kCredentialBytesMax = 4'096;
// Of an answer: 64 KiB and, for each event, more than an error with its cause takes.
constexpr std::size_t kAnswerBytes = 64 << 10;
constexpr std::size_t kAnswerBytesPerEvent = 4 << 10;

std::string base_of(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.ends_with("/_bulk")) url.remove_suffix(6);
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

bool is_credential(std::string_view text) {
  return text.size() <= kCredentialBytesMax && std::ranges::all_of(text, [](char c) { return c >= ' ' && c != 0x7F; });
}

std::vector<std::string> secrets_of(const ElasticsearchOptions& o) {
  std::vector<std::string> secrets;
  if (!o.password.empty()) {
    secrets.push_back(base::base64_encode(o.user + ":" + o.password));
    secrets.push_back(o.password);
  }
  if (!o.api_key.empty()) secrets.push_back(o.api_key);
  if (o.aws) {
    secrets.push_back(o.aws->credentials.secret_access_key);
    if (!o.aws->credentials.session_token.empty()) secrets.push_back(o.aws->credentials.session_token);
  }
  return secrets;
}

Result<void> validate_credentials(const ElasticsearchOptions& o) {
  const int kinds = (o.user.empty() ? 0 : 1) + (o.api_key.empty() ? 0 : 1) + (o.aws ? 1 : 0);
  if (kinds > 1) return {Errc::invalid, "take one of user, api_key and aws"};
  if (o.user.empty() != o.password.empty()) return {Errc::invalid, "user and password go together"};
  if (o.user.find(':') != std::string::npos) return {Errc::invalid, "user must not hold a colon (RFC 7617)"};
  for (const std::string& each : {o.user, o.password, o.api_key}) {
    if (!is_credential(each)) return {Errc::invalid, "credentials must be one line of at most 4 KiB"};
  }
  if (o.api_key.find(' ') != std::string::npos)
    return {Errc::invalid, "api_key is the encoded one, without ApiKey in front"};
  if (!o.aws) return {};
  const auto& [credentials, scope] = *o.aws;
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty() || scope.region.empty())
    return {Errc::invalid, "aws needs region, access_key_id and secret_access_key"};
  if (scope.service != "es" && scope.service != "aoss") return {Errc::invalid, "aws.service must be es or aoss"};
  return {};
}

bool is_denied(int status) {
  return status == 401 || status == 403;
}

// "Elasticsearch 8.15.0, cluster prod"; of whoever may not or does not tell, nothing.
std::string who_it_is(const net::ClientResponse& answer) {
  json::Document document;
  const auto root = document.parse(answer.body, 16);
  if (answer.status != 200 || !root.ok() || !root->is(json::Type::object)) return {};
  const auto version = root->find("version");
  if (!version) return {};
  const bool opensearch = version->string_at("distribution") == "opensearch";
  return fmt::format("{} {}, cluster {}", opensearch ? "OpenSearch" : "Elasticsearch", version->string_at("number"),
                     root->string_at("cluster_name"));
}

std::string said_by(const net::ClientResponse& answer) {
  const BulkItem error = parse_bulk_error(answer.body);
  if (error.type.empty()) return error.reason;
  return error.reason.empty() ? error.type : fmt::format("{}: {}", error.type, error.reason);
}

// What whoever may write is answered to a _bulk without a line.
Result<std::string> may_write(const net::ClientResponse& answer, const std::string& url, const std::string& who) {
  const std::string said = said_by(answer);
  if (is_denied(answer.status)) {
    return {Errc::unauthenticated,
            fmt::format("{}, but it answers {} to a _bulk: {}; correct the sink's user, api_key or aws credentials, or "
                        "let them create documents",
                        reachable(url), answer.status, said)};
  }
  if (answer.status == 400 && !said.empty())
    return fmt::format("{}; {}, credentials accepted", reachable(url),
                       who.empty() ? "it does not say what it is" : who);
  return {Errc::unavailable,
          fmt::format("{}, but it is no Elasticsearch or OpenSearch: it answers {} to an empty _bulk; "
                      "correct the url",
                      reachable(url), answer.status)};
}

base::Error without(const std::vector<std::string>& secrets, const base::Error& error) {
  return {error.code, detail_text(error.detail, secrets)};
}

}  // namespace

Result<void> validate(const ElasticsearchOptions& o) {
  TRUNKLINE_TRY_VOID(validate_url(o.url));
  if (o.url.find_first_of("?#") != std::string::npos) return {Errc::invalid, "url must have no query and no fragment"};
  if (const auto index = IndexName::parse(o.index); !index.ok()) return index.error();
  const auto plain = [](char c) {
    return c > ' ' && c < 0x7F && std::string_view("/?#&%+=\"").find(c) == std::string_view::npos;
  };
  if (o.pipeline.size() > 200 || !std::ranges::all_of(o.pipeline, plain))
    return {Errc::invalid, "pipeline must be the name of an ingest pipeline"};
  TRUNKLINE_TRY_VOID(validate_credentials(o));
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kBatchBytesMax)
    return {Errc::invalid, "batch bytes must be 1 to 64 MiB"};
  return validate_timeouts(o.connect_timeout, o.timeout);
}

Result<std::unique_ptr<ElasticsearchSink>> ElasticsearchSink::make(ElasticsearchOptions options, Renderer renderer,
                                                                   std::unique_ptr<HttpSender> sender,
                                                                   const base::Clock& clock) {
  TRUNKLINE_TRY_VOID(validate(options));
  TRUNKLINE_TRY(IndexName index, IndexName::parse(options.index));
  return std::unique_ptr<ElasticsearchSink>(
      new ElasticsearchSink(std::move(options), std::move(index), std::move(renderer), std::move(sender), clock));
}

ElasticsearchSink::ElasticsearchSink(ElasticsearchOptions options, IndexName index, Renderer renderer,
                                     std::unique_ptr<HttpSender> sender, const base::Clock& clock)
    : options_(std::move(options)),
      base_url_(base_of(options_.url)),
      index_(std::move(index)),
      maker_(options_.fields, std::move(renderer), options_.order),
      sender_(std::move(sender)),
      clock_(clock),
      secrets_(std::make_shared<const std::vector<std::string>>(secrets_of(options_))) {}

delivery::SinkLimits ElasticsearchSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

net::ClientRequest ElasticsearchSink::request(std::string_view method, std::string_view target) const {
  net::ClientRequest request;
  request.method = method;
  request.url = base_url_ + std::string(target);
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  if (method == "POST") request.headers.emplace_back("Content-Type", "application/x-ndjson");
  return request;
}

void ElasticsearchSink::authorize(net::ClientRequest& request) const {
  if (!options_.user.empty()) {
    request.headers.emplace_back("Authorization",
                                 "Basic " + base::base64_encode(options_.user + ":" + options_.password));
  } else if (!options_.api_key.empty()) {
    request.headers.emplace_back("Authorization", "ApiKey " + options_.api_key);
  } else if (options_.aws) {
    net::sign_for_aws(request, options_.aws->credentials, options_.aws->scope, clock_.wall());
  }
}

void ElasticsearchSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  std::string target = "/_bulk?filter_path=errors,items.*.status,items.*.error";
  if (!options_.pipeline.empty()) target += "&pipeline=" + options_.pipeline;
  net::ClientRequest post = request("POST", target);
  for (const engine::LeasedMessage& message : batch.messages) {
    const base::WallTime timestamp = happened_at(*message.record);
    json::Writer writer(post.body);
    writer.begin_object().key("create").begin_object();
    writer.member("_index", index_.of(message.record->event, timestamp));
    if (options_.document_ids) writer.member("_id", document_id(*message.record));
    writer.end_object().end_object();
    post.body += '\n';
    post.body += maker_.make(message, batch, timestamp);
    post.body += '\n';
  }
  if (options_.gzip) {
    post.body = net::gzip_bytes(post.body);
    post.headers.emplace_back("Content-Encoding", "gzip");
  }
  post.headers.emplace_back("trunkline-attempt", std::to_string(batch.attempt));
  post.response_bytes_max = kAnswerBytes + batch.messages.size() * kAnswerBytesPerEvent;
  authorize(post);
  const std::size_t answer_bytes_max = post.response_bytes_max;
  // Nothing of this object: the answer may come after it has gone.
  sender_->send(std::move(post), [events = batch.messages.size(), answer_bytes_max, clock = &clock_, secrets = secrets_,
                                  done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    done(bulk_verdict(answer, events, answer_bytes_max, clock->wall(), *secrets));
  });
}

void ElasticsearchSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  net::ClientRequest root = request("GET", "/");
  authorize(root);
  net::ClientRequest empty = request("POST", "/_bulk");
  authorize(empty);
  // The sender may have gone with the sink before the first answer: then there is no second question.
  sender_->send(std::move(root),
                [sender = std::weak_ptr(sender_), empty = std::move(empty), url = base_url_, secrets = secrets_,
                 done = std::move(done)](Result<net::ClientResponse> answer) mutable {
                  if (!answer.ok()) return done(without(*secrets, unreachable(url, answer.error())));
                  const auto alive = sender.lock();
                  if (!alive) return done(base::Error{Errc::cancelled, "the sink has ended"});
                  alive->send(std::move(empty), [who = who_it_is(*answer), url, secrets,
                                                 done = std::move(done)](Result<net::ClientResponse> second) mutable {
                    if (!second.ok()) return done(without(*secrets, unreachable(url, second.error())));
                    Result<std::string> found = may_write(*second, url, who);
                    if (found.ok()) return done(std::move(found));
                    done(without(*secrets, found.error()));
                  });
                });
}

}  // namespace trunkline::sinks
