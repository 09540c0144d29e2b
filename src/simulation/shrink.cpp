#include "simulation/shrink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace trunkline::simulation {
namespace {

constexpr std::size_t kPlacesMax = 10'000'000;  // a plan of a thousand hours has fewer steps

class Shrinker {
 public:
  Shrinker(const Plan& plan, const Finding& finding, std::size_t runs_max,
           const std::function<Outcome(const Plan&)>& again)
      : plan_(plan), runs_max_(runs_max), again_(again) {
    best_.finding = finding;
    best_.mask.steps.assign(plan.steps.size(), true);
    best_.mask.consumers.assign(plan.consumers.size(), true);
  }

  Shrunk shrink() {
    for (std::size_t i = 0; i < plan_.consumers.size(); ++i) {
      Mask mask = best_.mask;
      mask.consumers[i] = false;
      if (std::count(mask.consumers.begin(), mask.consumers.end(), true) > 0) try_mask(std::move(mask));
    }
    // What does not publish is tried first: it is little, and a run without it is simple.
    shrink_steps([](const Step& step) { return step.items.empty(); });
    shrink_steps([](const Step& step) { return !step.items.empty(); });
    shrink_steps([](const Step&) { return true; });
    best_.steps = count(best_.mask.steps);
    best_.consumers = count(best_.mask.consumers);
    return std::move(best_);
  }

 private:
  static std::size_t count(const std::vector<bool>& places) {
    return static_cast<std::size_t>(std::count(places.begin(), places.end(), true));
  }
  bool try_mask(Mask mask) {
    if (best_.runs >= runs_max_) return false;
    ++best_.runs;
    const Outcome outcome = again_(masked(plan_, mask));
    const auto same = std::find_if(outcome.findings.begin(), outcome.findings.end(),
                                   [this](const Finding& each) { return each.rule == best_.finding.rule; });
    if (same == outcome.findings.end()) return false;
    best_.mask = std::move(mask);
    best_.finding = *same;
    return true;
  }
  template <class Chosen>
  void shrink_steps(Chosen chosen) {
    const auto left = [&] {
      std::vector<std::uint32_t> ids;
      for (const Step& step : plan_.steps) {
        if (best_.mask.steps[step.id] && chosen(step)) ids.push_back(step.id);
      }
      return ids;
    };
    for (std::size_t chunk = std::max<std::size_t>(left().size() / 2, 1);; chunk /= 2) {
      const std::vector<std::uint32_t> ids = left();
      // From the end: what comes later is needed the least.
      for (std::size_t end = ids.size(); end > 0; end -= std::min(end, chunk)) {
        Mask mask = best_.mask;
        for (std::size_t i = end - std::min(end, chunk); i < end; ++i) mask.steps[ids[i]] = false;
        try_mask(std::move(mask));
      }
      if (chunk <= 1 || best_.runs >= runs_max_) return;
    }
  }

  const Plan& plan_;
  const std::size_t runs_max_;
  const std::function<Outcome(const Plan&)>& again_;
  Shrunk best_;
};

}  // namespace

Shrunk shrink(const Plan& plan, const Finding& finding, std::size_t runs_max,
              const std::function<Outcome(const Plan&)>& again) {
  return Shrinker(plan, finding, runs_max, again).shrink();
}

std::string ranges(const std::vector<bool>& places) {
  if (std::find(places.begin(), places.end(), false) == places.end()) return {};
  std::string text;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!places[i]) continue;
    std::size_t last = i;
    while (last + 1 < places.size() && places[last + 1]) ++last;
    if (!text.empty()) text += ',';
    text += last > i ? fmt::format("{}-{}", i, last) : fmt::format("{}", i);
    i = last;
  }
  return text;
}

base::Result<std::vector<bool>> parse_ranges(std::string_view text) {
  std::vector<bool> places;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    std::size_t first = 0;
    const char* const end = part.data() + part.size();
    auto read = std::from_chars(part.data(), end, first);
    std::size_t last = first;
    if (read.ec == std::errc() && read.ptr != end && *read.ptr == '-') read = std::from_chars(read.ptr + 1, end, last);
    if (read.ec != std::errc() || read.ptr != end || last < first || last >= kPlacesMax)
      return {base::Errc::invalid, fmt::format("'{}' is no range like 3 or 3-17", part)};
    if (places.size() <= last) places.resize(last + 1);
    for (std::size_t i = first; i <= last; ++i) places[i] = true;
  }
  return places;
}

}  // namespace trunkline::simulation
