#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <iterator>

namespace trunkline::base::log {
namespace {

std::atomic<bool> json_lines{false};

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("trunkline", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::err;
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
    case Level::off:
      return "error";
  }
  return "error";
}

std::string now_text() {
  const auto now = std::chrono::system_clock::now();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", std::string_view(text, length), millis);
}

void append_json_string(fmt::memory_buffer& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace

void set_level(Level level) {
  logger().set_level(to_spdlog(level));
}
void set_json(bool json) {
  json_lines.store(json, std::memory_order_relaxed);
}

void Line::add(std::string_view key, std::string_view value) {
  if (json_lines.load(std::memory_order_relaxed)) {
    fields_.push_back(',');
    append_json_string(fields_, key);
    fields_.push_back(':');
    append_json_string(fields_, value);
    return;
  }
  fields_.push_back(' ');
  fields_.append(key);
  fields_.push_back('=');
  if (value.empty() || value.find_first_of(" \"=\n\r\t\\") != std::string_view::npos) {
    append_json_string(fields_, value);
  } else {
    fields_.append(value);
  }
}

Line::~Line() {
  if (!logger().should_log(to_spdlog(level_))) return;
  fmt::memory_buffer line;
  if (json_lines.load(std::memory_order_relaxed)) {
    fmt::format_to(std::back_inserter(line), "{{\"time\":\"{}\",\"level\":\"{}\",\"message\":", now_text(),
                   level_name(level_));
    append_json_string(line, message_);
    line.append(fields_);
    line.push_back('}');
  } else {
    fmt::format_to(std::back_inserter(line), "{} {} {}", now_text(), level_name(level_), message_);
    line.append(fields_);
  }
  logger().log(to_spdlog(level_), std::string_view(line.data(), line.size()));
}

}  // namespace trunkline::base::log
