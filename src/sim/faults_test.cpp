#include "sim/faults.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/hash.hpp"
#include "json/document.hpp"
#include "sim/contact_centre.hpp"

namespace trunkline::sim {
namespace {

class Centre {
 public:
  explicit Centre(double interactions = 2'000) : centre_(options(interactions)) {}
  FaultMixer::Source source() {
    return [this](GeneratedEvent& event) { return centre_.next(event); };
  }

 private:
  static ContactCentreOptions options(double interactions) {
    ContactCentreOptions o;
    o.world.day.interactions_per_day = interactions;
    return o;
  }
  ContactCentre centre_;
};

std::vector<GeneratedEvent> all(FaultMixer& mixer) {
  std::vector<GeneratedEvent> events;
  GeneratedEvent event;
  while (mixer.next(event)) events.push_back(event);
  return events;
}

std::size_t count(const std::vector<GeneratedEvent>& events, Fault fault) {
  return static_cast<std::size_t>(
      std::count_if(events.begin(), events.end(), [fault](const GeneratedEvent& e) { return e.fault == fault; }));
}

TEST(FaultMixer, passes_everything_through_unchanged_without_faults) {
  Centre plain;
  Centre mixed;
  FaultMixer mixer(mixed.source(), {}, 1);
  const auto source = plain.source();
  GeneratedEvent expected;
  GeneratedEvent got;
  while (source(expected)) {
    ASSERT_TRUE(mixer.next(got));
    ASSERT_EQ(got.raw, expected.raw);
  }
  EXPECT_FALSE(mixer.next(got));
}

TEST(FaultMixer, keeps_each_share_and_loses_no_event) {
  Centre centre;
  FaultMixer mixer(
      centre.source(),
      {.duplicates = 0.05, .republished = 0.04, .late = 0.03, .reordered = 0.05, .malformed = 0.02, .conflicts = 0.01},
      3);
  const auto events = all(mixer);
  Centre plain;
  std::set<std::string> expected;
  const auto source = plain.source();
  for (GeneratedEvent event; source(event);) expected.insert(event.raw);
  const double total = static_cast<double>(expected.size());
  EXPECT_NEAR(static_cast<double>(count(events, Fault::duplicate)), 0.05 * total, 0.008 * total);
  EXPECT_NEAR(static_cast<double>(count(events, Fault::republished)), 0.04 * total, 0.008 * total);
  EXPECT_NEAR(static_cast<double>(count(events, Fault::late)), 0.03 * total, 0.008 * total);
  EXPECT_NEAR(static_cast<double>(count(events, Fault::malformed)), 0.02 * total, 0.006 * total);
  EXPECT_NEAR(static_cast<double>(count(events, Fault::conflict)), 0.01 * total, 0.004 * total);
  // Not every event has a conversation, and one at a time of each conversation changes places.
  EXPECT_GT(static_cast<double>(count(events, Fault::reordered)), 0.025 * total);
  for (const GeneratedEvent& event : events) {
    const bool original = event.fault == Fault::none || event.fault == Fault::late || event.fault == Fault::reordered;
    if (original) {
      ASSERT_EQ(expected.erase(event.raw), 1u) << name(event.fault);
    }
  }
  EXPECT_TRUE(expected.empty()) << expected.size() << " events were lost";
}

TEST(FaultMixer, is_decided_by_its_seed) {
  const auto digest = [](std::uint64_t seed) {
    Centre centre(300);
    FaultMixer mixer(centre.source(), {.duplicates = 0.1, .late = 0.1, .reordered = 0.1, .malformed = 0.1}, seed);
    std::uint64_t sum = 0;
    for (GeneratedEvent event; mixer.next(event);) sum = sum * 31 + base::hash64(event.raw);
    return sum;
  };
  EXPECT_EQ(digest(1), digest(1));
  EXPECT_NE(digest(1), digest(2));
}

TEST(FaultMixer, repeats_a_duplicate_byte_for_byte_and_a_republished_one_but_for_its_id) {
  Centre centre(500);
  FaultMixer mixer(centre.source(), {.duplicates = 0.1, .republished = 0.1}, 5);
  std::set<std::string> sent;
  std::set<std::string> without_id;
  const auto strip = [](const GeneratedEvent& event) {
    std::string text = event.raw;
    return text.erase(text.find(event.envelope_id), event.envelope_id.size());
  };
  std::size_t republished = 0;
  for (const GeneratedEvent& event : all(mixer)) {
    if (event.fault == Fault::duplicate) {
      ASSERT_TRUE(sent.contains(event.raw));
    } else if (event.fault == Fault::republished) {
      ++republished;
      ASSERT_FALSE(sent.contains(event.raw));
      ASSERT_TRUE(without_id.contains(strip(event)));
    }
    sent.insert(event.raw);
    without_id.insert(strip(event));
  }
  EXPECT_GT(republished, 100u);
}

TEST(FaultMixer, swaps_a_reordered_event_with_the_next_one_of_its_conversation) {
  Centre centre(500);
  FaultMixer mixer(centre.source(), {.reordered = 0.05}, 5);
  const auto events = all(mixer);
  std::size_t swapped = 0;
  std::size_t stayed = 0;
  for (std::size_t i = 1; i < events.size(); ++i) {
    if (events[i].fault != Fault::reordered) continue;
    const bool behind_its_next =
        events[i - 1].conversation_id == events[i].conversation_id && events[i - 1].published >= events[i].published;
    behind_its_next ? ++swapped : ++stayed;
  }
  EXPECT_GT(swapped, 100u);
  EXPECT_GT(swapped, 3 * stayed);  // the rest had no successor within the window
}

TEST(Malform, makes_what_no_reader_can_take_for_an_event) {
  Centre centre(300);
  Random random(1);
  json::Document document;
  const auto source = centre.source();
  std::size_t checked = 0;
  for (GeneratedEvent event; source(event) && checked < 500; ++checked) {
    for (std::size_t how = 0; how < kMalformations; ++how) {
      const std::string broken = malform(event.raw, static_cast<Malformation>(how), random);
      ASSERT_NE(broken, event.raw);
      const auto root = document.parse(broken);
      if (!root.ok()) continue;
      // What is JSON is no envelope: there is no detail object with a topicName and an eventBody object.
      const bool object = root->is(json::Type::object);
      const auto detail = object ? root->find("detail") : std::nullopt;
      ASSERT_FALSE(detail && detail->is(json::Type::object)) << broken;
      ASSERT_FALSE(object && root->find("topicName")) << broken;
    }
  }
  EXPECT_EQ(checked, 500u);
}

TEST(Malform, breaks_the_JSON_itself_where_it_says_so) {
  Centre centre(300);
  Random random(2);
  json::Document document;
  GeneratedEvent event;
  ASSERT_TRUE(centre.source()(event));
  for (int i = 0; i < 50; ++i) {
    for (const Malformation how : {Malformation::truncated, Malformation::invalid_utf8, Malformation::empty,
                                   Malformation::too_deep, Malformation::not_json}) {
      EXPECT_FALSE(document.parse(malform(event.raw, how, random)).ok()) << static_cast<int>(how);
    }
    EXPECT_TRUE(document.parse(malform(event.raw, Malformation::wrong_types, random)).ok());
    EXPECT_TRUE(document.parse(malform(event.raw, Malformation::bare_event_body, random)).ok());
  }
}

}  // namespace
}  // namespace trunkline::sim
