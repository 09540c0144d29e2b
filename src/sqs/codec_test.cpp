#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sqs/handle.hpp"
#include "sqs/message.hpp"
#include "sqs/output.hpp"
#include "sqs/parameters.hpp"
#include "sqs/sent_message.hpp"

namespace trunkline::sqs {
namespace {

using ::testing::ElementsAre;

// Verified against AWS by others.
TEST(SqsMessage, md5_of_attributes_is_that_of_aws) {
  EXPECT_EQ(md5_of_attributes({{"timestamp", "Number", "1493147359900"}}), "235c5c510d26fb653d073faed50ae77c");
  EXPECT_EQ(md5_of_attributes({{"MyAttribute", "String", "foobar"}}), "adb59cd4678ea5a855436b949cd07ab6");
  EXPECT_EQ(md5_of_attributes({{"timestamp", "Number.java.lang.Long", "1493147359900"}}),
            "2e2e4876d8e0bd6b8c2c8f556831c349");
  EXPECT_EQ(md5_of_attributes({{"SOME_Valid.attribute-Name", "Number", "1493147359900"}}),
            "36655e7e9d7c0e8479fa3f3f42247ae7");
}

TEST(SqsMessage, characters_that_xml_lacks_do_not_leave) {
  EXPECT_EQ(xml_characters("a\tb\nc\rd\x01 \xEF\xBF\xBF \xC3\xA9"), "a\tb\nc\rd\xEF\xBF\xBD \xEF\xBF\xBD \xC3\xA9");
  EXPECT_EQ(xml_characters_of_json("{\"a\":\"\xEF\xBF\xBE\xEF\xBF\xBF\"}"), "{\"a\":\"\\ufffe\\uffff\"}");
  for (const char* text :
       {"", "a\tb\nc\rd", "a\x01", "\xEF\xBF\xBD", "\xEF\xBF\xBE", "\xEF\xBF\xBD\xEF\xBF\xBF", "\xC3\xA9"})
    EXPECT_EQ(is_xml_text(text), xml_characters(text) == text) << text;
  std::string out;
  append_xml_text(out, "<&>\"'\r");
  EXPECT_EQ(out, "&lt;&amp;&gt;&quot;'&#xD;");
}

TEST(SqsMessage, a_control_character_is_found_wherever_it_stands) {
  const std::string text = "0123456789\t\xC3\xA9\xF0\x9F\x98\x80 abcdefgh\n";
  EXPECT_TRUE(is_xml_text(text));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string bad = text;
    bad[at] = '\x1F';
    EXPECT_FALSE(is_xml_text(bad)) << at;
  }
}

TEST(SqsMessage, an_md5_is_kept_for_the_body_that_it_is_of) {
  SentMessage message{"hello"};
  message.body_md5 = md5_of_body(message.body);
  const std::string stored = encode_sent(message);
  EXPECT_EQ(decode_sent(stored)->body_md5, "5d41402abc4b2a76b9719d911017c592");
  const auto with = [&](std::string_view part, std::string_view other) {
    std::string edited = stored;
    return edited.replace(edited.find(part), part.size(), other);
  };
  EXPECT_EQ(decode_sent(with("hello", "hallo"))->body_md5, "") << "an operator has edited the body";
  EXPECT_EQ(decode_sent(with("5d41", "5d4"))->body_md5, "");
  EXPECT_EQ(decode_sent(with("\"md5\":\"", "\"md5\":\"0"))->body_md5, "");
  EXPECT_EQ(decode_sent(encode_sent({"hello"}))->body_md5, "") << "it was sent without";
}

TEST(SqsMessage, attribute_names_may_end_in_a_star) {
  EXPECT_TRUE(wants_attribute({"All"}, "x"));
  EXPECT_TRUE(wants_attribute({".*"}, "x"));
  EXPECT_TRUE(wants_attribute({"event.*"}, "eventType"));
  EXPECT_TRUE(wants_attribute({"a", "x"}, "x"));
  EXPECT_FALSE(wants_attribute({"event.*", "X"}, "x"));
  EXPECT_FALSE(wants_attribute({}, "x"));
}

TEST(SqsHandle, comes_back_as_it_was_and_nothing_else_does) {
  const Handle handle{{7}, 0x8123456789ABCDEF, {12'345}, 1'772'460'000'000};
  const std::string text = encode_handle(handle);
  const auto again = decode_handle(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->queue, handle.queue);
  EXPECT_EQ(again->lease, handle.lease);
  EXPECT_EQ(again->sequence, handle.sequence);
  EXPECT_EQ(again->received_ms, handle.received_ms);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string mangled = text;
    mangled[i] = mangled[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(decode_handle(mangled)) << i;
  }
  EXPECT_FALSE(decode_handle(""));
  EXPECT_FALSE(decode_handle("AAAA"));
  EXPECT_FALSE(decode_handle(std::string(10'000, 'A')));
}

TEST(SqsParameters, both_protocols_make_the_same_of_a_request) {
  Parameters json;
  EXPECT_FALSE(Parameters::read_json(R"({"QueueUrl":"u","MaxNumberOfMessages":10,"AttributeNames":["a","b"],
      "Entries":[{"Id":"1","ReceiptHandle":"h"},{"Id":"2","Flag":true,"Null":null}]})",
                                     json));
  Parameters form;
  EXPECT_FALSE(Parameters::read_form(
      "QueueUrl=u&MaxNumberOfMessages=10&AttributeName.2=b&AttributeName.1=a&&DeleteMessageBatchRequestEntry.1.Id=1"
      "&DeleteMessageBatchRequestEntry.1.ReceiptHandle=h&DeleteMessageBatchRequestEntry.2.Id=2"
      "&DeleteMessageBatchRequestEntry.2.Flag=true",
      form));
  for (const Parameters* each : {&json, &form}) {
    EXPECT_EQ(each->text("QueueUrl"), "u");
    EXPECT_EQ(each->text("MaxNumberOfMessages"), "10");
    EXPECT_THAT(each->list("AttributeNames"), ElementsAre("a", "b"));
    EXPECT_THAT(each->places("Entries"), ElementsAre(1u, 2u));
    EXPECT_EQ(each->text("Entries.2.Flag"), "true");
    EXPECT_EQ(each->text("Entries.1.ReceiptHandle"), "h");
    EXPECT_FALSE(each->text("Entries.2.Null"));
  }
}

TEST(SqsParameters, places_are_numbers_in_their_order) {
  Parameters form;
  EXPECT_FALSE(
      Parameters::read_form("AttributeName.10=j&AttributeName.2=b&AttributeName.x=y&AttributeName.1.Name=n", form));
  EXPECT_THAT(form.places("AttributeNames"), ElementsAre(1u, 2u, 10u));
  EXPECT_THAT(form.list("AttributeNames"), ElementsAre("b", "j"));
}

TEST(SqsParameters, what_cannot_be_read_is_a_fault) {
  for (const char* wrong : {"[]", "{", "\"x\"", R"({"a":[[[[[[[1]]]]]]]})"}) {
    Parameters parameters;
    const auto fault = Parameters::read_json(wrong, parameters);
    ASSERT_TRUE(fault) << wrong;
    EXPECT_EQ(fault->code, Code::serialization);
  }
  Parameters parameters;
  EXPECT_TRUE(Parameters::read_form("a=%zz", parameters));
  std::string many;
  for (std::size_t i = 0; i <= Parameters::kMax; ++i) many += "p" + std::to_string(i) + "=1&";
  EXPECT_TRUE(Parameters::read_form(many, parameters));
}

TEST(SqsParameters, a_reader_keeps_the_first_fault) {
  Parameters parameters;
  EXPECT_FALSE(Parameters::read_form("a=11&b=x&c=", parameters));
  Reader reader(parameters);
  EXPECT_EQ(reader.whole("a", 1, 11, "r"), 11);
  EXPECT_EQ(reader.whole("absent", 1, 10, "r"), std::nullopt);
  EXPECT_FALSE(reader.fault());
  EXPECT_EQ(reader.whole("b", 1, 10, "Must be a number."), std::nullopt);
  reader.required("c");
  ASSERT_TRUE(reader.fault());
  EXPECT_EQ(reader.fault()->message, "Value x for parameter b is invalid. Reason: Must be a number.");
}

}  // namespace
}  // namespace trunkline::sqs
