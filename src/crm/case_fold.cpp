#include "crm/case_fold.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "event/body.hpp"
#include "event/event.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::crm {
namespace {

using base::Errc;

constexpr std::size_t kTextBytesMax = 4'000;
constexpr std::size_t kOtherBytesMax = 255;  // but notes; a text field in Salesforce

enum class Kind : std::uint8_t {
  other,
  customer_start,
  outbound,
  user_start,
  acd_start,
  acd_end,
  customer_end,
  contact,
  flow_outcome,
  wrapup,
  attributes,
  sentiment,
  evaluation,
  guide_created,
  guide_ended,
  guide_other,
};
constexpr std::array<std::pair<std::string_view, Kind>, 19> kKinds = {{
    {"v2.detail.events.conversation.{id}.customer.start", Kind::customer_start},
    {"v2.detail.events.conversation.{id}.outbound", Kind::outbound},
    {"v2.detail.events.conversation.{id}.user.start", Kind::user_start},
    {"v2.detail.events.conversation.{id}.acd.start", Kind::acd_start},
    {"v2.detail.events.conversation.{id}.acd.end", Kind::acd_end},
    {"v2.detail.events.conversation.{id}.customer.end", Kind::customer_end},
    {"v2.detail.events.conversation.{id}.contact", Kind::contact},
    {"v2.detail.events.conversation.{id}.flow.outcome", Kind::flow_outcome},
    {"v2.detail.events.conversation.{id}.wrapup", Kind::wrapup},
    {"v2.detail.events.conversation.{id}.acw", Kind::wrapup},
    {"v2.detail.events.conversation.{id}.attributes", Kind::attributes},
    {"v2.speechandtextanalytics.conversation.{id}.sentiment", Kind::sentiment},
    {"v2.quality.evaluations", Kind::evaluation},
    {"v2.conversations.created", Kind::guide_created},
    {"v2.conversations.started", Kind::guide_created},
    {"v2.conversations.ended", Kind::guide_ended},
    {"v2.conversations.closed", Kind::guide_ended},
    {"v2.conversations.disconnected", Kind::guide_ended},
    {"v2.conversations.updated", Kind::guide_other},
}};

Kind kind_of(const event::Event& event) {
  for (const auto& [type, kind] : kKinds) {
    if (event.event_type == type) return kind;
  }
  return event.form == event::Form::flat ? Kind::guide_other : Kind::other;
}

std::string quoted(std::string_view text, std::size_t bytes_max) {
  std::size_t end = std::min(text.size(), bytes_max);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  std::string json;
  json::append_string(json, text.substr(0, end));
  return json;
}

// JSON text of a string or a number; empty for everything else, and for an empty string.
std::string value_of(const std::optional<json::Value>& value, std::size_t bytes_max = kOtherBytesMax) {
  if (!value) return {};
  if (value->is(json::Type::string))
    return value->string().empty() ? std::string() : quoted(value->string(), bytes_max);
  const bool number = value->is(json::Type::number) && value->raw().size() <= 32;
  return number ? std::string(value->raw()) : std::string();
}

struct Source {
  std::string_view fact;
  std::string_view member;
};
constexpr std::array kCustomer = {Source{"direction", "direction"},
                                  Source{"ani", "ani"},
                                  Source{"dnis", "dnis"},
                                  Source{"subject", "subject"},
                                  Source{"externalContactId", "externalContactId"},
                                  Source{"campaignId", "outboundCampaignId"}};
constexpr std::array kContact = {Source{"externalContactId", "externalContactId"}};
constexpr std::array kUser = {Source{"agentId", "userId"}, Source{"queueId", "queueId"}};
constexpr std::array kAcdStart = {Source{"queueId", "queueId"}};
constexpr std::array kAcdEnd = {Source{"acdOutcome", "acdOutcome"}, Source{"agentId", "answeredUserId"}};
constexpr std::array kCustomerEnd = {Source{"disconnectType", "disconnectType"},
                                     Source{"externalContactId", "externalContactId"}};
constexpr std::array kFlow = {Source{"flowOutcomeId", "flowOutcomeId"}, Source{"flowOutcome", "flowOutcomeValue"}};
constexpr std::array kWrapup = {Source{"wrapupCode", "wrapupCode"}, Source{"wrapupNotes", "wrapupNotes"}};
constexpr std::array kSentiment = {Source{"sentiment", "sentimentOverallScore"},
                                   Source{"sentimentTrend", "sentimentTrendScore"}};
constexpr std::array kEvaluation = {Source{"evaluationStatus", "status"}, Source{"evaluationForm", "formName"}};

std::span<const Source> sources_of(Kind kind) {
  switch (kind) {
    case Kind::customer_start:
    case Kind::outbound:
      return kCustomer;
    case Kind::contact:
      return kContact;
    case Kind::user_start:
      return kUser;
    case Kind::acd_start:
      return kAcdStart;
    case Kind::acd_end:
      return kAcdEnd;
    case Kind::customer_end:
      return kCustomerEnd;
    case Kind::flow_outcome:
      return kFlow;
    case Kind::wrapup:
      return kWrapup;
    case Kind::sentiment:
      return kSentiment;
    case Kind::evaluation:
      return kEvaluation;
    default:
      return {};
  }
}

bool opens(Kind kind) {
  return kind == Kind::customer_start || kind == Kind::outbound || kind == Kind::user_start ||
         kind == Kind::guide_created;
}

}  // namespace

void CaseFold::put(std::string_view name, std::int64_t at, std::string json) {
  if (json.empty()) return;
  const auto found = facts_.find(name);
  if (found == facts_.end()) {
    facts_.emplace(name, Fact{at, std::move(json)});
  } else if (std::pair(at, std::string_view(json)) >
             std::pair(found->second.at, std::string_view(found->second.json))) {
    found->second = {at, std::move(json)};
  }
}

bool CaseFold::apply(const engine::Record& record, const std::set<std::string, std::less<>>& attributes) {
  const event::Event& event = record.event;
  const Kind kind = kind_of(event);
  if (kind == Kind::other) return false;
  json::Document document;
  const auto root = document.parse(event.raw);
  if (!root.ok()) return false;
  // An envelope whose body a mapping has taken away says nothing of a case.
  const std::optional<json::Value> body = event.form == event::Form::flat ? *root : event::find_body(*root);
  if (!body) return false;
  const CaseFold before = *this;
  const std::int64_t at = std::max<std::int64_t>(1, engine::event_time(record).time_since_epoch().count());
  last_at_ = std::max(last_at_, at);
  if (opens(kind)) created_at_ = created_at_ == 0 ? at : std::min(created_at_, at);
  if (opens(kind) || kind == Kind::acd_start) opened_at_ = std::max(opened_at_, at);
  if (kind == Kind::customer_end || kind == Kind::guide_ended) closed_at_ = std::max(closed_at_, at);
  for (const Source& source : sources_of(kind))
    put(source.fact, at,
        value_of(body->find(source.member), source.fact == "wrapupNotes" ? kTextBytesMax : kOtherBytesMax));
  if (opens(kind) && !event.media_type.empty()) put("mediaType", at, quoted(event.media_type, kOtherBytesMax));
  if (kind == Kind::evaluation) {
    const auto scores = body->find("scoringSet");
    if (scores) put("evaluationScore", at, value_of(scores->find("totalScore")));
  }
  if (kind == Kind::guide_created || kind == Kind::guide_ended || kind == Kind::guide_other) {
    if (!event.user_id.empty()) put("agentId", at, quoted(event.user_id, kOtherBytesMax));
    if (!event.queue_id.empty()) put("queueId", at, quoted(event.queue_id, kOtherBytesMax));
  }
  if (kind == Kind::attributes) {
    const auto given = body->find("attributes");
    for (auto each = given ? given->first() : std::nullopt; each; each = each->next()) {
      if (attributes.contains(each->name())) put("attribute." + std::string(each->name()), at, value_of(*each));
    }
  }
  return !(*this == before);
}

std::string CaseFold::encode() const {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("v", std::int64_t{1}).member("created", created_at_).member("opened", opened_at_);
  writer.member("closed", closed_at_).member("last", last_at_).key("facts").begin_object();
  for (const auto& [name, fact] : facts_) writer.key(name).begin_array().integer(fact.at).raw(fact.json).end_array();
  writer.end_object().end_object();
  return out;
}

base::Result<CaseFold> CaseFold::decode(std::string_view bytes) {
  json::Document document;
  const auto corrupt = [] { return base::Error{Errc::corrupt, "no folded case of this version"}; };
  const auto root = document.parse(bytes);
  if (!root.ok()) return corrupt();
  const auto number = [](const json::Value& of, std::string_view name) {
    const auto member = of.find(name);
    return member ? member->integer() : std::nullopt;
  };
  const auto created = number(*root, "created");
  const auto opened = number(*root, "opened");
  const auto closed = number(*root, "closed");
  const auto last = number(*root, "last");
  const auto facts = root->find("facts");
  if (number(*root, "v") != 1 || !created || !opened || !closed || !last || !facts || !facts->is(json::Type::object))
    return corrupt();
  CaseFold made;
  made.created_at_ = *created;
  made.opened_at_ = *opened;
  made.closed_at_ = *closed;
  made.last_at_ = *last;
  for (auto each = facts->first(); each; each = each->next()) {
    const auto at = each->first();
    const auto value = at ? at->next() : std::nullopt;
    if (!value || !at->integer()) return corrupt();
    made.facts_.emplace(each->name(), Fact{*at->integer(), std::string(value->raw())});
  }
  return made;
}

}  // namespace trunkline::crm
