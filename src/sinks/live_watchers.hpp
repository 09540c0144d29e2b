#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "board/feed.hpp"
#include "net/http_stream.hpp"

namespace trunkline::sinks {

// One subscriber: what it is still to be sent. Loop of its connection.
class Watcher {
 public:
  // Changes that wait: more than a feed keeps for those who come back, so that what it is sent then always fits.
  static constexpr std::size_t kWaitingMax = board::Feed::kKeptMax + 64;
  // And of their bytes, a snapshot that is under way included. The texts are shared by all subscribers.
  static constexpr std::size_t kWaitingBytesMax = 2 * board::Feed::kKeptBytesMax;
  // Handed to the connection at a time: what it holds for a slow reader stays far below what it cuts at, and a snapshot
  // of many megabytes is not copied at once.
  static constexpr std::size_t kWindowBytes = 128 << 10;

  Watcher(std::shared_ptr<net::HttpStream> stream, std::uint8_t parts, std::string last_event_id)
      : stream_(std::move(stream)), parts_(parts), last_id_(std::move(last_event_id)) {}

  // A change; no effect while it is behind. Beyond the bound what waits is dropped, and it is behind.
  void offer(const board::SseText& text);
  // What it missed, or a snapshot: it is not behind any more.
  void resume(const std::vector<board::SseText>& texts);
  // Writes what the peer has room for; false when the peer is gone.
  bool pump(base::MonoTime now);
  bool comment(std::string_view text) { return waiting_.empty() ? stream_->write(text) : true; }
  void close() { stream_->close(); }

  bool behind() const { return behind_; }
  // True once, when it is behind and has taken all that it was sent: it is to be resumed.
  bool wants_resume();
  bool busy() const { return !waiting_.empty() || behind_; }
  // Since when it has taken nothing although something was there to take.
  bool stalled(base::MonoTime now, base::Millis longest) const {
    return (!waiting_.empty() || stream_->unfetched() > 0) && now - progress_ > longest;
  }
  std::uint8_t parts() const { return parts_; }
  const std::string& last_id() const { return last_id_; }

 private:
  const std::shared_ptr<net::HttpStream> stream_;  // shared with the connection
  const std::uint8_t parts_;
  std::string last_id_;  // of the event that was written last, whole
  std::deque<board::SseText> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t written_ = 0;  // of the first
  bool behind_ = true;
  bool asked_ = true;
  std::size_t unfetched_ = 0;  // as seen last
  base::MonoTime progress_{};
};

}  // namespace trunkline::sinks
