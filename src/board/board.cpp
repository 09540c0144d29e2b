#include "board/board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::board {
namespace {

// Genesys's ids have 36 characters, names of users at most 256; what is longer is no id, and would not be bounded.
constexpr std::size_t kIdBytesMax = 128;
constexpr std::size_t kTextBytesMax = 256;
// Genesys knows about ten media.
constexpr std::size_t kMediaMax = 16;
// An observation and the events of the same moment come from different services and disagree by up to a second or two.
// What changes in that time is taken to be in the observation; Genesys sends the next within a second of a change.
constexpr Time kSkew = 2'000;
constexpr std::uint8_t kVersion = 2;
// A clock of the sender's that is wrong by more does not end the window of every service level.
constexpr Time kAheadMax = 24 * 3'600'000;

bool usable(std::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax;
}

bool waits(const ConversationView& view, std::string_view queue) {
  return view.state == State::waiting && view.queue == queue;
}
bool talks(const ConversationView& view, std::string_view queue) {
  return (view.state == State::connected || view.state == State::hold) && view.queue == queue;
}

struct Register {
  Stamp stamp;
  std::string value;
  // Whether it is to be stored: told again, it may be because it was not.
  bool set(std::string_view said, const Stamp& now) {
    if (said.empty() || said.size() > kTextBytesMax || now < stamp) return false;
    value = said;
    stamp = now;
    return true;
  }
  void encode(std::string& out) const {
    base::put_varint(out, static_cast<std::uint64_t>(stamp.at));
    base::put_varint(out, stamp.sequence);
    base::put_string(out, value);
  }
  void decode(base::ByteReader& in) {
    stamp.at = static_cast<Time>(in.varint());
    stamp.sequence = in.varint();
    value = in.string();
  }
};

void put_time(std::string& out, Time time) {
  base::put_varint(out, static_cast<std::uint64_t>(time));
}
Time get_time(base::ByteReader& in) {
  return static_cast<Time>(in.varint());
}

void write_text(json::Writer& writer, std::string_view name, std::string_view value) {
  writer.key(name);
  if (value.empty()) {
    writer.null();
  } else {
    writer.string(value);
  }
}
void write_time(json::Writer& writer, std::string_view name, Time time) {
  write_text(writer, name, time == 0 ? std::string() : base::format_time(base::WallTime(base::Millis(time))));
}

void write_percent(json::Writer& writer, std::string_view name, std::optional<double> percent) {
  writer.key(name);
  if (percent) {
    writer.raw(fmt::format("{:.1f}", *percent));
  } else {
    writer.null();
  }
}

}  // namespace

// ---- what is held

struct Board::Held {
  const IdText* id = nullptr;
  Time touched = 0;
  bool unshown = false;   // listed for the next take_changes()
  bool unstored = false;  // listed for the next take_unstored()
  bool stale = false;
  // As shown last. There are many conversations: of the text its hash alone is kept, and what it says is asked anew.
  State state = State::gone;
  std::uint64_t shown_hash = 0;  // 0: not shown
  Conversation folded;

  bool is_shown() const { return shown_hash != 0; }
};

struct Board::Agent {
  const IdText* id = nullptr;
  Time touched = 0;
  bool unshown = false;
  bool unstored = false;
  bool stale = false;
  std::string json;  // as shown last; empty: not shown
  Register name;
  Register presence;
  Register routing;
  std::unordered_set<Held*> conversations;  // that name the agent

  bool is_shown() const { return !json.empty(); }
};

struct Board::Queue {
  struct Count {
    Stamp stamp;
    std::int64_t value = QueueFact::kUnsaid;
    std::int64_t left = 0;  // of those let go since that were counted at that moment

    void set(std::int64_t said, const Stamp& now) {
      if (said == QueueFact::kUnsaid || now <= stamp) return;
      *this = {now, said, 0};
    }
    bool said() const { return value != QueueFact::kUnsaid; }
    void encode(std::string& out) const {
      put_time(out, stamp.at);
      base::put_varint(out, stamp.sequence);
      base::put_varint(out, static_cast<std::uint64_t>(value + 1));
      base::put_varint(out, static_cast<std::uint64_t>(left));
    }
    void decode(base::ByteReader& in) {
      stamp.at = get_time(in);
      stamp.sequence = in.varint();
      value = static_cast<std::int64_t>(in.varint()) - 1;
      left = static_cast<std::int64_t>(in.varint());
    }
  };
  struct Observed {
    Count waiting;
    Count interacting;
    Stamp oldest_stamp;
    Time oldest = 0;
  };

  const IdText* id = nullptr;
  Time touched = 0;
  bool unshown = false;
  bool unstored = false;
  bool stale = false;
  std::string json;
  std::map<std::string, Observed, std::less<>> observed;  // by medium in lower case; "" is all
  std::unordered_set<Held*> conversations;
  ServiceLevel service_level;

  bool is_shown() const { return !json.empty(); }
  // The observation that counts this conversation.
  Observed* observation(const Conversation& conversation) {
    if (const auto all = observed.find(std::string_view()); all != observed.end()) return &all->second;
    const auto own = observed.find(conversation.media());
    return own == observed.end() ? nullptr : &own->second;
  }
};

template <class Node>
struct Board::Table {
  Nodes<Node> nodes;
  std::vector<Node*> unshown;
  std::vector<Node*> unstored;
  std::vector<std::string> gone;           // shown before, not any more
  std::vector<std::string> stored_before;  // keys to remove

  Node* find(std::string_view id) {
    if (id.size() > kIdBytesMax) return nullptr;
    const auto found = nodes.find(IdText(id));
    return found == nodes.end() ? nullptr : &found->second;
  }
  void show(Node& node) {
    if (!node.unshown) unshown.push_back(&node);
    node.unshown = true;
  }
  void heard(Node& node, Time now) {
    node.touched = std::max(node.touched, now);
    node.stale = false;
    show(node);
  }
  void changed(Node& node) {
    show(node);
    if (!node.unstored) unstored.push_back(&node);
    node.unstored = true;
  }
  void erase(Node& node) {
    if (node.unshown) std::erase(unshown, &node);
    if (node.unstored) std::erase(unstored, &node);
    if (node.is_shown()) gone.emplace_back(node.id->view());
    stored_before.emplace_back(node.id->view());
    nodes.erase(nodes.find(*node.id));
  }
};

namespace {

// Those with the lowest rank, an eighth of a percent at least, so that a full board does not search for each event.
template <class Nodes, class Rank>
auto lowest(Nodes& nodes, std::size_t count_max, Rank rank) {
  std::vector<typename Nodes::mapped_type*> all;
  if (nodes.size() < count_max) return all;
  for (auto& [id, node] : nodes) all.push_back(&node);
  const std::size_t count = std::min(all.size(), all.size() - count_max + 1 + count_max / 64);
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(all.begin(), end - 1, all.end(), [&](auto* a, auto* b) { return rank(*a) < rank(*b); });
  all.erase(end, all.end());
  return all;
}

}  // namespace

Board::Board(BoardOptions options, std::shared_ptr<const event::NameTable> names)
    : options_(options),
      names_(std::move(names)),
      agents_(std::make_unique<Table<Agent>>()),
      queues_(std::make_unique<Table<Queue>>()),
      conversations_(std::make_unique<Table<Held>>()) {}

Board::~Board() = default;

Board::Agent& Board::agent(std::string_view id) {
  if (Agent* known = agents_->find(id)) return *known;
  for (Agent* old : lowest(agents_->nodes, options_.agents_max, [](const Agent& a) { return a.touched; })) {
    ++evicted_;
    forget(*old);
  }
  const auto added = agents_->nodes.try_emplace(IdText(id)).first;
  added->second.id = &added->first;
  return added->second;
}

Board::Queue& Board::queue(std::string_view id) {
  if (Queue* known = queues_->find(id)) return *known;
  for (Queue* old : lowest(queues_->nodes, options_.queues_max, [](const Queue& q) { return q.touched; })) {
    ++evicted_;
    forget(*old);
  }
  const auto added = queues_->nodes.try_emplace(IdText(id)).first;
  added->second.id = &added->first;
  return added->second;
}

Board::Held& Board::conversation(std::string_view id) {
  if (Held* known = conversations_->find(id)) return *known;
  const auto rank = [](const Held& held) { return std::pair(held.state != State::gone || held.unshown, held.touched); };
  for (Held* old : lowest(conversations_->nodes, options_.conversations_max, rank)) {
    if (old->is_shown()) ++evicted_;
    forget(*old);
  }
  const auto added = conversations_->nodes.try_emplace(IdText(id)).first;
  added->second.id = &added->first;
  return added->second;
}

void Board::forget(Agent& agent) {
  agents_->erase(agent);
}
void Board::forget(Queue& queue) {
  queues_->erase(queue);
}
void Board::forget(Held& held) {
  for (const Conversation::Session& session : held.folded.sessions()) {
    if (Agent* named = agents_->find(session.user); named != nullptr && named->conversations.erase(&held) > 0)
      agents_->show(*named);
    if (Queue* named = queues_->find(session.queue); named != nullptr && named->conversations.erase(&held) > 0)
      leave(*named, held);
  }
  conversations_->erase(held);
}

// An observation keeps what it says of the conversations that it counted.
void Board::leave(Queue& queue, const Held& held) {
  queues_->show(queue);
  Queue::Observed* observed = queue.observation(held.folded);
  if (observed == nullptr) return;
  const bool waited = waits(held.folded.view(observed->waiting.stamp.at + kSkew), *queue.id);
  const bool talked = talks(held.folded.view(observed->interacting.stamp.at + kSkew), *queue.id);
  if (!waited && !talked) return;
  observed->waiting.left += waited ? 1 : 0;
  observed->interacting.left += talked ? 1 : 0;
  queues_->changed(queue);
}

// ---- events

void Board::apply(const engine::Record& record) {
  facts_.clear();
  read_facts(record, document_, facts_);
  now_ = record.accepted_at.time_since_epoch().count();
  const std::uint64_t sequence = record.sequence.value;
  for (const SessionFact& fact : facts_.sessions) apply(fact, sequence);
  for (const AgentFact& fact : facts_.agents) apply(fact, sequence);
  for (const QueueFact& fact : facts_.queues) apply(fact, sequence);
}

void Board::apply(const SessionFact& fact, std::uint64_t sequence) {
  if (!usable(fact.conversation)) return;
  for (const std::string_view part :
       {fact.session, fact.user, fact.queue, fact.media, fact.direction, fact.answered_by})
    if (part.size() > kIdBytesMax) return;
  if (fact.at <= now_ + kAheadMax) latest_ = std::max(latest_, fact.at);
  Held& held = conversation(fact.conversation);
  merge(held, fact, sequence);
  conversations_->heard(held, now_);
  conversations_->changed(held);
  link(held, fact.user, fact.queue);
}

void Board::merge(Held& held, const SessionFact& fact, std::uint64_t sequence) {
  if (fact.role != Role::queue || fact.session.empty()) return held.folded.merge(fact, sequence);
  const auto count = [&](auto how) {
    const Conversation::Session* wait = held.folded.find(Role::queue, fact.session);
    if (wait == nullptr || !ServiceLevel::counts(*wait)) return;
    Queue& of = queue(wait->queue);
    (of.service_level.*how)(wait->ended, ServiceLevel::of(*wait, options_.service_level.within));
    queues_->changed(of);
  };
  count(&ServiceLevel::take_back);
  held.folded.merge(fact, sequence);
  count(&ServiceLevel::add);
}

// Not stored with the agent and the queue: the conversation's sessions say it again.
void Board::link(Held& held, std::string_view user, std::string_view queue_id) {
  if (!user.empty()) {
    Agent& named = agent(user);
    named.conversations.insert(&held);
    agents_->heard(named, now_);
  }
  if (!queue_id.empty()) {
    Queue& named = queue(queue_id);
    named.conversations.insert(&held);
    queues_->heard(named, now_);
  }
}

void Board::apply(const AgentFact& fact, std::uint64_t sequence) {
  if (!usable(fact.user)) return;
  Agent& told = agent(fact.user);
  agents_->heard(told, now_);
  bool news = told.json.empty();
  news |= told.name.set(fact.name, {now_, sequence});
  news |= told.presence.set(fact.presence, {fact.presence_at, sequence});
  news |= told.routing.set(fact.routing, {fact.routing_at, sequence});
  if (news) agents_->changed(told);
}

void Board::apply(const QueueFact& fact, std::uint64_t sequence) {
  if (!usable(fact.queue) || fact.media.size() > kIdBytesMax) return;
  Queue& told = queue(fact.queue);
  std::string media(fact.media);
  for (char& c : media) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  if (told.observed.size() >= kMediaMax && told.observed.find(media) == told.observed.end()) return;
  Queue::Observed& observed = told.observed[media];
  const Stamp stamp{fact.at, sequence};
  observed.waiting.set(fact.waiting, stamp);
  observed.interacting.set(fact.interacting, stamp);
  if (fact.oldest_waiting != 0 && stamp > observed.oldest_stamp) {
    observed.oldest = fact.oldest_waiting;
    observed.oldest_stamp = stamp;
  }
  queues_->heard(told, now_);
  queues_->changed(told);
}

void Board::sweep(base::WallTime now) {
  const Time at = now.time_since_epoch().count();
  std::vector<Held*> idle;
  for (auto& [id, held] : conversations_->nodes) {
    const State state = held.unshown ? held.folded.view().state : held.state;
    base::Millis kept = options_.idle_max;
    if (state == State::gone) kept = options_.ended_kept;
    if (state == State::wrapup) kept = options_.after_call_max;
    if (at - held.touched > kept.count()) idle.push_back(&held);
  }
  for (Held* held : idle) forget(*held);
  const auto mark_stale = [&](auto& table) {
    for (auto& [id, node] : table.nodes) {
      const bool stale = at - node.touched > options_.stale_after.count();
      if (stale == node.stale) continue;
      node.stale = stale;
      table.show(node);
    }
  };
  mark_stale(*agents_);
  mark_stale(*queues_);
  mark_stale(*conversations_);
  for (auto& [id, queue] : queues_->nodes) {
    if (queue.service_level.keep_between(latest_ - options_.service_level.over.count(), latest_ + kAheadMax))
      queues_->changed(queue);
  }
}

void Board::take_names(std::shared_ptr<const event::NameTable> names) {
  names_ = std::move(names);
  for (auto& [id, agent] : agents_->nodes) agents_->show(agent);
  for (auto& [id, queue] : queues_->nodes) queues_->show(queue);
}

// ---- what is shown

std::string_view Board::name_of(std::string_view id) const {
  return names_ ? names_->find(id) : std::string_view();
}

std::string Board::text_of(const Held& held) {
  const ConversationView view = held.folded.view();
  std::string text;
  if (view.state == State::gone) return text;
  json::Writer writer(text);
  writer.begin_object().member("id", *held.id);
  write_text(writer, "media", held.folded.media());
  write_text(writer, "direction", held.folded.direction());
  write_text(writer, "queue", view.queue);
  write_text(writer, "agent", view.agent);
  writer.member("state", name(view.state));
  write_time(writer, "since", view.since);
  writer.member("stale", held.stale);
  writer.end_object();
  return text;
}

std::string Board::refresh(Held& held) {
  for (const Conversation::Session& session : held.folded.sessions()) {
    if (Agent* named = session.user.empty() ? nullptr : agents_->find(session.user)) agents_->show(*named);
    if (Queue* named = session.queue.empty() ? nullptr : queues_->find(session.queue)) queues_->show(*named);
  }
  held.state = held.folded.view().state;
  std::string text = text_of(held);
  const std::uint64_t hash = text.empty() ? 0 : std::max<std::uint64_t>(base::hash64(text), 1);
  if (hash == held.shown_hash) return {};
  if (text.empty()) conversations_->gone.emplace_back(held.id->view());
  held.shown_hash = hash;
  return text;
}

std::string Board::refresh(Agent& agent) {
  const Held* current = nullptr;
  ConversationView best;
  const auto order = [](const Held& held, const ConversationView& view) {
    const bool talks = view.state == State::connected || view.state == State::hold;
    return std::tuple(talks ? 2 : view.state == State::alerting ? 1 : 0, view.since, std::string_view(*held.id));
  };
  for (const Held* held : agent.conversations) {
    if (held->state == State::gone) continue;
    const ConversationView view = held->folded.view_of(*agent.id);
    if (view.state == State::gone || (current != nullptr && order(*held, view) < order(*current, best))) continue;
    current = held;
    best = view;
  }
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("id", *agent.id);
  const std::string_view known = options_.agent_names ? name_of(*agent.id) : std::string_view();
  write_text(writer, "name", known.empty() ? std::string_view(agent.name.value) : known);
  write_text(writer, "presence", agent.presence.value);
  write_time(writer, "presenceSince", agent.presence.value.empty() ? 0 : agent.presence.stamp.at);
  write_text(writer, "routingStatus", agent.routing.value);
  write_time(writer, "routingStatusSince", agent.routing.value.empty() ? 0 : agent.routing.stamp.at);
  write_text(writer, "conversation", current == nullptr ? std::string_view() : std::string_view(*current->id));
  write_text(writer, "conversationState", current == nullptr ? std::string_view() : name(best.state));
  write_time(writer, "conversationSince", best.since);
  writer.member("stale", agent.stale);
  writer.end_object();
  if (text == agent.json) return {};
  return agent.json = std::move(text);
}

std::string Board::refresh(Queue& queue) {
  std::int64_t waiting = 0;
  std::int64_t interacting = 0;
  Time oldest = 0;
  // An observation of all media stands for those of single ones.
  const auto all = queue.observed.find(std::string_view());
  for (auto& [media, observed] : queue.observed) {
    if (all != queue.observed.end() && !media.empty()) continue;
    if (observed.waiting.said()) waiting += observed.waiting.value + observed.waiting.left;
    if (observed.interacting.said()) interacting += observed.interacting.value + observed.interacting.left;
  }
  for (const Held* held : queue.conversations) {
    const ConversationView now = held->folded.view();
    if (waits(now, *queue.id)) {
      ++waiting;
      oldest = oldest == 0 ? now.since : std::min(oldest, now.since);
    }
    if (talks(now, *queue.id)) ++interacting;
    const Queue::Observed* observed = queue.observation(held->folded);
    if (observed == nullptr) continue;
    if (observed->waiting.said() && waits(held->folded.view(observed->waiting.stamp.at + kSkew), *queue.id)) --waiting;
    if (observed->interacting.said() && talks(held->folded.view(observed->interacting.stamp.at + kSkew), *queue.id))
      --interacting;
  }
  waiting = std::max<std::int64_t>(waiting, 0);
  interacting = std::max<std::int64_t>(interacting, 0);
  if (oldest == 0) {
    for (const auto& [media, observed] : queue.observed) oldest = std::max(oldest, observed.oldest);
  }
  std::string text;
  json::Writer writer(text);
  writer.begin_object().member("id", *queue.id);
  write_text(writer, "name", name_of(*queue.id));
  writer.member("waiting", waiting).member("interacting", interacting);
  write_time(writer, "oldestWaitingSince", waiting == 0 ? 0 : oldest);
  const auto counted = queue.service_level.between(latest_ - options_.service_level.over.count(), latest_);
  writer.member("answered", counted.answered()).member("abandoned", counted.abandoned);
  write_percent(writer, "serviceLevel", counted.percent());
  writer.member("stale", queue.stale);
  writer.end_object();
  if (text == queue.json) return {};
  return queue.json = std::move(text);
}

namespace {

void add(std::string& list, std::string_view item) {
  list.insert(list.size() - 1, list.size() > 2 ? "," : "");
  list.insert(list.size() - 1, item);
}

void add_gone(std::string& list, std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    std::string text;
    json::append_string(text, id);
    add(list, text);
  }
  ids.clear();
}

}  // namespace

Shown Board::take_changes() {
  Shown shown;
  const auto take = [this](auto& table, std::string& list, std::string& gone, bool& changed) {
    auto nodes = std::exchange(table.unshown, {});
    for (auto* node : nodes) node->unshown = false;
    for (auto* node : nodes) {
      if (const std::string text = refresh(*node); !text.empty()) add(list, text);
    }
    add_gone(gone, table.gone);
    changed = list.size() > 2 || gone.size() > 2;
  };
  // Agents and queues show what their conversations are.
  take(*conversations_, shown.conversations, shown.conversations_gone, shown.conversations_changed);
  take(*queues_, shown.queues, shown.queues_gone, shown.queues_changed);
  take(*agents_, shown.agents, shown.agents_gone, shown.agents_changed);
  return shown;
}

Shown Board::all() const {
  Shown shown;
  const auto list = [](const auto& table, std::string& out, const auto& text_of) {
    for (const auto& [id, node] : table.nodes) {
      if (!node.is_shown()) continue;
      if (const std::string text = text_of(node); !text.empty()) add(out, text);
    }
  };
  const auto kept = [](const auto& node) { return node.json; };
  list(*agents_, shown.agents, kept);
  list(*queues_, shown.queues, kept);
  list(*conversations_, shown.conversations, text_of);
  shown.agents_changed = shown.queues_changed = shown.conversations_changed = true;
  return shown;
}

Board::Sizes Board::sizes() const {
  return {agents_->nodes.size(), queues_->nodes.size(), conversations_->nodes.size(), evicted_};
}

// ---- over a restart

std::vector<Board::Stored> Board::take_unstored() {
  std::vector<Stored> stored;
  const auto take = [&stored](auto& table, std::string_view prefix, auto encode) {
    for (const std::string& id : table.stored_before) {
      if (table.find(id) == nullptr) stored.push_back({std::string(prefix) + id, std::nullopt});
    }
    table.stored_before.clear();
    for (auto* node : table.unstored) {
      node->unstored = false;
      std::string bytes;
      bytes.push_back(static_cast<char>(kVersion));
      put_time(bytes, node->touched);
      encode(*node, bytes);
      stored.push_back({fmt::format("{}{}", prefix, node->id->view()), std::move(bytes)});
    }
    table.unstored.clear();
  };
  take(*agents_, "a/", [](const Agent& agent, std::string& out) {
    agent.name.encode(out);
    agent.presence.encode(out);
    agent.routing.encode(out);
  });
  take(*queues_, "q/", [](const Queue& queue, std::string& out) {
    base::put_varint(out, queue.observed.size());
    for (const auto& [media, observed] : queue.observed) {
      base::put_string(out, media);
      observed.waiting.encode(out);
      observed.interacting.encode(out);
      put_time(out, observed.oldest_stamp.at);
      base::put_varint(out, observed.oldest_stamp.sequence);
      put_time(out, observed.oldest);
    }
    queue.service_level.encode(out);
  });
  take(*conversations_, "c/", [](const Held& held, std::string& out) { held.folded.encode(out); });
  return stored;
}

bool Board::restore(std::string_view key, std::string_view bytes) {
  if (key.size() < 3 || key[1] != '/' || !usable(key.substr(2))) return false;
  const std::string_view id = key.substr(2);
  base::ByteReader in(bytes);
  if (in.u8() != kVersion) return false;
  now_ = get_time(in);
  if (key[0] == 'a') return restore_agent(id, in);
  if (key[0] == 'q') return restore_queue(id, in);
  return key[0] == 'c' && restore_conversation(id, in);
}

bool Board::restore_agent(std::string_view id, base::ByteReader& in) {
  Register name;
  Register presence;
  Register routing;
  name.decode(in);
  presence.decode(in);
  routing.decode(in);
  if (!in.ok()) return false;
  Agent& told = agent(id);
  told.name = std::move(name);
  told.presence = std::move(presence);
  told.routing = std::move(routing);
  agents_->heard(told, now_);
  return true;
}

bool Board::restore_queue(std::string_view id, base::ByteReader& in) {
  std::map<std::string, Queue::Observed, std::less<>> all;
  const std::uint64_t count = in.varint();
  if (count > kMediaMax) return false;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Queue::Observed& observed = all[std::string(in.string())];
    observed.waiting.decode(in);
    observed.interacting.decode(in);
    observed.oldest_stamp.at = get_time(in);
    observed.oldest_stamp.sequence = in.varint();
    observed.oldest = get_time(in);
  }
  ServiceLevel service_level;
  if (!service_level.decode(in) || !in.ok()) return false;
  latest_ = std::max(latest_, service_level.newest(now_ + kAheadMax));
  Queue& told = queue(id);
  told.observed = std::move(all);
  told.service_level = std::move(service_level);
  queues_->heard(told, now_);
  return true;
}

bool Board::restore_conversation(std::string_view id, base::ByteReader& in) {
  Conversation folded;
  if (!folded.decode(in)) return false;
  Held& held = conversation(id);
  held.folded = std::move(folded);
  conversations_->heard(held, now_);
  for (const Conversation::Session& session : held.folded.sessions()) link(held, session.user, session.queue);
  return true;
}

}  // namespace trunkline::board
