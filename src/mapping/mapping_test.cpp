#include "mapping/mapping.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/document.hpp"
#include "mapping/conceal.hpp"
#include "mapping/mapping_data.hpp"
#include "mapping/personal.hpp"

namespace trunkline::mapping {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kKey = "a key of hashes and tokens, for tests";
constexpr Subject kStart{"v2.detail.events.conversation.c1.customer.start",
                         "v2.detail.events.conversation.{id}.customer.start", "conversation", false};

std::shared_ptr<const Mapping> compiled(std::vector<std::string> items, bool protect = false) {
  auto made = Mapping::compile({protect, std::move(items), kKey});
  if (const auto* fault = std::get_if<Mapping::Fault>(&made)) {
    ADD_FAILURE() << fault->item << ": " << fault->text;
    return std::get<std::shared_ptr<const Mapping>>(Mapping::compile({}));
  }
  return std::get<std::shared_ptr<const Mapping>>(made);
}

std::string fault_of(const std::string& item) {
  const auto made = Mapping::compile({false, {"{\"drop\":\"a\"}", item}, kKey});
  const auto* fault = std::get_if<Mapping::Fault>(&made);
  if (fault == nullptr) return "compiled";
  EXPECT_EQ(fault->item, 1u);
  return fault->text;
}

std::string wrapped(const std::string& body) {
  return R"({"id":"e1","detail":{"topicName":"v2.detail.events.conversation.c1.customer.start","eventBody":)" + body +
         "}}";
}

std::string applied(const Mapping& mapping, const std::string& event, const Subject& subject = kStart,
                    Hidden* hidden = nullptr) {
  Scratch scratch;
  auto result = mapping.apply(event, subject, scratch, hidden);
  if (!result.ok()) return "error: " + result.error().detail;
  json::Document document;
  EXPECT_TRUE(document.parse(*result).ok()) << *result;
  return *result;
}

// Of the body alone, by rules alone.
std::string body_by(const std::vector<std::string>& rules, const std::string& body) {
  const std::string event = applied(*compiled(rules), wrapped(body));
  const std::string begin = wrapped("");
  const std::size_t head = begin.size() - 2;
  if (event.substr(0, head) != begin.substr(0, head)) return event;
  return event.substr(head, event.size() - begin.size());
}

// ---- what each action does

TEST(Mapping, leaves_every_byte_that_no_rule_names) {
  const std::string body = "{ \"a\" : 1.00e5,\n\t\"b\": \"\\u0041\" , \"c\":[ ] }";
  EXPECT_EQ(body_by({R"({"drop":"zzz"})"}, body), body);
  EXPECT_EQ(body_by({R"({"drop":"b"})"}, body), "{ \"a\" : 1.00e5 , \"c\":[ ] }");
}

TEST(Mapping, drops_the_first_the_last_and_every_member) {
  EXPECT_EQ(body_by({R"({"drop":"a"})"}, R"({"a":1,"b":2,"c":3})"), R"({"b":2,"c":3})");
  EXPECT_EQ(body_by({R"({"drop":["a","b"]})"}, R"({"a":1,"b":2,"c":3})"), R"({"c":3})");
  EXPECT_EQ(body_by({R"({"drop":"c"})"}, R"({"a":1,"b":2,"c":3})"), R"({"a":1,"b":2})");
  EXPECT_EQ(body_by({R"({"drop":["b","c","a"]})"}, R"({"a":1,"b":2,"c":3})"), "{}");
}

TEST(Mapping, drops_everything_that_stands_in_what_is_dropped) {
  EXPECT_EQ(body_by({R"({"drop":"a"})"}, R"({"a":{"b":[{"c":"secret"}]},"d":1})"), R"({"d":1})");
}

TEST(Mapping, masks_all_but_the_last_four_characters) {
  EXPECT_EQ(body_by({R"({"mask":"ani"})"}, R"({"ani":"tel:+15555550100"})"), R"({"ani":"************0100"})");
}

TEST(Mapping, masks_short_values_whole_and_says_nothing_of_their_length) {
  for (const std::string value : {"1", "1234", "12345678"}) EXPECT_EQ(masked(value), "****");
  EXPECT_EQ(masked("123456789"), "*****6789");
}

TEST(Mapping, counts_characters_and_not_bytes_in_a_mask) {
  EXPECT_EQ(masked("Jörg Müßig"), "******üßig");
  EXPECT_EQ(masked("äöüß"), "****");
}

TEST(Mapping, masks_numbers_and_booleans_as_texts_and_leaves_null_and_empty_texts) {
  EXPECT_EQ(body_by({R"({"mask":"*"})"}, R"({"a":15555550100,"b":true,"c":null,"d":""})"),
            R"({"a":"*******0100","b":"****","c":null,"d":""})");
}

// printf 'trunkline hash\0tel:+15555550100' | openssl dgst -sha256 -hmac k; 'trunkline token' likewise, in base64url.
TEST(Mapping, hashes_and_tokenises_by_hmac_sha256_under_the_key_as_openssl_does) {
  EXPECT_EQ(hashed("k", "tel:+15555550100"), "4d80f28bd0c1af9efd5f1ffcf61d870a");
  EXPECT_EQ(tokenised("k", "tel:+15555550100"), "tok_qKu5DK8lSEeww44P");
  EXPECT_NE(hashed("l", "tel:+15555550100"), hashed("k", "tel:+15555550100"));
}

TEST(Mapping, gives_the_same_value_the_same_token_in_every_event_and_field) {
  const std::string token = tokenised(kKey, "jane@example.com");
  EXPECT_THAT(token, testing::StartsWith("tok_"));
  EXPECT_EQ(
      body_by({R"({"tokenise":["from","to.who"]})"}, R"({"from":"jane@example.com","to":{"who":"jane@example.com"}})"),
      "{\"from\":\"" + token + "\",\"to\":{\"who\":\"" + token + "\"}}");
}

TEST(Mapping, tells_nothing_of_a_hash_by_a_token_of_the_same_value) {
  EXPECT_THAT(hashed(kKey, "x"), Not(HasSubstr(tokenised(kKey, "x").substr(4, 8))));
}

TEST(Mapping, conceals_every_scalar_below_what_it_names) {
  EXPECT_EQ(body_by({R"({"mask":"attributes"})"}, R"({"attributes":{"a":"123456789","b":{"c":["abcdefghij"]}}})"),
            R"({"attributes":{"a":"*****6789","b":{"c":["******ghij"]}}})");
}

TEST(Mapping, hashes_the_decoded_text_however_it_is_escaped) {
  const std::string plain = body_by({R"({"hash":"a"})"}, R"({"a":"A/b"})");
  EXPECT_EQ(body_by({R"({"hash":"a"})"}, R"({"a":"\u0041\/b"})"), plain);
}

// ---- paths

TEST(Mapping, passes_through_lists_on_the_way) {
  const std::string body = R"({"participants":[{"name":"Jane Roe Smith","id":1},{"id":2}]})";
  for (const char* path : {"participants.name", "participants[].name", "participants[*].name"})
    EXPECT_EQ(body_by({fmt::format(R"({{"drop":"{}"}})", path)}, body), R"({"participants":[{"id":1},{"id":2}]})");
}

TEST(Mapping, acts_on_each_value_of_a_list) {
  EXPECT_EQ(body_by({R"({"mask":"numbers"})"}, R"({"numbers":["+15555550100","+15555550101"]})"),
            R"({"numbers":["********0100","********0101"]})");
}

TEST(Mapping, finds_a_name_at_any_depth) {
  EXPECT_EQ(body_by({R"({"drop":"**.ani"})"}, R"({"ani":1,"a":{"ani":2,"b":[{"ani":3,"c":4}]}})"),
            R"({"a":{"b":[{"c":4}]}})");
}

TEST(Mapping, compares_decoded_names_and_every_member_of_one_name) {
  EXPECT_EQ(body_by({R"({"drop":"ani"})"}, R"({"\u0061ni":1,"b":2,"ani":3})"), R"({"b":2})");
}

TEST(Mapping, takes_a_name_with_a_dot_behind_a_backslash) {
  EXPECT_EQ(body_by({R"({"drop":"a\\.b"})"}, R"({"a.b":1,"a":{"b":2}})"), R"({"a":{"b":2}})");
}

TEST(Mapping, finds_the_body_in_an_envelope_a_bare_notification_and_the_flat_form) {
  const auto mapping = compiled({R"({"drop":"ani"})"});
  Subject flat = kStart;
  flat.flat = true;
  EXPECT_EQ(applied(*mapping, R"({"detail":{"eventBody":{"ani":1}}})"), R"({"detail":{"eventBody":{}}})");
  EXPECT_EQ(applied(*mapping, R"({"topicName":"t","eventBody":{"ani":1}})"), R"({"topicName":"t","eventBody":{}})");
  EXPECT_EQ(applied(*mapping, R"({"id":"x","ani":1})", flat), R"({"id":"x"})");
  EXPECT_EQ(applied(*mapping, R"({"id":"x","ani":1})"), R"({"id":"x","ani":1})");
}

TEST(Mapping, takes_a_path_from_the_top_with_a_dollar) {
  EXPECT_EQ(applied(*compiled({R"({"drop":"$.detail.metadata"})"}),
                    R"({"detail":{"metadata":{"CorrelationId":"c"},"eventBody":{"metadata":1}}})"),
            R"({"detail":{"eventBody":{"metadata":1}}})");
}

// ---- which rule holds

TEST(Mapping, lets_the_later_rule_decide) {
  EXPECT_EQ(body_by({R"({"drop":"a"})", R"({"keep":"a"})"}, R"({"a":1,"b":2})"), R"({"a":1,"b":2})");
  EXPECT_EQ(body_by({R"({"keep":"a"})", R"({"drop":"a"})"}, R"({"a":1,"b":2})"), R"({"b":2})");
}

TEST(Mapping, keeps_one_member_of_what_is_dropped) {
  EXPECT_EQ(body_by({R"({"drop":"attributes"})", R"({"keep":"attributes.order"})"},
                    R"({"attributes":{"name":"Jane","order":"17","card":"4111"},"b":2})"),
            R"({"attributes":{"order":"17"},"b":2})");
  EXPECT_EQ(body_by({R"({"drop":"attributes"})", R"({"keep":"attributes.order"})"},
                    R"({"attributes":{"name":"Jane"},"b":2})"),
            R"({"b":2})");
}

TEST(Mapping, selects_nothing_else_of_the_body_and_leaves_the_envelope) {
  EXPECT_EQ(
      applied(*compiled({R"({"select":["conversationId","a.b"]})"}),
              R"({"id":"e","detail":{"topicName":"t","eventBody":{"x":1,"conversationId":"c","a":{"b":2,"c":3}}}})"),
      R"({"id":"e","detail":{"topicName":"t","eventBody":{"conversationId":"c","a":{"b":2}}}})");
}

TEST(Mapping, selects_from_the_top_of_the_event) {
  EXPECT_EQ(applied(*compiled({R"({"select":["$.id","$.detail.eventBody.ani"]})"}),
                    R"({"version":"0","id":"e","detail":{"topicName":"t","eventBody":{"x":1,"ani":"2"}}})"),
            R"({"id":"e","detail":{"eventBody":{"ani":"2"}}})");
}

TEST(Mapping, conceals_what_is_selected) {
  EXPECT_EQ(body_by({R"({"mask":"ani"})", R"({"select":["ani"]})"}, R"({"ani":"+15555550100","x":1})"),
            R"({"ani":"********0100"})");
}

TEST(Mapping, holds_for_the_topics_and_families_of_its_rules_alone) {
  const std::string event = wrapped(R"({"a":1,"b":2})");
  EXPECT_EQ(applied(*compiled({R"({"topic":"v2.audits.*","drop":"a"})"}), event), event);
  EXPECT_EQ(applied(*compiled({R"({"topic":["x","*.customer.start"],"drop":"a"})"}), event), wrapped(R"({"b":2})"));
  EXPECT_EQ(applied(*compiled({R"({"category":"conversation","drop":"b"})"}), event), wrapped(R"({"a":1})"));
  EXPECT_EQ(applied(*compiled({R"({"category":"wfm","drop":"b"})"}), event), event);
}

// ---- shape

TEST(Mapping, renames_in_place_and_keeps_the_order) {
  EXPECT_EQ(body_by({R"({"rename":{"a":"first","p.n":"name"}})"}, R"({"a" : 1,"p":[{"n":2},{"n":3}]})"),
            R"({"first" : 1,"p":[{"name":2},{"name":3}]})");
}

TEST(Mapping, does_not_rename_onto_a_member_that_is_there) {
  EXPECT_EQ(body_by({R"({"rename":{"a":"b"}})"}, R"({"a":1,"b":2})"), R"({"a":1,"b":2})");
}

TEST(Mapping, conceals_by_the_name_that_the_event_has) {
  EXPECT_EQ(body_by({R"({"rename":{"ani":"caller"}})", R"({"mask":"ani"})"}, R"({"ani":"+15555550100"})"),
            R"({"caller":"********0100"})");
}

TEST(Mapping, moves_to_another_place_and_makes_it) {
  EXPECT_EQ(body_by({R"({"rename":{"a":"x.y.z"}})"}, R"({"a":{"k":1},"b":2})"), R"({"b":2,"x":{"y":{"z":{"k":1}}}})");
  EXPECT_EQ(body_by({R"({"rename":{"a":"b.c"}})"}, R"({"a":1,"b":2})"), R"({"a":1,"b":2})");
}

TEST(Mapping, sets_constants_and_makes_their_place) {
  EXPECT_EQ(body_by({R"({"constant":{"a":5,"x.y":"z"}})"}, R"({"a":1})"), R"({"a":5,"x":{"y":"z"}})");
}

TEST(Mapping, refuses_an_event_in_which_a_constant_has_no_place) {
  EXPECT_THAT(body_by({R"({"constant":{"a.b":5}})"}, R"({"a":1})"),
              HasSubstr("would stand in a text, a number or a list"));
}

// ---- what may not leave

TEST(Mapping, refuses_what_is_no_json_and_what_is_too_deep) {
  const auto mapping = compiled({R"({"drop":"a"})"});
  Scratch scratch;
  EXPECT_FALSE(mapping->apply("{\"a\":", kStart, scratch).ok());
  EXPECT_FALSE(mapping->apply("[1]", kStart, scratch).ok());
  const std::string deep = std::string(Mapping::kDepthMax + 1, '[') + std::string(Mapping::kDepthMax + 1, ']');
  const auto refused = mapping->apply("{\"x\":" + deep + "}", kStart, scratch);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::Errc::too_large);
}

TEST(Mapping, tells_what_it_has_concealed) {
  Hidden hidden;
  applied(*compiled({R"({"mask":"ani","drop":"notes"})"}),
          wrapped(R"({"ani":"+15555550100","notes":{"a":["called back"]}})"), kStart, &hidden);
  EXPECT_EQ(hidden.scrub("bad: +15555550100, called back"), "bad: ********0100, ***");
}

TEST(Mapping, scrubs_values_that_are_escaped_once_and_twice) {
  Hidden hidden;
  hidden.add("a\"quoted\" name", "x");
  EXPECT_EQ(hidden.scrub(R"({"e":"a\"quoted\" name"})"), R"({"e":"x"})");
  EXPECT_EQ(hidden.scrub(R"({"e":"{\"n\":\"a\\\"quoted\\\" name\"}"})"), R"({"e":"{\"n\":\"x\"}"})");
}

TEST(Mapping, scrubs_values_as_ascii_urls_and_pages_write_them) {
  Hidden hidden;
  hidden.add("M\u00fcller & S\u00f6hne / \U0001F600 O'Brien", "x");
  for (const char* said :
       {R"(M\u00fcller & S\u00f6hne / \ud83d\ude00 O'Brien)", R"(M\u00fcller & S\u00f6hne \/ \ud83d\ude00 O'Brien)",
        "M%C3%BCller%20%26%20S%C3%B6hne%20%2F%20%F0%9F%98%80%20O%27Brien",
        "M\u00fcller &amp; S\u00f6hne / \U0001F600 O&#39;Brien",
        "M\u00fcller &amp; S\u00f6hne / \U0001F600 O&#x27;Brien"})
    EXPECT_EQ(hidden.scrub(std::string("no: ") + said), "no: x") << said;
  EXPECT_EQ(hidden.scrub("no: M%C3%BCller%20%26%20S%C3", true), "no: ");
}

TEST(Mapping, scrubs_the_beginning_of_a_value_at_the_end_of_a_text_that_was_cut) {
  Hidden hidden;
  hidden.add("+15555550100", "***");
  EXPECT_EQ(hidden.scrub("refused: +155555", true), "refused: ");
  EXPECT_EQ(hidden.scrub("refused: +155555"), "refused: +155555");
}

TEST(Mapping, replaces_concealed_ids_in_a_topic) {
  Hidden hidden;
  hidden.add("c1", "tok_c");
  std::string topic = "v2.detail.events.conversation.c1.customer.start";
  hidden.replace_in(topic);
  EXPECT_EQ(topic, "v2.detail.events.conversation.tok_c.customer.start");
}

TEST(Mapping, withholds_texts_when_more_was_concealed_than_it_can_hold) {
  Hidden hidden;
  for (int i = 0; i < 5'000; ++i) hidden.add("value " + std::to_string(i), "");
  EXPECT_EQ(hidden.scrub("value 4999"), kWithheld);
}

// ---- mistakes

TEST(Mapping, names_the_rule_and_what_is_wrong_with_it) {
  EXPECT_THAT(fault_of("{\"droop\":\"a\"}"), HasSubstr("'droop' is no part of a rule"));
  EXPECT_THAT(fault_of("{\"topic\":\"x\"}"), HasSubstr("the rule does nothing"));
  EXPECT_THAT(fault_of("{\"drop\":\"a..b\"}"), HasSubstr("empty part"));
  EXPECT_THAT(fault_of("{\"drop\":\"a.**\"}"), HasSubstr("ends in '**'"));
  EXPECT_THAT(fault_of("{\"drop\":\"a*\"}"), HasSubstr("'a*'"));
  EXPECT_THAT(fault_of("{\"drop\":\"$\"}"), HasSubstr("'$' alone"));
  EXPECT_THAT(fault_of("{\"drop\":5}"), HasSubstr("a text or a list"));
  EXPECT_THAT(fault_of("{\"rename\":{\"**.a\":\"b.c\"}}"), HasSubstr("several places"));
  EXPECT_THAT(fault_of("{\"constant\":{\"a.*\":1}}"), HasSubstr("more than one place"));
  EXPECT_THAT(fault_of("{\"constant\":{\"a\":[1]}}"), HasSubstr("a text, a number"));
  EXPECT_THAT(fault_of("\"ecs-audits\""), HasSubstr("ecs-audit"));
  EXPECT_THAT(fault_of("{\"make\":{\"a\":{\"$from\":\"b\",\"$as\":\"date\"}}}"), HasSubstr("$as: date"));
  EXPECT_THAT(fault_of("{\"make\":{\"a\":{\"$map\":{}}}}"), HasSubstr("'$map'"));
  EXPECT_THAT(fault_of("{\"drop\":\"" + std::string(kPathBytesMax + 1, 'a') + "\"}"), HasSubstr("more than"));
}

TEST(Mapping, has_a_version_that_follows_from_rules_and_key_alone) {
  const auto one = compiled({R"({"drop": "a"})"});
  EXPECT_EQ(one->version(), compiled({R"({"drop":"a"})"})->version());
  EXPECT_EQ(one->version().size(), 12u);
  EXPECT_NE(one->version(), compiled({R"({"drop":"b"})"})->version());
  EXPECT_NE(one->version(), compiled({R"({"drop": "a"})"}, true)->version());
  const auto other = Mapping::compile({false, {R"({"drop":"a"})"}, "another key"});
  EXPECT_NE(one->version(), std::get<std::shared_ptr<const Mapping>>(other)->version());
  EXPECT_THAT(one->text(), Not(HasSubstr(kKey)));
}

// ---- members that the hub adds

TEST(Mapping, decides_on_what_the_hub_adds) {
  const auto mapping = compiled({R"({"drop":"$._queueName"})"}, true);
  EXPECT_EQ(mapping->member("_userName", "Jane Roe", kStart), hashed(kKey, "Jane Roe"));
  EXPECT_EQ(mapping->member("_queueName", "Sales", kStart), std::nullopt);
  EXPECT_EQ(mapping->member("_eventCategory", "conversation", kStart), "conversation");
}

// ---- the shipped list

TEST(Personal, has_paths_and_kinds_that_are_understood) {
  EXPECT_GT(personal_fields().size(), 100u);
  for (const PersonalField& field : personal_fields()) {
    EXPECT_TRUE(parse_path(field.path).ok()) << field.path;
    EXPECT_TRUE(std::ranges::any_of(personal_kinds(), [&](const auto& kind) { return kind.kind == field.kind; }))
        << field.path << " " << field.kind;
  }
}

TEST(Personal, keeps_the_facts_and_conceals_the_caller) {
  const std::string out = applied(
      *compiled({}, true),
      wrapped(
          R"({"eventTime":1772460000000,"conversationId":"c1","mediaType":"VOICE","ani":"tel:+15555550100","dnis":"tel:+15555550199","subject":"my card"})"));
  EXPECT_EQ(
      out,
      wrapped(
          R"({"eventTime":1772460000000,"conversationId":"c1","mediaType":"VOICE","ani":"************0100","dnis":"************0199"})"));
}

TEST(Personal, conceals_in_topics_that_nobody_knows) {
  const Subject unknown{"v2.new.thing", "v2.new.thing", "unknown", false};
  EXPECT_THAT(applied(*compiled({}, true), wrapped(R"({"deep":[{"ani":"tel:+15555550100","transcripts":["words"]}]})"),
                      unknown),
              Not(testing::AnyOf(HasSubstr("+1555555"), HasSubstr("words"))));
}

TEST(Personal, yields_to_what_the_consumer_is_to_keep) {
  EXPECT_EQ(
      applied(*compiled({R"({"keep":["dnis","attributes.order"]})"}, true),
              wrapped(R"({"ani":"tel:+15555550100","dnis":"+15555550199","attributes":{"order":"17","name":"Jane"}})")),
      wrapped(R"({"ani":"************0100","dnis":"+15555550199","attributes":{"order":"17"}})"));
}

}  // namespace
}  // namespace trunkline::mapping
