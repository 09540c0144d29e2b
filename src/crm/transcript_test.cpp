#include "crm/transcript.hpp"

#include <gtest/gtest.h>

namespace trunkline::crm {
namespace {

std::string text_of(std::string_view json, std::size_t bytes_max = 1 << 20) {
  const auto made = transcript_text(json, bytes_max);
  return made.ok() ? made->text : made.error().detail;
}

TEST(Transcript, is_a_line_for_each_phrase_in_order_of_time) {
  EXPECT_EQ(text_of(R"({"conversationId":"c","transcripts":[
      {"phrases":[{"text":"how may i help","decoratedText":"How may I help?","participantPurpose":"internal","startTimeMs":1772460003000},
                  {"text":"bye","participantPurpose":"internal","startTimeMs":1772463661500}]},
      {"phrases":[{"text":"hello\nthere","participantPurpose":"external","startTimeMs":1772460001000}]}]})"),
            "00:00:00 Customer: hello there\n00:00:02 Agent: How may I help?\n01:01:00 Agent: bye\n");
}

TEST(Transcript, takes_offsets_where_there_are_no_times_and_names_of_others_as_they_are) {
  EXPECT_EQ(text_of(R"({"transcripts":[{"phrases":[{"text":"a","offsetMs":500,"participantPurpose":"bot"},
                                                   {"text":"b","offsetMs":61500},{"text":""},{"words":[]},7]},{},[]]})"),
            "00:00:00 bot: a\n00:01:01 Unknown: b\n");
}

TEST(Transcript, is_cut_between_phrases_and_says_so) {
  const std::string json = R"({"transcripts":[{"phrases":[{"text":"aaaaaaaaaa"},{"text":"bbbbbbbbbb"}]}]})";
  const auto made = transcript_text(json, 60);
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(made->cut);
  EXPECT_EQ(made->phrases, 1u);
  EXPECT_EQ(made->text, "00:00:00 Unknown: aaaaaaaaaa\n[the rest is left out]\n");
  EXPECT_LE(transcript_text(json, 10)->text.size(), 10u);
  EXPECT_FALSE(transcript_text(json, 1'000)->cut);
}

TEST(Transcript, what_is_none_is_said) {
  EXPECT_EQ(text_of("<Error/>"), "the transcript is no JSON");
  EXPECT_EQ(text_of(R"({"transcripts":{}})"), "there is no list of transcripts in it");
  EXPECT_EQ(text_of(R"({"transcripts":[]})"), "");
}

}  // namespace
}  // namespace trunkline::crm
