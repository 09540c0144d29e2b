#include "watch/observer.hpp"

#include <gtest/gtest.h>

namespace trunkline::watch {
namespace {

using namespace std::chrono_literals;

// A hub with one consumer and one source, its observer and its book, looked at each second.
class ObserverTest : public testing::Test {
 protected:
  ObserverTest() {
    limits.consumers["crm"] = {15min, 24h, 100, 1, 1, 5min};
    limits.silent_after["genesys"] = 10min;
    limits.refusing = 1min;
    limits.disk_percent = 85;
    limits.quarantined = limits.conflicts = limits.refused_credentials = 10;
    limits.certificate_expiry = 24h * 14;
    hub.consumers.resize(1);
    hub.consumers[0].name = "crm";
    hub.consumers[0].max_wait = 24h * 14;
    hub.sources.push_back({"genesys", 1});
    hub.disk_budget_bytes = 1000 << 20;
  }
  ConsumerSight& crm() { return hub.consumers[0]; }
  Now now() const { return {clock.wall(), clock.mono()}; }
  // Looks each second; what was raised, what was resolved, as "alarm/subject".
  void run(base::Millis time) {
    for (; time.count() > 0; time -= 1s) {
      clock.advance(1s);
      const auto changes = book.observe(observer.read(hub, limits, now()), limits.resolve_after, now());
      for (const Incident& incident : changes.opened) raised.push_back(incident.key());
      for (const Incident& incident : changes.resolved) resolved.push_back(incident.key());
    }
  }
  // Sources keep sending while nothing else is said.
  void busy(base::Millis time) {
    for (; time.count() > 0; time -= 30s) {
      ++hub.sources[0].events;
      run(std::min<base::Millis>(time, 30s));
    }
  }
  void restart() {
    observer = Observer();
    book = AlarmBook(book.open(), book.recent());
  }

  base::ManualClock clock;
  HubSight hub;
  Limits limits;
  Observer observer;
  AlarmBook book{{}, {}};
  std::vector<std::string> raised;
  std::vector<std::string> resolved;
};
using Keys = std::vector<std::string>;

TEST_F(ObserverTest, all_is_well_when_nothing_is_wrong) {
  crm().oldest_age = 3s;
  busy(2h);
  EXPECT_EQ(raised, Keys());
}

TEST_F(ObserverTest, old_events_raise_and_young_ones_resolve) {
  crm().oldest_age = 16min;
  busy(1min);
  EXPECT_EQ(raised, Keys{"oldest_age/crm"});
  crm().oldest_age.reset();
  busy(2min);
  EXPECT_EQ(resolved, Keys{"oldest_age/crm"});
}

TEST_F(ObserverTest, a_consumer_at_rest_until_a_known_time_is_not_late_but_may_lose_events) {
  crm().rests_until = true;
  crm().oldest_age = 4h;
  busy(4h);
  EXPECT_EQ(raised, Keys());
  crm().rests_until = false;
  busy(14min);
  EXPECT_EQ(raised, Keys()) << "it may catch up";
  crm().oldest_age = 3h;
  busy(2min);
  EXPECT_EQ(raised, Keys{"oldest_age/crm"});
  crm().rests_until = true;
  crm().oldest_age = 24h * 13 + 1min;
  busy(1min);
  EXPECT_EQ(raised, (Keys{"oldest_age/crm", "time_to_expiry/crm"}));
}

TEST_F(ObserverTest, a_short_max_wait_is_no_alarm_by_itself) {
  crm().max_wait = 1h;
  crm().oldest_age = 40min;
  limits.consumers["crm"].oldest_age = 0s;
  busy(5min);
  EXPECT_EQ(raised, Keys()) << "20 minutes are more than a quarter of an hour";
  crm().oldest_age = 46min;
  busy(1min);
  EXPECT_EQ(raised, Keys{"time_to_expiry/crm"});
}

TEST_F(ObserverTest, a_budget_that_is_nearly_used_is_told_before_it_is_used_up) {
  limits.consumers["crm"].budget_percent = 90;
  busy(5min);
  EXPECT_EQ(raised, Keys()) << "it has none";
  crm().budget = 1'000;
  crm().budget_used = 899;
  busy(5min);
  EXPECT_EQ(raised, Keys());
  crm().budget_used = 900;
  busy(5min);
  EXPECT_EQ(raised, Keys{"budget/crm"});
  crm().budget_used = 719;
  busy(2min);
  EXPECT_EQ(resolved, Keys{"budget/crm"});
}

TEST_F(ObserverTest, a_failed_delivery_is_an_incident_for_the_window_and_more_of_them_are_the_same) {
  crm().failed = 1;
  busy(30min);
  crm().failed = 40;
  busy(59min);
  EXPECT_EQ(raised, Keys{"failed_deliveries/crm"});
  EXPECT_EQ(resolved, Keys());
  busy(4min);
  EXPECT_EQ(resolved, Keys{"failed_deliveries/crm"});
}

TEST_F(ObserverTest, a_downstream_out_is_one_incident_over_probes_and_restarts) {
  crm().downstream_out = true;
  busy(4min);
  EXPECT_EQ(raised, Keys());
  busy(2min);
  EXPECT_EQ(raised, Keys{"breaker_open/crm"});
  restart();
  hub.sources[0].events = 1;
  busy(20min);
  EXPECT_EQ(raised, Keys{"breaker_open/crm"}) << "not again";
  EXPECT_EQ(resolved, Keys());
  crm().downstream_out = false;
  busy(2min);
  EXPECT_EQ(resolved, Keys{"breaker_open/crm"});
}

TEST_F(ObserverTest, a_silent_source_by_the_clock) {
  busy(5min);
  run(9min);
  EXPECT_EQ(raised, Keys());
  run(2min);
  EXPECT_EQ(raised, Keys{"source_silent/genesys"});
  restart();
  hub.sources[0].events = 0;
  run(30min);
  EXPECT_EQ(raised.size(), 1u) << "still the same silence";
  EXPECT_EQ(resolved, Keys());
  busy(3min);
  EXPECT_EQ(resolved, Keys{"source_silent/genesys"});
}

TEST_F(ObserverTest, what_the_hub_refuses_is_not_the_sources_silence) {
  busy(1min);
  hub.ready = false;
  hub.reason = "the disk is full";
  run(1h);
  EXPECT_EQ(raised, Keys{"refusing/"});
  EXPECT_EQ(book.open()[0].detail, "events have been refused for 1m 0s: the disk is full");
}

TEST_F(ObserverTest, a_silent_source_by_its_usual_hour) {
  limits.silent_after.clear();
  limits.source_silence = true;
  for (int i = 0; i < 24 * 7 * 4 * 120; ++i) {  // four weeks, a look every 30 s
    hub.sources[0].events += 2;
    clock.advance(30s);
    observer.read(hub, limits, now());
  }
  run(9min);
  EXPECT_EQ(raised, Keys());
  run(3min);
  EXPECT_EQ(raised, Keys{"source_silent/genesys"});
  busy(3min);
  EXPECT_EQ(resolved, Keys{"source_silent/genesys"});
}

TEST_F(ObserverTest, the_hubs_own_alarms) {
  hub.disk_bytes = 860ull << 20;
  hub.quarantined = 10;
  hub.conflicts = 9;
  hub.refused_credentials = 500;
  hub.certificate_not_after = clock.wall() + 24h * 13;
  busy(1min);
  EXPECT_EQ(raised, (Keys{"quarantined/", "refused_credentials/", "disk/", "certificate_expiry/"}));
  hub.disk_bytes = 800ull << 20;
  hub.certificate_not_after = clock.wall() + 24h * 90;
  busy(63min);
  EXPECT_EQ(resolved.size(), 4u);
  EXPECT_EQ(raised.size(), 4u);
}

TEST_F(ObserverTest, an_alarm_that_is_switched_off_resolves) {
  crm().oldest_age = 16min;
  busy(1min);
  limits.consumers["crm"].oldest_age = 0s;
  busy(30s);
  EXPECT_EQ(resolved, Keys{"oldest_age/crm"});
}

}  // namespace
}  // namespace trunkline::watch
