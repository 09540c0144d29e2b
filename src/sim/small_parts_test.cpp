#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sim/answer.hpp"
#include "sim/event_bytes.hpp"
#include "sim/histogram.hpp"
#include "sim/ledger.hpp"
#include "sim/pacer.hpp"

namespace trunkline::sim {
namespace {

TEST(SplitEvents, takes_arrays_lines_and_single_objects_apart_without_touching_their_bytes) {
  using testing_list = std::vector<std::string_view>;
  const std::string_view a = R"({"id":"a","text":"],[ \" }{\n"})";
  const std::string_view b = R"({"id":"b","list":[1,[2,{"c":3}]]})";
  const std::string array = " [ " + std::string(a) + " ,\n" + std::string(b) + "] ";
  EXPECT_EQ(split_events(array), (testing_list{a, b}));
  const std::string lines = std::string(a) + "\n" + std::string(b) + "\r\n\n";
  EXPECT_EQ(split_events(lines), (testing_list{a, b}));
  EXPECT_EQ(split_events(b), testing_list{b});
  EXPECT_EQ(split_events("{\n\"id\": 1\n}\n"), testing_list{"{\n\"id\": 1\n}"});
  EXPECT_TRUE(split_events("[]").empty());
  EXPECT_TRUE(split_events("  \n").empty());
}

TEST(SplitEvents, survives_broken_bodies) {
  EXPECT_EQ(split_events("[{\"a\":1},{\"b").size(), 1u);
  EXPECT_EQ(split_events("]]]").size(), 1u);
  EXPECT_EQ(split_events("{\"a\":\"\\").size(), 1u);
}

TEST(OwnBytes, takes_off_what_the_hub_spliced_in_and_nothing_else) {
  const std::string raw = R"({"id":"a","detail":{"note":",\"_processingTimestamp\":1"}})";
  const OwnBytes plain = own_bytes(raw);
  EXPECT_FALSE(plain.closed);
  EXPECT_EQ(joined(plain), raw);
  const std::string enriched =
      raw.substr(0, raw.size() - 1) + R"(,"_processingTimestamp":"2026","_eventCategory":"agent","_sequence":4711})";
  const OwnBytes own = own_bytes(enriched);
  EXPECT_EQ(joined(own), raw);
  EXPECT_EQ(own.sequence, 4711u);
  const std::string with_sequence = raw.substr(0, raw.size() - 1) + R"(,"_sequence":"12"})";
  const OwnBytes numbered = own_bytes(with_sequence);
  EXPECT_EQ(joined(numbered), raw);
  EXPECT_EQ(numbered.sequence, 12u);
  EXPECT_EQ(own_bytes("").sequence, 0u);
}

TEST(EnvelopeId, is_the_outermost_id_only) {
  EXPECT_EQ(envelope_id(R"({"version":"0","detail":{"id":"inner"},"id" : "outer"})"), "outer");
  EXPECT_EQ(envelope_id(R"({"detail":{"id":"inner"}})"), "");
  EXPECT_EQ(envelope_id(R"({"x":"id","id":17})"), "");
  EXPECT_EQ(envelope_id("not json"), "");
}

TEST(AnswerReader, reads_verdicts_and_sequence_numbers_in_order) {
  AnswerReader reader;
  const auto items = reader.read(R"({"results":[{"verdict":"accepted","sequence":12,"id":"a"},
      {"verdict":"duplicate","sequence":7,"id":"a"},{"verdict":"quarantined","sequence":0,"id":""}],"accepted":1})");
  ASSERT_TRUE(items.ok()) << items.error().detail;
  ASSERT_EQ(items->size(), 3u);
  EXPECT_EQ((*items)[0].verdict, Verdict::accepted);
  EXPECT_EQ((*items)[1].sequence, 7u);
  EXPECT_EQ((*items)[2].verdict, Verdict::quarantined);
}

TEST(AnswerReader, trusts_no_answer_that_does_not_say_what_was_stored) {
  AnswerReader reader;
  EXPECT_FALSE(reader.read("").ok());
  EXPECT_FALSE(reader.read("{}").ok());
  EXPECT_FALSE(reader.read(R"({"results":[{"verdict":"perhaps"}]})").ok());
  EXPECT_FALSE(reader.read(R"({"results":[{"verdict":"accepted","id":"a"}]})").ok());
  EXPECT_FALSE(reader.read(R"({"results":[{"verdict":"accepted","sequence":0}]})").ok());
}

TEST(Ledger, gives_back_the_lines_that_were_written) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("trunkline-ledger-" + std::to_string(::getpid()))).string();
  auto writer = LedgerWriter::open(path, kAcceptedHeader);
  ASSERT_TRUE(writer.ok());
  const std::size_t lines = 20'000;  // more than one block
  for (std::size_t i = 1; i <= lines; ++i) {
    const std::string id = "id-" + std::to_string(i);
    writer->add(AcceptedLine{.verdict = "accepted",
                             .sequence = i,
                             .envelope_id = id,
                             .org = "o",
                             .user = "u",
                             .topic = "v2.t",
                             .hash = base::hash128(id),
                             .malformed = i % 3 == 0,
                             .sent_ms = 1'772'460'000'000});
  }
  ASSERT_TRUE(writer->flush(true).ok());
  EXPECT_EQ(writer->lines(), lines);
  std::size_t read = 0;
  const auto result = for_each_line(path, [&read](std::string_view raw, std::uint64_t) -> base::Result<void> {
    TRUNKLINE_TRY(const AcceptedLine line, parse_accepted(raw));
    ++read;
    EXPECT_EQ(line.sequence, read);
    EXPECT_EQ(line.envelope_id, "id-" + std::to_string(read));
    EXPECT_EQ(line.conversation, "");
    EXPECT_EQ(line.user, "u");
    EXPECT_EQ(line.hash, base::hash128(line.envelope_id));
    EXPECT_EQ(line.malformed, read % 3 == 0);
    EXPECT_EQ(line.sent_ms, 1'772'460'000'000);
    return {};
  });
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(read, lines);
  std::filesystem::remove(path);
}

TEST(Ledger, round_trips_a_delivered_line_and_refuses_broken_ones) {
  std::string text;
  append_line(text, DeliveredLine{.arrival = 9,
                                  .place = 2,
                                  .answered = 11,
                                  .sequence = 5,
                                  .attempt = 3,
                                  .consumer = "crm",
                                  .gap_before = true,
                                  .redriven = true,
                                  .hash = base::hash128("x"),
                                  .envelope_id = "e"});
  text.pop_back();
  const auto line = parse_delivered(text);
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->arrival, 9u);
  EXPECT_EQ(line->place, 2u);
  EXPECT_EQ(line->answered, 11u);
  EXPECT_EQ(line->sequence, 5u);
  EXPECT_EQ(line->attempt, 3u);
  EXPECT_EQ(line->consumer, "crm");
  EXPECT_TRUE(line->gap_before);
  EXPECT_TRUE(line->redriven);
  EXPECT_EQ(line->hash, base::hash128("x"));
  EXPECT_EQ(line->envelope_id, "e");
  EXPECT_FALSE(parse_delivered(text.substr(0, 20)).ok());
  EXPECT_FALSE(parse_delivered(text + "\tmore").ok());
  text[0] = 'x';
  EXPECT_FALSE(parse_delivered(text).ok());
}

TEST(Ledger, says_when_a_disk_does_not_take_it) {
  auto writer = LedgerWriter::open("/dev/full", kAcceptedHeader);
  ASSERT_TRUE(writer.ok());
  EXPECT_FALSE(writer->flush(false).ok());
  EXPECT_FALSE(LedgerWriter::open("/nowhere/at/all", kAcceptedHeader).ok());
}

TEST(Histogram, tells_quantiles_within_a_32nd) {
  Histogram histogram;
  for (int i = 1; i <= 100'000; ++i) histogram.add(std::chrono::microseconds(i));
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = share * 100'000;
    EXPECT_NEAR(static_cast<double>(histogram.quantile(share).count()), exact, exact / 32 + 1) << share;
  }
  EXPECT_EQ(histogram.max().count(), 100'000);
  EXPECT_EQ(histogram.quantile(1).count(), 100'000);
  histogram.add(std::chrono::hours(24'000));
  EXPECT_EQ(histogram.quantile(1), std::chrono::hours(24'000));
  EXPECT_EQ(Histogram().quantile(0.99).count(), 0);
}

TEST(Pacer, lets_no_more_than_the_rate_pass) {
  Pacer pacer(100, 0);
  const GeneratedEvent event;
  base::MonoTime now{std::chrono::hours(1)};
  std::size_t passed = 0;
  for (int tick = 0; tick <= 1'000; ++tick, now += base::Millis(10)) {
    while (pacer.ready(event, now)) {
      pacer.spend();
      ++passed;
    }
  }
  EXPECT_NEAR(static_cast<double>(passed), 1'001, 2);
}

TEST(Pacer, plays_simulated_time_at_its_speed) {
  Pacer pacer(0, 60);
  GeneratedEvent event;
  event.published = 1'000'000;
  const base::MonoTime start{std::chrono::hours(1)};
  EXPECT_TRUE(pacer.ready(event, start));
  event.published += 60'000;  // a minute later: one second
  EXPECT_FALSE(pacer.ready(event, start + base::Millis(990)));
  EXPECT_TRUE(pacer.ready(event, start + base::Millis(1'000)));
}

TEST(AppendTime, agrees_with_the_calendar) {
  const auto text = [](SimTime time, bool milliseconds) {
    std::string out;
    append_time(out, time, milliseconds);
    return out;
  };
  EXPECT_EQ(text(1'772'460'000'064, true), "2026-03-02T14:00:00.064Z");
  EXPECT_EQ(text(1'772'460'000'064, false), "2026-03-02T14:00:00Z");
  EXPECT_EQ(text(951'782'399'999, true), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(text(951'782'400'000, true), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(text(-1, true), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace trunkline::sim
