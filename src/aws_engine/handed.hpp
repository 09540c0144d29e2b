#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/function.hpp"
#include "base/loop.hpp"

namespace trunkline::aws_engine {

// A message that somebody else has received and will delete: an event source mapping of Lambda.
struct HandedMessage {
  std::string id;
  std::string handle;  // receipt handle
  std::string body;
  std::string head;  // of the message attribute "trunkline"
  std::uint32_t received = 1;
};

// What has become of messages by their place in what was handed. Any thread.
struct HandedFates {
  explicit HandedFates(std::size_t count) : settled(count) {}
  std::vector<std::atomic<bool>> settled;  // to be deleted; else it comes again when its visibility timeout is over
  std::atomic<std::uint32_t> found{0};     // of receive_one(): received
  std::atomic<std::uint32_t> given{0};     // came as far as a lease's lane
};

// Held by each message as long as the engine has to do with it; `done` runs when the last one lets go of it.
class Handover {
 public:
  Handover(std::shared_ptr<HandedFates> fates, base::Loop& reply_on, base::Task done)
      : fates_(std::move(fates)), loop_(reply_on), done_(std::move(done)) {}
  ~Handover() { loop_.post(std::move(done_)); }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  HandedFates& fates() { return *fates_; }

 private:
  const std::shared_ptr<HandedFates> fates_;
  base::Loop& loop_;
  base::Task done_;
};

// A message's part in it.
struct HandedPlace {
  std::shared_ptr<Handover> handover{};  // null: received by the engine itself
  std::size_t index = 0;
  bool deletes = false;  // whoever has handed it does

  void settled() const {
    if (handover) handover->fates().settled.at(index).store(true);
  }
};

}  // namespace trunkline::aws_engine
