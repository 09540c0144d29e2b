#include <algorithm>
#include <array>
#include <cmath>

#include "sim/event_factory.hpp"

namespace trunkline::sim {
namespace {

constexpr std::string_view kWords[] = {"yes",  "hello",   "my",        "order",  "number",  "is",      "I'd",
                                       "like", "to",      "change",    "the",    "address", "and",     "thank",
                                       "you",  "invoice", "caf\u00e9", "please", "when",    "delivery"};

struct Word {
  std::size_t index;
  double confidence;
  SimTime offset;
  SimTime duration;
};

void add_words(Members& body, std::string_view name, const std::array<Word, 40>& words, std::size_t count, int digits) {
  body.open(name, '[');
  for (std::size_t i = 0; i < count; ++i) {
    const Word& word = words[i];
    body.element().fraction("confidence", word.confidence, digits).number("offsetMs", word.offset);
    body.number("durationMs", word.duration).text("word", kWords[word.index]).close();
  }
  body.close(']');
}

std::string joined(const std::array<Word, 40>& words, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) text += ' ';
    text += kWords[words[i].index];
  }
  return text;
}

// One final utterance, most of whose bytes are the words, as captured.
void add_transcript(Members& body, Random& random, const Conversation& c, SimTime offset) {
  std::array<Word, 40> words{};
  const auto count = static_cast<std::size_t>(std::clamp(1 + random.exponential(8), 1.0, 40.0));
  SimTime place = offset;
  for (std::size_t i = 0; i < count; ++i) {
    words[i] = {random.below(std::size(kWords)), 0.6 + 0.4 * random.unit(), place, 80 * random.between(1, 6)};
    place += words[i].duration + 80;
  }
  const std::string text = joined(words, count);
  body.open("transcripts", '[').element().id("utteranceId", random.uuid()).json("isFinal", "true");
  body.text("channel", c.utterances % 2 == 0 ? "EXTERNAL" : "INTERNAL");
  body.open("alternatives", '[').element().fraction("confidence", 0.848, 16).number("offsetMs", offset);
  body.number("durationMs", place - offset).text("transcript", text);
  add_words(body, "words", words, count, 3);
  body.text("decoratedTranscript", text);
  add_words(body, "decoratedWords", words, count, 2);
  body.close().close(']').text("engineProvider", "GENESYS").text("engineId", "r2d2").text("dialect", "en-US");
  body.json("agentAssistEnabled", "false").json("voiceTranscriptionEnabled", "true").close().close(']');
}

}  // namespace

void EventFactory::transcription(Conversation& c, SimTime at, bool ended) {
  GeneratedEvent& event = out_.push();
  const std::string conversation = to_text(c.id);
  EventText text(event, world_.integration, "v2.conversations.{id}.transcription", conversation);
  Members body = text.begin(random_.any_id(), at);
  event.conversation_id = conversation;
  const SimTime offset = at - c.customer_started;
  body.time("eventTime", at).id("organizationId", world_.integration.org).text("conversationId", conversation);
  body.id("communicationId", c.customer.session).number("sessionStartTimeMs", c.customer_started);
  body.number("transcriptionStartTimeMs", c.customer_started - 37);
  if (!ended) add_transcript(body, random_, c, std::max<SimTime>(0, offset - 3000));
  body.open("status").number("offsetMs", offset).text("status", ended ? "SESSION_ENDED" : "SESSION_ONGOING").close();
  text.finish(c.correlation);
  ++c.utterances;
}

void EventFactory::sentiment(const Conversation& c, SimTime at) {
  GeneratedEvent& event = out_.push();
  const std::string conversation = to_text(c.id);
  EventText text(event, world_.integration, "v2.speechandtextanalytics.conversation.{id}.sentiment", conversation);
  Members body = text.begin(random_.any_id(), at);
  event.conversation_id = conversation;
  body.text("conversationId", conversation).fraction("sentimentOverallScore", 100 * random_.unit() - 50, 1);
  body.fraction("sentimentTrendScore", 40 * random_.unit() - 20, 1);
  body.id_list("queueIds", c.queue == kNone ? nullptr : &world_.queues[c.queue].id);
  if (c.queue != kNone) append_id(event.queue_id, world_.queues[c.queue].id);
  body.id_list("divisionIds", &world_.division).id_list("flowIds", &world_.flows[c.flow_index].id);
  text.finish(random_.uuid());
}

void EventFactory::metric(const Conversation& c, SimTime at, std::string_view metric, std::int64_t value) {
  GeneratedEvent& event = out_.push();
  const std::string conversation = to_text(c.id);
  EventText text(event, world_.integration, "v2.analytics.conversation.{id}.metrics", conversation);
  Members body = text.begin(random_.any_id(), at + 400);
  event.conversation_id = conversation;
  std::string media(media_type(c.channel));
  for (char& letter : media) letter = static_cast<char>(letter | 0x20);  // lower case here, unlike in detail events
  const bool outbound = c.channel == Channel::dialer || c.channel == Channel::agent_call;
  const std::string_view direction = outbound ? "outbound" : "inbound";
  body.text("metric", metric).time("metricDate", at).number("value", value).id("recordId", random_.uuid());
  body.text("conversationId", conversation).text("mediaType", media).text("direction", direction);
  body.text("originatingDirection", direction).text("purpose", "agent").text("participantName", "Agent");
  body.id("userId", world_.agents[c.agent].user);
  append_id(event.user_id, world_.agents[c.agent].user);
  if (c.queue != kNone) {
    body.id("queueId", world_.queues[c.queue].id);
    append_id(event.queue_id, world_.queues[c.queue].id);
  }
  body.id("sessionId", c.user.session).text("provider", "Edge").text("usedRouting", "Standard");
  body.json("requestedRoutings", R"(["Standard"])").id_list("divisionIds", &world_.division);
  text.finish(c.correlation);
}

void EventFactory::evaluation(const Conversation& c, SimTime at, const Evaluation& evaluation, bool released) {
  GeneratedEvent& event = out_.push();
  EventText text(event, world_.integration, "v2.quality.evaluations", {});
  Members body = text.begin(random_.any_id(), at + 80);
  append_id(event.conversation_id, c.id);
  append_id(event.user_id, world_.agents[c.agent].user);
  body.id("id", evaluation.id).id("conversationId", c.id);
  body.open("agent").id("id", world_.agents[c.agent].user).text("displayName", "Agent").close();
  body.open("evaluator").id("id", world_.evaluators[evaluation.evaluator]).text("displayName", "Evaluator").close();
  body.time("eventTime", at).id("evaluationFormId", world_.evaluation_form).text("formName", "Service quality");
  if (released) {
    body.open("scoringSet").number("totalScore", random_.between(40, 100));
    body.number("totalCriticalScore", random_.between(40, 100)).close();
  }
  body.id("contextId", world_.evaluation_context).text("status", released ? "Finished" : "Pending");
  body.json("agentHasRead", "false");
  if (released) body.time("releaseDate", at);
  body.time("assignedDate", evaluation.assigned).time("changedDate", at);
  body.text("eventType", released ? "RELEASED" : "ASSIGNED")
      .id("resourceId", c.id)
      .text("resourceType", "conversation");
  body.id_list("divisionIds", &world_.division).json("rescore", "false").time("conversationDate", c.customer_started);
  body.open("mediaType", '[').out() += '"';
  body.out() += media_type(c.channel);
  body.out() += '"';
  body.close(']').number("version", released ? 2 : 1);
  if (released) body.text("previousStatus", "InProgress");
  text.finish(random_.uuid());
}

}  // namespace trunkline::sim
