#include "sinks/s3_in_doubt.hpp"

#include <algorithm>
#include <utility>

namespace trunkline::sinks {

void S3InDoubt::add(std::string key, std::span<const std::uint64_t> sequences) {
  const auto same = std::ranges::find(objects_, key, &Object::key);
  if (same != objects_.end()) return;
  objects_.push_back({std::move(key), {sequences.begin(), sequences.end()}});
  events_ += objects_.back().sequences.size();
  while (objects_.size() > kObjectsMax || (events_ > kEventsMax && objects_.size() > 1)) {
    events_ -= objects_.front().sequences.size();
    objects_.pop_front();
  }
}

std::optional<std::string> S3InDoubt::to_ask(std::span<const std::uint64_t> sequences) const {
  for (const Object& object : objects_) {
    if (object.is_there) continue;
    if (std::ranges::any_of(sequences, [&](std::uint64_t each) { return object.sequences.contains(each); }))
      return object.key;
  }
  return std::nullopt;
}

void S3InDoubt::answered(const std::string& key, bool is_there) {
  const auto found = std::ranges::find(objects_, key, &Object::key);
  if (found == objects_.end()) return;
  found->is_there = is_there;
  if (is_there) return;
  events_ -= found->sequences.size();
  objects_.erase(found);
}

bool S3InDoubt::take(std::uint64_t sequence) {
  for (auto object = objects_.begin(); object != objects_.end(); ++object) {
    if (!object->is_there || object->sequences.erase(sequence) == 0) continue;
    --events_;
    if (object->sequences.empty()) objects_.erase(object);
    return true;
  }
  return false;
}

}  // namespace trunkline::sinks
