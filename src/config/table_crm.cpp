#include <array>

#include "config/oauth_rows.hpp"
#include "config/option.hpp"
#include "config/reach_rows.hpp"

namespace trunkline::config {
namespace {

template <auto Field>
void assign_request(TemplateSink& sink, Value value) {
  assign<Field>(sink.request, std::move(value));
}

constexpr std::string_view kMethods = "POST, PUT, PATCH or DELETE.";

constexpr std::array kTemplateOwn = {
    Row<TemplateSink>{{.path = "preset",
                       .type = Type::text,
                       .reloadable = true,
                       .help = "Begins with what is known of a system: `dynamics365`, `hubspot`, `zendesk`, "
                               "`servicenow` or `wfm_rta`. Whatever is written beside it replaces the preset's."},
                      assign<&TemplateSink::preset>},
    Row<TemplateSink>{{.path = "url",
                       .type = Type::text,
                       .reloadable = true,
                       .help = "Where to, a template. Scheme and host never come from the event."},
                      assign_request<&TemplateRequest::url>},
    Row<TemplateSink>{{.path = "method", .type = Type::text, .fallback = "POST", .reloadable = true, .help = kMethods},
                      assign_request<&TemplateRequest::method>},
    Row<TemplateSink>{{.path = "body",
                       .type = Type::text,
                       .reloadable = true,
                       .help = "The body, a template; JSON unless a `content-type` header says otherwise."},
                      assign_request<&TemplateRequest::body>},
    Row<TemplateSink>{{.path = "headers",
                       .type = Type::headers,
                       .reloadable = true,
                       .help = "Headers of every request; values are templates: `{idempotency-key: '{{meta.id}}'}`."},
                      assign<&TemplateSink::headers>},
    Row<TemplateSink>{{.path = "vars",
                       .type = Type::headers,
                       .reloadable = true,
                       .help = "Values for templates, `{{vars.name}}`; may be references."},
                      assign<&TemplateSink::vars>},
    Row<TemplateSink>{
        {.path = "user", .type = Type::text, .reloadable = true, .help = "With `password`: Basic authorization."},
        assign<&TemplateSink::user>},
    Row<TemplateSink>{{.path = "password", .type = Type::secret, .reloadable = true, .help = "See `user`."},
                      assign<&TemplateSink::password>},
};
constexpr auto kTemplate = joined(joined(kTemplateOwn, oauth_rows<TemplateSink, &TemplateSink::oauth>()),
                                  reach_rows<TemplateSink, &TemplateSink::reach>());

constexpr std::array kRequest = {
    Row<TemplateRequest>{{.path = "when",
                          .type = Type::policy,
                          .fallback = "{}",
                          .reloadable = true,
                          .help = "SNS filter policy: the events that this request is for. The first that fits."},
                         assign<&TemplateRequest::when>},
    Row<TemplateRequest>{{.path = "when_scope",
                          .type = Type::choice,
                          .fallback = "MessageAttributes",
                          .choices = "MessageAttributes|MessageBody",
                          .reloadable = true,
                          .help = "What `when` looks at, as `filter_scope` of the consumer."},
                         assign<&TemplateRequest::when_scope>},
    Row<TemplateRequest>{
        {.path = "method", .type = Type::text, .fallback = "POST", .reloadable = true, .help = kMethods},
        assign<&TemplateRequest::method>},
    Row<TemplateRequest>{
        {.path = "url", .type = Type::text, .required = true, .reloadable = true, .help = "Where to, a template."},
        assign<&TemplateRequest::url>},
    Row<TemplateRequest>{{.path = "body", .type = Type::text, .reloadable = true, .help = "The body, a template."},
                         assign<&TemplateRequest::body>},
};

constexpr std::array kRule = {
    Row<TemplateRule>{{.path = "status",
                       .type = Type::text,
                       .reloadable = true,
                       .help = "Statuses and ranges: `200-299, 409`. None: any."},
                      assign<&TemplateRule::status>},
    Row<TemplateRule>{{.path = "pointer",
                       .type = Type::text,
                       .reloadable = true,
                       .help = "A value in the answer's JSON (RFC 6901), `/errors/0/code`. None: the whole text."},
                      assign<&TemplateRule::pointer>},
    Row<TemplateRule>{{.path = "equals",
                       .type = Type::text,
                       .reloadable = true,
                       .help = "What the value is. Without `equals` and `contains` it only has to be there."},
                      assign<&TemplateRule::equals>},
    Row<TemplateRule>{{.path = "contains", .type = Type::text, .reloadable = true, .help = "What is in it."},
                      assign<&TemplateRule::contains>},
    Row<TemplateRule>{{.path = "verdict",
                       .type = Type::choice,
                       .choices = "delivered|retry|rejected|unavailable",
                       .required = true,
                       .reloadable = true,
                       .help = "What the answer then means."},
                      assign<&TemplateRule::verdict>},
};

constexpr std::array kSalesforceOwn = {
    Row<SalesforceSink>{{.path = "url",
                         .type = Type::url,
                         .required = true,
                         .reloadable = true,
                         .help = "The org's My Domain: `https://acme.my.salesforce.com`."},
                        assign<&SalesforceSink::url>},
    Row<SalesforceSink>{{.path = "api_version",
                         .type = Type::text,
                         .fallback = "v60.0",
                         .reloadable = true,
                         .help = "Of the REST API."},
                        assign<&SalesforceSink::api_version>},
    Row<SalesforceSink>{{.path = "object",
                         .type = Type::text,
                         .fallback = "Case",
                         .reloadable = true,
                         .help = "The object that a conversation becomes."},
                        assign<&SalesforceSink::object>},
    Row<SalesforceSink>{{.path = "external_id",
                         .type = Type::text,
                         .fallback = "Genesys_Conversation_Id__c",
                         .reloadable = true,
                         .help = "Its field with the conversation's id: a text, External ID and Unique."},
                        assign<&SalesforceSink::external_id>},
    Row<SalesforceSink>{{.path = "status.open",
                         .type = Type::text,
                         .fallback = "New",
                         .reloadable = true,
                         .help = "What the fact `status` says while the conversation goes on, and when it comes back."},
                        assign<&SalesforceSink::status_open>},
    Row<SalesforceSink>{{.path = "status.closed",
                         .type = Type::text,
                         .fallback = "Closed",
                         .reloadable = true,
                         .help = "What it says once the customer has left."},
                        assign<&SalesforceSink::status_closed>},
    Row<SalesforceSink>{{.path = "reserve",
                         .type = Type::count,
                         .fallback = "5",
                         .min = 0,
                         .max = 90,
                         .unit = "percent",
                         .reloadable = true,
                         .help = "Of the org's API requests of a day, what is left to others. The org says in each "
                                 "answer how many are used."},
                        assign<&SalesforceSink::reserve_percent>},
    Row<SalesforceSink>{{.path = "fields",
                         .type = Type::pairs,
                         .reloadable = true,
                         .help = "Fields and the facts that they hold, or `=text`: `{Status: status, Origin: =Phone}`. "
                                 "None: Status and Subject. See [sinks/salesforce.md](sinks/salesforce.md)."},
                        assign<&SalesforceSink::fields>},
};
constexpr auto kSalesforce = joined(joined(kSalesforceOwn, oauth_rows<SalesforceSink, &SalesforceSink::oauth>()),
                                    reach_rows<SalesforceSink, &SalesforceSink::reach>());

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

constexpr std::array kTranscriptOwn = {
    Row<TranscriptSink>{{.path = "genesys.region",
                         .type = Type::text,
                         .reloadable = true,
                         .help = "The organisation's domain: `mypurecloud.de`."},
                        assign<&TranscriptSink::region>},
    Row<TranscriptSink>{
        {.path = "genesys.api_url", .type = Type::url, .reloadable = true, .help = "Instead of `https://api.REGION`."},
        assign<&TranscriptSink::api_url>},
    Row<TranscriptSink>{{.path = "genesys.login_url",
                         .type = Type::url,
                         .reloadable = true,
                         .help = "Instead of `https://login.REGION`."},
                        assign<&TranscriptSink::login_url>},
    Row<TranscriptSink>{{.path = "genesys.client_id",
                         .type = Type::text,
                         .required = true,
                         .reloadable = true,
                         .help = "Of an OAuth client with the grant Client Credentials."},
                        assign<&TranscriptSink::client_id>},
    Row<TranscriptSink>{{.path = "genesys.client_secret",
                         .type = Type::secret,
                         .required = true,
                         .reloadable = true,
                         .help = "Its secret."},
                        assign<&TranscriptSink::client_secret>},
    Row<TranscriptSink>{{.path = "url",
                         .type = Type::url,
                         .required = true,
                         .reloadable = true,
                         .help = "The Salesforce org's My Domain. `oauth` is the org's."},
                        assign<&TranscriptSink::url>},
    Row<TranscriptSink>{{.path = "api_version",
                         .type = Type::text,
                         .fallback = "v60.0",
                         .reloadable = true,
                         .help = "Of the REST API."},
                        assign<&TranscriptSink::api_version>},
    Row<TranscriptSink>{{.path = "object",
                         .type = Type::text,
                         .fallback = "Case",
                         .reloadable = true,
                         .help = "The object that a conversation has become."},
                        assign<&TranscriptSink::object>},
    Row<TranscriptSink>{{.path = "external_id",
                         .type = Type::text,
                         .fallback = "Genesys_Conversation_Id__c",
                         .reloadable = true,
                         .help = "Its field with the conversation's id."},
                        assign<&TranscriptSink::external_id>},
    Row<TranscriptSink>{{.path = "attach",
                         .type = Type::choice,
                         .fallback = "file",
                         .choices = "file|field",
                         .reloadable = true,
                         .help = "A file at the record (ContentVersion), or the text of `field`."},
                        assign<&TranscriptSink::attach>},
    Row<TranscriptSink>{{.path = "format",
                         .type = Type::choice,
                         .fallback = "text",
                         .choices = "text|json",
                         .reloadable = true,
                         .help = "Of a file: a line for each phrase, or Genesys's JSON as it is."},
                        assign<&TranscriptSink::format>},
    Row<TranscriptSink>{{.path = "field",
                         .type = Type::text,
                         .reloadable = true,
                         .help = "A Long Text Area of the object; cut to 131,072 bytes."},
                        assign<&TranscriptSink::field>},
    Row<TranscriptSink>{{.path = "give_up",
                         .type = Type::duration,
                         .fallback = "1d",
                         .min = 60 * kSecond,
                         .max = 14 * kDay,
                         .reloadable = true,
                         .help = "How long behind its acceptance an event waits for the transcript and the record; "
                                 "then it is rejected. `retry.for` is not asked."},
                        assign<&TranscriptSink::give_up>},
    Row<TranscriptSink>{{.path = "ask_every",
                         .type = Type::duration,
                         .fallback = "2m",
                         .min = kSecond,
                         .max = kDay,
                         .reloadable = true,
                         .help = "How long it waits at least before it asks again for what is not there yet."},
                        assign<&TranscriptSink::ask_every>},
};
constexpr auto kTranscript = joined(joined(kTranscriptOwn, oauth_rows<TranscriptSink, &TranscriptSink::oauth>()),
                                    reach_rows<TranscriptSink, &TranscriptSink::reach>());

}  // namespace

Table<TranscriptSink> transcript_sink_table() {
  return kTranscript;
}
Table<TemplateSink> template_sink_table() {
  return kTemplate;
}
Table<TemplateRequest> template_request_table() {
  return kRequest;
}
Table<TemplateRule> template_rule_table() {
  return kRule;
}
Table<SalesforceSink> salesforce_sink_table() {
  return kSalesforce;
}

}  // namespace trunkline::config
