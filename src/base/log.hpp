#pragma once

#include <fmt/format.h>

#include <string_view>

namespace trunkline::base::log {

enum class Level { debug, info, warn, error, off };

// Lines are `time level message key=value …` on standard error: one per change of state, none per event. Any thread.
// The logger is process-wide, since standard error is.
void set_level(Level level);
// Lines as JSON objects instead.
void set_json(bool json);

// A value with a space, a quote or an equals sign is quoted. Use: info("queue paused", "queue", name, "by", who).
class Line {
 public:
  Line(Level level, std::string_view message) : level_(level), message_(message) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();
  void add(std::string_view key, std::string_view value);

 private:
  Level level_;
  std::string_view message_;
  fmt::memory_buffer fields_;
};

inline void add_fields(Line&) {}
template <class Value, class... Rest>
void add_fields(Line& line, std::string_view key, const Value& value, const Rest&... rest) {
  line.add(key, fmt::format("{}", value));
  add_fields(line, rest...);
}
template <class... Fields>
void debug(std::string_view message, const Fields&... fields) {
  Line line(Level::debug, message);
  add_fields(line, fields...);
}
template <class... Fields>
void info(std::string_view message, const Fields&... fields) {
  Line line(Level::info, message);
  add_fields(line, fields...);
}
template <class... Fields>
void warn(std::string_view message, const Fields&... fields) {
  Line line(Level::warn, message);
  add_fields(line, fields...);
}
template <class... Fields>
void error(std::string_view message, const Fields&... fields) {
  Line line(Level::error, message);
  add_fields(line, fields...);
}

}  // namespace trunkline::base::log
