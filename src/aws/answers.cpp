#include "aws/answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>

#include "aws/retry.hpp"
#include "base/text.hpp"
#include "json/document.hpp"

namespace trunkline::aws {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr std::size_t kMessageMax = 1024;

Error broken(std::string_view what) {
  return {Errc::unavailable, fmt::format("the answer {}", what)};
}

Result<Credentials> checked(Credentials credentials, std::string_view expiration) {
  if (credentials.keys.access_key_id.empty()) return broken("has no access key id");
  if (credentials.keys.secret_access_key.empty()) return broken("has no secret access key");
  // They are put into headers.
  for (const std::string* text : {&credentials.keys.access_key_id, &credentials.keys.session_token}) {
    const auto visible = [](char c) { return c > ' ' && c < 0x7F; };
    if (!std::ranges::all_of(*text, visible))
      return broken("has a key or a token with other characters than they have");
  }
  if (!expiration.empty()) {
    credentials.expires = base::parse_time(expiration);
    if (!credentials.expires) return broken("has an expiration that is no time");
  }
  return credentials;
}

// An answer of the Query protocol. Of what is no XML nothing is read.
class XmlAnswer {
 public:
  explicit XmlAnswer(std::string_view body) {
    if (!document_.load_buffer(body.data(), body.size())) document_.reset();
  }
  // The first element of that name; may be none.
  pugi::xml_node element(std::string_view name) const {
    return document_.find_node([name](const pugi::xml_node& node) { return name == node.name(); });
  }
  std::string text(std::string_view name) const { return element(name).text().get(); }

 private:
  pugi::xml_document document_;
};

// "com.amazonaws.sqs#QueueDoesNotExist", "InvalidKey:http://internal.amazon.com/…": the name alone.
std::string bare_code(std::string_view code) {
  code = code.substr(0, code.find(':'));
  const std::size_t hash = code.rfind('#');
  return std::string(hash == std::string_view::npos ? code : code.substr(hash + 1));
}

Errc errc_of(const Failure& failure) {
  if (is_throttling(failure.code) || failure.status == 429) return Errc::overloaded;
  if (failure.status == 401 || failure.status == 403 || is_credential_fault(failure.code)) return Errc::unauthenticated;
  if (failure.status == 404 || failure.code == "QueueDoesNotExist") return Errc::not_found;
  return failure.status >= 500 ? Errc::unavailable : Errc::invalid;
}

}  // namespace

std::optional<std::string> xml_text(std::string_view xml, std::string_view name) {
  const XmlAnswer answer(xml);
  const pugi::xml_node found = answer.element(name);
  return found ? std::optional<std::string>(found.text().get()) : std::nullopt;
}

Result<Credentials> parse_endpoint_credentials(std::string_view body) {
  json::Document document;
  const auto parsed = document.parse(body);
  if (!parsed.ok() || !parsed->is(json::Type::object)) return broken("is no JSON object");
  // Instance metadata answers 200 with another code where the role has none.
  const std::string_view code = parsed->string_at("Code");
  if (!code.empty() && code != "Success") return broken(fmt::format("says {}", code.substr(0, 64)));
  Credentials credentials;
  credentials.keys.access_key_id = parsed->string_at("AccessKeyId");
  credentials.keys.secret_access_key = parsed->string_at("SecretAccessKey");
  credentials.keys.session_token = parsed->string_at("Token");
  return checked(std::move(credentials), parsed->string_at("Expiration"));
}

Result<Credentials> parse_sts_credentials(std::string_view body) {
  const XmlAnswer answer(body);
  Credentials credentials;
  credentials.keys.access_key_id = answer.text("AccessKeyId");
  credentials.keys.secret_access_key = answer.text("SecretAccessKey");
  credentials.keys.session_token = answer.text("SessionToken");
  return checked(std::move(credentials), answer.text("Expiration"));
}

Result<Credentials> parse_sso_credentials(std::string_view body) {
  json::Document document;
  const auto parsed = document.parse(body);
  const auto role = parsed.ok() ? parsed->find("roleCredentials") : std::nullopt;
  if (!role) return broken("has no roleCredentials");
  Credentials credentials;
  credentials.keys.access_key_id = role->string_at("accessKeyId");
  credentials.keys.secret_access_key = role->string_at("secretAccessKey");
  credentials.keys.session_token = role->string_at("sessionToken");
  const auto expiration = role->find("expiration");
  const auto millis = expiration ? expiration->integer() : std::nullopt;
  // Up to the year 9999: what is beyond is no time that can be written.
  if (millis && (*millis < 0 || *millis > 253'402'300'799'000)) return broken("has an expiration that is no time");
  if (millis) credentials.expires = base::WallTime(base::Millis(*millis));
  return checked(std::move(credentials), {});
}

Result<SsoToken> parse_sso_token(std::string_view text) {
  json::Document document;
  const auto parsed = document.parse(text);
  if (!parsed.ok()) return {Errc::invalid, "no JSON"};
  SsoToken token;
  token.access_token = parsed->string_at("accessToken");
  std::string_view expires = parsed->string_at("expiresAt");
  // The CLI's first version wrote "2020-06-10T18:18:58UTC".
  const bool utc = expires.ends_with("UTC");
  if (utc) expires.remove_suffix(3);
  const auto at = base::parse_time(utc ? fmt::format("{}Z", expires) : std::string(expires));
  if (token.access_token.empty() || !at) return {Errc::invalid, "no accessToken with an expiresAt"};
  if (token.access_token.find_first_of("\r\n") != std::string::npos) return {Errc::invalid, "no token"};
  token.expires = *at;
  return token;
}

std::string request_id_of(const net::Headers& headers) {
  for (const std::string_view name : {"x-amzn-RequestId", "x-amz-request-id"}) {
    if (const auto id = net::find_header(headers, name)) return std::string(id->substr(0, 128));
  }
  return {};
}

Failure failure_of(const net::ClientResponse& response) {
  Failure failure;
  failure.status = response.status;
  failure.request_id = request_id_of(response.headers);
  if (const auto type = net::find_header(response.headers, "x-amzn-errortype")) failure.code = bare_code(*type);
  json::Document document;
  if (const auto parsed = document.parse(response.body); parsed.ok()) {
    for (const std::string_view member : {"__type", "code", "Code"}) {
      if (failure.code.empty()) failure.code = bare_code(parsed->string_at(member));
    }
    for (const std::string_view member : {"message", "Message", "errorMessage"}) {
      if (failure.message.empty()) failure.message = parsed->string_at(member);
    }
  } else {
    const XmlAnswer answer(response.body);
    if (failure.code.empty()) failure.code = answer.text("Code");
    failure.message = answer.text("Message");
    if (failure.request_id.empty()) failure.request_id = answer.text("RequestId");
  }
  failure.message.resize(std::min(failure.message.size(), kMessageMax));
  failure.code.resize(std::min<std::size_t>(failure.code.size(), 128));
  failure.errc = errc_of(failure);
  return failure;
}

std::string Failure::text() const {
  std::string out = code;
  if (!message.empty()) out += (out.empty() ? "" : ": ") + message;
  std::string where = status == 0 ? std::string() : fmt::format("HTTP {}", status);
  if (!request_id.empty()) where += fmt::format("{}request {}", where.empty() ? "" : ", ", request_id);
  if (where.empty()) return out;
  return out.empty() ? where : fmt::format("{} ({})", out, where);
}

}  // namespace trunkline::aws
