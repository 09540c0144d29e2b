#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "board/board.hpp"
#include "board/feed.hpp"
#include "net/http_stream.hpp"

namespace trunkline::sinks {

struct LiveOptions {
  board::BoardOptions board;
  base::Millis delta_every{250};  // changes of that time are one delta
  base::Millis heartbeat = std::chrono::seconds(15);
  // Proxies and browsers give up after about a minute of silence; so does this side on a reader that takes nothing.
  base::Millis stalled_max = std::chrono::seconds(30);
  std::size_t subscribers_max = 100;
};

// The board of a live consumer and those who watch it. The board belongs to the owner's loop; subscribers to those of
// their connections. What goes between is posted: one post per change and loop, with texts that all share. A subscriber
// who reads slowly misses changes in between and is then sent what it missed, or a snapshot; who reads nothing is cut.
// Nothing that a subscriber does holds the board back.
class LiveFeed : public std::enable_shared_from_this<LiveFeed> {
 public:
  // Shared by its sink, the hub, and what is posted. `epoch` is a word that no other run of the program has.
  static std::shared_ptr<LiveFeed> make(LiveOptions options, base::Loop& owner,
                                        std::shared_ptr<const event::NameTable> names, std::string epoch);
  ~LiveFeed();

  // ---- on the owner's loop

  board::Board& board() { return board_; }
  void begin();    // after the board was restored, before the first change
  void changed();  // the board has been given events
  void stop();     // no timer and no subscriber any more

  // ---- any thread

  // Other names of agents and queues, while the owner's loop runs.
  void take_names(std::shared_ptr<const event::NameTable> names);

  // ---- any loop

  using Begin = base::UniqueFunction<void(std::shared_ptr<net::HttpStream>)>;
  // What a response's stream is to be given to, on `loop`, which outlives the feed's streams. Errc::overloaded when all
  // places are taken. `last_event_id` may be empty.
  base::Result<Begin> subscribe(base::Loop& loop, std::uint8_t parts, std::string last_event_id);
  std::size_t subscribers() const { return seats_->load(std::memory_order_relaxed); }
  std::uint64_t cut() const { return cut_.load(std::memory_order_relaxed); }  // subscribers that took nothing
  board::Board::Sizes sizes() const;                                          // at most ten seconds old

 private:
  class Watchers;
  using Texts = std::vector<board::SseText>;
  // A loop's subscribers, as the owner knows them.
  struct Group {
    std::shared_ptr<Watchers> watchers;  // of that loop; shared with its posts
    std::array<std::size_t, board::kEverything + 1> by_parts{};
  };

  LiveFeed(LiveOptions options, base::Loop& owner, std::shared_ptr<const event::NameTable> names, std::string epoch);
  void join(base::Loop& loop, std::shared_ptr<net::HttpStream> stream, std::uint8_t parts, std::string last_event_id,
            std::shared_ptr<void> seat);
  void resume(base::Loop& loop, std::uint64_t watcher, std::uint8_t parts, const std::string& last_event_id);
  void left(base::Loop& loop, std::uint8_t parts);
  void arm_delta();
  void advance();
  void publish_sizes();
  void arm_sweep();

  const LiveOptions options_;
  base::Loop& owner_;
  board::Board board_;
  board::Feed feed_;
  std::unordered_map<base::Loop*, Group> groups_;
  base::Loop::TimerId delta_timer_ = 0;
  base::Loop::TimerId sweep_timer_ = 0;
  bool stopped_ = false;
  const std::shared_ptr<std::atomic<std::size_t>> seats_;  // taken; shared with those who sit
  std::atomic<std::uint64_t> next_watcher_{1};
  std::atomic<std::uint64_t> cut_{0};
  struct {
    std::atomic<std::size_t> agents{0};
    std::atomic<std::size_t> queues{0};
    std::atomic<std::size_t> conversations{0};
    std::atomic<std::uint64_t> evicted{0};
  } sizes_;  // as published by advance()
};

}  // namespace trunkline::sinks
