#include "cli/server_sent_events.hpp"

#include <utility>

namespace trunkline::cli {

bool ServerSentEvents::read(std::string_view bytes, const std::function<bool(const ServerSentEvent&)>& take) {
  if (ended_ || overflowed_) return false;
  while (!bytes.empty()) {
    if (std::exchange(after_carriage_return_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    overflowed_ = line_.size() + data_.size() > bytes_max_;
    if (overflowed_) return false;
    if (end == std::string_view::npos) return true;
    after_carriage_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (!end_line(take)) return false;
  }
  return true;
}

bool ServerSentEvents::end_line(const std::function<bool(const ServerSentEvent&)>& take) {
  if (!line_.empty()) {
    const std::size_t colon = line_.find(':');
    std::string_view value;
    if (colon != std::string::npos) value = std::string_view(line_).substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    field(std::string_view(line_).substr(0, colon), value);
    line_.clear();
    return true;
  }
  const bool something = std::exchange(has_data_, false);
  ServerSentEvent event{type_.empty() ? "message" : std::exchange(type_, {}), std::exchange(data_, {})};
  type_.clear();
  ended_ = something && !take(event);
  return !ended_;
}

void ServerSentEvents::field(std::string_view name, std::string_view value) {
  if (name == "event") {
    type_ = value;
  } else if (name == "data") {
    if (has_data_) data_.push_back('\n');
    has_data_ = true;
    data_ += value;
  }
}

}  // namespace trunkline::cli
