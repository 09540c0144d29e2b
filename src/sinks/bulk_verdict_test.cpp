#include "sinks/bulk_verdict.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks/sink_fixture_test.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using delivery::BatchVerdict;
using delivery::Verdict;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr std::size_t kAnswerMax = 1 << 20;

BatchVerdict verdict_of(int status, std::string body, std::size_t events = 1, net::Headers headers = {}) {
  return bulk_verdict(net::ClientResponse{status, std::move(headers), std::move(body)}, events, kAnswerMax, {});
}

std::string item(int status, std::string_view type = {}, std::string_view reason = "why") {
  if (type.empty()) return fmt::format(R"({{"create":{{"status":{}}}}})", status);
  return fmt::format(R"({{"create":{{"_index":"i","_id":"x","status":{},"error":{{"type":"{}","reason":"{}"}}}}}})",
                     status, type, reason);
}

std::string answer(const std::vector<std::string>& items) {
  return fmt::format(R"({{"took":3,"errors":true,"items":[{}]}})", fmt::join(items, ","));
}

struct ItemRow {
  const char* name;
  int status;
  const char* type;
  Verdict alone;   // the only item of its request
  Verdict beside;  // beside one that was written
};
const ItemRow kItems[] = {
    {"created", 201, "", Verdict::delivered, Verdict::delivered},
    {"written", 200, "", Verdict::delivered, Verdict::delivered},
    {"already_there", 409, "version_conflict_engine_exception", Verdict::delivered, Verdict::delivered},
    {"queue_full", 429, "es_rejected_execution_exception", Verdict::retry, Verdict::retry},
    {"circuit_breaker", 429, "circuit_breaking_exception", Verdict::retry, Verdict::retry},
    {"shard_away", 503, "unavailable_shards_exception", Verdict::unavailable, Verdict::retry},
    {"shard_timeout", 408, "process_cluster_event_timeout_exception", Verdict::unavailable, Verdict::retry},
    {"gateway", 502, "x", Verdict::unavailable, Verdict::retry},
    {"gateway_timeout", 504, "x", Verdict::unavailable, Verdict::retry},
    {"unauthenticated", 401, "security_exception", Verdict::unavailable, Verdict::unavailable},
    {"forbidden", 403, "security_exception", Verdict::unavailable, Verdict::unavailable},
    {"disk_watermark", 403, "cluster_block_exception", Verdict::unavailable, Verdict::unavailable},
    {"flood_stage", 429, "cluster_block_exception", Verdict::unavailable, Verdict::unavailable},
    {"no_leader", 503, "cluster_block_exception", Verdict::unavailable, Verdict::unavailable},
    {"index_missing", 404, "index_not_found_exception", Verdict::unavailable, Verdict::unavailable},
    {"not_allowed", 405, "x", Verdict::unavailable, Verdict::unavailable},
    {"index_closed", 400, "index_closed_exception", Verdict::unavailable, Verdict::unavailable},
    {"index_name", 400, "invalid_index_name_exception", Verdict::unavailable, Verdict::unavailable},
    {"blocked", 400, "cluster_block_exception", Verdict::unavailable, Verdict::unavailable},
    {"refused_as_400", 400, "security_exception", Verdict::unavailable, Verdict::unavailable},
    {"mapper", 400, "mapper_parsing_exception", Verdict::rejected, Verdict::rejected},
    {"document", 400, "document_parsing_exception", Verdict::rejected, Verdict::rejected},
    {"strict", 400, "strict_dynamic_mapping_exception", Verdict::rejected, Verdict::rejected},
    {"fields", 400, "illegal_argument_exception", Verdict::rejected, Verdict::rejected},
    {"too_large", 413, "x", Verdict::rejected, Verdict::rejected},
    {"internal", 500, "x", Verdict::rejected, Verdict::rejected},
    {"no_status", 0, "", Verdict::unavailable, Verdict::unavailable},
    {"odd_status", 700, "x", Verdict::unavailable, Verdict::unavailable},
    {"redirect", 302, "x", Verdict::unavailable, Verdict::unavailable},
};

class BulkItemStatus : public testing::TestWithParam<ItemRow> {};

TEST_P(BulkItemStatus, has_its_verdict_alone_and_beside_others) {
  const ItemRow& row = GetParam();
  const std::string one = item(row.status, row.type);
  EXPECT_THAT(verdicts(verdict_of(200, answer({one}))), ElementsAre(row.alone));
  const BatchVerdict three = verdict_of(200, answer({item(201), one, item(201)}), 3);
  EXPECT_FALSE(three.refused);
  EXPECT_THAT(verdicts(three), ElementsAre(Verdict::delivered, row.beside, Verdict::delivered));
  if (row.beside == Verdict::delivered) return;
  EXPECT_EQ(three.events[1].error_class, row.status == 0 ? "bulk_no_status" : fmt::format("bulk_{}", row.status));
  EXPECT_NE(three.events[1].detail, "");
}

INSTANTIATE_TEST_SUITE_P(BulkVerdict, BulkItemStatus, testing::ValuesIn(kItems),
                         [](const auto& row) { return std::string(row.param.name); });

struct WholeRow {
  const char* name;
  int status;
  const char* body;
  bool refused;
  Verdict verdict;
};
const WholeRow kWhole[] = {
    {"success_without_items", 200, R"({"took":1,"errors":false})", false, Verdict::delivered},
    {"errors_without_items", 200, R"({"took":1,"errors":true})", false, Verdict::unavailable},
    {"too_few_items", 200, R"({"errors":false,"items":[{"create":{"status":201}}]})", false, Verdict::unavailable},
    {"too_many_items", 200,
     R"({"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}},{"create":{"status":201}}]})",
     false, Verdict::unavailable},
    {"items_of_another_type", 200, R"({"errors":false,"items":{}})", false, Verdict::unavailable},
    {"a_page", 200, "<html>login</html>", false, Verdict::unavailable},
    {"half_an_answer", 200, R"({"took":1,"errors":false,"items":[{"create":)", false, Verdict::unavailable},
    {"nothing", 200, "", false, Verdict::unavailable},
    {"array", 200, "[]", false, Verdict::unavailable},
    {"malformed", 400, R"({"error":{"type":"illegal_argument_exception","reason":"x"},"status":400})", true,
     Verdict::rejected},
    {"setting", 400, R"({"error":{"type":"index_closed_exception","reason":"x"},"status":400})", false,
     Verdict::unavailable},
    {"unauthenticated", 401, R"({"error":{"type":"security_exception","reason":"x"},"status":401})", false,
     Verdict::unavailable},
    {"forbidden_by_aws", 403, R"({"message":"The security token included in the request is invalid."})", false,
     Verdict::unavailable},
    {"not_found", 404, "", false, Verdict::unavailable},
    {"content_type", 406, R"({"error":"Content-Type header is not supported","status":406})", false,
     Verdict::unavailable},
    {"media_type", 415, "", false, Verdict::unavailable},
    {"too_large", 413, "", true, Verdict::rejected},
    {"busy", 429, "", false, Verdict::retry},
    {"internal", 500, R"({"error":{"type":"x","reason":"y"},"status":500})", true, Verdict::rejected},
    {"gateway", 502, "", false, Verdict::unavailable},
    {"no_master", 503, R"({"error":{"type":"cluster_block_exception","reason":"no master"},"status":503})", false,
     Verdict::unavailable},
    {"gateway_timeout", 504, "", false, Verdict::unavailable},
    {"redirect", 301, "", false, Verdict::unavailable},
};

class BulkAnswerStatus : public testing::TestWithParam<WholeRow> {};

TEST_P(BulkAnswerStatus, has_its_verdict) {
  const WholeRow& row = GetParam();
  const BatchVerdict two = verdict_of(row.status, row.body, 2);
  EXPECT_EQ(two.refused, row.refused);
  EXPECT_THAT(two.events, SizeIs(row.refused ? 1 : 2));
  EXPECT_THAT(verdicts(two), Each(row.verdict));
}

INSTANTIATE_TEST_SUITE_P(BulkVerdict, BulkAnswerStatus, testing::ValuesIn(kWhole),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(BulkVerdict, all_shards_away_is_the_cluster_and_some_are_not) {
  const std::string away = item(503, "unavailable_shards_exception");
  EXPECT_THAT(verdicts(verdict_of(200, answer({away, away}), 2)), Each(Verdict::unavailable));
  EXPECT_THAT(verdicts(verdict_of(200, answer({away, item(409, "version_conflict_engine_exception")}), 2)),
              ElementsAre(Verdict::retry, Verdict::delivered));
  EXPECT_THAT(verdicts(verdict_of(200, answer({away, item(429, "es_rejected_execution_exception")}), 2)),
              Each(Verdict::retry));
}

TEST(BulkVerdict, an_answer_cut_at_its_bound_halves_the_batch) {
  const std::string cut = R"({"errors":true,"items":[{"create")";
  const auto verdict = [&](std::size_t events, std::size_t bytes_max) {
    return bulk_verdict(net::ClientResponse{200, {}, cut}, events, bytes_max, {});
  };
  EXPECT_TRUE(verdict(2, cut.size()).refused);
  EXPECT_THAT(verdicts(verdict(1, cut.size())), ElementsAre(Verdict::rejected));
  EXPECT_THAT(verdicts(verdict(2, cut.size() + 1)), Each(Verdict::unavailable));
}

TEST(BulkVerdict, tells_the_reason_and_its_cause_without_credentials) {
  const std::string secret = "s3cr3t-s3cr3t";
  const std::string body =
      R"({"errors":true,"items":[{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse [a] )" +
      secret + R"(","caused_by":{"type":"x","reason":"For input string"}}}}]})";
  const auto verdict = bulk_verdict(net::ClientResponse{200, {}, body}, 1, kAnswerMax, {}, std::span(&secret, 1));
  EXPECT_EQ(verdict.events.at(0).detail, "mapper_parsing_exception: failed to parse [a] ***: For input string");
}

TEST(BulkVerdict, retry_after_holds_for_the_answer_and_for_its_items) {
  const net::Headers headers = {{"Retry-After", "7"}};
  EXPECT_EQ(verdict_of(429, "", 1, headers).events.at(0).after, Millis(7'000));
  EXPECT_EQ(verdict_of(200, answer({item(429, "x"), item(201)}), 2, headers).events.at(0).after, Millis(7'000));
}

TEST(BulkVerdict, no_answer_is_as_for_every_http_sink) {
  for (const Errc code : {Errc::timeout, Errc::unavailable, Errc::invalid, Errc::cancelled}) {
    const auto verdict = bulk_verdict(base::Error{code, "reset"}, 2, kAnswerMax, {});
    EXPECT_THAT(verdicts(verdict), ElementsAre(Verdict::unavailable, Verdict::unavailable));
  }
  EXPECT_THAT(verdicts(bulk_verdict(base::Error{Errc::overloaded, ""}, 1, kAnswerMax, {})),
              ElementsAre(Verdict::retry));
}

TEST(BulkVerdict, errors_written_as_text_are_shown) {
  EXPECT_THAT(verdict_of(406, R"({"error":"no handler","status":406})").events,
              ElementsAre(Field(&delivery::EventVerdict::detail, "no handler")));
  EXPECT_THAT(verdict_of(403, R"({"message":"no permission"})").events,
              ElementsAre(Field(&delivery::EventVerdict::detail, "no permission")));
}

TEST(BulkVerdict, what_answers_in_its_place_is_quoted_up_to_the_bound_of_details_and_not_cut_before) {
  EXPECT_EQ(verdict_of(200, std::string(50'000, 'x')).events[0].detail.size(), 1'024u);
}

}  // namespace
}  // namespace trunkline::sinks
