#pragma once

#include <memory>
#include <string>

#include "api/call.hpp"
#include "api/why.hpp"
#include "mapping/mapping.hpp"

namespace trunkline::api {

// What an operator sees of events: as they came, or through a mapping. Not thread-safe.
class View {
 public:
  using MappingPtr = std::shared_ptr<const mapping::Mapping>;
  explicit View(MappingPtr mapping = nullptr) : mapping_(std::move(mapping)) {}

  bool raw() const { return mapping_ == nullptr; }
  // The record as it is shown. One that cannot be mapped shows nothing but where it stands.
  engine::RecordPtr of(engine::RecordPtr record);
  engine::RecordPtr of(const engine::Record& record);
  // Texts about the event of the last of(): error details, explanations of filters.
  std::string text(std::string_view said) const { return raw() ? std::string(said) : hidden_.scrub(said); }
  // What was said of a delivery; the hub's own words on an event that cannot be mapped are nothing of the event.
  std::string error(std::string_view error_class, std::string_view detail) const;

 private:
  MappingPtr mapping_;  // null: as they came
  mapping::Scratch scratch_;
  mapping::Hidden hidden_;
};

// By what operators see events of this consumer, or of none: its own mapping where it is protected, else the hub's view,
// else its own.
View::MappingPtr view_mapping(Hub& hub, const ConsumerInfo* consumer);

// Goes on with the view of the call, which may ask for raw events (?raw=1): then who asks must be allowed to, and it is
// written down before anything is shown. Fails the call otherwise.
void with_view(CallPtr call, View::MappingPtr mapping, base::UniqueFunction<void(CallPtr, View)> then);

// What a filter says of the event of the last of(), as JSON and as text.
void show_explanation(const View& view, std::string& json, std::string& text);
// The same of everything that a report tells of events.
void show(WhyReport& report, View& view);

}  // namespace trunkline::api
