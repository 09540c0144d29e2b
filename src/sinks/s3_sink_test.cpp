#include "sinks/s3_sink.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <numeric>

#include "base/crypto.hpp"
#include "base/manual_loop.hpp"
#include "net/content_coding.hpp"
#include "sinks/bulk_document.hpp"
#include "sinks/fake_sender_test.hpp"
#include "sinks/s3_in_doubt.hpp"
#include "sinks/s3_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::WallTime;
using delivery::BatchVerdict;
using delivery::Verdict;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kTwo = 1'772'460'000'000;  // 2026-03-02T14:00:00Z

engine::LeasedMessage message(std::uint64_t sequence, std::int64_t accepted) {
  auto record = std::make_shared<engine::Record>();
  record->sequence = {sequence};
  record->accepted_at = WallTime(Millis(accepted));
  record->event.raw = fmt::format("{{\"n\":\n{}}}", sequence);
  record->event.business_time = WallTime(Millis(kTwo - 5 * kHour));
  return {record, 0, 1, {}, false};
}
delivery::Batch batch(std::vector<engine::LeasedMessage> messages) {
  return {"archive", 1, 1, std::move(messages)};
}

std::vector<S3Object> objects_of(const delivery::Batch& given, const S3Layout& layout) {
  std::vector<std::size_t> all(given.messages.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return s3_objects(given, all, layout, render_raw);
}

S3Layout plain() {
  S3Layout layout;
  layout.compression = S3Compression::none;
  layout.body = Body::raw;
  return layout;
}

TEST(S3Objects, are_one_for_each_hour_with_a_line_for_each_event) {
  S3Layout layout = plain();
  layout.prefix = "genesys/prod";
  const auto given = batch({message(7, kTwo + kHour), message(8, kTwo + 1), message(9, kTwo + kHour - 1)});
  const auto objects = objects_of(given, layout);
  ASSERT_THAT(objects, SizeIs(2));
  EXPECT_THAT(
      objects[0].key,
      MatchesRegex(
          "genesys/prod/year=2026/month=03/day=02/hour=14/0000000000000008-0000000000000009-[0-9a-f]*\\.jsonl"));
  EXPECT_THAT(objects[1].key, HasSubstr("/hour=15/0000000000000007-0000000000000007-"));
  EXPECT_THAT(objects[0].events, ElementsAre(1, 2));
  EXPECT_THAT(objects[1].events, ElementsAre(0));
  EXPECT_EQ(objects[1].sha256_hex, base::hex_encode(base::sha256(objects[1].bytes)));
  EXPECT_EQ(objects[1].bytes,
            fmt::format("{{\"n\": 7,\"_sequence\":7,\"_eventId\":\"{}\"}}\n", document_id(*given.messages[0].record)));
}

TEST(S3Objects, are_made_of_those_events_that_are_named) {
  const auto given = batch({message(1, kTwo), message(2, kTwo), message(3, kTwo)});
  const std::vector<std::size_t> some = {0, 2};
  const auto objects = s3_objects(given, some, plain(), render_raw);
  ASSERT_THAT(objects, SizeIs(1));
  EXPECT_THAT(objects[0].events, ElementsAre(0, 2));
  EXPECT_THAT(objects[0].bytes, Not(HasSubstr("\"n\": 2")));
}

TEST(S3Objects, the_same_events_make_the_same_object_and_others_another) {
  const auto key = [](std::vector<engine::LeasedMessage> messages) {
    return objects_of(batch(std::move(messages)), plain()).at(0).key;
  };
  EXPECT_EQ(key({message(1, kTwo), message(3, kTwo)}), key({message(1, kTwo), message(3, kTwo)}));
  EXPECT_NE(key({message(1, kTwo), message(3, kTwo)}), key({message(1, kTwo), message(2, kTwo), message(3, kTwo)}));
  EXPECT_NE(key({message(1, kTwo)}), key({message(1, kTwo + 1)})) << "another hub, or an empty store";
}

TEST(S3Objects, may_be_filed_by_when_events_happened) {
  S3Layout layout = plain();
  layout.hour = S3Hour::occurred;
  EXPECT_THAT(objects_of(batch({message(1, kTwo)}), layout).at(0).key, HasSubstr("/hour=09/"));
}

TEST(S3Objects, are_compressed_as_their_names_say) {
  const std::string text = objects_of(batch({message(1, kTwo)}), plain()).at(0).bytes;
  S3Layout layout = plain();
  layout.compression = S3Compression::gzip;
  const auto zipped = objects_of(batch({message(1, kTwo)}), layout).at(0);
  EXPECT_THAT(zipped.key, MatchesRegex(".*\\.jsonl\\.gz"));
  std::string inflated;
  EXPECT_EQ(net::inflate_bytes(zipped.bytes, net::Coding::gzip, 1 << 20, inflated), net::Inflated::ok);
  EXPECT_EQ(inflated, text);
  layout.compression = S3Compression::zstd;
  const auto packed = objects_of(batch({message(1, kTwo)}), layout).at(0);
  EXPECT_THAT(packed.key, MatchesRegex(".*\\.jsonl\\.zst"));
  std::string unpacked(1 << 16, '\0');
  unpacked.resize(ZSTD_decompress(unpacked.data(), unpacked.size(), packed.bytes.data(), packed.bytes.size()));
  EXPECT_EQ(unpacked, text);
}

struct Row {
  int status;
  const char* code;
  Verdict verdict;
  const char* error_class;
  bool may_have_stored = false;
};
std::string xml(std::string_view code, std::string_view message = "m") {
  return fmt::format("<?xml version=\"1.0\"?><Error><Code>{}</Code><Message>{}</Message></Error>", code, message);
}
net::ClientResponse stored(int status = 200) {
  return {status, {{"ETag", "\"5d41402abc4b2a76b9719d911017c592\""}}, ""};
}

TEST(S3Verdict, whatever_is_wrong_is_wrong_for_all_and_spends_nothing) {
  constexpr auto kOut = Verdict::unavailable;
  for (const Row& row : {
           Row{503, "SlowDown", kOut, "s3_SlowDown"},
           Row{503, "", kOut, "http_503", true},
           Row{500, "InternalError", kOut, "s3_InternalError", true},
           Row{502, "", kOut, "http_502", true},
           Row{429, "", kOut, "http_429"},
           Row{409, "OperationAborted", kOut, "s3_OperationAborted"},
           Row{408, "", kOut, "http_408"},
           Row{400, "RequestTimeout", kOut, "s3_RequestTimeout"},
           Row{400, "ExpiredToken", kOut, "s3_ExpiredToken"},
           Row{400, "AuthorizationHeaderMalformed", kOut, "s3_AuthorizationHeaderMalformed"},
           Row{400, "XAmzContentSHA256Mismatch", kOut, "s3_XAmzContentSHA256Mismatch"},
           Row{403, "AccessDenied", kOut, "s3_AccessDenied"},
           Row{403, "SignatureDoesNotMatch", kOut, "s3_SignatureDoesNotMatch"},
           Row{403, "RequestTimeTooSkewed", kOut, "s3_RequestTimeTooSkewed"},
           Row{404, "NoSuchBucket", kOut, "s3_NoSuchBucket"},
           Row{301, "PermanentRedirect", kOut, "s3_PermanentRedirect"},
           Row{307, "TemporaryRedirect", kOut, "s3_TemporaryRedirect"},
           Row{422, "a b<", kOut, "http_422"},
           Row{413, "", Verdict::rejected, "http_413"},
           Row{400, "EntityTooLarge", Verdict::rejected, "s3_EntityTooLarge"},
       }) {
    const net::ClientResponse answer{row.status, {}, *row.code == '\0' ? "" : xml(row.code, "hush is it")};
    const std::vector<std::string> secrets = {"hush"};
    const auto verdict = s3_verdict(answer, {}, secrets);
    EXPECT_EQ(verdict.verdict, row.verdict) << row.status << row.code;
    EXPECT_EQ(verdict.error_class, row.error_class);
    EXPECT_THAT(verdict.detail, Not(HasSubstr("hush")));
    EXPECT_FALSE(is_stored(answer));
    EXPECT_EQ(may_have_stored(answer), row.may_have_stored) << row.status << row.code;
  }
}

TEST(S3Verdict, stored_is_what_a_store_says_with_an_etag_and_nothing_else) {
  EXPECT_EQ(s3_verdict(stored(), {}).verdict, Verdict::delivered);
  EXPECT_TRUE(is_stored(stored()));
  for (const auto& answer : {net::ClientResponse{200, {{"Content-Type", "text/html"}}, "<html>"},
                             net::ClientResponse{200, {}, ""}, net::ClientResponse{202, {{"ETag", "x"}}, ""}}) {
    const auto verdict = s3_verdict(answer, {});
    EXPECT_EQ(verdict.verdict, Verdict::unavailable);
    EXPECT_EQ(verdict.error_class, "s3_no_answer");
    EXPECT_TRUE(may_have_stored(answer));
  }
}

TEST(S3Verdict, without_an_answer_it_may_be_stored_but_not_when_nothing_was_sent) {
  for (const auto code : {Errc::timeout, Errc::unavailable, Errc::cancelled}) {
    EXPECT_EQ(s3_verdict(base::Error{code, ""}, {}).verdict, Verdict::unavailable);
    EXPECT_TRUE(may_have_stored(base::Error{code, ""}));
  }
  EXPECT_EQ(s3_verdict(base::Error{Errc::overloaded, ""}, {}).verdict, Verdict::retry);
  EXPECT_FALSE(may_have_stored(base::Error{Errc::overloaded, ""}));
  EXPECT_FALSE(may_have_stored(base::Error{Errc::invalid, "a forbidden address"}));
}

TEST(S3Verdict, retry_after_is_kept_and_the_region_of_a_bucket_is_told) {
  const net::ClientResponse slow{503, {{"Retry-After", "7"}}, xml("SlowDown")};
  EXPECT_EQ(s3_verdict(slow, {}).after, Millis(7'000));
  const net::ClientResponse moved{301, {{"x-amz-bucket-region", "ap-south-1"}}, xml("PermanentRedirect", "elsewhere")};
  EXPECT_EQ(s3_verdict(moved, {}).detail, "elsewhere (the bucket is in ap-south-1)");
}

TEST(S3Verdict, an_object_that_is_asked_for_is_there_or_not_or_nobody_knows) {
  const auto presence = [](int status, const char* code) {
    return s3_presence(net::ClientResponse{status, {}, *code == '\0' ? "" : xml(code)});
  };
  EXPECT_EQ(s3_presence(stored(206)), S3Presence::there);
  EXPECT_EQ(s3_presence(stored(200)), S3Presence::there);
  const std::vector<std::pair<int, const char*>> absent = {{404, "NoSuchKey"}, {404, ""}, {403, "AccessDenied"},
                                                           {403, ""},          {405, ""}, {501, ""}};
  for (const auto& [status, code] : absent) EXPECT_EQ(presence(status, code), S3Presence::absent) << status << code;
  const std::vector<std::pair<int, const char*>> unknown = {
      {200, ""}, {404, "NoSuchBucket"}, {403, "SignatureDoesNotMatch"}, {503, "SlowDown"}, {301, "PermanentRedirect"}};
  for (const auto& [status, code] : unknown) EXPECT_EQ(presence(status, code), S3Presence::unknown) << status << code;
  EXPECT_EQ(s3_presence(base::Error{Errc::timeout, ""}), S3Presence::unknown);
}

class S3SinkTest : public testing::Test {
 protected:
  S3SinkTest() {
    options_.bucket = "b-1";
    options_.url = "http://127.0.0.1:9000/";
    options_.region = "eu-west-1";
    options_.credentials = {"AKID", "hush"};
    options_.layout = plain();
  }
  std::unique_ptr<S3Sink> make() {
    auto sink = S3Sink::make(options_, render_raw, std::make_unique<FakeSender>(sent_), loop_);
    EXPECT_TRUE(sink.ok()) << sink.error().detail;
    return std::move(*sink);
  }
  void send(S3Sink& sink, std::vector<engine::LeasedMessage> messages) {
    const std::size_t before = sent_.size();
    said_.reset();
    sink.send(batch(std::move(messages)), [this](BatchVerdict verdict) { said_ = std::move(verdict); });
    while (sent_.size() == before) loop_.wait_and_run();
  }
  void answer(std::size_t which, base::Result<net::ClientResponse> with, std::size_t wanted = 0) {
    auto done = std::move(sent_.at(which).done);
    done(std::move(with));
    while (sent_.size() < wanted) loop_.wait_and_run();
  }
  std::vector<Verdict> verdicts() const {
    std::vector<Verdict> all;
    EXPECT_TRUE(said_);
    if (said_) std::ranges::transform(said_->events, std::back_inserter(all), &delivery::EventVerdict::verdict);
    return all;
  }
  base::Result<std::string> probed(base::Result<net::ClientResponse> answer) {
    std::optional<base::Result<std::string>> found;
    auto sink = make();
    sink->probe([&](base::Result<std::string> said) { found = std::move(said); });
    sent_.back().done(std::move(answer));
    return *found;
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  S3Options options_;
  std::vector<FakeSender::Sent> sent_;
  std::optional<BatchVerdict> said_;
};

TEST_F(S3SinkTest, each_object_is_a_signed_put_and_what_is_behind_a_failed_one_stays_unsent) {
  auto sink = make();
  send(*sink, {message(1, kTwo), message(2, kTwo + kHour), message(3, kTwo + 2 * kHour), message(4, kTwo)});
  const net::ClientRequest& put = sent_.at(0).request;
  EXPECT_EQ(put.method, "PUT");
  EXPECT_THAT(put.url, MatchesRegex("http://127\\.0\\.0\\.1:9000/b-1/year%3D2026/month%3D03/day%3D02/hour%3D14/.*"));
  EXPECT_THAT(std::string(*net::find_header(put.headers, "Authorization")), HasSubstr("/eu-west-1/s3/aws4_request"));
  EXPECT_EQ(net::find_header(put.headers, "x-amz-content-sha256"), base::hex_encode(base::sha256(put.body)));
  EXPECT_FALSE(said_);
  answer(0, stored());
  ASSERT_THAT(sent_, SizeIs(2));
  answer(1, net::ClientResponse{500, {}, ""});
  EXPECT_THAT(sent_, SizeIs(2));
  EXPECT_THAT(verdicts(),
              ElementsAre(Verdict::delivered, Verdict::unavailable, Verdict::unavailable, Verdict::delivered));
}

TEST_F(S3SinkTest, amazon_s_buckets_are_hosts_where_a_certificate_covers_them) {
  const auto url = [this](const char* bucket, const char* region) {
    options_.url = "";
    options_.bucket = bucket;
    options_.region = region;
    auto sink = make();
    send(*sink, {message(1, kTwo)});
    return sent_.back().request.url;
  };
  EXPECT_THAT(url("b-1", "eu-west-1"), HasSubstr("https://b-1.s3.eu-west-1.amazonaws.com/year%3D2026/"));
  EXPECT_THAT(url("b.1", "eu-west-1"), HasSubstr("https://s3.eu-west-1.amazonaws.com/b.1/year%3D2026/"));
  EXPECT_THAT(url("b-1", "cn-north-1"), HasSubstr("https://b-1.s3.cn-north-1.amazonaws.com.cn/year%3D2026/"));
}

TEST_F(S3SinkTest, a_batch_whose_sink_ends_between_two_objects_is_settled_as_far_as_it_came) {
  auto sink = make();
  send(*sink, {message(1, kTwo), message(2, kTwo + kHour)});
  auto done = std::move(sent_.at(0).done);
  sink.reset();
  done(stored());
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::delivered, Verdict::unavailable));
}

TEST_F(S3SinkTest, an_object_whose_answer_was_lost_is_asked_for_and_settles_its_events_one_by_one) {
  auto sink = make();
  send(*sink, {message(1, kTwo), message(2, kTwo), message(3, kTwo)});
  const std::string first = sent_.at(0).request.url;
  answer(0, base::Error{Errc::timeout, ""});
  EXPECT_THAT(verdicts(), Each(Verdict::unavailable));

  // As a probe of the breaker does: one of them alone.
  send(*sink, {message(2, kTwo)});
  EXPECT_EQ(sent_.at(1).request.method, "GET");
  EXPECT_EQ(sent_.at(1).request.url, first);
  EXPECT_EQ(net::find_header(sent_.at(1).request.headers, "Range"), "bytes=0-0");
  answer(1, stored(206));
  loop_.run();
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::delivered));
  EXPECT_THAT(sent_, SizeIs(2)) << "nothing is stored twice";

  // It is known to be there: the others are delivered by it, and what is new is stored.
  send(*sink, {message(1, kTwo), message(3, kTwo), message(4, kTwo)});
  ASSERT_THAT(sent_, SizeIs(3));
  EXPECT_EQ(sent_.at(2).request.method, "PUT");
  EXPECT_THAT(sent_.at(2).request.url, HasSubstr("/0000000000000004-0000000000000004-"));
  answer(2, stored());
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::delivered, Verdict::delivered, Verdict::delivered));
}

TEST_F(S3SinkTest, an_object_in_doubt_that_is_not_there_is_sent_anew) {
  auto sink = make();
  send(*sink, {message(1, kTwo)});
  answer(0, net::ClientResponse{500, {}, xml("InternalError")});
  send(*sink, {message(1, kTwo)});
  answer(1, net::ClientResponse{404, {}, xml("NoSuchKey")}, 3);
  EXPECT_EQ(sent_.at(2).request.method, "PUT");
  answer(2, stored());
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::delivered));
}

TEST_F(S3SinkTest, while_nobody_knows_whether_it_is_there_nothing_is_sent) {
  auto sink = make();
  send(*sink, {message(1, kTwo)});
  answer(0, base::Error{Errc::unavailable, "reset"});
  send(*sink, {message(1, kTwo), message(2, kTwo)});
  answer(1, net::ClientResponse{503, {}, xml("SlowDown")});
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::unavailable, Verdict::unavailable));
  EXPECT_EQ(said_->events[0].error_class, "s3_SlowDown");
  EXPECT_THAT(sent_, SizeIs(2));
}

TEST_F(S3SinkTest, what_was_edited_or_is_replayed_is_no_matter_of_what_was_sent_before) {
  auto sink = make();
  send(*sink, {message(1, kTwo), message(2, kTwo)});
  answer(0, base::Error{Errc::timeout, ""});
  auto edited = message(1, kTwo);
  edited.edited = true;
  auto replayed = message(2, kTwo);
  replayed.replay = base::OperationId{1};
  send(*sink, {edited, replayed});
  EXPECT_EQ(sent_.at(1).request.method, "PUT");
}

TEST_F(S3SinkTest, an_object_that_is_too_large_is_halved_and_alone_it_is_a_bad_event) {
  const net::ClientResponse large{413, {}, "<html>"};
  auto sink = make();
  send(*sink, {message(1, kTwo), message(2, kTwo)});
  answer(0, large);
  EXPECT_TRUE(said_->refused);
  ASSERT_THAT(said_->events, SizeIs(1));
  send(*sink, {message(1, kTwo), message(2, kTwo + kHour)});
  answer(1, large);
  EXPECT_FALSE(said_->refused);
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::rejected, Verdict::retry));
  // Behind what is stored it comes again by itself, so that halving does not take that with it.
  send(*sink, {message(1, kTwo), message(2, kTwo + kHour), message(3, kTwo + kHour)});
  answer(2, stored());
  answer(3, large);
  EXPECT_FALSE(said_->refused);
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::delivered, Verdict::retry, Verdict::retry));
  EXPECT_TRUE(said_->events[1].downstream_is_well);
}

TEST_F(S3SinkTest, a_batch_of_many_hours_makes_so_many_objects_and_the_rest_comes_again) {
  auto sink = make();
  std::vector<engine::LeasedMessage> messages;
  for (std::size_t i = 0; i <= S3Sink::kObjectsMax; ++i)
    messages.push_back(message(i + 1, kTwo + static_cast<std::int64_t>(i) * kHour));
  send(*sink, std::move(messages));
  for (std::size_t i = 0; i < S3Sink::kObjectsMax; ++i) answer(i, stored());
  EXPECT_THAT(sent_, SizeIs(S3Sink::kObjectsMax));
  ASSERT_TRUE(said_);
  const auto all = verdicts();
  EXPECT_THAT(std::vector(all.begin(), all.end() - 1), Each(Verdict::delivered));
  EXPECT_EQ(all.back(), Verdict::retry);
}

TEST_F(S3SinkTest, a_shadow_counts_every_answer_as_stored) {
  options_.shadow = true;
  auto sink = make();
  send(*sink, {message(1, kTwo)});
  answer(0, net::ClientResponse{200, {}, ""});
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::delivered));
}

TEST(S3InDoubt, has_bounds_and_forgets_the_oldest) {
  S3InDoubt doubt;
  const auto one = [](std::uint64_t sequence) { return std::vector<std::uint64_t>{sequence}; };
  for (std::uint64_t i = 1; i <= S3InDoubt::kObjectsMax + 1; ++i) doubt.add(std::to_string(i), one(i));
  EXPECT_EQ(doubt.objects(), S3InDoubt::kObjectsMax);
  EXPECT_EQ(doubt.to_ask(one(1)), std::nullopt);
  EXPECT_EQ(doubt.to_ask(one(2)), "2");
  std::vector<std::uint64_t> many(S3InDoubt::kEventsMax);
  std::iota(many.begin(), many.end(), std::uint64_t{1'000});
  doubt.add("many", many);
  EXPECT_EQ(doubt.objects(), 1u) << "the newest stays, however large";
  EXPECT_FALSE(doubt.take(1'000)) << "nobody knows yet";
  doubt.answered("many", true);
  EXPECT_TRUE(doubt.take(1'000));
  EXPECT_FALSE(doubt.take(1'000));
  doubt.add("other", one(5));
  doubt.answered("other", false);
  EXPECT_EQ(doubt.to_ask(one(5)), std::nullopt);
}

TEST_F(S3SinkTest, a_probe_tells_the_credentials_and_the_bucket) {
  EXPECT_THAT(*probed(net::ClientResponse{404, {}, xml("NoSuchKey")}), HasSubstr("the bucket is there"));
  EXPECT_THAT(*probed(stored()), HasSubstr("the bucket is there"));
  EXPECT_THAT(*probed(net::ClientResponse{403, {}, xml("AccessDenied")}), HasSubstr("credentials are known"));
  EXPECT_THAT(probed(net::ClientResponse{404, {}, xml("NoSuchBucket")}).error().detail,
              HasSubstr("NoSuchBucket: m; correct"));
  EXPECT_THAT(probed(net::ClientResponse{403, {}, xml("SignatureDoesNotMatch")}).error().detail,
              HasSubstr("credentials"));
  EXPECT_FALSE(probed(net::ClientResponse{404, {}, "<html>"}).ok());
  EXPECT_FALSE(probed(base::Error{Errc::unavailable, "refused"}).ok());
}

TEST_F(S3SinkTest, options_are_checked) {
  for (const char* bad : {"/a", "a/", "a//b", "a/../b", "a/./b", "..", "a b", "\xC3\xA9"}) {
    options_.layout.prefix = bad;
    EXPECT_FALSE(validate(options_).ok()) << bad;
  }
  options_.layout.prefix = "a..b/year=1";
  EXPECT_TRUE(validate(options_).ok());
  for (const char* bad : {"x", "...", "a..b", "a/b", "a b"}) {
    options_.bucket = bad;
    EXPECT_FALSE(validate(options_).ok()) << bad;
  }
  options_.bucket = "b-1";
  for (const char* bad : {"http://a/../b", "http://a/?x", "a", "http://u@a/"}) {
    options_.url = bad;
    EXPECT_FALSE(validate(options_).ok()) << bad;
  }
}

}  // namespace
}  // namespace trunkline::sinks
