#include "sinks/postgres_sink.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "sinks/bulk_document.hpp"
#include "sinks/postgres_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Millis;
using base::WallTime;
using delivery::BatchVerdict;
using delivery::Verdict;
using postgres::Failure;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

struct FakeRows final : RowSender {
  struct Sent {
    std::string rows;
    postgres::Writer::Callback done;
  };
  FakeRows(std::vector<Sent>& to, postgres::Writer::Look found) : sent(to), look_finds(std::move(found)) {}
  void write(std::string rows, postgres::Writer::Callback done) override {
    sent.push_back({std::move(rows), std::move(done)});
  }
  void look(base::UniqueFunction<void(postgres::Writer::Look)> done) override { done(look_finds); }
  std::vector<Sent>& sent;
  postgres::Writer::Look look_finds;
};

class PostgresSinkTest : public testing::Test {
 protected:
  PostgresSinkTest() {
    options_.target = "postgresql://db:5432/d";
    options_.secrets = {"hush"};
    record_.sequence = {42};
    record_.accepted_at = WallTime(Millis(1'772'460'000'007));
    event::Event& event = record_.event;
    event.raw = "{\"id\":\n1}";
    event.category = "conversation";
    event.envelope_id = "e-1";
    event.topic_name = "v2.detail.events.conversation.c1.acw";
    event.event_type = "v2.detail.events.conversation.{id}.acw";
    event.org_id = "o";
    event.conversation_id = "c1";
    event.source = "aws.partner/genesys.com/cloud/o/suffix";
    event.business_time = WallTime(Millis(1'772'459'999'120));
    event.envelope_identity = base::hash128("o e-1");
  }
  std::unique_ptr<PostgresSink> make() {
    const auto renderer = [](const engine::Record& record) {
      return fmt::format(R"({{"enriched":{}}})", record.sequence.value);
    };
    auto sink = PostgresSink::make(options_, renderer, std::make_unique<FakeRows>(sent_, found_));
    EXPECT_TRUE(sink.ok()) << sink.error().detail;
    return std::move(*sink);
  }
  engine::LeasedMessage message() const { return {std::make_shared<engine::Record>(record_), 0, 1, {}, false}; }
  std::string rows(std::vector<engine::LeasedMessage> messages) {
    make()->send({"lake", 1, 1, std::move(messages)}, [](const BatchVerdict&) {});
    return sent_.back().rows;
  }
  base::Result<std::string> probed() {
    std::optional<base::Result<std::string>> said;
    make()->probe([&](base::Result<std::string> result) { said = std::move(result); });
    return *said;
  }

  PostgresOptions options_;
  engine::Record record_;
  postgres::Writer::Look found_ = postgres::Found{"15.18", true, true};
  std::vector<FakeRows::Sent> sent_;
};

TEST_F(PostgresSinkTest, a_row_has_the_event_its_ids_and_its_delivery) {
  options_.order = event::Order::conversation;
  auto one = message();
  one.redriven = true;
  EXPECT_EQ(rows({one}),
            "0\t" + document_id(record_) +
                "\t42\t2026-03-02T14:00:00.007Z\t2026-03-02T13:59:59.120Z\te-1\t"
                "v2.detail.events.conversation.{id}.acw\tv2.detail.events.conversation.c1.acw\tconversation\to\tc1\t"
                "\\N\t\\N\t\\N\taws.partner/genesys.com/cloud/o/suffix\t{\"enriched\":42}\t\\N\t"
                R"({"sequence":42,"consumer":"lake","lane":"conversation/o/c1","redriven":true})"
                "\n");
}

TEST_F(PostgresSinkTest, a_row_has_as_many_fields_as_the_table_has_columns) {
  const std::string row = rows({message()});
  EXPECT_EQ(static_cast<std::size_t>(std::count(row.begin(), row.end(), '\t')),
            postgres_table(options_).columns.size());
}

TEST_F(PostgresSinkTest, what_jsonb_cannot_hold_is_kept_as_text) {
  options_.body = Body::raw;
  record_.event.raw = R"({"a":"\u0000"})";
  EXPECT_THAT(rows({message()}), HasSubstr("\t\\N\t{\"a\":\"\\\\u0000\"}\t"));
  record_.event.raw = R"({"a":"\\u0000"})";
  EXPECT_THAT(rows({message()}), HasSubstr("\t{\"a\":\"\\\\\\\\u0000\"}\t\\N\t"));
}

TEST_F(PostgresSinkTest, an_id_with_nul_is_stored_with_the_replacement_character) {
  options_.order = event::Order::conversation;
  record_.event.conversation_id = std::string("c\0x", 3);
  const std::string row = rows({message()});
  EXPECT_THAT(row, HasSubstr("\tc\xEF\xBF\xBDx\t"));
  EXPECT_THAT(row, HasSubstr(R"("lane":"conversation/o/c\\ufffdx")"));
}

TEST(JsonbEscapes, nul_and_halves_of_pairs_are_found_and_nothing_else) {
  for (const char* good : {R"("")", R"("\\u0000")", R"("\\\\u0000")", R"("\u0001")", R"("\ud83d\ude00")",
                           R"("\uD83D\uDE00x")", R"("\n\t\"")", R"("\u00e9")"}) {
    EXPECT_TRUE(has_jsonb_escapes(good)) << good;
  }
  const std::vector<std::pair<const char*, const char*>> bad = {
      {R"("\u0000")", R"("\ufffd")"},
      {R"("\\\u0000")", R"("\\\ufffd")"},
      {R"("\ud83d")", R"("\ufffd")"},
      {R"("\ude00\ud83d")", R"("\ufffd\ufffd")"},
      {R"("\ud83dx\ude00")", R"("\ufffdx\ufffd")"},
      {R"("\ud83d\ud83d\ude00")", R"("\ufffd\ud83d\ude00")"},
      {R"("\ud83d\n")", R"("\ufffd\n")"},
  };
  for (const auto& [text, wanted] : bad) {
    std::string replaced;
    EXPECT_FALSE(has_jsonb_escapes(text)) << text;
    EXPECT_FALSE(has_jsonb_escapes(text, &replaced));
    EXPECT_EQ(replaced, wanted);
    EXPECT_TRUE(has_jsonb_escapes(replaced));
  }
}

TEST_F(PostgresSinkTest, an_answer_becomes_the_verdicts_even_when_the_sink_has_gone) {
  BatchVerdict said;
  {
    auto sink = make();
    sink->send({"lake", 1, 1, {message(), message()}}, [&](BatchVerdict verdict) { said = std::move(verdict); });
  }
  Failure failure{Failure::Kind::server, "22P02", "invalid input, with hush in it", 1};
  sent_.at(0).done(failure);
  EXPECT_TRUE(said.refused);
  EXPECT_EQ(said.suspect, 1u);
  ASSERT_THAT(said.events, SizeIs(1));
  EXPECT_EQ(said.events[0].error_class, "sql_22P02");
  EXPECT_EQ(said.events[0].detail, "invalid input, with *** in it");
}

struct Row {
  Failure::Kind kind;
  const char* sqlstate;
  Verdict verdict;
  const char* error_class;
};
TEST(PostgresVerdict, each_code_has_its_meaning) {
  using Kind = Failure::Kind;
  for (const Row& row : {
           Row{Kind::server, "22P02", Verdict::rejected, "sql_22P02"},  // text that is no number
           Row{Kind::server, "22P05", Verdict::rejected, "sql_22P05"},  // \u0000 in jsonb
           Row{Kind::server, "22003", Verdict::rejected, "sql_22003"},  // number out of range
           Row{Kind::server, "23514", Verdict::rejected, "sql_23514"},  // a check of the owner's
           Row{Kind::server, "23505", Verdict::rejected, "sql_23505"},
           Row{Kind::server, "54000", Verdict::rejected, "sql_54000"},
           Row{Kind::server, "P0001", Verdict::rejected, "sql_P0001"},
           Row{Kind::server, "40001", Verdict::retry, "sql_40001"},
           Row{Kind::server, "40P01", Verdict::retry, "sql_40P01"},
           Row{Kind::server, "55P03", Verdict::retry, "sql_55P03"},
           Row{Kind::server, "57014", Verdict::retry, "sql_57014"},
           Row{Kind::server, "57P01", Verdict::unavailable, "sql_57P01"},
           Row{Kind::server, "53100", Verdict::unavailable, "sql_53100"},  // disk full
           Row{Kind::server, "53300", Verdict::unavailable, "sql_53300"},  // too many connections
           Row{Kind::server, "25006", Verdict::unavailable, "sql_25006"},  // read only
           Row{Kind::server, "42703", Verdict::unavailable, "sql_42703"},  // no such column
           Row{Kind::server, "42501", Verdict::unavailable, "sql_42501"},  // no right
           Row{Kind::server, "3D000", Verdict::unavailable, "sql_3D000"},
           Row{Kind::server, "0A000", Verdict::unavailable, "sql_0A000"},
           Row{Kind::server, "XX000", Verdict::unavailable, "sql_XX000"},
           Row{Kind::unreachable, "57P01", Verdict::unavailable, "sql_57P01"},  // it said so, then closed
           Row{Kind::unreachable, "22P02", Verdict::unavailable, "sql_22P02"},
           Row{Kind::unreachable, "", Verdict::unavailable, "connect"},
           Row{Kind::timeout, "", Verdict::unavailable, "timeout"},
           Row{Kind::cancelled, "", Verdict::unavailable, "cancelled"},
       }) {
    SCOPED_TRACE(row.sqlstate);
    const Failure failure{row.kind, row.sqlstate, "why", {}};
    const BatchVerdict alone = postgres_verdict(failure, 1);
    EXPECT_FALSE(alone.refused);
    ASSERT_THAT(alone.events, SizeIs(1));
    EXPECT_EQ(alone.events[0].verdict, row.verdict);
    EXPECT_EQ(alone.events[0].error_class, row.error_class);
    const BatchVerdict three = postgres_verdict(failure, 3);
    EXPECT_EQ(three.refused, row.verdict == Verdict::rejected);
    EXPECT_THAT(three.events, SizeIs(three.refused ? 1 : 3));
  }
}

TEST(PostgresVerdict, nothing_is_delivered_for_all_and_a_line_outside_of_the_batch_is_no_suspect) {
  const BatchVerdict good = postgres_verdict(std::nullopt, 3);
  ASSERT_THAT(good.events, SizeIs(3));
  for (const auto& each : good.events) EXPECT_EQ(each.verdict, Verdict::delivered);
  EXPECT_FALSE(postgres_verdict(Failure{Failure::Kind::server, "22P02", "", 3}, 3).suspect);
}

TEST_F(PostgresSinkTest, a_probe_says_what_was_found_and_what_to_do) {
  EXPECT_EQ(*probed(), "postgresql://db:5432/d is PostgreSQL 15.18, trunkline.events can be written to");
  found_ = postgres::Found{"15.18", false, true};
  EXPECT_THAT(*probed(), HasSubstr("will be made"));
  options_.create = false;
  EXPECT_THAT(probed().error().detail, HasSubstr("or set create: true"));
  options_.create = true;
  found_ = postgres::Found{"15.18", false, false};
  EXPECT_THAT(probed().error().detail, HasSubstr("grant CREATE"));
  found_ = Failure{Failure::Kind::unreachable, "", "password hush refused", {}};
  EXPECT_THAT(probed().error().detail, HasSubstr("password *** refused; look whether"));
}

TEST(ShadowRows, are_kept_and_not_written) {
  base::ManualClock clock;
  base::ManualLoop loop(clock);
  auto log = std::make_shared<ShadowLog>(clock.wall());
  ShadowRowSender sender(loop, log, "postgresql://db");
  bool done = false;
  sender.write("0\ta\n", [&](const std::optional<Failure>& failed) { done = !failed; });
  EXPECT_FALSE(done);
  loop.run();
  EXPECT_TRUE(done);
  ASSERT_THAT(log->newest(), SizeIs(1));
  EXPECT_EQ(log->newest()[0].body, "0\ta\n");
}

TEST_F(PostgresSinkTest, options_are_checked) {
  options_.table = std::string(60, 'x');
  EXPECT_FALSE(validate(options_).ok());
  options_.table = "t";
  options_.schema = "";
  EXPECT_FALSE(validate(options_).ok());
}

}  // namespace
}  // namespace trunkline::sinks
