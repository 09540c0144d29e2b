#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "sinks/sink_fixture_test.hpp"
#include "sinks/syslog_frame.hpp"
#include "sinks/syslog_sink.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::WallTime;
using delivery::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// ---- frames

TEST(SyslogFrame, priorities_are_the_words_of_syslog_conf) {
  EXPECT_EQ(parse_priority("local0.info")->value(), 134);
  EXPECT_EQ(parse_priority("audit.notice")->value(), 109);
  EXPECT_EQ(parse_priority("kern.emerg")->value(), 0);
  EXPECT_EQ(parse_priority("local7.debug")->value(), 191);
  for (const char* wrong : {"", "local0", "local8.info", "local0.information", ".info", "local0."})
    EXPECT_FALSE(parse_priority(wrong)) << wrong;
}

TEST(SyslogFrame, a_message_is_as_rfc_5424_writes_it) {
  SyslogMessage message;
  message.priority = *parse_priority("local4.notice");
  message.time = WallTime(Millis(1'772'459'999'120));
  message.host = "hub-1";
  message.app_name = "trunkline";
  message.message_id = "audit";
  message.data_id = "genesys@32473";
  message.data = {{"id", "e-1"}, {"empty", ""}, {"odd", R"(a"b\c]d)"}};
  message.text = "{\"a\":\"\u00e9\"}";
  EXPECT_EQ(format_syslog(message),
            "<165>1 2026-03-02T13:59:59.120Z hub-1 trunkline - audit [genesys@32473 id=\"e-1\" "
            "odd=\"a\\\"b\\\\c\\]d\"] \xEF\xBB\xBF{\"a\":\"\u00e9\"}");
  message.utf8_mark = false;
  message.data_id = {};
  EXPECT_EQ(format_syslog(message), "<165>1 2026-03-02T13:59:59.120Z hub-1 trunkline - audit - {\"a\":\"\u00e9\"}");
  message.text = {};
  EXPECT_THAT(format_syslog(message), testing::EndsWith("audit -"));
}

TEST(SyslogFrame, header_fields_and_names_are_kept_within_what_the_rfc_allows) {
  SyslogMessage message;
  const std::string long_text(300, 'x');
  message.host = message.app_name = message.process_id = message.message_id = long_text;
  message.data_id = "a b=]\"c";
  const std::string out = format_syslog(message);
  EXPECT_THAT(out, HasSubstr(fmt::format("Z {} {} {} {} [a_b___c]", long_text.substr(0, 255), long_text.substr(0, 48),
                                         long_text.substr(0, 128), long_text.substr(0, 32))));
  message.host = "two words\xC3\xA9";
  EXPECT_THAT(format_syslog(message), HasSubstr(" two_words__ "));
}

TEST(SyslogFrame, frames_count_octets) {
  std::string out;
  append_frame(out, "\u00e9x");
  append_frame(out, "ab\nc");
  EXPECT_EQ(out, "3 \u00e9x4 ab\nc");
}

TEST(SyslogFrame, text_is_cut_between_characters) {
  EXPECT_EQ(cut_utf8("abc", 3), "abc");
  EXPECT_EQ(cut_utf8("ab\u20ac", 4), "ab");
  EXPECT_EQ(cut_utf8("ab\u20ac", 5), "ab\u20ac");
  EXPECT_EQ(cut_utf8("\u20ac", 1), "");
}

// ---- the sink

struct FakeStream final : StreamSender {
  struct Sent {
    std::string bytes;
    net::StreamClient::Callback done;
  };
  explicit FakeStream(std::vector<Sent>& to) : sent(to) {}
  void write(std::string bytes, net::StreamClient::Callback done) override {
    sent.push_back({std::move(bytes), std::move(done)});
  }
  std::vector<Sent>& sent;
};

class SyslogSinkTest : public testing::Test {
 protected:
  SyslogSinkTest() {
    options_.target = "tls://siem:6514";
    options_.host = "hub-1";
    record_.sequence = {42};
    record_.event.raw = "{\"id\":\n1}";
    record_.event.category = "conversation";
    record_.event.conversation_id = "c1";
    record_.event.business_time = WallTime(Millis(1'772'459'999'120));
  }
  std::unique_ptr<SyslogSink> make() {
    auto sink = SyslogSink::make(
        options_, [this](const engine::Record&) { return rendered_; }, std::make_unique<FakeStream>(sent_), clock_);
    EXPECT_TRUE(sink.ok());
    return std::move(*sink);
  }
  engine::LeasedMessage message(std::uint64_t sequence, const std::string& conversation = "c1", std::size_t extra = 0) {
    record_.sequence = {sequence};
    record_.event.conversation_id = conversation;
    record_.event.envelope_id = std::string(extra, 'e');
    return leased(record_);
  }
  delivery::BatchVerdict send(std::vector<engine::LeasedMessage> messages, base::Result<void> answer) {
    auto sink = make();
    sent_.clear();
    delivery::BatchVerdict verdict;
    delivery::Batch batch{"siem", 1, 1, std::move(messages), lanes_};
    batch.mapping = mapping_;
    sink->send(std::move(batch), [&](delivery::BatchVerdict got) { verdict = std::move(got); });
    auto done = std::move(sent_.at(0).done);
    sink.reset();  // the answer may come after it has gone
    done(std::move(answer));
    return verdict;
  }

  base::ManualClock clock_;
  SyslogOptions options_;
  engine::Record record_;
  std::string rendered_ = "{\"a\":\n1}";
  std::vector<FakeStream::Sent> sent_;
  std::vector<std::uint32_t> lanes_;  // of the batch; empty: without order
  std::string mapping_;               // its version; empty: none
};

TEST_F(SyslogSinkTest, a_batch_is_one_frame_behind_the_other_and_is_delivered_when_the_stream_says_so) {
  options_.order = event::Order::conversation;
  const auto verdict = send({message(42), message(43)}, {});
  EXPECT_THAT(verdicts(verdict), ElementsAre(Verdict::delivered, Verdict::delivered));
  const std::string one =
      "<134>1 2026-03-02T13:59:59.120Z hub-1 trunkline - conversation [genesys@32473 sequence=\"42\" consumer=\"siem\" "
      "category=\"conversation\" conversation=\"c1\" lane=\"conversation//c1\"] \xEF\xBB\xBF{\"a\": 1}";
  std::string two = one;
  two.replace(two.find("42\""), 3, "43\"");
  EXPECT_EQ(sent_.at(0).bytes, fmt::format("{} {}{} {}", one.size(), one, two.size(), two));
}

TEST_F(SyslogSinkTest, a_mapping_says_its_version) {
  mapping_ = "m-7";
  send({message(1)}, {});
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr(" mapping=\"m-7\"] "));
}

TEST_F(SyslogSinkTest, a_category_may_have_a_priority_of_its_own) {
  options_.by_category = {{"audit", *parse_priority("audit.notice")}};
  send({message(1)}, {});
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr("<134>1 "));
  record_.event.category = "audit";
  send({message(1)}, {});
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr("<109>1 "));
}

TEST_F(SyslogSinkTest, cef_is_the_line_of_what_a_mapping_has_made_for_it_and_else_that_of_every_event) {
  options_.format = SyslogOptions::Format::cef;
  send({message(7)}, {});
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr("] CEF:0|Genesys|Genesys Cloud|"));
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr("|3|rt=1772459999120 "));
  rendered_ = R"({"name":"mine",
"extension":{"act":"a=b"}})";
  send({message(7)}, {});
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr("] CEF:0|Genesys|Genesys Cloud|")) << "an event that looks alike";
  mapping_ = "m-7";
  send({message(7)}, {});
  EXPECT_THAT(sent_.at(0).bytes, testing::EndsWith("] CEF:0|Genesys|Genesys Cloud|2|event|mine|3|act=a\\=b"));
  rendered_ = R"({"detail":{}})";
  send({message(7)}, {});
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr("cn1Label=sequence cn1=7")) << "mapped, and not for CEF";
}

TEST_F(SyslogSinkTest, a_message_that_is_too_long_is_rejected_and_cuts_its_lane_alone) {
  options_.order = event::Order::conversation;
  options_.message_bytes_max = 2'048;
  lanes_ = {7, 3, 3, 7};
  const auto verdict = send({message(1, "a"), message(2, "b", 3'000), message(3, "b"), message(4, "a")}, {});
  EXPECT_THAT(verdicts(verdict),
              ElementsAre(Verdict::delivered, Verdict::rejected, Verdict::delivered, Verdict::delivered));
  EXPECT_EQ(verdict.events[1].error_class, "syslog_too_long");
  const std::string& bytes = sent_.at(0).bytes;
  EXPECT_THAT(bytes, HasSubstr("sequence=\"1\""));
  EXPECT_THAT(bytes, HasSubstr("sequence=\"4\""));
  EXPECT_THAT(bytes, Not(HasSubstr("sequence=\"3\""))) << "delivery gives it again behind the rejected one";
}

TEST_F(SyslogSinkTest, lanes_whose_ids_a_mapping_has_made_the_same_are_cut_apart) {
  options_.order = event::Order::conversation;
  options_.message_bytes_max = 2'048;
  lanes_ = {1, 2, 1};
  const auto verdict = send({message(1, "***", 3'000), message(2, "***"), message(3, "***")}, {});
  EXPECT_THAT(verdicts(verdict), ElementsAre(Verdict::rejected, Verdict::delivered, Verdict::delivered));
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr("sequence=\"2\"")) << "what counts as delivered was sent";
  EXPECT_THAT(sent_.at(0).bytes, Not(HasSubstr("sequence=\"3\"")));
}

TEST_F(SyslogSinkTest, without_an_order_nothing_else_is_held_back) {
  options_.message_bytes_max = 2'048;
  send({message(1, "b", 3'000), message(2, "b")}, {});
  EXPECT_THAT(sent_.at(0).bytes, HasSubstr("sequence=\"2\""));
}

TEST_F(SyslogSinkTest, a_long_text_is_cut_where_that_is_wanted_and_structured_data_never) {
  options_.message_bytes_max = 2'048;
  options_.truncate = true;
  rendered_ = std::string(5'000, 'x');
  EXPECT_THAT(verdicts(send({message(1)}, {})), ElementsAre(Verdict::delivered));
  EXPECT_THAT(sent_.at(0).bytes, testing::StartsWith("2048 <134>"));
  EXPECT_THAT(verdicts(send({message(1, "c", 3'000)}, {})), ElementsAre(Verdict::rejected));
}

TEST_F(SyslogSinkTest, a_stream_that_breaks_leaves_all_of_the_batch_to_come_again) {
  const auto verdict_of = [&](Errc code) { return send({message(1), message(2)}, base::Error{code, "why"}); };
  for (const Errc code : {Errc::unavailable, Errc::timeout, Errc::invalid}) {
    EXPECT_THAT(verdicts(verdict_of(code)), ElementsAre(Verdict::unavailable, Verdict::unavailable));
  }
  EXPECT_THAT(verdicts(verdict_of(Errc::overloaded)), ElementsAre(Verdict::retry, Verdict::retry));
}

TEST_F(SyslogSinkTest, a_probe_connects_and_writes_nothing) {
  auto sink = make();
  std::optional<base::Result<std::string>> found;
  const auto probe = [&](base::Result<void> answer) {
    sink->probe([&](base::Result<std::string> said) { found = std::move(said); });
    EXPECT_EQ(sent_.back().bytes, "");
    sent_.back().done(std::move(answer));
    return found->ok() ? **found : found->error().detail;
  };
  EXPECT_EQ(probe({}), "tls://siem:6514 takes connections, its certificate is valid");
  EXPECT_THAT(probe(base::Error{Errc::unavailable, "Could not resolve: x"}),
              testing::AllOf(HasSubstr("tls://siem:6514 cannot be reached"), HasSubstr("correct the name")));
}

TEST_F(SyslogSinkTest, a_shadow_keeps_what_it_would_write) {
  base::ManualLoop loop(clock_);
  auto log = std::make_shared<ShadowLog>(clock_.wall());
  auto sink = std::move(*SyslogSink::make(
      options_, [](const engine::Record&) { return std::string("{}"); },
      std::make_unique<ShadowStreamSender>(loop, log, options_.target), clock_));
  std::vector<Verdict> got;
  sink->send({"siem", 1, 1, {message(1)}}, [&](const delivery::BatchVerdict& verdict) { got = verdicts(verdict); });
  EXPECT_TRUE(got.empty()) << "never inside send()";
  loop.run();
  EXPECT_THAT(got, ElementsAre(Verdict::delivered));
  ASSERT_EQ(log->newest().size(), 1u);
  EXPECT_EQ(log->newest()[0].url, "tls://siem:6514");
  EXPECT_THAT(log->newest()[0].body, HasSubstr("sequence=\"1\""));
}

TEST_F(SyslogSinkTest, options_are_checked) {
  const auto bad = [&](auto change) {
    SyslogOptions options = options_;
    change(options);
    return !validate(options).ok();
  };
  EXPECT_FALSE(bad([](SyslogOptions&) {}));
  EXPECT_TRUE(bad([](SyslogOptions& o) { o.host = "two words"; }));
  EXPECT_TRUE(bad([](SyslogOptions& o) { o.app_name = std::string(49, 'x'); }));
  EXPECT_TRUE(bad([](SyslogOptions& o) { o.data_id = "a=b"; }));
  EXPECT_TRUE(bad([](SyslogOptions& o) { o.priority.facility = 24; }));
  EXPECT_TRUE(bad([](SyslogOptions& o) { o.by_category = {{"a", {1, 8}}}; }));
  EXPECT_TRUE(bad([](SyslogOptions& o) { o.message_bytes_max = 2'047; }));
  EXPECT_TRUE(bad([](SyslogOptions& o) { o.batch_messages_max = 0; }));
  EXPECT_TRUE(bad([](SyslogOptions& o) { o.batch_bytes_max = 17 << 20; }));
}

}  // namespace
}  // namespace trunkline::sinks
