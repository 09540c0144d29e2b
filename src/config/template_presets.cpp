#include "config/template_presets.hpp"

#include <array>

namespace trunkline::config {
namespace {

constexpr std::string_view kDynamics = R"yaml(
vars: {table: incidents, key: genesys_conversationid, title: Conversation}
headers: {OData-Version: "4.0"}
requests:
  - when: {eventType: ["v2.detail.events.conversation.{id}.customer.start", "v2.detail.events.conversation.{id}.outbound", "v2.detail.events.conversation.{id}.user.start", "v2.conversations.created"]}
    method: PATCH
    url: "https://{{vars.host}}/api/data/v9.2/{{vars.table}}({{vars.key}}='{{event._conversationId}}')"
    body: |
      {"title":"{{vars.title}} {{event._conversationId}}","description":"{{event.detail.eventBody.mediaType | default:"" | lower}} {{event.detail.eventBody.direction | default:"" | lower}} {{meta.time}}"}
  - when: {eventType: ["v2.detail.events.conversation.{id}.customer.end"]}
    method: PATCH
    url: "https://{{vars.host}}/api/data/v9.2/{{vars.table}}({{vars.key}}='{{event._conversationId}}')"
    body: |
      {"statecode":1,"statuscode":5}
)yaml";

constexpr std::string_view kHubspot = R"yaml(
vars: {host: api.hubapi.com, id_property: genesys_conversation_id, pipeline: "0", open: "1", closed: "4", subject: Conversation}
requests:
  - when: {eventType: ["v2.detail.events.conversation.{id}.customer.start", "v2.detail.events.conversation.{id}.outbound", "v2.detail.events.conversation.{id}.user.start", "v2.conversations.created"]}
    url: "https://{{vars.host}}/crm/v3/objects/tickets/batch/upsert"
    body: |
      {"inputs":[{"idProperty":"{{vars.id_property}}","id":"{{event._conversationId}}","properties":{"{{vars.id_property}}":"{{event._conversationId}}","hs_pipeline":"{{vars.pipeline}}","hs_pipeline_stage":"{{vars.open}}","subject":"{{vars.subject}} {{event._conversationId}}"}}]}
  - when: {eventType: ["v2.detail.events.conversation.{id}.customer.end"]}
    url: "https://{{vars.host}}/crm/v3/objects/tickets/batch/upsert"
    body: |
      {"inputs":[{"idProperty":"{{vars.id_property}}","id":"{{event._conversationId}}","properties":{"hs_pipeline":"{{vars.pipeline}}","hs_pipeline_stage":"{{vars.closed}}","subject":"{{vars.subject}} {{event._conversationId}}"}}]}
verdicts:
  - {status: "207", pointer: /errors/0, verdict: rejected}
)yaml";

constexpr std::string_view kZendesk = R"yaml(
vars: {subject: Conversation}
headers: {Idempotency-Key: "genesys-{{event._conversationId}}"}
requests:
  - when: {eventType: ["v2.detail.events.conversation.{id}.customer.start", "v2.detail.events.conversation.{id}.outbound", "v2.conversations.created"]}
    url: "https://{{vars.host}}/api/v2/tickets"
    body: |
      {"ticket":{"external_id":"{{event._conversationId}}","subject":"{{vars.subject}} {{event._conversationId}}","comment":{"body":"{{event.detail.eventBody.mediaType | default:"" | lower}} {{event.detail.eventBody.direction | default:"" | lower}}","public":false}}}
)yaml";

constexpr std::string_view kServicenow = R"yaml(
url: "https://{{vars.host}}/api/now/import/{{vars.staging}}"
headers: {Accept: application/json}
body: |
  {"u_correlation_id":"{{event._conversationId}}","u_event_type":"{{meta.eventType}}","u_event_time":"{{meta.time}}","u_media_type":{{event.detail.eventBody.mediaType | json}},"u_direction":{{event.detail.eventBody.direction | json}},"u_queue":{{event._queueId | json}},"u_agent":{{event._userId | json}}}
verdicts:
  - {status: "200-299", pointer: /result/0/status, equals: error, verdict: rejected}
)yaml";

constexpr std::string_view kWfmRta = R"yaml(
tables:
  presence: {AVAILABLE: AVAILABLE, AWAY: AWAY, BREAK: BREAK, BUSY: BUSY, IDLE: IDLE, MEAL: MEAL, MEETING: MEETING, OFFLINE: OFFLINE, ON_QUEUE: ON_QUEUE, TRAINING: TRAINING}
  routing: {IDLE: IDLE, INTERACTING: INTERACTING, NOT_RESPONDING: NOT_RESPONDING, COMMUNICATING: COMMUNICATING, OFF_QUEUE: OFF_QUEUE}
requests:
  - when: {detail-type: ["v2.users.{id}.presence"], detail: {eventBody: {presenceDefinition: {systemPresence: [{exists: true}]}}}}
    when_scope: MessageBody
    url: "{{vars.url}}/Rta/State/Batch"
    body: |
      {"AuthenticationKey":"{{vars.authentication_key}}","SourceId":"{{vars.source_id}}","IsSnapshot":false,"States":[{"UserCode":"{{event._userId}}","StateCode":"{{event.detail.eventBody.presenceDefinition.systemPresence | map:"presence" | truncate:25}}"}]}
  - when: {detail-type: ["v2.users.{id}.activity"], detail: {eventBody: {routingStatus: {status: [OFF_QUEUE]}}}}
    when_scope: MessageBody
    url: "{{vars.url}}/Rta/State/Batch"
    body: |
      {"AuthenticationKey":"{{vars.authentication_key}}","SourceId":"{{vars.source_id}}","IsSnapshot":false,"States":[{"UserCode":"{{event._userId}}","StateCode":"{{event.detail.eventBody.presence.presenceDefinition.systemPresence | map:"presence" | truncate:25}}"}]}
  - when: {detail-type: ["v2.users.{id}.activity", "v2.users.{id}.routingStatus"], detail: {eventBody: {routingStatus: {status: [{exists: true}]}}}}
    when_scope: MessageBody
    url: "{{vars.url}}/Rta/State/Batch"
    body: |
      {"AuthenticationKey":"{{vars.authentication_key}}","SourceId":"{{vars.source_id}}","IsSnapshot":false,"States":[{"UserCode":"{{event._userId}}","StateCode":"{{event.detail.eventBody.routingStatus.status | map:"routing" | truncate:25}}"}]}
)yaml";

constexpr std::array kPresets = {
    TemplatePreset{"dynamics365", kDynamics},  TemplatePreset{"hubspot", kHubspot}, TemplatePreset{"zendesk", kZendesk},
    TemplatePreset{"servicenow", kServicenow}, TemplatePreset{"wfm_rta", kWfmRta},
};

}  // namespace

std::span<const TemplatePreset> template_presets() {
  return kPresets;
}

}  // namespace trunkline::config
