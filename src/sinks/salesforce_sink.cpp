#include "sinks/salesforce_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/http_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::Result;
using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

constexpr std::size_t kRecordsMax = 200;  // of one Collections request
constexpr std::size_t kFieldsMax = 100;
constexpr std::size_t kAnswerBytesMax = 4 << 20;  // 200 errors with what they say, ten times over
constexpr Millis kLimitWait = std::chrono::minutes(15);

bool is_identifier(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  return !text.empty() && text.size() <= 80 && std::ranges::all_of(text, fits);
}

std::string time_text(std::int64_t millis) {
  return base::format_time(base::WallTime(Millis(millis)));
}

using Secrets = std::span<const std::string>;

EventVerdict verdict_of(std::string_view code, std::string_view said, Secrets values) {
  const SalesforceCode found = salesforce_code(code);
  // The class stands where nobody looks for values of an event.
  const std::string_view error_class = is_identifier(code) ? code.substr(0, 64) : "unknown_code";
  return {found.verdict, found.after, std::string(error_class), detail_text(said, values)};
}

EventVerdict of_record(const json::Value& result, Secrets values) {
  const auto success = result.find("success");
  if (success && success->boolean()) return {};
  const auto errors = result.find("errors");
  const auto first = errors ? errors->first() : std::nullopt;
  if (!first) return {Verdict::unavailable, {}, "protocol", "a result that is neither success nor error"};
  return verdict_of(first->string_at("statusCode"), first->string_at("message"), values);
}

// Of an answer that is not 2xx: [{"errorCode","message"}].
std::optional<EventVerdict> of_request(const net::ClientResponse& response, Secrets values) {
  json::Document document;
  const auto parsed = document.parse(response.body, 64);
  const auto first = parsed.ok() ? parsed->first() : std::nullopt;
  const std::string_view code = first ? first->string_at("errorCode") : std::string_view();
  if (code.empty()) return std::nullopt;
  return verdict_of(code, first->string_at("message"), values);
}

std::string fact_of(const crm::CaseFold& fold, const std::string& name) {
  const auto found = fold.facts().find(name);
  return found == fold.facts().end() ? std::string() : found->second.json;
}

}  // namespace

Result<void> validate(const SalesforceOptions& o) {
  TRUNKLINE_TRY_VOID(validate_url(o.url));
  if (o.url.find_first_of("?#") != std::string::npos) return {Errc::invalid, "url must have no query and no fragment"};
  if (!o.api_version.starts_with('v') || o.api_version.size() > 8)
    return {Errc::invalid, "api_version is such as v60.0"};
  if (!is_identifier(o.object)) return {Errc::invalid, "object is the API name of an object"};
  if (!is_identifier(o.external_id)) return {Errc::invalid, "external_id is the API name of a field"};
  if (o.fields.size() > kFieldsMax) return {Errc::invalid, "at most 100 fields"};
  std::size_t attributes = 0;
  for (const auto& [field, fact] : o.fields) {
    if (!is_identifier(field)) return {Errc::invalid, fmt::format("'{}' is no API name of a field", field)};
    if (field == "Id" || field == o.external_id)
      return {Errc::invalid, fmt::format("field '{}' is set by the hub", field)};
    if (fact.starts_with("attribute.")) ++attributes;
  }
  if (attributes > crm::CaseFold::kAttributesMax) return {Errc::invalid, "at most 32 attributes"};
  if (o.reserve_percent > 90) return {Errc::invalid, "reserve is at most 90 percent"};
  return validate_timeouts(o.connect_timeout, o.timeout);
}

SalesforceCode salesforce_code(std::string_view code) {
  constexpr std::array<std::string_view, 2> kRetry = {"UNABLE_TO_LOCK_ROW", "DUPLICATE_VALUE"};
  constexpr std::array<std::string_view, 13> kOrg = {"SERVER_UNAVAILABLE",
                                                     "INVALID_SESSION_ID",
                                                     "API_DISABLED_FOR_ORG",
                                                     "API_CURRENTLY_DISABLED",
                                                     "STORAGE_LIMIT_EXCEEDED",
                                                     "INVALID_FIELD",
                                                     "INVALID_TYPE",
                                                     "NOT_FOUND",
                                                     "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
                                                     "ORG_LOCKED",
                                                     "INACTIVE_OWNER_OR_USER",
                                                     "UNSUPPORTED_API_VERSION",
                                                     "INVALID_LOGIN"};
  const auto in = [&](const auto& list) { return std::ranges::find(list, code) != list.end(); };
  if (in(kRetry)) return {Verdict::retry};
  if (code == "REQUEST_LIMIT_EXCEEDED") return {Verdict::unavailable, kLimitWait};
  if (in(kOrg) || code.starts_with("INSUFFICIENT_ACCESS") || code.starts_with("INVALID_FIELD_FOR_"))
    return {Verdict::unavailable};
  return {Verdict::rejected};
}

SalesforceAnswer salesforce_answer(const Result<net::ClientResponse>& answer, std::size_t records, base::WallTime now,
                                   const std::vector<std::vector<std::string>>& values) {
  SalesforceAnswer made;
  const auto all = [&](EventVerdict verdict) {
    made.refused = verdict.verdict == Verdict::rejected && records > 1;
    made.records.assign(made.refused ? 1 : records, std::move(verdict));
    return made;
  };
  if (!answer.ok() || answer->status < 200 || answer->status >= 300) {
    std::vector<std::string> every;
    for (const auto& each : values) every.insert(every.end(), each.begin(), each.end());
    EventVerdict verdict = http_verdict(answer, 1, now, every).events.front();
    const bool gone = answer.ok() && answer->status >= 500;
    if (gone && verdict.verdict == Verdict::rejected) verdict.verdict = Verdict::unavailable;
    if (answer.ok() && !gone) {
      if (auto said = of_request(*answer, every)) return all(std::move(*said));
    }
    return all(std::move(verdict));
  }
  json::Document document;
  const auto parsed = document.parse(answer->body, 64);
  if (!parsed.ok() || !parsed->is(json::Type::array) || parsed->size() != records) {
    return all({Verdict::unavailable,
                {},
                "protocol",
                fmt::format("the answer has no result for each of {} records", records)});
  }
  for (auto each = parsed->first(); each; each = each->next()) {
    const std::size_t at = made.records.size();
    made.records.push_back(of_record(*each, at < values.size() ? Secrets(values[at]) : Secrets()));
  }
  return made;
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_limit_info(std::string_view text) {
  constexpr std::string_view kName = "api-usage=";
  const std::size_t at = text.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  const char* from = text.data() + at + kName.size();
  const char* end = text.data() + text.size();
  std::uint64_t used = 0;
  std::uint64_t allowed = 0;
  const auto first = std::from_chars(from, end, used);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '/') return std::nullopt;
  if (std::from_chars(first.ptr + 1, end, allowed).ec != std::errc() || allowed == 0) return std::nullopt;
  return std::pair(used, allowed);
}

struct SalesforceSink::State {
  std::unique_ptr<CaseStore> store;
  std::uint32_t reserve_percent = 0;
  bool shadow = false;
  const base::Clock& clock;
  std::optional<base::MonoTime> limited_until;  // the org's requests are used up but for the reserve
  std::string limit;                            // "4800 of 5000"
};

struct SalesforceSink::Work {
  std::vector<Case> cases;
  std::vector<std::size_t> sent;     // places in cases, in order of the records
  std::vector<std::size_t> case_of;  // of each event; SIZE_MAX: it is of no case
  base::UniqueFunction<void(BatchVerdict)> done;

  void finish(std::vector<EventVerdict> of_cases) {
    BatchVerdict verdict;
    for (const std::size_t at : case_of) verdict.events.push_back(at == SIZE_MAX ? EventVerdict() : of_cases[at]);
    done(std::move(verdict));
  }
};

Result<std::unique_ptr<SalesforceSink>> SalesforceSink::make(SalesforceOptions options,
                                                             std::unique_ptr<CaseStore> store,
                                                             std::unique_ptr<HttpSender> sender, base::Loop& loop) {
  while (options.url.ends_with('/')) options.url.pop_back();
  if (options.fields.empty()) options.fields = {{"Status", "status"}, {"Subject", "subject"}};
  TRUNKLINE_TRY_VOID(validate(options));
  return std::unique_ptr<SalesforceSink>(
      new SalesforceSink(std::move(options), std::move(store), std::move(sender), loop));
}

SalesforceSink::SalesforceSink(SalesforceOptions options, std::unique_ptr<CaseStore> store,
                               std::unique_ptr<HttpSender> sender, base::Loop& loop)
    : options_(std::move(options)),
      loop_(loop),
      sender_(std::move(sender)),
      state_(std::make_shared<State>(
          State{std::move(store), options_.reserve_percent, options_.shadow, loop.clock(), std::nullopt, {}})) {
  constexpr std::string_view kAttribute = "attribute.";
  for (const auto& [field, fact] : options_.fields) {
    if (fact.starts_with(kAttribute)) attributes_.insert(fact.substr(kAttribute.size()));
  }
}

delivery::SinkLimits SalesforceSink::limits() const {
  return {std::min(options_.batch_messages_max, kRecordsMax), options_.batch_bytes_max};
}

net::ClientRequest SalesforceSink::request(std::string method, std::string_view path) const {
  net::ClientRequest request;
  request.method = std::move(method);
  request.url = fmt::format("{}/services/data/{}/{}", options_.url, options_.api_version, path);
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.timeout;
  request.response_bytes_max = kAnswerBytesMax;
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  return request;
}

std::string SalesforceSink::encode(const Kept& kept) {
  return fmt::format("{}\n{}", kept.written, kept.fold.encode());
}

Result<SalesforceSink::Kept> SalesforceSink::decode(std::string_view bytes) {
  const std::size_t line = bytes.find('\n');
  if (line == std::string_view::npos) return {Errc::corrupt, "no kept case"};
  TRUNKLINE_TRY(crm::CaseFold fold, crm::CaseFold::decode(bytes.substr(line + 1)));
  return Kept{std::move(fold), std::string(bytes.substr(0, line))};
}

std::string SalesforceSink::record_of(const Case& made) const {
  const crm::CaseFold& fold = made.kept.fold;
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("attributes").begin_object().member("type", options_.object).end_object();
  writer.member(options_.external_id, made.conversation);
  for (const auto& [field, fact] : options_.fields) {
    if (fact == "status") {
      writer.member(field, fold.closed() ? options_.status_closed : options_.status_open);
    } else if (fact == "conversationId") {
      writer.member(field, made.conversation);
    } else if (fact == "createdAt" || fact == "lastEventAt") {
      writer.member(field, time_text(fact == "createdAt" ? fold.created_at() : fold.last_at()));
    } else if (fact == "closedAt") {
      writer.key(field).raw(fold.closed() ? fmt::format("\"{}\"", time_text(fold.closed_at())) : "null");
    } else if (fact.starts_with('=')) {
      writer.member(field, std::string_view(fact).substr(1));
    } else if (const std::string json = fact_of(fold, fact); !json.empty()) {
      writer.key(field).raw(json);
    } else if (fact == "subject") {
      writer.member(field, fmt::format("Conversation {}", made.conversation));
    }
  }
  writer.end_object();
  return out;
}

Result<std::vector<SalesforceSink::Case>> SalesforceSink::fold(const delivery::Batch& batch,
                                                               std::vector<std::size_t>& case_of) const {
  std::vector<Case> cases;
  for (const engine::LeasedMessage& message : batch.messages) {
    const std::string& conversation = message.record->event.conversation_id;
    if (conversation.empty()) {
      case_of.push_back(SIZE_MAX);
      continue;
    }
    auto found = std::ranges::find(cases, conversation, &Case::conversation);
    if (found == cases.end()) {
      Case& made = cases.emplace_back();
      made.conversation = conversation;
      TRUNKLINE_TRY(const auto stored, state_->store->load(conversation));
      if (stored) {
        TRUNKLINE_TRY(made.kept, decode(*stored));
      }
      found = cases.end() - 1;
    }
    found->kept.fold.apply(*message.record, attributes_);
    case_of.push_back(static_cast<std::size_t>(found - cases.begin()));
  }
  for (Case& each : cases) {
    if (!each.kept.fold.created()) continue;
    each.record = record_of(each);
    each.hash = base::hex_encode(base::view(base::hash128(each.record)));
    if (each.hash == each.kept.written) each.record.clear();
    if (!each.record.empty()) each.values = values_of(each.kept.fold);
  }
  return cases;
}

std::vector<std::string> SalesforceSink::values_of(const crm::CaseFold& fold) const {
  constexpr std::size_t kShortest = 4;  // shorter ones would only blot out words
  std::vector<std::string> values;
  json::Document document;
  for (const auto& [field, fact] : options_.fields) {
    const std::string json = fact_of(fold, fact);
    const auto parsed = document.parse(json);
    if (!parsed.ok()) continue;
    if (!parsed->is(json::Type::string)) {
      if (json.size() >= kShortest) values.push_back(json);
      continue;
    }
    const std::string_view plain = parsed->string();
    const std::string_view escaped = std::string_view(json).substr(1, json.size() - 2);
    if (plain.size() >= kShortest) values.emplace_back(plain);
    if (escaped != plain && plain.size() >= kShortest) values.emplace_back(escaped);
  }
  return values;
}

void SalesforceSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  const auto later = [&](BatchVerdict verdict) {
    loop_.post([done = std::move(done), verdict = std::move(verdict)]() mutable { done(std::move(verdict)); });
  };
  const auto all = [&](EventVerdict verdict) {
    BatchVerdict made;
    made.events.assign(batch.messages.size(), verdict);
    return made;
  };
  Work work;
  auto cases = fold(batch, work.case_of);
  if (!cases.ok()) return later(all({Verdict::unavailable, {}, "state", cases.error().detail}));
  work.cases = std::move(*cases);
  std::string records;
  for (std::size_t i = 0; i < work.cases.size(); ++i) {
    if (work.cases[i].record.empty()) continue;
    work.sent.push_back(i);
    records += (records.empty() ? "" : ",") + work.cases[i].record;
  }
  const base::MonoTime now = loop_.clock().mono();
  if (!work.sent.empty() && state_->limited_until && now < *state_->limited_until) {
    return later(all({Verdict::unavailable, std::chrono::ceil<Millis>(*state_->limited_until - now), "api_limit",
                      "of the org's requests of the day " + state_->limit + " are used; the rest is left to others"}));
  }
  work.done = std::move(done);
  if (work.sent.empty()) {
    loop_.post([state = state_, work = std::move(work), clock = &loop_.clock()]() mutable {
      answered(*state, std::move(work), net::ClientResponse{200, {}, "[]"}, clock->wall());
    });
    return;
  }
  net::ClientRequest upsert =
      request("PATCH", fmt::format("composite/sobjects/{}/{}", options_.object, options_.external_id));
  upsert.body = R"({"allOrNone":false,"records":[)" + records + "]}";
  upsert.headers.emplace_back("trunkline-attempt", std::to_string(batch.attempt));
  // Nothing of this object: the answer may come after it has gone.
  sender_->send(std::move(upsert), [state = state_, work = std::move(work),
                                    clock = &loop_.clock()](Result<net::ClientResponse> answer) mutable {
    answered(*state, std::move(work), answer, clock->wall());
  });
}

void SalesforceSink::answered(State& state, Work work, const Result<net::ClientResponse>& answer, base::WallTime now) {
  SalesforceAnswer said;
  if (state.shadow) {
    said.records.resize(work.sent.size());
  } else {
    std::vector<std::vector<std::string>> values;
    for (const std::size_t at : work.sent) values.push_back(std::move(work.cases[at].values));
    said = salesforce_answer(answer, work.sent.size(), now, values);
  }
  if (answer.ok()) {
    const auto info = parse_limit_info(net::find_header(answer->headers, "Sforce-Limit-Info").value_or(""));
    if (info) {
      const bool reserved = info->first * 100 >= info->second * (100 - state.reserve_percent);
      state.limit = fmt::format("{} of {}", info->first, info->second);
      state.limited_until.reset();
      if (reserved) state.limited_until = state.clock.mono() + kLimitWait;
    }
  }
  // A batch that is halved comes again as its halves: its records may be written by then or not, and nothing is noted.
  if (said.refused && work.case_of.size() > 1) {
    BatchVerdict verdict;
    verdict.refused = true;
    verdict.events = std::move(said.records);
    return work.done(std::move(verdict));
  }
  std::vector<EventVerdict> of_cases(work.cases.size());
  for (std::size_t i = 0; i < work.sent.size(); ++i) {
    Case& each = work.cases[work.sent[i]];
    of_cases[work.sent[i]] = said.records[i];
    if (said.records[i].verdict == Verdict::delivered && !state.shadow) each.kept.written = each.hash;
  }
  // Also where a record was refused: the fold is the same when the event comes again, and when it is given up what it
  // said stands in the next record of its case.
  std::vector<std::pair<std::string, std::string>> kept;
  for (const Case& each : work.cases) kept.emplace_back(each.conversation, encode(each.kept));
  state.store->save(std::move(kept));
  work.finish(std::move(of_cases));
}

void SalesforceSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  net::ClientRequest describe = request("GET", fmt::format("sobjects/{}/describe", options_.object));
  std::vector<std::string> fields = {options_.external_id};
  for (const auto& [field, fact] : options_.fields) fields.push_back(field);
  sender_->send(std::move(describe), [fields = std::move(fields), url = options_.url, object = options_.object,
                                      done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (!answer.ok() && answer.error().detail.starts_with("oauth:")) return done(answer.error());
    if (!answer.ok()) return done(unreachable(url, answer.error()));
    json::Document document;
    const auto parsed = document.parse(answer->body);
    const auto list = answer->status == 200 && parsed.ok() ? parsed->find("fields") : std::nullopt;
    if (!list) {
      return done(
          base::Error{Errc::unavailable, fmt::format("{}, but {} cannot be described: it answers {} {}", reachable(url),
                                                     object, answer->status, detail_text(answer->body, {}, 200))});
    }
    for (const std::string& field : fields) {
      bool there = false;
      for (auto each = list->first(); each && !there; each = each->next()) there = each->string_at("name") == field;
      if (there) continue;
      return done(base::Error{Errc::not_found, fmt::format("{}, but {} has no field {} that this user may see; make "
                                                           "it, or give the user's profile access to it",
                                                           reachable(url), object, field)});
    }
    done(fmt::format("{}; {} has its {} fields", reachable(url), object, fields.size()));
  });
}

}  // namespace trunkline::sinks
