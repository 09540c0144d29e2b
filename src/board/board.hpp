#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "board/conversation.hpp"
#include "board/facts.hpp"
#include "board/id_text.hpp"
#include "board/service_level.hpp"
#include "engine/record.hpp"
#include "event/enrich.hpp"
#include "json/document.hpp"

namespace trunkline::board {

struct BoardOptions {
  // What is held of each, those not shown any more included. Of more, what was heard of longest ago is let go, ended
  // conversations first; it comes back with its next event.
  std::size_t agents_max = 20'000;
  std::size_t queues_max = 5'000;
  std::size_t conversations_max = 20'000;
  // Without an event for that long (by acceptance) a conversation leaves: one that is shown (asynchronous messages rest
  // for days, but a board of today need not show them), one in after-call work (some queues have none that ends), one
  // that has ended and is only kept so that its late events do not bring it back.
  base::Millis idle_max = std::chrono::hours(24);
  base::Millis after_call_max = std::chrono::minutes(15);
  base::Millis ended_kept = std::chrono::minutes(15);
  bool agent_names = true;  // from the table of names; false: only what events say
  // Without an event (by acceptance) for that long, what is shown of an agent, a queue or a conversation is marked as
  // stale: something may have been missed before it came here.
  base::Millis stale_after = std::chrono::hours(2);
  ServiceLevelOptions service_level;
};

// JSON texts of what is shown, or of what has changed: arrays, without anything around them.
struct Shown {
  std::string agents = "[]";
  std::string queues = "[]";
  std::string conversations = "[]";
  std::string agents_gone = "[]";  // ids
  std::string queues_gone = "[]";
  std::string conversations_gone = "[]";
  bool agents_changed = false;
  bool queues_changed = false;
  bool conversations_changed = false;
};

// What a contact centre looks like at this moment, folded from its events: agents, queues, conversations under way. Pure:
// no clock, no I/O. The same set of events gives the same board in any order and with any repeats, within the bounds.
// Not thread-safe.
//
// Counts of a queue are those of Genesys's newest observation plus what has come and gone since; of a queue without
// observations, those of the conversations that are known.
class Board {
 public:
  explicit Board(BoardOptions options, std::shared_ptr<const event::NameTable> names = nullptr);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  void apply(const engine::Record& record);
  // Other names from now on; what is shown is written anew.
  void take_names(std::shared_ptr<const event::NameTable> names);
  // Lets go what has been idle for too long, marks what is stale, and lets what is too old leave the service levels. Now
  // and then; its cost is that of the whole board.
  void sweep(base::WallTime now);

  // What differs from what was returned last.
  Shown take_changes();
  // All that take_changes() has shown. Of conversations it says what is known now: what came since the last
  // take_changes() comes again with the next one.
  Shown all() const;

  // For keeping the board over a restart: each agent, queue and conversation is one key.
  struct Stored {
    std::string key;                   // "a/ID", "q/ID", "c/ID"
    std::optional<std::string> bytes;  // nothing: it is gone
  };
  // What has changed since the last call.
  std::vector<Stored> take_unstored();
  // Before the first apply(). False where the bytes are not what this version writes: that key says nothing then.
  bool restore(std::string_view key, std::string_view bytes);

  struct Sizes {
    std::size_t agents = 0;
    std::size_t queues = 0;
    std::size_t conversations = 0;  // those kept behind their end included
    std::uint64_t evicted = 0;      // for want of room, since start
  };
  Sizes sizes() const;

 private:
  struct Agent;
  struct Queue;
  struct Held;
  template <class Node>
  using Nodes = std::unordered_map<IdText, Node, IdText::Hash>;
  template <class Node>
  struct Table;

  void apply(const SessionFact& fact, std::uint64_t sequence);
  void apply(const AgentFact& fact, std::uint64_t sequence);
  void apply(const QueueFact& fact, std::uint64_t sequence);
  bool restore_agent(std::string_view id, base::ByteReader& in);
  bool restore_queue(std::string_view id, base::ByteReader& in);
  bool restore_conversation(std::string_view id, base::ByteReader& in);
  void merge(Held& held, const SessionFact& fact, std::uint64_t sequence);
  void link(Held& held, std::string_view user, std::string_view queue);
  Agent& agent(std::string_view id);
  Queue& queue(std::string_view id);
  Held& conversation(std::string_view id);
  void forget(Held& held);
  void forget(Agent& agent);
  void forget(Queue& queue);
  void leave(Queue& queue, const Held& held);
  // What is to be shown of it, empty for nothing.
  static std::string text_of(const Held& held);
  // What is to be shown now, if that is another text than before; empty otherwise.
  std::string refresh(Held& held);
  std::string refresh(Agent& agent);
  std::string refresh(Queue& queue);
  std::string_view name_of(std::string_view id) const;

  const BoardOptions options_;
  std::shared_ptr<const event::NameTable> names_;  // shared with the whole program, immutable
  json::Document document_;
  Facts facts_;
  Time now_ = 0;     // acceptance of the event being applied
  Time latest_ = 0;  // business time of the newest event, the end of what service levels count
  std::uint64_t evicted_ = 0;
  std::unique_ptr<Table<Agent>> agents_;
  std::unique_ptr<Table<Queue>> queues_;
  std::unique_ptr<Table<Held>> conversations_;
};

}  // namespace trunkline::board
