#include <array>

#include "sim/event_factory.hpp"

namespace trunkline::sim {
namespace {

constexpr std::string_view kFlowTypes[] = {"INBOUNDCALL", "INBOUNDSHORTMESSAGE", "INBOUNDEMAIL",
                                           "INBOUNDCALL", "OUTBOUNDCALL",        "INBOUNDCALL"};
constexpr std::string_view kProviders[] = {
    "Edge", "PureCloud Messaging", "PureCloud Email", "PureCloud Callback", "Edge", "Edge"};
// Text as customers and agents write it: escapes and characters beyond ASCII included.
constexpr std::string_view kSubjects[] = {"Invoice 2026\\/0113", "R\u00fcckfrage zur Lieferung",
                                          "Re: \\\"urgent\\\" order", "Contract change",
                                          "\\u00bfD\\u00f3nde est\\u00e1 mi pedido?"};
constexpr std::string_view kNotes[] = {"",
                                       "called back",
                                       "customer said \\\"thanks\\\"",
                                       "address changed\\nletter sent",
                                       "caf\u00e9 order, see ticket",
                                       "\\ud83d\\ude00"};

bool is_call(Channel channel) {
  return channel == Channel::voice || channel == Channel::dialer || channel == Channel::agent_call;
}

void add_phone(Members& body, std::string_view name, std::uint32_t number) {
  constexpr std::string_view kPrefix = "tel:+1555555";
  char text[16];
  kPrefix.copy(text, kPrefix.size());
  for (std::size_t i = 4; i-- > 0; number /= 10) text[kPrefix.size() + i] = static_cast<char>('0' + number % 10);
  body.text(name, std::string_view(text, kPrefix.size() + 4));
}

void add_address(Members& body, std::string_view name, std::string_view prefix, std::uint32_t number) {
  std::string text(prefix);
  text += std::to_string(number);
  body.text(name, text);
}

void add_parties(Members& body, const Conversation& c) {
  const bool outbound = c.channel == Channel::dialer || c.channel == Channel::agent_call;
  body.text("direction", outbound ? "OUTBOUND" : "INBOUND");
  if (is_call(c.channel)) {
    add_phone(body, "ani", outbound ? 199 : c.address % 10'000);
    add_phone(body, "dnis", outbound ? c.address % 10'000 : 199);
  } else if (c.channel == Channel::message) {
    body.text("addressTo", "deployment-1");
    add_address(body, "addressFrom", "customer-", c.address);
    body.text("messageType", c.address % 3 == 0 ? "WHATSAPP" : "WEBMESSAGING");
  } else if (c.channel == Channel::email) {
    body.text("addressTo", "service@hub.example");
    add_address(body, "addressFrom", "customer@c.example;ref=", c.address);
    body.text("subject", kSubjects[c.address % std::size(kSubjects)]);
  } else {
    body.json("callbackNumbers", R"(["+15555550100"])");
    add_address(body, "callbackUserName", "Customer ", c.address);
    body.number("callbackScheduledTime", c.customer_started + 60'000);
  }
}

}  // namespace

std::string_view media_type(Channel channel) {
  switch (channel) {
    case Channel::message:
      return "MESSAGE";
    case Channel::email:
      return "EMAIL";
    case Channel::callback:
      return "CALLBACK";
    default:
      return "VOICE";
  }
}

EventFactory::Draft EventFactory::detail(std::string_view pattern, const Conversation& c, SimTime at,
                                         const Conversation::Session& session) {
  GeneratedEvent& event = out_.push();
  const std::string conversation = to_text(c.id);
  EventText text(event, world_.integration, pattern, conversation);
  Members body = text.begin(random_.any_id(), at + c.lag);
  event.conversation_id = conversation;
  body.number("eventTime", at).text("conversationId", conversation).id("participantId", session.participant);
  body.id("sessionId", session.session).text("mediaType", media_type(c.channel));
  body.text("provider", kProviders[static_cast<std::size_t>(c.channel)]);
  add_parties(body, c);
  body.id_list("conversationExternalContactIds", c.contact_known ? &c.contact : nullptr);
  return {text, body, event};
}

void EventFactory::set_queue(Draft& draft, std::uint32_t queue) {
  draft.body.id("queueId", world_.queues[queue].id);
  append_id(draft.event.queue_id, world_.queues[queue].id);
}

void EventFactory::set_user(Draft& draft, std::uint32_t agent) {
  draft.body.id("userId", world_.agents[agent].user);
  append_id(draft.event.user_id, world_.agents[agent].user);
}

void EventFactory::outbound(const Conversation& c, SimTime at) {
  Draft draft = detail("v2.detail.events.conversation.{id}.outbound", c, at, c.customer);
  draft.body.id("outboundCampaignId", world_.campaigns[c.address % world_.campaigns.size()]);
  draft.body.id("divisionId", world_.division).id("outboundContactListId", world_.contact_list);
  add_address(draft.body, "outboundContactId", "contact-", c.address);
  draft.text.finish(c.correlation);
}

void EventFactory::customer_start(const Conversation& c, SimTime at) {
  Draft draft = detail("v2.detail.events.conversation.{id}.customer.start", c, at, c.customer);
  if (c.contact_known) draft.body.id("externalContactId", c.contact);
  draft.body.id("divisionId", world_.division);
  draft.text.finish(c.correlation);
}

void EventFactory::customer_end(const Conversation& c, SimTime at, std::string_view disconnect, SimTime interacting) {
  Draft draft = detail("v2.detail.events.conversation.{id}.customer.end", c, at, c.customer);
  draft.body.text("disconnectType", disconnect);
  if (c.contact_known) draft.body.id("externalContactId", c.contact);
  draft.body.id("divisionId", world_.division).number("interactingDurationMs", interacting);
  draft.text.finish(c.correlation);
}

void EventFactory::contact(const Conversation& c, SimTime at) {
  Draft draft = detail("v2.detail.events.conversation.{id}.contact", c, at, c.customer);
  draft.body.id("externalContactId", c.contact).id("divisionId", world_.division);
  draft.text.finish(c.correlation);
}

void EventFactory::attributes(const Conversation& c, SimTime at) {
  GeneratedEvent& event = out_.push();
  const std::string conversation = to_text(c.id);
  EventText text(event, world_.integration, "v2.detail.events.conversation.{id}.attributes", conversation);
  Members body = text.begin(random_.any_id(), at + c.lag);
  event.conversation_id = conversation;
  body.number("eventTime", at).text("conversationId", conversation).id("participantId", c.customer.participant);
  body.open("attributes").text("segment", c.address % 5 == 0 ? "gold" : "standard").text("language", "en");
  add_address(body, "customerNumber", "C-", c.address);
  body.close().id_list("conversationExternalContactIds", c.contact_known ? &c.contact : nullptr);
  body.open("communications", '[').element().id("id", c.customer.session).text("mediaType", media_type(c.channel));
  body.close().close(']');
  text.finish(c.correlation);
}

void EventFactory::flow_start(const Conversation& c, SimTime at) {
  const Flow& flow = world_.flows[c.flow_index];
  Draft draft = detail("v2.detail.events.conversation.{id}.flow.start", c, at, c.flow);
  draft.body.text("flowType", kFlowTypes[static_cast<std::size_t>(c.channel)]).id("flowId", flow.id);
  draft.body.id("divisionId", world_.division);
  draft.body.text("flowVersion", std::to_string(flow.version) + ".0");
  draft.text.finish(c.correlation);
}

void EventFactory::flow_outcome(const Conversation& c, SimTime at) {
  const Flow& flow = world_.flows[c.flow_index];
  Draft draft = detail("v2.detail.events.conversation.{id}.flow.outcome", c, at, c.flow);
  draft.body.text("flowType", kFlowTypes[static_cast<std::size_t>(c.channel)]).id("flowId", flow.id);
  draft.body.id("divisionId", world_.division).text("flowVersion", std::to_string(flow.version) + ".0");
  draft.body.id("flowOutcomeId", flow.outcome).number("flowOutcomeStartTime", c.flow_started);
  draft.body.number("flowOutcomeEndTime", at).text("flowOutcomeValue", c.address % 7 == 0 ? "FAILURE" : "SUCCESS");
  draft.body.open("flowMilestones", '[').element().id("milestoneId", flow.milestone);
  draft.body.number("milestoneTime", (c.flow_started + at) / 2).close().close(']');
  draft.text.finish(c.correlation);
}

void EventFactory::flow_end(const Conversation& c, SimTime at, bool to_queue, bool to_voicemail) {
  const Flow& flow = world_.flows[c.flow_index];
  Draft draft = detail("v2.detail.events.conversation.{id}.flow.end", c, at, c.flow);
  const bool transfer = to_queue || to_voicemail;
  draft.body.text("disconnectType", transfer ? "TRANSFER" : "PEER");
  draft.body.text("flowType", kFlowTypes[static_cast<std::size_t>(c.channel)]).id("flowId", flow.id);
  draft.body.id("divisionId", world_.division).text("flowVersion", std::to_string(flow.version) + ".0");
  draft.body.number("connectedDurationMs", at - c.flow_started);
  draft.body.text("exitReason", transfer ? "TRANSFER" : "DISCONNECT");
  if (to_queue) draft.body.text("transferType", "ACD");
  if (to_voicemail) draft.body.text("transferType", "VOICEMAIL");
  draft.text.finish(c.correlation);
}

void EventFactory::acd_start(const Conversation& c, SimTime at) {
  Draft draft = detail("v2.detail.events.conversation.{id}.acd.start", c, at, c.acd);
  set_queue(draft, c.queue);
  draft.body.id("divisionId", world_.division).number("routingPriority", 0);
  draft.body.id_list("requestedRoutingSkillIds", &world_.skills[c.address % world_.skills.size()]);
  draft.body.json("skillExpressionApplied", "false");
  draft.text.finish(c.correlation);
}

void EventFactory::acd_end_answered(const Conversation& c, SimTime at) {
  Draft draft = detail("v2.detail.events.conversation.{id}.acd.end", c, at, c.acd);
  draft.body.text("disconnectType", "TRANSFER");
  set_queue(draft, c.queue);
  draft.body.id("divisionId", world_.division).text("acdOutcome", "ANSWERED");
  draft.body.id("answeredUserId", world_.agents[c.agent].user);
  append_id(draft.event.user_id, world_.agents[c.agent].user);
  draft.body.json("requestedRoutings", R"(["STANDARD"])").text("usedRouting", "STANDARD").number("routingPriority", 0);
  draft.body.number("connectedDurationMs", at - c.acd_started);
  draft.text.finish(c.correlation);
}

void EventFactory::acd_end_abandoned(const Conversation& c, SimTime at) {
  Draft draft = detail("v2.detail.events.conversation.{id}.acd.end", c, at, c.acd);
  draft.body.text("disconnectType", "PEER");
  set_queue(draft, c.queue);
  draft.body.id("divisionId", world_.division).text("acdOutcome", "ABANDON");
  draft.body.json("requestedRoutings", R"(["STANDARD"])").number("routingPriority", 0);
  draft.body.number("connectedDurationMs", at - c.acd_started);
  draft.text.finish(c.correlation);
}

void EventFactory::user_start(const Conversation& c, SimTime at, std::uint32_t agent,
                              const Conversation::Session& session) {
  Draft draft = detail("v2.detail.events.conversation.{id}.user.start", c, at, session);
  set_user(draft, agent);
  draft.body.id("divisionId", world_.division);
  // A call that an agent dials belongs to no queue: queueId is absent, as a blueprint's trigger expects.
  if (c.queue != kNone) set_queue(draft, c.queue);
  draft.text.finish(c.correlation);
}

void EventFactory::user_end(const Conversation& c, SimTime at, std::uint32_t agent, const UserEnd& end) {
  Draft draft = detail("v2.detail.events.conversation.{id}.user.end", c, at, c.user);
  draft.body.text("disconnectType", end.disconnect);
  set_user(draft, agent);
  draft.body.id("divisionId", world_.division);
  if (c.queue != kNone) set_queue(draft, c.queue);
  draft.body.number("interactingDurationMs", end.interacting).number("heldDurationMs", end.held);
  draft.body.number("alertingDurationMs", end.alerting).number("contactingDurationMs", end.contacting);
  draft.body.number("dialingDurationMs", end.dialing).number("callbackDurationMs", 0);
  draft.text.finish(c.correlation);
}

void EventFactory::voicemail_start(const Conversation& c, SimTime at) {
  Draft draft = detail("v2.detail.events.conversation.{id}.voicemail.start", c, at, c.acd);
  set_queue(draft, c.queue);
  draft.body.id("divisionId", world_.division);
  draft.text.finish(c.correlation);
}

void EventFactory::voicemail_end(const Conversation& c, SimTime at, SimTime duration) {
  Draft draft = detail("v2.detail.events.conversation.{id}.voicemail.end", c, at, c.acd);
  draft.body.text("disconnectType", "ENDPOINT");
  set_queue(draft, c.queue);
  draft.body.id("divisionId", world_.division).number("voicemailDurationMs", duration);
  draft.text.finish(c.correlation);
}

void EventFactory::after_call(std::string_view pattern, const Conversation& c, SimTime at, SimTime duration,
                              std::size_t code, bool user) {
  Draft draft = detail(pattern, c, at, c.user);
  if (user) set_user(draft, c.agent);
  if (c.queue != kNone) set_queue(draft, c.queue);
  draft.body.id("wrapupCode", world_.wrapup_codes[code % world_.wrapup_codes.size()]);
  draft.body.text("wrapupNotes", kNotes[code % std::size(kNotes)]).number("wrapupDurationMs", duration);
  draft.text.finish(c.correlation);
}

void EventFactory::wrapup(const Conversation& c, SimTime at, SimTime duration, std::size_t code) {
  after_call("v2.detail.events.conversation.{id}.wrapup", c, at, duration, code, false);
}

void EventFactory::acw(const Conversation& c, SimTime at, SimTime duration, std::size_t code) {
  after_call("v2.detail.events.conversation.{id}.acw", c, at, duration, code, true);
}

}  // namespace trunkline::sim
