#include "sinks/live_watchers.hpp"

#include <algorithm>

namespace trunkline::sinks {
namespace {

// An event's text begins with its id.
std::string id_of(std::string_view text) {
  constexpr std::string_view kField = "id: ";
  if (!text.starts_with(kField)) return {};
  text.remove_prefix(kField.size());
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

void Watcher::offer(const board::SseText& text) {
  if (behind_) return;
  if (waiting_.size() < kWaitingMax && waiting_bytes_ + text->size() <= kWaitingBytesMax) {
    waiting_.push_back(text);
    waiting_bytes_ += text->size();
    return;
  }
  // The one that is half written is finished, so that the stream stays readable.
  waiting_.resize(written_ > 0 ? 1 : 0);
  waiting_bytes_ = waiting_.empty() ? 0 : waiting_.front()->size();
  behind_ = true;
  asked_ = false;
}

void Watcher::resume(const std::vector<board::SseText>& texts) {
  waiting_.insert(waiting_.end(), texts.begin(), texts.end());
  for (const board::SseText& text : texts) waiting_bytes_ += text->size();
  behind_ = false;
}

bool Watcher::pump(base::MonoTime now) {
  const std::size_t left = stream_->unfetched();
  if (left < unfetched_ || left == 0 || progress_ == base::MonoTime{}) progress_ = now;
  while (!waiting_.empty() && stream_->unfetched() < kWindowBytes) {
    const std::string& text = *waiting_.front();
    const std::size_t size = std::min(text.size() - written_, kWindowBytes);
    if (!stream_->write(std::string_view(text).substr(written_, size))) return false;
    written_ += size;
    if (written_ < text.size()) continue;
    last_id_ = id_of(text);
    waiting_bytes_ -= text.size();
    waiting_.pop_front();
    written_ = 0;
  }
  unfetched_ = stream_->unfetched();
  return true;
}

bool Watcher::wants_resume() {
  if (!behind_ || asked_ || !waiting_.empty() || stream_->unfetched() > 0) return false;
  asked_ = true;
  return true;
}

}  // namespace trunkline::sinks
