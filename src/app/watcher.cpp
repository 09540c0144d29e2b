#include "app/watcher.hpp"

namespace trunkline::app {
namespace {

constexpr base::Millis kEvery = std::chrono::seconds(1);

}  // namespace

Watcher::Watcher(std::function<void()> look) : look_(std::move(look)), loop_("watch") {}

Watcher::~Watcher() {
  stop();
}

void Watcher::start() {
  loop_.start();
  loop_.post([this] { tick(); });
}

void Watcher::stop() {
  loop_.stop();
  loop_.join();
}

void Watcher::tick() {
  look_();
  loop_.after(kEvery, [this] { tick(); });
}

}  // namespace trunkline::app
