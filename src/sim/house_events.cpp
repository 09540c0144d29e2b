#include <array>

#include "sim/event_factory.hpp"

namespace trunkline::sim {
namespace {

constexpr std::string_view kPresences[] = {"OFFLINE", "AVAILABLE", "ON_QUEUE", "BREAK", "MEAL"};
constexpr std::string_view kPresenceNames[] = {"Offline", "Available", "OnQueue", "Break", "Meal"};
constexpr std::string_view kSummaryMedia[] = {"call", "callback",         "email", "message",
                                              "chat", "socialExpression", "video"};

std::string_view summary_media(Channel channel) {
  switch (channel) {
    case Channel::message:
      return "message";
    case Channel::email:
      return "email";
    case Channel::callback:
      return "callback";
    default:
      return "call";
  }
}

void add_counts(Members& body, std::string_view name, int active, int after_call) {
  body.open(name).number("active", active).number("acw", after_call).close();
}

void add_statistic(Members& body, std::string_view metric, std::int64_t count) {
  body.element().text("metric", metric).open("stats").number("count", count).close().close();
}

}  // namespace

EventFactory::Draft EventFactory::about_agent(std::string_view pattern, std::uint32_t agent, SimTime published) {
  GeneratedEvent& event = out_.push();
  const std::string user = to_text(world_.agents[agent].user);
  EventText text(event, world_.integration, pattern, user);
  const Members body = text.begin(random_.any_id(), published);
  event.user_id = user;
  return {text, body, event};
}

EventFactory::Draft EventFactory::about_queue(std::string_view pattern, std::uint32_t queue, SimTime published) {
  GeneratedEvent& event = out_.push();
  const std::string id = to_text(world_.queues[queue].id);
  EventText text(event, world_.integration, pattern, id);
  const Members body = text.begin(random_.any_id(), published);
  event.queue_id = id;
  return {text, body, event};
}

void EventFactory::presence(std::uint32_t agent, SimTime at, std::size_t definition) {
  Draft draft = about_agent("v2.users.{id}.presence", agent, at + 55);
  draft.body.text("source", "PURECLOUD").open("presenceDefinition");
  draft.body.id("id", world_.presence_definitions[definition]).text("systemPresence", kPresences[definition]).close();
  draft.body.json("primary", "true").text("message", "").time("modifiedDate", at);
  draft.text.finish(random_.uuid());
}

void EventFactory::routing_status(std::uint32_t agent, SimTime at, std::string_view status) {
  Draft draft = about_agent("v2.users.{id}.routingStatus", agent, at + 80);
  draft.body.id("id", world_.agents[agent].user).open("routingStatus").text("status", status);
  draft.body.time("startTime", at).close();
  draft.text.finish(random_.uuid());
}

void EventFactory::activity(std::uint32_t agent, SimTime at, std::string_view status, std::size_t definition) {
  const Agent& who = world_.agents[agent];
  Draft draft = about_agent("v2.users.{id}.activity", agent, at + 80);
  draft.body.id("id", who.user).open("routingStatus").text("status", status).time("startTime", at).close();
  draft.body.open("presence").open("presenceDefinition").id("id", world_.presence_definitions[definition]);
  draft.body.text("systemPresence", kPresences[definition]).close().text("presenceMessage", "");
  draft.body.time("modifiedDate", who.presence_since).close();
  draft.body.open("outOfOffice").json("active", "false").time("modifiedDate", who.presence_since - 86'400'000).close();
  const bool on_queue = definition == kOnQueue;
  draft.body.id_list("activeQueueIds", on_queue ? &world_.queues[who.queues[0]].id : nullptr);
  if (on_queue) append_id(draft.event.queue_id, world_.queues[who.queues[0]].id);
  draft.body.time("dateActiveQueuesChanged", who.presence_since);
  draft.text.finish(random_.uuid());
}

void EventFactory::summary(std::uint32_t agent, SimTime at, Channel channel, int active, int after_call) {
  Draft draft = about_agent("v2.users.{id}.conversationsummary", agent, at + 100);
  draft.body.id("userId", world_.agents[agent].user);
  for (const std::string_view media : kSummaryMedia) {
    const bool this_one = media == summary_media(channel);
    draft.body.open(media);
    add_counts(draft.body, "contactCenter", this_one ? active : 0, this_one ? after_call : 0);
    add_counts(draft.body, "enterprise", 0, 0);
    draft.body.close();
  }
  draft.text.finish(random_.uuid());
}

void EventFactory::agent_state(const Conversation& c, std::uint32_t agent, SimTime at, std::string_view state) {
  Draft draft = about_agent("v2.detail.events.agent.{id}.state", agent, at + 70);
  append_id(draft.event.conversation_id, c.id);
  const bool outbound = c.channel == Channel::dialer || c.channel == Channel::agent_call;
  draft.body.id("conversationId", c.id).id("sessionId", c.user.session).number("sessionStart", c.alerted);
  draft.body.number("currentStateStart", at).text("currentState", state).id("userId", world_.agents[agent].user);
  draft.body.text("originatingDirection", outbound ? "OUTBOUND" : "INBOUND").text("mediaType", media_type(c.channel));
  if (c.queue != kNone) set_queue(draft, c.queue);
  draft.body.json("requestedSkillIds", "[]");
  draft.text.finish(c.correlation);
}

void EventFactory::membership(std::uint32_t agent, std::uint32_t queue, SimTime at, bool joined) {
  Draft draft = about_queue("v2.routing.queues.{id}.users", queue, at + 80);
  append_id(draft.event.user_id, world_.agents[agent].user);
  draft.body.id("id", world_.agents[agent].user).open("user").id("id", world_.agents[agent].user).close();
  draft.body.id("queueId", world_.queues[queue].id).json("joined", joined ? "true" : "false");
  draft.body.json("additionalProperties", "{}");
  draft.text.finish(random_.uuid());
}

void EventFactory::adherence(std::uint32_t agent, SimTime at, const Adherence& a, bool by_management_unit) {
  const Agent& who = world_.agents[agent];
  GeneratedEvent& event = out_.push();
  EventText text(event, world_.integration,
                 by_management_unit ? "v2.workforcemanagement.managementunits.{id}.adherence"
                                    : "v2.users.{id}.workforcemanagement.adherence",
                 to_text(by_management_unit ? world_.management_unit : who.user));
  Members body = text.begin(random_.any_id(), at + 140);
  append_id(event.user_id, who.user);
  body.open("user").id("id", who.user).close().id("managementUnitId", world_.management_unit);
  body.id("businessUnitId", world_.business_unit).open("team").id("id", world_.teams[who.team]);
  body.text("name", "Team " + std::to_string(who.team + 1)).close();
  body.text("scheduledActivityCategory", a.scheduled).open("scheduledActivityCode").text("id", "0");
  body.json("secondaryPresences", "[]").close().text("systemPresence", kPresenceNames[a.definition]);
  body.text("organizationSecondaryPresenceId", "").text("routingStatus", a.routing);
  body.text("actualActivityCategory", a.actual).json("isOutOfOffice", "false").text("adherenceState", a.state);
  body.text("impact", a.impact).time("adherenceChangeTime", at + 60).time("presenceUpdateTime", at);
  body.open("activeQueues", '[');
  for (std::uint32_t i = 0; i < who.queue_count; ++i) body.element().id("id", world_.queues[who.queues[i]].id).close();
  body.close(']').time("activeQueuesModifiedTime", who.presence_since).json("removedFromManagementUnit", "false");
  body.json("suppressOnTimeReminder", "false").json("nextActivityReminders", "[]");
  text.finish(random_.uuid());
}

void EventFactory::schedule_notification(std::uint32_t agent, SimTime at) {
  Draft draft = about_agent("v2.users.{id}.workforcemanagement.notifications", agent, at + 50);
  draft.body.id("id", random_.uuid()).id("mutableGroupId", random_.uuid()).time("timestamp", at);
  draft.body.text("type", "TimeOffRequest").open("timeOffRequest").id("timeOffRequestId", random_.uuid());
  draft.body.open("user").id("id", world_.agents[agent].user).close().json("isFullDayRequest", "true");
  draft.body.text("status", random_.chance(0.7) ? "APPROVED" : "DENIED").json("partialDayStartDateTimes", "[]");
  std::string date;
  append_time(date, at + 14 * 86'400'000LL, false);
  draft.body.json("fullDayManagementUnitDates", "[\"" + date.substr(0, 10) + "\"]").close();
  draft.body.json("agentNotification", "true").json("otherNotificationIdsInGroup", "[]").json("markedAsRead", "false");
  draft.text.finish(random_.uuid());
}

void EventFactory::queue_observation(std::uint32_t queue, SimTime at) {
  const Queue& observed = world_.queues[queue];
  Draft draft = about_queue("v2.analytics.queues.{id}.observations", queue, at + 80);
  draft.body.open("group").id("queueId", observed.id).text("mediaType", "voice").close().open("data", '[').element();
  std::string instant;
  append_time(instant, at);
  draft.body.text("interval", instant + "/" + instant).open("metrics", '[');
  add_statistic(draft.body, "oWaiting", observed.waiting_count);
  add_statistic(draft.body, "oInteracting", observed.interacting_count);
  draft.body.close(']').close().close(']');
  draft.text.finish(random_.uuid());
}

void EventFactory::queue_activity(std::uint32_t queue, SimTime at) {
  const Queue& observed = world_.queues[queue];
  Draft draft = about_queue("v2.analytics.queues.{id}.activity", queue, at + 220);
  draft.body.open("results", '[').element().text("mediaType", "voice").open("data", '[');
  draft.body.element().text("metric", "oWaiting").number("count", observed.waiting_count).close();
  draft.body.element().text("metric", "oInteracting").number("count", observed.interacting_count).close();
  draft.body.element().text("metric", "oLongestWaiting").number("count", observed.waiting_count > 0 ? 1 : 0);
  draft.body.number("calculatedMetricValue", observed.waiting_count * 5200).close().close(']').close().close(']');
  draft.text.finish(random_.uuid());
}

void EventFactory::queue_interval(std::uint32_t queue, SimTime from, SimTime to, SimTime at) {
  const Queue& observed = world_.queues[queue];
  Draft draft = about_queue("v2.analytics.queues.{id}.observations", queue, at + 80);
  draft.body.open("group").id("queueId", observed.id).text("mediaType", "voice").close().open("data", '[').element();
  std::string interval;
  append_time(interval, from);
  interval += '/';
  append_time(interval, to);
  draft.body.text("interval", interval).open("metrics", '[');
  add_statistic(draft.body, "nOffered", observed.interval_offered);
  draft.body.element().text("metric", "tWait").open("stats").number("count", observed.interval_offered);
  draft.body.number("sum", observed.interval_wait_sum).number("min", 0).number("max", observed.interval_wait_max);
  draft.body.close().close();
  const double offered = observed.interval_offered;
  const double served = offered > 0 ? 1 - observed.interval_abandoned / offered : 1;
  draft.body.element().text("metric", "oServiceLevel").open("stats").fraction("ratio", served, 4);
  draft.body.number("numerator", observed.interval_offered - observed.interval_abandoned);
  draft.body.number("denominator", observed.interval_offered).fraction("target", 0.8, 1).close().close();
  draft.body.close(']').close().close(']');
  draft.text.finish(random_.uuid());
}

void EventFactory::audit_presence(std::uint32_t agent, SimTime at, std::string_view before, std::string_view after) {
  const Agent& who = world_.agents[agent];
  GeneratedEvent& event = out_.push();
  EventText text(event, world_.integration, "v2.audits.entitytype.{id}.entityid.{id}", "UserPresence",
                 to_text(who.user));
  Members body = text.begin(random_.any_id(), at + random_.between(400, 1000));
  append_id(event.user_id, who.user);
  const SimTime second = at / 1000 * 1000;  // audits tell whole seconds
  body.id("id", random_.uuid()).id("userId", who.user).open("username").text("id", "").close();
  body.json("clientId", "{}").text("serviceName", "Presence").time("eventTime", second).text("action", "Update");
  body.text("entityType", "UserPresence").open("entity").id("id", who.user).text("name", "Agent").close();
  body.open("propertyChanges", '[').element().text("property", "PRESENCE");
  body.json("oldValues", "[\"" + std::string(before) + "\"]").json("newValues", "[\"" + std::string(after) + "\"]");
  body.close().close(']');
  text.finish(random_.uuid(), "-archival");
}

void EventFactory::audit_change(SimTime at) {
  constexpr std::string_view kTypes[] = {"Queue", "Role", "OAuthClient", "Recording", "AuthUser"};
  constexpr std::string_view kServices[] = {"Routing", "PeoplePermissions", "PeoplePermissions", "Quality",
                                            "Directory"};
  constexpr std::string_view kActions[] = {"Update", "Create", "Delete", "View", "Authenticate"};
  const std::size_t kind = random_.below(std::size(kTypes));
  const Id entity = random_.uuid();
  const Id& actor = world_.administrators[random_.below(world_.administrators.size())];
  GeneratedEvent& event = out_.push();
  EventText text(event, world_.integration, "v2.audits.entitytype.{id}.entityid.{id}", kTypes[kind], to_text(entity));
  Members body = text.begin(random_.any_id(), at + random_.between(400, 1000));
  append_id(event.user_id, actor);
  body.id("id", random_.uuid()).id("userId", actor).id("userHomeOrgId", world_.integration.org);
  body.open("username").text("id", "").close().open("clientId").id("id", world_.evaluation_context).close();
  body.json("remoteIp", R"(["203.0.113.7"])").text("serviceName", kServices[kind]);
  body.time("eventTime", at / 1000 * 1000).text("action", kActions[kind]).text("entityType", kTypes[kind]);
  body.open("entity").id("id", entity).text("name", "A \\\"named\\\" thing").close().open("propertyChanges", '[');
  body.element().text("property", "deleted_on").open("newValues", '[').out() += '"';
  append_time(body.out(), at, false);
  body.out() += '"';
  body.close(']').close().element().text("property", "scopes").json("oldValues", R"(["users"])").close().close(']');
  text.finish(random_.uuid(), "-archival");
}

void EventFactory::operations(SimTime at) {
  const Flow& flow = world_.flows[random_.below(world_.flows.size())];
  const Id entity = random_.uuid();
  GeneratedEvent& event = out_.push();
  EventText text(event, world_.integration, "v2.operations.events.{id}", to_text(entity));
  Members body = text.begin(random_.any_id(), at + 100);
  body.open("eventEntity")
      .id("id", entity)
      .text("name", "Flow error")
      .text("description", "a data action failed")
      .close();
  body.id("entityId", flow.id).text("entityName", "Main menu").text("previousValue", "").text("currentValue", "");
  body.text("errorCode", "flow.data.action.timeout").text("version", "1").text("parentEntity", "");
  body.text("entityType", "FLOW").text("entityToken", "").number("timestamp", at);
  text.finish(random_.uuid());
}

void EventFactory::campaign_progress(std::size_t campaign, SimTime at, std::int64_t called, std::int64_t total) {
  GeneratedEvent& event = out_.push();
  const std::string id = to_text(world_.campaigns[campaign]);
  EventText text(event, world_.integration, "v2.outbound.campaigns.{id}.progress", id);
  Members body = text.begin(random_.any_id(), at);
  body.open("campaign").text("id", id).text("name", "Campaign").close().number("numberOfContactsCalled", called);
  body.number("numberOfContactsMessaged", 0).number("totalNumberOfContacts", total);
  body.number("percentage", total > 0 ? 100 * called / total : 0).json("additionalProperties", "{}");
  text.finish(random_.uuid());
}

}  // namespace trunkline::sim
