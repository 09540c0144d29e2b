#pragma once

#include "engine/contract_fixture.hpp"
#include "engine/receipts.hpp"

// What every engine must do, as tests. An engine's own test file instantiates the suite with a factory; a test is left
// out only for a capability that the engine says it lacks.
namespace trunkline::engine::contract {

TEST_P(Contract, what_was_answered_is_there_after_a_reopen) {
  const base::QueueId queue = declare(spec("crm", event::Order::conversation));
  EXPECT_EQ(publish(make_event("a", "c1"), {queue}).verdict, PublishVerdict::accepted);
  fixture_->reopen();
  EXPECT_EQ(declare(spec("crm", event::Order::conversation)), queue);
  EXPECT_EQ(ids(receive(queue, 10)), (Ids{"a"}));
}

TEST_P(Contract, a_queue_gets_only_what_is_routed_to_it) {
  const base::QueueId one = declare(spec("one", event::Order::none));
  const base::QueueId two = declare(spec("two", event::Order::none));
  publish(make_event("a", "c1"), {one});
  publish(make_event("b", "c1"), {two});
  publish(make_event("c", "c1"), {one, two});
  EXPECT_EQ(ids(receive(one, 1)), (Ids{"a"}));
  EXPECT_EQ(ids(receive(one, 1)), (Ids{"c"}));
  EXPECT_EQ(ids(receive(two, 1)), (Ids{"b"}));
}

TEST_P(Contract, the_body_comes_out_byte_for_byte) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  event::Event event = make_event("a", "c1");
  event.raw = "{ \"x\" : 1.0,\t\"y\":\"\\u00e9\", \"x\":2 }";
  const std::string raw = event.raw;
  publish(std::move(event), {queue});
  EXPECT_EQ(receive(queue, 1)[0].messages[0].record->event.raw, raw);
}

TEST_P(Contract, a_duplicate_names_its_twin_and_is_not_delivered_again) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  const PublishResult first = publish(make_event("a", "c1"), {queue});
  const PublishResult second = publish(make_event("a", "c1"), {queue});
  EXPECT_EQ(second.verdict, PublishVerdict::duplicate);
  EXPECT_EQ(second.sequence, first.sequence);
  publish(make_event("b", "c1"), {queue});
  EXPECT_EQ(ids(receive(queue, 1)), (Ids{"a"}));
  EXPECT_EQ(ids(receive(queue, 1)), (Ids{"b"}));
}

TEST_P(Contract, a_duplicate_in_the_same_call_is_seen) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  const auto results = publish_items({PublishEntry{make_event("a", "c1"), "test", {queue}, {1}},
                                      PublishEntry{make_event("a", "c1"), "test", {queue}, {1}}});
  EXPECT_EQ(results[0].verdict, PublishVerdict::accepted);
  EXPECT_EQ(results[1].verdict, PublishVerdict::duplicate);
  EXPECT_EQ(results[1].sequence, results[0].sequence);
}

TEST_P(Contract, a_known_identity_with_another_body_is_stored_once_and_marked) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  publish(make_event("a", "c1", R"({"n":1})"), {queue});
  EXPECT_EQ(publish(make_event("a", "c1", R"({"n":2})"), {queue}).verdict, PublishVerdict::conflict);
  EXPECT_EQ(publish(make_event("a", "c1", R"({"n":2})"), {queue}).verdict, PublishVerdict::duplicate);
  EXPECT_EQ(publish(make_event("a", "c1", R"({"n":1})"), {queue}).verdict, PublishVerdict::duplicate);
  receive(queue, 1);
  EXPECT_TRUE(receive(queue, 1)[0].messages[0].record->conflict);
}

TEST_P(Contract, two_identities_that_point_at_two_events_are_stored_and_marked) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  event::Event one = make_event("a", "c1");
  one.content_identity = base::hash128("content 1");
  event::Event two = make_event("b", "c1");
  two.content_identity = base::hash128("content 2");
  event::Event crossed = make_event("a", "c1");
  crossed.content_identity = base::hash128("content 2");
  publish(one, {queue});
  publish(two, {queue});
  EXPECT_EQ(publish(crossed, {queue}).verdict, PublishVerdict::conflict);
}

TEST_P(Contract, an_event_without_identity_is_never_suppressed) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  event::Event event = make_event("a", "c1");
  event.envelope_identity.reset();
  EXPECT_EQ(publish(event, {queue}).verdict, PublishVerdict::accepted);
  EXPECT_EQ(publish(event, {queue}).verdict, PublishVerdict::accepted);
}

TEST_P(Contract, a_lane_gives_out_one_lease_at_a_time_and_keeps_order) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  for (const char* id : {"a1", "a2", "a3"}) publish(make_event(id, "a"), {queue});
  publish(make_event("b1", "b"), {queue});
  const auto first = receive(queue, 1);
  EXPECT_EQ(ids(first), (Ids{"a1"}));
  EXPECT_EQ(ids(receive(queue, 10)), (Ids{"b1"})) << "lane a is leased";
  EXPECT_TRUE(settle_all(first[0], Fate::delivered).ok());
  EXPECT_EQ(deliver(queue, 2), (Ids{"a2", "a3"}));
}

TEST_P(Contract, what_was_settled_stays_settled_after_a_reopen) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  for (const char* id : {"a1", "a2"}) publish(make_event(id, "a"), {queue});
  const auto leases = receive(queue, 1);
  EXPECT_TRUE(settle_all(leases[0], Fate::delivered).ok());
  fixture_->reopen();
  declare(spec("q", event::Order::conversation));
  EXPECT_EQ(ids(receive(queue, 10)), (Ids{"a2"}));
}

TEST_P(Contract, a_lease_that_the_process_took_with_it_comes_back) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  publish(make_event("a1", "a"), {queue});
  EXPECT_EQ(ids(receive(queue, 1)), (Ids{"a1"}));
  fixture_->reopen();
  declare(spec("q", event::Order::conversation));
  EXPECT_EQ(ids(receive(queue, 1)), (Ids{"a1"}));
}

TEST_P(Contract, an_event_time_window_sorts_a_lane_and_its_order_holds_after_a_reopen) {
  if (!can(Capability::event_time_window)) GTEST_SKIP() << "the engine has no event-time windows";
  QueueSpec windowed = spec("crm", event::Order::conversation);
  windowed.event_time_window = std::chrono::hours(1);
  const base::QueueId queue = declare(windowed);
  publish(happened(std::chrono::seconds(1), make_event("end", "c")), {queue});
  publish(happened(std::chrono::seconds(9), make_event("start", "c")), {queue});
  publish(happened(std::chrono::seconds(5), make_event("other", "d")), {queue});
  EXPECT_TRUE(receive(queue, 10, 10, std::chrono::milliseconds(50)).empty()) << "they wait for what may still come";
  fixture_->reopen();
  EXPECT_EQ(declare(windowed), queue);
  publish(happened(std::chrono::seconds(5), make_event("middle", "c")), {queue});
  windowed.event_time_window = std::chrono::milliseconds(100);
  EXPECT_EQ(declare(windowed), queue);
  const auto lane_c = [&] {
    for (;;) {
      auto leases = receive(queue, 100);
      for (Lease& lease : leases) {
        if (lease.messages[0].record->event.conversation_id == "c") return std::move(lease);
        EXPECT_TRUE(settle_all(lease, Fate::delivered).ok());
      }
    }
  };
  const Lease sent = lane_c();
  EXPECT_EQ(ids({sent}), (Ids{"start", "middle", "end"}));
  publish(happened(std::chrono::seconds(7), make_event("late", "c")), {queue});
  fixture_->reopen();
  EXPECT_EQ(declare(windowed), queue);
  Ids delivered;
  bool marked = false;
  while (delivered.size() < 4) {
    const Lease lease = lane_c();
    for (const LeasedMessage& message : lease.messages) {
      delivered.push_back(message.record->event.envelope_id);
      EXPECT_EQ(message.late, delivered.back() == "late") << delivered.back();
      marked = marked || message.late;
    }
    EXPECT_TRUE(settle_all(lease, Fate::delivered).ok());
  }
  EXPECT_EQ(delivered, (Ids{"start", "middle", "end", "late"}));
  EXPECT_TRUE(marked);
  fixture_->reopen();
  EXPECT_EQ(declare(windowed), queue);
  publish(happened(std::chrono::seconds(8), make_event("later", "c")), {queue});
  const Lease last = lane_c();
  EXPECT_TRUE(last.messages[0].late) << "what has left the window is remembered";
}

TEST_P(Contract, a_retry_keeps_the_lane_waiting_and_counts_attempts) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  for (const char* id : {"a1", "a2"}) publish(make_event(id, "a"), {queue});
  const auto leases = receive(queue, 1);
  EXPECT_TRUE(settle_all(leases[0], Fate::retry, 3, std::chrono::milliseconds(50)).ok());
  const auto again = receive(queue, 1);
  EXPECT_EQ(ids(again), (Ids{"a1"}));
  EXPECT_EQ(again[0].messages[0].attempts, 3u);
  EXPECT_TRUE(settle_all(again[0], Fate::delivered).ok());
  const auto next = receive(queue, 1);
  EXPECT_EQ(ids(next), (Ids{"a2"}));
  EXPECT_EQ(next[0].messages[0].attempts, 0u);
}

TEST_P(Contract, fates_that_would_overtake_are_refused) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  publish(make_event("first", "other"), {queue});
  publish_items({PublishEntry{make_event("a1", "a"), "test", {queue}, {1}},
                 PublishEntry{make_event("a2", "a"), "test", {queue}, {1}}});
  EXPECT_EQ(deliver(queue, 1), (Ids{"first"}));
  const auto leases = receive(queue, 10);  // one commit brought both
  ASSERT_EQ(leases[0].messages.size(), 2u);
  std::vector<MessageFate> fates(2);
  fates[0].fate = Fate::skip;
  EXPECT_EQ(settle(leases[0], fates).error().code, base::Errc::invalid);
}

TEST_P(Contract, a_parked_lane_waits_for_its_redrive_and_then_keeps_order) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  for (const char* id : {"a1", "a2"}) publish(make_event(id, "a"), {queue});
  EXPECT_TRUE(settle_all(receive(queue, 1)[0], Fate::park, 5).ok());
  publish(make_event("a3", "a"), {queue});
  publish(make_event("b1", "b"), {queue});
  EXPECT_EQ(deliver(queue, 1), (Ids{"b1"}));
  fixture_->reopen();
  declare(spec("q", event::Order::conversation));
  const auto letters = dead_letters(queue);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_TRUE(letters[0].parked);
  EXPECT_EQ(letters[0].attempts, 5u);
  EXPECT_EQ(letters[0].error_class, "http_500");
  EXPECT_EQ(redrive(queue), 1u);
  EXPECT_EQ(deliver(queue, 3), (Ids{"a1", "a2", "a3"}));
  EXPECT_TRUE(dead_letters(queue).empty());
}

TEST_P(Contract, a_skipped_event_is_dead_lettered_and_the_next_one_says_so) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  const PublishResult first = publish(make_event("a1", "a"), {queue});
  publish(make_event("a2", "a"), {queue});
  EXPECT_TRUE(settle_all(receive(queue, 1)[0], Fate::skip, 5).ok());
  const auto next = receive(queue, 1);
  EXPECT_EQ(ids(next), (Ids{"a2"}));
  ASSERT_TRUE(next[0].messages[0].gap_before.has_value());
  EXPECT_EQ(next[0].messages[0].gap_before->value, first.sequence);
  const auto letters = dead_letters(queue);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_FALSE(letters[0].parked);
  ASSERT_TRUE(letters[0].record);
  EXPECT_EQ(letters[0].record->event.envelope_id, "a1");
}

TEST_P(Contract, a_redriven_skipped_event_comes_back_marked) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  publish(make_event("a1", "a"), {queue});
  EXPECT_TRUE(settle_all(receive(queue, 1)[0], Fate::skip, 5).ok());
  RedriveFilter other;
  other.error_class = "timeout";
  EXPECT_EQ(redrive(queue, other), 0u);
  EXPECT_EQ(redrive(queue), 1u);
  const auto leases = receive(queue, 1);
  EXPECT_EQ(ids(leases), (Ids{"a1"}));
  EXPECT_TRUE(leases[0].messages[0].redriven);
  EXPECT_TRUE(dead_letters(queue).empty());
}

TEST_P(Contract, purged_dead_letters_are_gone_and_a_parked_lane_goes_on) {
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  for (const char* id : {"a1", "a2"}) publish(make_event(id, "a"), {queue});
  EXPECT_TRUE(settle_all(receive(queue, 1)[0], Fate::park, 5).ok());
  const auto purged = await<base::Result<std::uint64_t>>(
      fixture_->loop(), [this, queue](base::UniqueFunction<void(base::Result<std::uint64_t>)> done) {
        engine().purge_dead_letters(queue, {}, fixture_->loop(), std::move(done));
      });
  ASSERT_TRUE(purged.ok());
  EXPECT_EQ(*purged, 1u);
  EXPECT_EQ(ids(receive(queue, 1)), (Ids{"a2"}));
}

TEST_P(Contract, a_redrive_goes_step_by_step_through_what_matches_and_gives_nothing_twice) {
  if (!can(Capability::operations)) GTEST_SKIP() << "the engine knows no operations";
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  for (const char* id : {"a", "b", "c", "d"}) {
    publish(make_event(id, id), {queue});
    const auto leases = receive(queue, 1);
    std::vector<MessageFate> fates(1);
    fates[0].fate = Fate::park;
    fates[0].error_class = *id == 'b' ? "timeout" : "http_500";
    EXPECT_TRUE(settle(leases[0], fates).ok());
  }
  RedriveFilter filter;
  filter.error_class = "http_500";
  auto summary = await<base::Result<DeadLetterSummary>>(
      fixture_->loop(), [&](base::UniqueFunction<void(base::Result<DeadLetterSummary>)> done) {
        engine().summarize_dead_letters(queue, filter, fixture_->loop(), std::move(done));
      });
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->total, 3u);
  EXPECT_EQ(summary->parked, 3u);
  auto first = redrive_step(queue, {1}, filter, 2);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->tally.given, 2u);
  EXPECT_FALSE(first->ended);
  fixture_->reopen();
  EXPECT_EQ(declare(spec("q", event::Order::conversation)), queue);
  EXPECT_EQ(tally(queue, {1}).given, 2u);
  EXPECT_EQ(tally(queue, {2}).given, 0u) << "another operation";
  const auto again = receive(queue, 1);
  const std::string failed = ids(again).at(0);
  const std::string other = failed == "a" ? "c" : "a";  // lanes come in any order
  EXPECT_TRUE(failed == "a" || failed == "c");
  EXPECT_TRUE(again[0].messages[0].redriven);
  EXPECT_TRUE(settle_all(again[0], Fate::park).ok());
  const auto second = redrive_step(queue, {1}, filter, 100);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->tally.given, 3u) << "what failed again is not given again";
  EXPECT_TRUE(second->ended);
  Ids delivered = deliver(queue, 2);
  std::ranges::sort(delivered);
  EXPECT_EQ(delivered, (Ids{other, "d"}));
  const OperationTally ended = tally(queue, {1});
  EXPECT_EQ(ended.delivered, 2u);
  EXPECT_EQ(ended.failed, 1u);
  EXPECT_EQ(ended.error_class, "http_500");
  EXPECT_TRUE(end_operation(queue, {1}, true).ok());
  fixture_->reopen();
  declare(spec("q", event::Order::conversation));
  EXPECT_EQ(tally(queue, {1}).given, 0u) << "it is forgotten";
  const auto letters = dead_letters(queue);
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(redrive_step(queue, {2}, {}, 100)->tally.given, 2u) << "another operation redrives it";
}

TEST_P(Contract, an_edited_dead_letter_is_delivered_with_its_new_body_and_the_log_keeps_its_own) {
  if (!can(Capability::operations)) GTEST_SKIP() << "the engine knows no operations";
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  const base::Sequence sequence{publish(make_event("a1", "a", R"({"n":1})"), {queue}).sequence};
  const auto edit = [&](base::Sequence which, const std::string& body) {
    return await<base::Result<void>>(fixture_->loop(), [&, which, body](DoneCallback done) {
      engine().edit_dead_letter(queue, which, body, fixture_->loop(), std::move(done));
    });
  };
  EXPECT_EQ(edit(sequence, "{}").error().code, base::Errc::not_found) << "it is no dead letter";
  for (const Fate fate : {Fate::park, Fate::skip}) {
    auto leases = receive(queue, 1);
    const bool first = fate == Fate::park;
    EXPECT_EQ(leases[0].messages[0].edited, !first);
    EXPECT_TRUE(settle_all(leases[0], fate).ok());
    EXPECT_TRUE(edit(sequence, first ? R"({"fixed":1})" : R"({"fixed":2})").ok());
    fixture_->reopen();
    declare(spec("q", event::Order::conversation));
    const auto letters = dead_letters(queue);
    ASSERT_EQ(letters.size(), 1u);
    EXPECT_NE(letters[0].record->event.raw.find(R"({"n":1})"), std::string::npos);
    EXPECT_EQ(letters[0].edited, first ? R"({"fixed":1})" : R"({"fixed":2})");
    EXPECT_EQ(redrive_step(queue, {first ? 1u : 2u}, {}, 10)->tally.given, 1u);
  }
  const auto fixed = receive(queue, 1);
  EXPECT_TRUE(fixed[0].messages[0].edited);
  EXPECT_EQ(fixed[0].messages[0].record->event.raw, R"({"fixed":2})");
  EXPECT_EQ(fixed[0].messages[0].record->event.envelope_id, "a1");
  EXPECT_TRUE(settle_all(fixed[0], Fate::delivered).ok());
  ASSERT_TRUE(replay_step(queue, {{3}, {sequence}, sequence, sequence}).ok());
  const auto replayed = receive(queue, 1);
  EXPECT_FALSE(replayed[0].messages[0].edited) << "the past is what it was";
  EXPECT_NE(replayed[0].messages[0].record->event.raw.find(R"({"n":1})"), std::string::npos);
}

TEST_P(Contract, dead_letters_are_chosen_by_type_group_and_age) {
  if (!can(Capability::operations)) GTEST_SKIP() << "the engine knows no operations";
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  event::Event other = make_event("b", "b");
  other.event_type = "v2.other";
  publish(make_event("a", "a"), {queue});
  EXPECT_TRUE(settle_all(receive(queue, 1)[0], Fate::park).ok());
  publish(other, {queue});
  EXPECT_TRUE(settle_all(receive(queue, 1)[0], Fate::park).ok());
  std::uint64_t id = 0;
  const auto given = [&](const RedriveFilter& filter) { return redrive_step(queue, {++id}, filter, 0)->tally.given; };
  EXPECT_EQ(given({}), 0u) << "a limit of nothing";
  const auto count = [&](const RedriveFilter& filter) {
    return await<base::Result<DeadLetterSummary>>(
               fixture_->loop(),
               [&](base::UniqueFunction<void(base::Result<DeadLetterSummary>)> done) {
                 engine().summarize_dead_letters(queue, filter, fixture_->loop(), std::move(done));
               })
        ->total;
  };
  RedriveFilter filter;
  filter.event_type = "v2.other";
  EXPECT_EQ(count(filter), 1u);
  filter.group = "a";
  EXPECT_EQ(count(filter), 0u);
  filter = {};
  filter.group = "a";
  EXPECT_EQ(count(filter), 1u);
  const base::WallTime now = fixture_->loop().clock().wall();
  filter = {};
  filter.since_from = now - std::chrono::minutes(10);
  EXPECT_EQ(count(filter), 2u);
  filter.since_before = now - std::chrono::minutes(5);
  EXPECT_EQ(count(filter), 0u);
}

TEST_P(Contract, a_replay_gives_settled_events_once_more_marked_and_in_order_over_a_reopen) {
  if (!can(Capability::operations)) GTEST_SKIP() << "the engine knows no operations";
  const base::QueueId queue = declare(spec("q", event::Order::conversation));
  std::vector<base::Sequence> sequences;
  for (const char* id : {"a1", "a2", "b1", "a3"}) {
    if (sequences.size() == 3) {
      EXPECT_EQ(deliver(queue, 3).size(), 3u);
    }
    sequences.push_back({publish(make_event(id, {id, 1}), {queue}).sequence});
  }
  const auto parked = receive(queue, 1);
  EXPECT_TRUE(settle_all(parked[0], Fate::park).ok());
  const base::Sequence last = sequences.back();
  ASSERT_TRUE(replay_step(queue, {{1}, {}, {}, last}).ok());
  const auto given = replay_step(queue, {{1}, sequences, last, last});
  ASSERT_TRUE(given.ok());
  EXPECT_EQ(given->tally.given, 3u);
  EXPECT_EQ(given->tally.passed, 1u) << "what is parked comes by its redrive";
  EXPECT_EQ(replay_step(queue, {{1}, sequences, last, last})->tally.given, 3u) << "the same step again";
  fixture_->reopen();
  declare(spec("q", event::Order::conversation));
  publish(make_event("b2", "b"), {queue});
  Ids replayed;
  Ids live;
  while (replayed.size() + live.size() < 4) {
    for (const Lease& lease : receive(queue, 10, 1)) {
      const LeasedMessage& message = lease.messages.at(0);
      (message.replay ? replayed : live).push_back(message.record->event.envelope_id);
      EXPECT_EQ(message.replay.value_or(base::OperationId{1}).value, 1u);
      EXPECT_TRUE(settle_all(lease, Fate::delivered).ok());
    }
  }
  EXPECT_EQ(live, (Ids{"b2"}));
  std::erase(replayed, "b1");
  EXPECT_EQ(replayed, (Ids{"a1", "a2"}));
  EXPECT_EQ(tally(queue, {1}).delivered, 3u);
  EXPECT_EQ(dead_letters(queue).size(), 1u);
  EXPECT_TRUE(end_operation(queue, {1}, true).ok());
}

TEST_P(Contract, an_operation_that_is_ended_while_a_step_is_under_way_gives_nothing_more) {
  if (!can(Capability::operations)) GTEST_SKIP() << "the engine knows no operations";
  const base::QueueId queue = declare(spec("q", event::Order::none));
  const base::Sequence settled{publish(make_event("a", "a"), {queue}).sequence};
  EXPECT_EQ(deliver(queue, 1).size(), 1u);
  publish(make_event("b", "b"), {queue});
  EXPECT_TRUE(settle_all(receive(queue, 1)[0], Fate::skip).ok());
  const auto nothing = [](const base::Result<StepResult>&) {};
  const ReplayStep replayed{{1}, {settled}, settled, settled};
  ASSERT_TRUE(replay_step(queue, {{1}, {}, {}, settled}).ok());
  const auto replay = step([&](Engine::StepCallback done) {
    engine().replay_step(queue, replayed, fixture_->loop(), std::move(done));
    engine().end_operation(queue, {1}, true, fixture_->loop(), nothing);
  });
  const auto redrive = step([&](Engine::StepCallback done) {
    engine().redrive_step(queue, {{2}, {}, 10}, fixture_->loop(), std::move(done));
    engine().end_operation(queue, {2}, true, fixture_->loop(), nothing);
  });
  // Either was quicker; what the answer says is so.
  const std::uint64_t given = (replay.ok() ? replay->tally.given : 0) + (redrive.ok() ? redrive->tally.given : 0);
  EXPECT_LE(given, 2u);
  const auto leases = receive(queue, 10, 1, std::chrono::milliseconds(50));
  if (!replay.ok() && !redrive.ok()) {
    EXPECT_TRUE(leases.empty());
  }
  EXPECT_EQ(dead_letters(queue).size(), redrive.ok() ? 0u : 1u);
}

TEST_P(Contract, an_ended_replay_takes_back_what_is_not_in_flight) {
  if (!can(Capability::operations)) GTEST_SKIP() << "the engine knows no operations";
  const base::QueueId queue = declare(spec("q", event::Order::none));
  std::vector<base::Sequence> sequences;
  for (const char* id : {"a", "b", "c"}) sequences.push_back({publish(make_event(id, id), {queue}).sequence});
  EXPECT_EQ(deliver(queue, 3).size(), 3u);
  ASSERT_TRUE(replay_step(queue, {{1}, sequences, sequences.back(), sequences.back()}).ok());
  const auto leases = receive(queue, 1);
  const auto ended = end_operation(queue, {1}, false);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->tally.ended, 2u);
  EXPECT_TRUE(settle_all(leases[0], Fate::delivered).ok());
  EXPECT_EQ(tally(queue, {1}).open(), 0u);
  EXPECT_TRUE(receive(queue, 10, 1, std::chrono::milliseconds(50)).empty());
  EXPECT_EQ(replay_step(queue, {{1}, sequences, sequences.back(), sequences.back()}).error().code,
            base::Errc::overloaded)
      << "it has ended";
}

TEST_P(Contract, several_keys_of_state_change_in_one_write) {
  if (!can(Capability::operations)) GTEST_SKIP() << "the engine knows no operations";
  const auto update = [this](std::vector<Engine::StateWrite> writes) {
    return await<base::Result<void>>(fixture_->loop(), [this, writes](DoneCallback done) {
      engine().update_state("ops", writes, fixture_->loop(), std::move(done));
    });
  };
  EXPECT_TRUE(update({{"a", "1"}, {"b", "2"}}).ok());
  EXPECT_EQ(update({{"c", "3"}, {"d", std::string(70'000, 'x')}}).error().code, base::Errc::too_large);
  EXPECT_TRUE(update({{"a", std::nullopt}, {"b", "4"}}).ok());
  fixture_->reopen();
  EXPECT_EQ(engine().list_state("ops").value(), (std::map<std::string, std::string>{{"b", "4"}}));
}

TEST_P(Contract, a_pulled_message_comes_back_after_its_visibility_timeout) {
  QueueSpec pulled = spec("p", event::Order::none);
  pulled.pulled = true;
  pulled.visibility_timeout = std::chrono::milliseconds(100);
  const base::QueueId queue = declare(pulled);
  publish(make_event("a", "c"), {queue});
  const auto first = receive(queue, 1);
  const auto second = receive(queue, 1);
  EXPECT_EQ(ids(second), (Ids{"a"}));
  EXPECT_EQ(second[0].messages[0].receive_count, 2u);
  EXPECT_EQ(settle_all(first[0], Fate::delivered).error().code, base::Errc::not_found) << "the old receipt has ended";
  EXPECT_TRUE(settle_all(second[0], Fate::delivered).ok());
  EXPECT_TRUE(receive(queue, 1, 1, std::chrono::milliseconds(300)).empty());
}

TEST_P(Contract, a_pulled_standard_queue_gives_a_lease_for_each_message_where_that_is_wanted) {
  QueueSpec pulled = spec("p", event::Order::none);
  pulled.pulled = true;
  const base::QueueId queue = declare(pulled);
  for (const char* id : {"a", "b", "c"}) publish(make_event(id, "c"), {queue});
  std::vector<Lease> leases;
  while (leases.size() < 3) {
    ReceiveLimits limits;
    limits.max_messages = 10;
    limits.lease_each = true;
    limits.wait = std::chrono::seconds(20);
    auto more = receive_by(queue, limits);
    ASSERT_FALSE(more.empty());
    for (Lease& lease : more) leases.push_back(std::move(lease));
  }
  EXPECT_EQ(ids(leases), (Ids{"a", "b", "c"}));
  EXPECT_TRUE(settle_all(leases[1], Fate::delivered).ok());
  EXPECT_TRUE(settle_all(leases[0], Fate::release).ok());
  EXPECT_EQ(ids(receive(queue, 10)), (Ids{"a"}));
}

TEST_P(Contract, messages_of_a_group_have_a_receipt_each) {
  if (receipts_of(engine()) == nullptr) GTEST_SKIP() << "the engine gives no receipts of single messages";
  QueueSpec pulled = spec("p", event::Order::conversation);
  pulled.pulled = true;
  const base::QueueId queue = declare(pulled);
  std::vector<PublishItem> items;
  for (const char* id : {"a", "b", "c", "d"}) items.push_back(PublishEntry{make_event(id, "c"), "test", {queue}, {1}});
  publish_items(std::move(items));
  ReceiveLimits limits;
  limits.max_messages = limits.max_messages_per_group = 3;
  limits.lease_each = true;
  limits.wait = std::chrono::seconds(20);
  const auto leases = receive_by(queue, limits);
  ASSERT_EQ(leases.size(), 3u);
  EXPECT_EQ(ids(leases), (Ids{"a", "b", "c"}));
  const auto nothing_more = [&] { return receive(queue, 10, 10, std::chrono::milliseconds(50)).empty(); };
  const auto was_delivered = [&](const Lease& lease) {
    return await<base::Result<bool>>(engine().loop_of(queue), [&](base::UniqueFunction<void(base::Result<bool>)> done) {
      receipts_of(engine())->was_delivered(queue, lease.messages[0].record->sequence, lease.id, std::move(done));
    });
  };
  EXPECT_TRUE(settle_all(leases[1], Fate::delivered).ok());
  EXPECT_EQ(settle_all(leases[0], Fate::park).error().code, base::Errc::invalid) << "another one is in flight";
  EXPECT_TRUE(nothing_more());
  fixture_->reopen();
  EXPECT_EQ(declare(pulled), queue);
  EXPECT_TRUE(nothing_more());
  EXPECT_EQ(settle_all(leases[1], Fate::delivered).error().code, base::Errc::not_found);
  EXPECT_TRUE(was_delivered(leases[1]).value());
  EXPECT_FALSE(was_delivered(leases[0]).value());
  EXPECT_TRUE(extend(leases[2], std::chrono::hours(1)).ok());
  EXPECT_TRUE(settle_all(leases[0], Fate::release).ok());
  const auto again = receive_by(queue, limits);
  EXPECT_EQ(ids(again), (Ids{"a"})) << "c is in flight";
  EXPECT_TRUE(settle_all(leases[2], Fate::delivered).ok());
  EXPECT_TRUE(nothing_more()) << "a is";
  EXPECT_TRUE(settle_all(again[0], Fate::delivered).ok());
  EXPECT_FALSE(was_delivered(leases[0]).value()) << "by another receipt";
  EXPECT_EQ(ids(receive_by(queue, limits)), (Ids{"d"}));
}

TEST_P(Contract, a_lease_that_is_extended_ends_later_and_holds_over_a_reopen) {
  QueueSpec pulled = spec("p", event::Order::conversation);
  pulled.pulled = true;
  pulled.visibility_timeout = std::chrono::milliseconds(200);
  const base::QueueId queue = declare(pulled);
  publish(make_event("a", "c"), {queue});
  const auto leases = receive(queue, 1);
  ASSERT_EQ(leases.size(), 1u);
  EXPECT_TRUE(extend(leases[0], std::chrono::hours(1)).ok());
  EXPECT_TRUE(receive(queue, 1, 1, std::chrono::milliseconds(500)).empty());
  fixture_->reopen();
  EXPECT_EQ(declare(pulled), queue);
  EXPECT_TRUE(receive(queue, 1, 1, std::chrono::milliseconds(500)).empty());
  EXPECT_TRUE(extend(leases[0], std::chrono::milliseconds(1)).ok());
  EXPECT_EQ(ids(receive(queue, 1)), (Ids{"a"}));
  EXPECT_EQ(extend(leases[0], std::chrono::hours(1)).error().code, base::Errc::not_found);
}

TEST_P(Contract, a_receive_that_reached_nobody_is_not_counted) {
  QueueSpec pulled = spec("p", event::Order::conversation);
  pulled.pulled = true;
  pulled.max_receive_count = 2;
  const base::QueueId queue = declare(pulled);
  publish(make_event("a", "c"), {queue});
  for (int i = 0; i < 5; ++i) {
    const auto leases = receive(queue, 1);
    ASSERT_EQ(leases.size(), 1u);
    EXPECT_EQ(leases[0].messages[0].receive_count, 1u);
    MessageFate back;
    back.fate = Fate::release;
    back.uncounted = true;
    EXPECT_TRUE(settle(leases[0], {back}).ok());
  }
}

TEST_P(Contract, a_receive_ends_empty_when_nothing_comes) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  EXPECT_TRUE(receive(queue, 1, 1, std::chrono::milliseconds(20)).empty());
}

TEST_P(Contract, quarantined_input_is_kept_listed_and_removed) {
  Quarantined input;
  input.source_name = "genesys";
  input.reason = "not_json";
  input.bytes = std::string("\xff\0{", 3);
  const auto results = publish_items({input, PublishEntry{make_event("a", "c"), "test", {}, {1}}});
  EXPECT_EQ(results[0].verdict, PublishVerdict::quarantined);
  EXPECT_EQ(results[1].verdict, PublishVerdict::accepted);
  fixture_->reopen();
  const auto list = [this] {
    return await<base::Result<std::vector<Quarantined>>>(
        fixture_->loop(), [this](base::UniqueFunction<void(base::Result<std::vector<Quarantined>>)> done) {
          engine().quarantine_list({}, fixture_->loop(), std::move(done));
        });
  };
  const auto listed = list();
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ((*listed)[0].bytes, input.bytes);
  EXPECT_EQ((*listed)[0].reason, "not_json");
  const auto removed = await<base::Result<void>>(fixture_->loop(), [this, id = (*listed)[0].id](DoneCallback done) {
    engine().quarantine_remove({id}, fixture_->loop(), std::move(done));
  });
  EXPECT_TRUE(removed.ok());
  EXPECT_TRUE(list()->empty());
}

TEST_P(Contract, state_is_versioned) {
  const auto put = [this](std::uint64_t version, const std::string& bytes) {
    return await<base::Result<void>>(fixture_->loop(), [this, version, bytes](DoneCallback done) {
      engine().put_state("crm", "case 1", version, bytes, fixture_->loop(), std::move(done));
    });
  };
  EXPECT_TRUE(put(0, "open").ok());
  EXPECT_EQ(put(0, "again").error().code, base::Errc::conflict);
  EXPECT_TRUE(put(1, "closed").ok());
  fixture_->reopen();
  const auto value = engine().get_state("crm", "case 1");
  ASSERT_TRUE(value.ok());
  ASSERT_TRUE(value->has_value());
  EXPECT_EQ((*value)->bytes, "closed");
  EXPECT_EQ((*value)->version, 2u);
  EXPECT_EQ(put(2, std::string(70'000, 'x')).error().code, base::Errc::too_large);
}

TEST_P(Contract, state_that_follows_from_deliveries_is_on_disk_with_their_settle) {
  const base::QueueId queue = declare(spec("board", event::Order::none));
  publish(make_event("a", "c"), {queue});
  publish(make_event("b", "c"), {queue});
  const auto deliver_with = [this, queue](std::vector<Engine::StateWrite> writes) {
    const auto leases = receive(queue, 1);
    ASSERT_EQ(leases.size(), 1u);
    const auto settled = await<base::Result<void>>(engine().loop_of(queue), [&](DoneCallback done) {
      engine().write_state(queue, "live/board", writes);
      engine().settle(queue, leases[0].id, std::vector<MessageFate>(1), std::move(done));
    });
    EXPECT_TRUE(settled.ok());
  };
  deliver_with({{"c/1", "waiting"}, {"c/2", "connected"}, {"c/3", std::string(70'000, 'x')}});
  fixture_->reopen();
  using State = std::map<std::string, std::string>;
  EXPECT_EQ(engine().list_state("live/board").value(), (State{{"c/1", "waiting"}, {"c/2", "connected"}}));
  EXPECT_EQ(engine().list_state("live/boar").value(), State()) << "another owner";
  EXPECT_EQ(engine().list_state("live/board2").value(), State()) << "another owner";
  EXPECT_EQ(declare(spec("board", event::Order::none)), queue);
  deliver_with({{"c/1", std::nullopt}, {"c/2", "gone"}});
  fixture_->reopen();
  EXPECT_EQ(engine().list_state("live/board").value(), (State{{"c/2", "gone"}}));
}

TEST_P(Contract, the_state_of_an_owner_can_be_forgotten_and_no_other_one_is) {
  const auto put = [this](const std::string& owner, const std::string& key) {
    const auto stored = await<base::Result<void>>(fixture_->loop(), [&](DoneCallback done) {
      engine().put_state(owner, key, 0, "x", fixture_->loop(), std::move(done));
    });
    EXPECT_TRUE(stored.ok()) << owner << " " << key;
  };
  for (const char* owner : {"live/board", "live/boar", "live/board2"}) put(owner, "c/1");
  put("live/board", "c/2");
  EXPECT_TRUE(engine().remove_state("live/board").ok());
  EXPECT_TRUE(engine().remove_state("nobody").ok());
  fixture_->reopen();
  using State = std::map<std::string, std::string>;
  EXPECT_EQ(engine().list_state("live/board").value(), State());
  EXPECT_EQ(engine().list_state("live/boar").value(), (State{{"c/1", "x"}}));
  EXPECT_EQ(engine().list_state("live/board2").value(), (State{{"c/1", "x"}}));
  put("live/board", "c/1");
  EXPECT_EQ(engine().list_state("live/board").value(), (State{{"c/1", "x"}})) << "an owner of that name begins anew";
}

TEST_P(Contract, a_removed_queue_is_forgotten_and_its_id_is_not_used_again) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  publish(make_event("a", "c"), {queue});
  EXPECT_TRUE(engine().remove(queue).ok());
  const base::QueueId fresh = declare(spec("q", event::Order::none));
  EXPECT_NE(fresh, queue);
  EXPECT_TRUE(receive(fresh, 1, 1, std::chrono::milliseconds(20)).empty());
}

TEST_P(Contract, the_order_of_a_queue_that_holds_events_cannot_change) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  publish(make_event("a", "c"), {queue});
  EXPECT_EQ(engine().declare(spec("q", event::Order::conversation)).error().code, base::Errc::conflict);
}

inline PublishEntry sent_message(const std::string& id, base::QueueId queue, base::WallTime due) {
  PublishEntry entry{make_event(id, "g"), "sqs/q", {queue}, {1}};
  entry.event.business_time = due;
  entry.event.business_time_has_millis = true;
  return entry;
}

TEST_P(Contract, a_sent_message_waits_for_its_time_and_holds_up_no_other) {
  if (!can(Capability::event_time_window)) GTEST_SKIP() << "the engine holds nothing until its time";
  QueueSpec holding = spec("sqs/q", event::Order::none);
  holding.pulled = true;
  const base::QueueId queue = declare(holding);
  const base::WallTime now = fixture_->loop().clock().wall();
  publish_items({sent_message("in an hour", queue, now + std::chrono::hours(1))});
  publish_items({sent_message("soon", queue, now + std::chrono::seconds(2))});
  publish_items({sent_message("at once", queue, now)});
  const auto first = receive(queue, 1);
  EXPECT_EQ(ids(first), (Ids{"at once"}));
  EXPECT_TRUE(settle_all(first[0], Fate::delivered).ok());
  fixture_->reopen();
  EXPECT_EQ(declare(holding), queue);
  const auto soon = receive(queue, 10);
  EXPECT_EQ(ids(soon), (Ids{"soon"}));
  EXPECT_GE(fixture_->loop().clock().wall(), now + std::chrono::seconds(2));
  EXPECT_TRUE(settle_all(soon[0], Fate::delivered).ok());
  EXPECT_TRUE(receive(queue, 10, 100, std::chrono::milliseconds(200)).empty());
}

TEST_P(Contract, an_event_of_a_consumer_waits_for_no_time_of_its_own) {
  const base::QueueId queue = declare(spec("q", event::Order::none));
  publish(happened(-std::chrono::minutes(9), make_event("a", "c1")), {queue});
  EXPECT_EQ(ids(receive(queue, 1)), (Ids{"a"}));
}

}  // namespace trunkline::engine::contract
