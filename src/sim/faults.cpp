#include "sim/faults.hpp"

#include <algorithm>

namespace trunkline::sim {
namespace {

void replace_first(std::string& text, std::string_view what, std::string_view by) {
  const std::size_t place = text.find(what);
  if (place != std::string::npos) text.replace(place, what.size(), by);
}

void set_envelope_id(GeneratedEvent& event, const Id& id) {
  const std::string text = to_text(id);
  replace_first(event.raw, event.envelope_id, text);
  event.envelope_id = text;
}

std::string_view event_body(std::string_view raw) {
  constexpr std::string_view kBefore = R"("eventBody":)";
  constexpr std::string_view kBehind = R"(,"metadata":)";
  const std::size_t from = raw.find(kBefore);
  const std::size_t to = raw.rfind(kBehind);
  if (from == std::string_view::npos || to == std::string_view::npos) return raw;
  return raw.substr(from + kBefore.size(), to - from - kBefore.size());
}

}  // namespace

std::string malform(std::string_view raw, Malformation how, Random& random) {
  std::string text(raw);
  switch (how) {
    case Malformation::truncated:
      text.resize(static_cast<std::size_t>(random.between(1, static_cast<std::int64_t>(raw.size()) - 1)));
      return text;
    case Malformation::bare_event_body:
      return std::string(event_body(raw));
    case Malformation::wrong_types: {
      constexpr std::string_view kBy[] = {R"("detail":["topicName","eventBody"],"was":{)", R"("detail":"text","was":{)",
                                          R"("detail":null,"was":{)", R"("detail":17,"was":{)"};
      replace_first(text, R"("detail":{)", kBy[random.below(std::size(kBy))]);
      return text;
    }
    case Malformation::invalid_utf8: {
      // A lone continuation byte, an overlong slash, a surrogate, a byte that never occurs.
      constexpr std::string_view kBad[] = {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xFF"};
      std::string by = R"("eventBody":{"note":")";
      by += kBad[random.below(std::size(kBad))];
      by += "\",";
      replace_first(text, R"("eventBody":{)", by);
      return text;
    }
    case Malformation::empty:
      return random.chance(0.5) ? "" : " \r\n\t ";
    case Malformation::too_deep: {
      constexpr std::size_t kDepth = 1'500;  // EventBridge's own limit is 1,000 to 1,100
      const std::string by = R"("eventBody":{"deep":)" + std::string(kDepth, '[') + std::string(kDepth, ']') + ",";
      replace_first(text, R"("eventBody":{)", by);
      return text;
    }
    case Malformation::not_json:
      return random.chance(0.5) ? "<Event><topic>v2.users</topic></Event>" : "id=17&topic=v2.users&body=none";
  }
  return text;
}

FaultMixer::FaultMixer(Source source, const FaultShares& shares, std::uint64_t seed)
    : source_(std::move(source)), shares_(shares), random_(seed ^ 0xFA0175ull) {}

void FaultMixer::hold(GeneratedEvent event, std::int64_t span_max) {
  const auto due = given_ + static_cast<std::uint64_t>(random_.between(1, span_max));
  held_.push_back({due, order_++, std::move(event)});
  std::push_heap(held_.begin(), held_.end(), Later{});
}

bool FaultMixer::take_held(GeneratedEvent& event) {
  if (held_.empty() || (!ended_ && held_.front().due > given_ && held_.size() <= kHeldMax)) return false;
  std::pop_heap(held_.begin(), held_.end(), Later{});
  event = std::move(held_.back().event);
  held_.pop_back();
  return true;
}

void FaultMixer::give(GeneratedEvent event) {
  ready_.insert(ready_.begin(), std::move(event));
}

bool FaultMixer::start_reorder(GeneratedEvent& event) {
  if (event.conversation_id.empty() || reordering_.contains(event.conversation_id)) return false;
  event.fault = Fault::reordered;
  const std::string conversation = event.conversation_id;
  const std::uint64_t order = order_++;
  reordering_due_.emplace(order, conversation);
  reordering_.emplace(conversation, Held{given_ + kReorderSpanMax, order, std::move(event)});
  return true;
}

// Behind an event of the same conversation, and when nothing came for too long.
void FaultMixer::release_reordered(const GeneratedEvent& passed) {
  const auto release = [this](const std::string& conversation) {
    const auto found = reordering_.find(conversation);
    reordering_due_.erase(found->second.order);
    give(std::move(found->second.event));
    reordering_.erase(found);
  };
  if (!passed.conversation_id.empty() && reordering_.contains(passed.conversation_id)) release(passed.conversation_id);
  while (!reordering_due_.empty()) {
    const std::string oldest = reordering_due_.begin()->second;
    if (!ended_ && reordering_.at(oldest).due > given_ && reordering_.size() <= kHeldMax) return;
    release(oldest);
  }
}

bool FaultMixer::apply(GeneratedEvent& event) {
  const auto copy_of = [&event](Fault fault) {
    GeneratedEvent copy = event;
    copy.fault = fault;
    return copy;
  };
  const auto count = [this](Fault fault) { ++made_[static_cast<std::size_t>(fault)]; };
  if (random_.chance(shares_.duplicates)) {
    count(Fault::duplicate);
    hold(copy_of(Fault::duplicate), kDuplicateSpanMax);
  }
  if (random_.chance(shares_.republished)) {
    count(Fault::republished);
    GeneratedEvent copy = copy_of(Fault::republished);
    set_envelope_id(copy, random_.any_id());
    hold(std::move(copy), kDuplicateSpanMax);
  }
  if (random_.chance(shares_.conflicts)) {
    count(Fault::conflict);
    GeneratedEvent copy = copy_of(Fault::conflict);
    replace_first(copy.raw, R"("eventBody":{)", R"("eventBody":{"revision":)" + std::to_string(order_) + ",");
    hold(std::move(copy), kDuplicateSpanMax);
  }
  if (random_.chance(shares_.malformed)) {
    count(Fault::malformed);
    GeneratedEvent copy = copy_of(Fault::malformed);
    set_envelope_id(copy, random_.any_id());
    copy.raw = malform(copy.raw, static_cast<Malformation>(random_.below(kMalformations)), random_);
    hold(std::move(copy), 10);
  }
  if (random_.chance(shares_.late)) {
    count(Fault::late);
    event.fault = Fault::late;
    hold(std::move(event), kLateSpanMax);
    return false;
  }
  if (random_.chance(shares_.reordered) && start_reorder(event)) {
    count(Fault::reordered);
    return false;
  }
  return true;
}

bool FaultMixer::next(GeneratedEvent& event) {
  while (true) {
    if (!ready_.empty()) {
      event = std::move(ready_.back());
      ready_.pop_back();
      return true;
    }
    if (take_held(event)) return true;
    if (ended_) return false;
    if (!source_(event)) {
      ended_ = true;
      release_reordered(GeneratedEvent{});
      continue;
    }
    ++given_;
    const bool goes_out = apply(event);
    if (goes_out) {
      release_reordered(event);
      return true;
    }
    // What is held back does not let its own partner pass; the time-out of others goes on.
    release_reordered(GeneratedEvent{});
  }
}

}  // namespace trunkline::sim
