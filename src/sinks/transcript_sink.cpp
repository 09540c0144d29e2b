#include "sinks/transcript_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "crm/transcript.hpp"
#include "event/body.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/http_verdict.hpp"
#include "sinks/salesforce_sink.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::Result;
using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;

constexpr std::size_t kAnswerBytesMax = 1 << 20;
constexpr std::string_view kEnd = "v2.detail.events.conversation.{id}.customer.end";
constexpr std::string_view kNotReady = "not_ready";

// Ids stand in paths and in a query: those of Genesys are UUIDs, of Salesforce letters and digits.
bool is_id(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, fits);
}

std::string session_of(const engine::Record& record) {
  json::Document document;
  const auto parsed = document.parse(record.event.raw);
  return parsed.ok() ? std::string(event::body_of(*parsed).string_at("sessionId")) : std::string();
}

bool is_success(const Result<net::ClientResponse>& answer) {
  return answer.ok() && answer->status >= 200 && answer->status < 300;
}

std::string member_of(const std::string& json, std::string_view name) {
  json::Document document;
  const auto parsed = document.parse(json, 64);
  return parsed.ok() ? std::string(parsed->string_at(name)) : std::string();
}

}  // namespace

struct TranscriptSink::Job {
  base::WallTime accepted;
  std::string conversation;
  std::string communication;
  std::string record_id;
  std::string transcript;  // what is attached
  base::UniqueFunction<void(BatchVerdict)> done;

  std::string title() const { return fmt::format("Genesys transcript {} {}", conversation, communication); }
  void finish(EventVerdict verdict) {
    BatchVerdict made;
    made.events.push_back(std::move(verdict));
    done(std::move(made));
  }
};

Result<void> validate(const TranscriptOptions& o) {
  SalesforceOptions org;
  org.url = o.url;
  org.api_version = o.api_version;
  org.object = o.object;
  org.external_id = o.external_id;
  org.connect_timeout = o.connect_timeout;
  org.timeout = o.timeout;
  if (o.attach == TranscriptOptions::Attach::field) org.fields = {{o.field, "=x"}};
  TRUNKLINE_TRY_VOID(validate(org));
  if (auto url = validate_url(o.genesys); !url.ok()) return url.error().with("genesys");
  if (o.ask_every < std::chrono::seconds(1)) return {Errc::invalid, "ask_every is at least 1s"};
  return {};
}

Result<std::unique_ptr<TranscriptSink>> TranscriptSink::make(TranscriptOptions options, Senders senders,
                                                             base::Loop& loop) {
  while (options.url.ends_with('/')) options.url.pop_back();
  while (options.genesys.ends_with('/')) options.genesys.pop_back();
  TRUNKLINE_TRY_VOID(validate(options));
  return std::unique_ptr<TranscriptSink>(new TranscriptSink(std::move(options), std::move(senders), loop));
}

TranscriptSink::TranscriptSink(TranscriptOptions options, Senders senders, base::Loop& loop)
    : options_(std::move(options)), senders_(std::move(senders)), loop_(loop), life_(std::make_shared<Life>()) {
  life_->self = this;
}

TranscriptSink::~TranscriptSink() {
  life_->self = nullptr;
}

net::ClientRequest TranscriptSink::request(std::string method, std::string url) const {
  net::ClientRequest made;
  made.method = std::move(method);
  made.url = std::move(url);
  made.connect_timeout = options_.connect_timeout;
  made.timeout = options_.timeout;
  made.response_bytes_max = kAnswerBytesMax;
  made.headers = {{"Accept", "application/json"}};
  return made;
}

net::ClientRequest TranscriptSink::salesforce(std::string method, std::string_view path) const {
  net::ClientRequest made =
      request(std::move(method), fmt::format("{}/services/data/{}/{}", options_.url, options_.api_version, path));
  made.headers.emplace_back("Content-Type", "application/json");
  return made;
}

void TranscriptSink::ask(HttpSender& sender, net::ClientRequest request, JobPtr job, Step next) {
  sender.send(std::move(request), [life = life_, job = std::move(job), next](const Answer& answer) {
    if (life->self != nullptr) (life->self->*next)(job, answer);
  });
}

void TranscriptSink::send(delivery::Batch batch, base::UniqueFunction<void(BatchVerdict)> done) {
  const engine::Record& record = *batch.messages.front().record;
  auto job = std::make_shared<Job>();
  job->done = std::move(done);
  const auto now = [&](EventVerdict verdict) {
    loop_.post([job, verdict = std::move(verdict)]() mutable { job->finish(std::move(verdict)); });
  };
  if (record.event.event_type != kEnd) return now({});
  job->accepted = record.accepted_at;
  job->conversation = record.event.conversation_id;
  job->communication = session_of(record);
  if (!is_id(job->conversation) || !is_id(job->communication))
    return now({Verdict::rejected, {}, "no_session", "the event names no conversation and session to ask for"});
  ask(*senders_.genesys,
      request("GET", fmt::format("{}/api/v2/speechandtextanalytics/conversations/{}/communications/{}/transcripturl",
                                 options_.genesys, job->conversation, job->communication)),
      job, &TranscriptSink::got_url);
}

// Not there yet: the downstream is well, and this event waits for what others do.
void TranscriptSink::later(Job& job, std::string_view error_class, std::string detail) {
  if (loop_.clock().wall() - job.accepted >= options_.give_up)
    return job.finish({Verdict::rejected, {}, std::string(error_class), std::move(detail)});
  EventVerdict verdict{Verdict::retry, options_.ask_every, std::string(kNotReady), std::move(detail)};
  verdict.downstream_is_well = true;
  job.finish(std::move(verdict));
}

// Whether the answer is none to go on with; then the job has ended.
bool TranscriptSink::failed(Job& job, const Answer& answer, std::string_view who) {
  if (is_success(answer)) return false;
  EventVerdict verdict = http_verdict(answer, 1, loop_.clock().wall()).events.front();
  if (answer.ok() && answer->status >= 500) verdict.verdict = Verdict::unavailable;
  verdict.detail = fmt::format("{}: {}", who, verdict.detail);
  job.finish(std::move(verdict));
  return true;
}

bool TranscriptSink::failed_salesforce(Job& job, const Answer& answer) {
  if (is_success(answer)) return false;
  job.finish(salesforce_answer(answer, 1, loop_.clock().wall()).records.front());
  return true;
}

void TranscriptSink::got_url(const JobPtr& job, const Answer& answer) {
  if (options_.shadow) return job->finish({});
  if (answer.ok() && answer->status == 404)
    return later(*job, "no_transcript", "Genesys has no transcript of this communication yet");
  if (failed(*job, answer, "Genesys")) return;
  const std::string url = member_of(answer->body, "url");
  if (!validate_url(url).ok())
    return job->finish({Verdict::unavailable, {}, "protocol", "Genesys's answer has no URL of a transcript"});
  net::ClientRequest fetch = request("GET", url);
  fetch.response_bytes_max = kTranscriptBytesMax;
  ask(*senders_.plain, std::move(fetch), job, &TranscriptSink::got_transcript);
}

void TranscriptSink::got_transcript(const JobPtr& job, const Answer& answer) {
  // A URL holds for ten minutes; the next one is asked for.
  if (answer.ok() && (answer->status == 403 || answer->status == 404))
    return later(*job, "no_transcript", fmt::format("the transcript's URL is answered {}", answer->status));
  if (failed(*job, answer, "the transcript's URL")) return;
  if (answer->body.size() >= kTranscriptBytesMax)
    return job->finish({Verdict::rejected, {}, "too_large", "the transcript has 16 MiB or more"});
  const bool field = options_.attach == TranscriptOptions::Attach::field;
  auto made = crm::transcript_text(answer->body, field ? kFieldBytesMax : kTextBytesMax);
  if (!made.ok()) return job->finish({Verdict::rejected, {}, "no_transcript", made.error().detail});
  if (made->phrases == 0) return later(*job, "no_transcript", "there are no phrases in the transcript yet");
  const bool json = !field && options_.format == TranscriptOptions::Format::json;
  job->transcript = json ? answer->body : std::move(made->text);
  const std::string record = fmt::format("sobjects/{}/{}/{}", options_.object, options_.external_id, job->conversation);
  if (!field)
    return ask(*senders_.salesforce, salesforce("GET", record + "?fields=Id"), job, &TranscriptSink::got_record);
  net::ClientRequest update = salesforce("PATCH", record + "?updateOnly=true");
  json::Writer writer(update.body);
  writer.begin_object().member(options_.field, job->transcript).end_object();
  ask(*senders_.salesforce, std::move(update), job, &TranscriptSink::got_made);
}

void TranscriptSink::got_record(const JobPtr& job, const Answer& answer) {
  if (answer.ok() && answer->status == 404)
    return later(*job, "no_record", fmt::format("Salesforce has no {} of this conversation yet", options_.object));
  if (failed_salesforce(*job, answer)) return;
  job->record_id = member_of(answer->body, "Id");
  if (!is_id(job->record_id))
    return job->finish({Verdict::unavailable, {}, "protocol", "Salesforce's answer has no Id"});
  const std::string query = fmt::format(
      "SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{}' AND "
      "ContentDocument.Title = '{}'",
      job->record_id, job->title());
  ask(*senders_.salesforce, salesforce("GET", "query?q=" + base::percent_encode(query)), job,
      &TranscriptSink::got_files);
}

void TranscriptSink::got_files(const JobPtr& job, const Answer& answer) {
  if (failed_salesforce(*job, answer)) return;
  json::Document document;
  const auto parsed = document.parse(answer->body, 64);
  const auto records = parsed.ok() ? parsed->find("records") : std::nullopt;
  if (!records || !records->is(json::Type::array))
    return job->finish({Verdict::unavailable, {}, "protocol", "Salesforce's answer has no records"});
  if (records->first()) return job->finish({});
  const bool json = options_.format == TranscriptOptions::Format::json;
  net::ClientRequest insert = salesforce("POST", "sobjects/ContentVersion");
  json::Writer writer(insert.body);
  writer.begin_object().member("Title", job->title());
  writer.member("PathOnClient", fmt::format("transcript-{}.{}", job->communication, json ? "json" : "txt"));
  writer.member("FirstPublishLocationId", job->record_id);
  writer.member("VersionData", base::base64_encode(job->transcript)).end_object();
  ask(*senders_.salesforce, std::move(insert), job, &TranscriptSink::got_made);
}

void TranscriptSink::got_made(const JobPtr& job, const Answer& answer) {
  if (options_.attach == TranscriptOptions::Attach::field && answer.ok() && answer->status == 404)
    return later(*job, "no_record", fmt::format("Salesforce has no {} of this conversation yet", options_.object));
  if (failed_salesforce(*job, answer)) return;
  job->finish({});
}

void TranscriptSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  constexpr std::string_view kNobody = "00000000-0000-0000-0000-000000000000";
  net::ClientRequest first =
      request("GET", fmt::format("{}/api/v2/speechandtextanalytics/conversations/{}/communications/{}/transcripturl",
                                 options_.genesys, kNobody, kNobody));
  senders_.genesys->send(std::move(first), [life = life_, done = std::move(done)](const Answer& answer) mutable {
    if (life->self == nullptr) return done(base::Error{Errc::cancelled, "the sink has ended"});
    const TranscriptOptions& options = life->self->options_;
    if (!answer.ok()) {
      const bool oauth = answer.error().detail.starts_with("oauth:");
      return done(oauth ? answer.error().with("Genesys") : unreachable(options.genesys, answer.error()));
    }
    if (answer->status != 404 && answer->status != 200 && answer->status != 400) {
      return done(
          base::Error{Errc::unauthenticated, fmt::format("Genesys answers {}: the OAuth client needs the permission "
                                                         "recording:recording:view or speechAndTextAnalytics:data:view",
                                                         answer->status)});
    }
    net::ClientRequest second = life->self->salesforce("GET", fmt::format("sobjects/{}/describe", options.object));
    second.response_bytes_max = 4 << 20;
    life->self->senders_.salesforce->send(
        std::move(second), [url = options.url, object = options.object, genesys = options.genesys,
                            done = std::move(done)](const Answer& described) mutable {
          if (!described.ok()) {
            const bool oauth = described.error().detail.starts_with("oauth:");
            return done(oauth ? described.error().with("Salesforce") : unreachable(url, described.error()));
          }
          if (described->status != 200)
            return done(base::Error{Errc::unavailable, fmt::format("{} cannot be described: Salesforce answers {}",
                                                                   object, described->status)});
          done(fmt::format("{}; {}; {} is there", reachable(genesys), reachable(url), object));
        });
  });
}

}  // namespace trunkline::sinks
