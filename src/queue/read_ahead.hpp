#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "base/strong.hpp"
#include "engine/record.hpp"

namespace trunkline::queue {

// Events of a queue that stand behind what it gives out just now, read together before anyone asks for them: a receive of
// ten that reads ten by itself waits for the disk each time. Loop thread only.
class ReadAhead {
 public:
  // Of what is given to keep(), hence of what is here: for each queue that is behind and received from just now.
  static constexpr std::size_t kEvents = 256;
  static constexpr std::size_t kBytes = 512 << 10;  // of bodies
  static constexpr std::size_t kLow = 128;          // fewer than that: it is time to read on

  // Null when it is not here. Each goes out once.
  engine::RecordPtr take(base::Sequence sequence) {
    const auto found = records_.find(sequence);
    if (found == records_.end()) return nullptr;
    asked();
    engine::RecordPtr record = std::move(found->second);
    records_.erase(found);
    return record;
  }
  // Of the next ones; what else is here has left the queue otherwise. Gives those that are not here.
  std::vector<base::Sequence> keep(const std::vector<base::Sequence>& next) {
    std::map<base::Sequence, engine::RecordPtr> kept;
    std::vector<base::Sequence> missing;
    for (const base::Sequence sequence : next) {
      if (auto node = records_.extract(sequence); !node.empty()) {
        kept.insert(std::move(node));
      } else {
        missing.push_back(sequence);
      }
    }
    records_ = std::move(kept);
    return missing;
  }
  void put(engine::RecordPtr record) {
    const base::Sequence sequence = record->sequence;
    records_[sequence] = std::move(record);
  }
  // Something was asked for that is not in the tail: the queue is behind.
  void asked() { asked_ = used_ = true; }
  // Whether to read on: once a question, so that a queue that has caught up looks for nothing.
  bool wants_more() { return records_.size() < kLow && std::exchange(asked_, false); }
  void clear() { records_.clear(); }
  // To be called now and then: a queue of which nobody receives keeps nothing in memory.
  void clear_unused() {
    if (!std::exchange(used_, false)) clear();
  }

 private:
  std::map<base::Sequence, engine::RecordPtr> records_;
  bool asked_ = false;  // since wants_more()
  bool used_ = false;   // since clear_unused()
};

}  // namespace trunkline::queue
