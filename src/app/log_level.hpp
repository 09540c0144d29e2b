#pragma once

#include "base/log.hpp"
#include "config/config.hpp"

namespace trunkline::app {

inline void set_log_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::debug:
      return base::log::set_level(base::log::Level::debug);
    case config::LogLevel::info:
      return base::log::set_level(base::log::Level::info);
    case config::LogLevel::warn:
      return base::log::set_level(base::log::Level::warn);
    case config::LogLevel::error:
      return base::log::set_level(base::log::Level::error);
  }
}

}  // namespace trunkline::app
