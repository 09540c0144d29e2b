#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/fake_hub_test.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace trunkline::cli {
namespace {

using api::testing::Bench;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CliTest : public ::testing::Test {
 protected:
  CliTest() { ::unsetenv("TRUNKLINE_API_KEY"); }

  // Runs a command against the bench; what it wrote is in `out` and `err`.
  template <class Options>
  int run(int (*command)(const Options&, const Terminal&), Options options, const std::string& typed = {},
          bool interactive = false) {
    if (options.connection.url == Connection().url) options.connection.url = bench.url();
    std::ostringstream out_stream;
    std::ostringstream err_stream;
    std::istringstream in(typed);
    const int code = command(options, {out_stream, err_stream, in, interactive});
    out = out_stream.str();
    err = err_stream.str();
    return code;
  }
  // `count` dead letters of consumer "any", of class "odd" and "even" by sequence.
  void make_dead_letters(int count) {
    const auto queue = bench.add(Bench::pulled("any", event::Order::none));
    for (int i = 0; i < count; ++i) {
      bench.publish("c1", R"({"n": 1})", {queue});
      const auto leased = bench.call("POST", "/api/v1/consumers/any/receive", R"({"wait_seconds":20})").body;
      const std::size_t at = leased.find("\"receipt\":\"") + 11;
      const std::string receipt = leased.substr(at, leased.find('"', at) - at);
      const std::string error = (i + 1) % 2 == 1 ? "odd" : "even";
      const auto settled =
          bench.call("POST", "/api/v1/consumers/any/settle",
                     R"({"receipts":[{"receipt":")" + receipt + R"(","failed":[{"sequence":)" + std::to_string(i + 1) +
                         R"(,"fate":"dead_letter","error_class":")" + error + R"(","error":"no such account"}]}]})");
      ASSERT_EQ(settled.status, 200) << settled.body;
    }
  }
  static Connection json() { return {Connection().url, {}, true}; }

  Bench bench;
  std::string out;
  std::string err;
};

TEST_F(CliTest, consumers_are_a_table) {
  api::ConsumerInfo crm = Bench::pushed("crm");
  crm.statistics->breaker = delivery::BreakerState::open;
  bench.add(crm);
  api::ConsumerInfo wfm = Bench::pulled("workforce", event::Order::agent);
  wfm.paused = true;
  bench.add(wfm);
  EXPECT_EQ(run(run_consumers, {}), exit_ok);
  EXPECT_EQ(
      out,
      "NAME       SINK    ORDER         STATE   WAITING  OLDEST  DRAINED IN  EXPIRES IN  IN FLIGHT  PARKED  DEAD  "
      "DELIVERED\n"
      "crm        http    conversation  down          0       -           -           -          0       0     0  "
      "        0\n"
      "workforce  pulled  agent         paused        0       -           -           -          0       0     0  "
      "        0\n");
  EXPECT_EQ(err, "");
  EXPECT_EQ(run(run_consumers, {json()}), exit_ok);
  EXPECT_THAT(out, StartsWith("{\"consumers\":[{\"name\":\"crm\""));
}

TEST_F(CliTest, one_consumer_is_shown_in_full) {
  api::ConsumerInfo crm = Bench::pushed("crm");
  crm.filter = R"({"eventCategory":["conversation"]})";
  crm.statistics->last_error_class = "http_500";
  crm.statistics->last_error_detail = "oops\x1B[2J";
  bench.add(crm);
  EXPECT_EQ(run(run_consumers, {{}, "crm"}), exit_ok);
  EXPECT_THAT(out, StartsWith("name:                    crm\nsink:                    http\n"));
  EXPECT_THAT(out, HasSubstr("http_500: oops?[2J (1970-01-01T00:00:00.000Z)\n"));
  EXPECT_THAT(out, HasSubstr("{\"eventCategory\":[\"conversation\"]}\n"));
  EXPECT_THAT(out, HasSubstr("\ndelivery\nconcurrency:           8\n"));
  EXPECT_EQ(run(run_consumers, {{}, "crn"}), exit_failed);
  EXPECT_EQ(out, "");
  EXPECT_EQ(err, "trunkline: there is no consumer 'crn'\n  did you mean 'crm'?\n");
}

TEST_F(CliTest, pause_and_resume_say_what_holds) {
  bench.add(Bench::pushed("crm"));
  EXPECT_EQ(run(run_pause, {{}, "crm"}), exit_ok);
  EXPECT_EQ(out, "crm is paused; its events wait. trunkline resume crm goes on\n");
  EXPECT_TRUE(bench.hub().consumer("crm")->paused);
  EXPECT_EQ(run(run_resume, {json(), "crm"}), exit_ok);
  EXPECT_EQ(out, "{\"name\":\"crm\",\"paused\":false,\"rest\":null}\n");
  EXPECT_FALSE(bench.hub().consumer("crm")->paused);
  EXPECT_EQ(run(run_pause, {{}, "crm", "new disk", std::chrono::minutes(120) + std::chrono::seconds(30)}), exit_ok);
  EXPECT_THAT(out, StartsWith("crm is paused; its events wait. It goes on by itself at "));
  EXPECT_EQ(bench.hub().consumer("crm")->rest.reason, "new disk");
  EXPECT_EQ(run(run_consumers, {{}, "crm"}), exit_ok);
  EXPECT_THAT(out, HasSubstr("by operator (new disk) since "));
  EXPECT_THAT(out, HasSubstr(", goes on in 2h 0m\n"));
  EXPECT_EQ(run(run_pause, {{}, "a/b?c"}), exit_failed);
}

TEST_F(CliTest, alarms_are_listed_and_an_open_one_is_a_failure) {
  EXPECT_EQ(run(run_alarms, {}), exit_ok);
  EXPECT_EQ(out, "no alarm is open\n");
  watch::Incident incident;
  incident.id = "disk-hub-1";
  incident.alarm = watch::Alarm::disk;
  incident.detail = "the store takes 90 %\x1B[2J";
  bench.hub().alarms_now.recent = {incident};
  incident.alarm = watch::Alarm::oldest_age;
  incident.subject = "crm";
  bench.hub().alarms_now.open = {incident};
  EXPECT_EQ(run(run_alarms, {}), exit_failed);
  EXPECT_EQ(out,
            "ALARM       OF   SINCE                     DETAIL\n"
            "oldest_age  crm  1970-01-01T00:00:00.000Z  the store takes 90 %?[2J\n");
  EXPECT_EQ(run(run_alarms, {{}, true}), exit_failed);
  EXPECT_THAT(out, HasSubstr("disk   hub  1970-01-01T00:00:00.000Z  -"));
  EXPECT_EQ(run(run_alarms, {json()}), exit_failed);
  EXPECT_THAT(out,
              StartsWith(R"({"open":[{"id":"disk-hub-1","alarm":"oldest_age","scope":"consumer","subject":"crm",)"));
}

TEST_F(CliTest, status_sums_up_and_fails_when_the_hub_is_not_ready) {
  bench.add(Bench::pushed("crm"));
  bench.hub().counted.version = "1.2.3";
  bench.hub().counted.started_at = base::SystemClock().wall() - std::chrono::hours(50);
  bench.hub().counted.accepted = 12;
  bench.hub().counted.disk_bytes = 3 << 20;
  bench.hub().counted.disk_budget_bytes = 10ull << 30;
  bench.hub().counted.disk_free_bytes = 100;
  EXPECT_EQ(run(run_status, {}), exit_ok);
  EXPECT_EQ(out,
            "ready:       yes\n"
            "version:     1.2.3\n"
            "up:          2d 2h\n"
            "accepted:    12 events, 0 duplicates suppressed, 0 conflicts, 0 failed\n"
            "quarantine:  0 entries\n"
            "consumers:   1, 0 paused, 0 with their downstream out\n"
            "waiting:     0 events, 0 parked lanes, 0 dead letters\n"
            "disk:        3.0 MiB of 10.0 GiB, 100 B free\n"
            "memory:      0 B\n");
  bench.hub().ready_now = {false, "the disk is full"};
  EXPECT_EQ(run(run_status, {}), exit_failed);
  EXPECT_THAT(out, StartsWith("ready:       no: the disk is full\n"));
}

TEST_F(CliTest, dead_letters_are_listed_and_shown) {
  bench.add(Bench::pushed("crm"));
  make_dead_letters(2);
  EXPECT_EQ(run(run_dlq_ls, {{}, "any"}), exit_ok);
  EXPECT_THAT(out, StartsWith("SEQUENCE  STATE    ATTEMPTS  SINCE                     TYPE          ERROR  DETAIL\n"
                              "       1  skipped         1  20"));
  EXPECT_THAT(out, HasSubstr("Z  v2.test.{id}  even   no such account\n"));
  EXPECT_EQ(err, "");
  EXPECT_EQ(run(run_dlq_ls, {{}, "any", 0, 1}), exit_ok);
  EXPECT_EQ(err, "there may be more: --after 1\n");
  EXPECT_EQ(run(run_dlq_ls, {{}, "crm"}), exit_ok);
  EXPECT_EQ(out, "");
  EXPECT_EQ(err, "crm has no dead letters\n");
  EXPECT_EQ(run(run_dlq_show, {{}, "any", 2}), exit_ok);
  EXPECT_THAT(out, HasSubstr("error:     even: no such account\nevent:     {\"n\": 1}\n"));
  EXPECT_EQ(run(run_dlq_show, {{}, "any", 9}), exit_failed);
  EXPECT_THAT(err, HasSubstr("consumer 'any' has no dead letter 9"));
}

TEST_F(CliTest, redrive_at_once_must_say_which_and_says_how_many) {
  make_dead_letters(3);
  RedriveOptions which;
  which.consumer = "any";
  which.at_once = true;
  EXPECT_EQ(run(run_dlq_redrive, which), exit_usage);
  EXPECT_THAT(err, HasSubstr("--at-once takes exactly one of --all, --sequence, --error-class"));
  which.sequence = 1;
  which.error_class = "odd";
  EXPECT_EQ(run(run_dlq_redrive, which), exit_usage);
  which.error_class = "";
  EXPECT_EQ(run(run_dlq_redrive, which), exit_ok);
  EXPECT_EQ(out, "1 dead letter of any redriven\n");
  which.sequence = 0;
  which.error_class = "nothing";
  EXPECT_EQ(run(run_dlq_redrive, which), exit_failed);
  EXPECT_EQ(out, "0 dead letters of any redriven\n");
  which.error_class = "";
  which.all = true;
  EXPECT_EQ(run(run_dlq_redrive, which), exit_ok);
  EXPECT_EQ(out, "2 dead letters of any redriven\n");
}

TEST_F(CliTest, a_redrive_is_previewed_begun_shown_held_and_written_down) {
  make_dead_letters(3);
  RedriveOptions which;
  which.consumer = "any";
  EXPECT_EQ(run(run_dlq_redrive, which), exit_usage);
  EXPECT_THAT(err, HasSubstr("--all --dry-run says what there is"));
  which.error_class = "odd";
  which.pace.dry_run = true;
  EXPECT_EQ(run(run_dlq_redrive, which), exit_ok);
  EXPECT_EQ(out,
            "2 events would be given to any\n"
            "by error:\n           2  odd\n"
            "by type:\n           2  v2.test.{id}\n"
            "dead for at most:\n           2  1h\n");
  which.pace.dry_run = false;
  EXPECT_EQ(run(run_dlq_redrive, which), exit_ok);
  EXPECT_EQ(out, "operation 1 begins\n");
  EXPECT_THAT(err, HasSubstr("trunkline operations show 1"));
  EXPECT_EQ(run(run_operations_pause, {{}, 1}), exit_ok);
  EXPECT_THAT(out, StartsWith("operation 1, redrive to any: paused (by local)\n"));
  EXPECT_EQ(run(run_operations_pause, {{}, 1}), exit_failed);
  EXPECT_THAT(err, HasSubstr("operation 1 is paused"));
  EXPECT_EQ(run(run_operations_show, {{}, 1}), exit_ok);
  EXPECT_THAT(out, HasSubstr("which:      {\"error_class\":\"odd\",\"since_before\":"));
  EXPECT_EQ(run(run_operations_cancel, {{}, 1}), exit_ok);
  EXPECT_EQ(run(run_operations_show, {{}, 1, true}), exit_failed) << "it did not give all";
  EXPECT_EQ(run(run_operations_ls, {{}, "any"}), exit_ok);
  EXPECT_THAT(out, HasSubstr("cancelled"));
  EXPECT_EQ(run(run_operations_ls, {{}, "other"}), exit_ok);
  EXPECT_EQ(err, "there are no operations\n");
  EXPECT_EQ(run(run_audit, {{}, "any", 0, 2}), exit_ok);
  EXPECT_THAT(out, HasSubstr("redrive.cancelled"));
  EXPECT_THAT(out, Not(HasSubstr("error_class=odd")));
  EXPECT_EQ(err, "there may be more: --before 2\n");
  EXPECT_EQ(run(run_audit, {{}, "any", 2, 2}), exit_ok);
  EXPECT_THAT(out, HasSubstr("error_class=odd"));
}

TEST_F(CliTest, a_replay_says_when_it_cannot_read_its_times) {
  make_dead_letters(1);
  ReplayOptions which;
  which.consumer = "any";
  which.from = "yesterday";
  EXPECT_EQ(run(run_replay, which), exit_usage);
  EXPECT_THAT(err, HasSubstr("--from 'yesterday' is neither a time nor how long ago"));
  which.from = "2h";
  which.pace.dry_run = true;
  EXPECT_EQ(run(run_replay, which), exit_ok);
  EXPECT_THAT(out, StartsWith("1 event would be given to any\n"));
  which.to = "3h";
  EXPECT_EQ(run(run_replay, which), exit_failed);
  EXPECT_THAT(err, HasSubstr("'from' must be before 'to'"));
}

TEST_F(CliTest, purge_asks_and_does_nothing_without_an_answer) {
  make_dead_letters(3);
  const DlqActOptions odd{{}, "any", 0, "odd"};
  EXPECT_EQ(run(run_dlq_purge, odd), exit_usage);
  EXPECT_THAT(err, HasSubstr("give --yes to do it without asking"));
  EXPECT_EQ(run(run_dlq_purge, odd, "n\n", true), exit_usage);
  EXPECT_THAT(err, HasSubstr("Purge every dead letter of class odd of any? They will never be delivered. [y/N]"));
  EXPECT_THAT(err, HasSubstr("nothing was changed"));
  EXPECT_EQ(run(run_dlq_purge, odd, "", true), exit_usage);
  EXPECT_EQ(run(run_dlq_purge, odd, "y\n", true), exit_ok);
  EXPECT_EQ(out, "2 dead letters of any purged\n");
  DlqActOptions all{json(), "any", 0, "", true, true};
  EXPECT_EQ(run(run_dlq_purge, all), exit_ok);
  EXPECT_EQ(out, "{\"purged\":1}\n");
  EXPECT_EQ(run(run_dlq_purge, all), exit_failed);
}

TEST_F(CliTest, the_quarantine_is_listed_over_pages_and_shown) {
  bench.quarantine("not_json", "{\"a\n");
  bench.quarantine("wrong_type", "\xFF\x01");
  EXPECT_EQ(run(run_quarantine_ls, {}), exit_ok);
  EXPECT_EQ(out,
            "ID  RECEIVED                  SOURCE   REASON      BYTES  DETAIL\n"
            " 1  2026-03-02T14:00:00.000Z  genesys  not_json        4  unexpected end at byte 1\n"
            " 2  2026-03-02T14:00:00.000Z  genesys  wrong_type      2  unexpected end at byte 1\n");
  EXPECT_EQ(run(run_quarantine_ls, {{}, 0, 1}), exit_ok);
  EXPECT_EQ(err, "there may be more: --after 1\n");
  EXPECT_EQ(run(run_quarantine_ls, {{}, 0, 100, "wrong_type"}), exit_ok);
  EXPECT_THAT(out, Not(HasSubstr("not_json")));
  EXPECT_EQ(run(run_quarantine_ls, {{}, 0, 100, "a&b"}), exit_ok);
  EXPECT_EQ(err, "the quarantine holds nothing of that reason\n");
  EXPECT_EQ(run(run_quarantine_show, {{}, 1}), exit_ok);
  EXPECT_THAT(out, HasSubstr("reason:        not_json\n"));
  EXPECT_THAT(out, HasSubstr("\n\n{\"a?\n"));
  EXPECT_EQ(run(run_quarantine_show, {{}, 1, true}), exit_ok);
  EXPECT_EQ(out, "{\"a\n");
  EXPECT_EQ(run(run_quarantine_show, {{}, 2, true}), exit_ok);
  EXPECT_EQ(out, "\xFF\x01");
  EXPECT_EQ(run(run_quarantine_show, {{}, 2}), exit_ok);
  EXPECT_THAT(out, HasSubstr("\n\n??\n"));
  EXPECT_EQ(run(run_quarantine_show, {{}, 3}), exit_failed);
}

TEST_F(CliTest, quarantine_entries_are_resubmitted_until_none_is_left) {
  for (int i = 0; i < 150; ++i) bench.quarantine("unknown_form", "{");
  bench.hub().on_resubmit = [](const api::Resubmission& entry) {
    if (entry.id == 3) return api::ResubmitOutcome{3, {}, base::Error{base::Errc::invalid, "still bad"}};
    return api::ResubmitOutcome{entry.id, {{engine::PublishVerdict::accepted, 1000 + entry.id, {}}}, {}};
  };
  EXPECT_EQ(run(run_quarantine_resubmit, {}), exit_usage);
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {1}, true}), exit_usage);
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {1}, false, "x"}), exit_usage);
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {1, 2}}), exit_ok);
  EXPECT_EQ(out, "entry 1: accepted as 1001\nentry 2: accepted as 1002\n");
  EXPECT_EQ(err, "2 resubmitted, 0 left in the quarantine\n");
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {}, true, "other"}), exit_failed);
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {}, true}), exit_failed);
  EXPECT_THAT(out, HasSubstr("entry 150: accepted as 1150\n"));
  EXPECT_EQ(err, "trunkline: entry 3 stays: still bad\n147 resubmitted, 1 left in the quarantine\n");
}

TEST_F(CliTest, a_corrected_entry_is_read_from_a_file_or_from_input) {
  bench.quarantine("not_json", "{");
  bench.quarantine("not_json", "{");
  const auto file = std::filesystem::temp_directory_path() / ("trunkline-cli-" + std::to_string(bench.port()));
  std::ofstream(file) << "{\"fixed\":true}";
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {1}, false, "", file.string()}), exit_ok);
  EXPECT_EQ(out, "entry 1: accepted as 77\n");
  std::filesystem::remove(file);
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {2}, false, "", file.string()}), exit_usage);
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {2, 3}, false, "", "-"}), exit_usage);
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {2}, false, "", "-"}, "{}"), exit_ok);
  EXPECT_EQ(run(run_quarantine_resubmit, {{}, {2}, false, "", "-"}, "{}"), exit_ok)
      << "the fake takes whatever is corrected";
}

TEST_F(CliTest, quarantine_entries_are_removed_after_a_yes) {
  bench.quarantine("not_json", "{");
  EXPECT_EQ(run(run_quarantine_rm, {}), exit_usage);
  EXPECT_EQ(run(run_quarantine_rm, {{}, {1}}), exit_usage);
  EXPECT_EQ(run(run_quarantine_rm, {{}, {1}}, "y\n", true), exit_ok);
  EXPECT_THAT(err, HasSubstr("Remove 1 quarantine entry?"));
  EXPECT_EQ(out, "entry 1 removed\n");
  EXPECT_EQ(run(run_quarantine_rm, {{}, {1}, true}), exit_failed);
  EXPECT_THAT(err, HasSubstr("there is no quarantine entry 1"));
}

TEST_F(CliTest, a_hub_that_is_not_there_is_said_with_the_way_out) {
  EXPECT_EQ(run(run_status, {{"http://127.0.0.1:1", {}, false}}), exit_unreachable);
  EXPECT_THAT(err, StartsWith("trunkline: no answer from http://127.0.0.1:1: "));
  EXPECT_THAT(err, HasSubstr("is the hub running? trunkline serve -c FILE"));
  EXPECT_EQ(run(run_status, {{"gopher://x", {}, false}}), exit_usage);
}

TEST_F(CliTest, something_else_that_answers_is_not_taken_for_a_hub) {
  net::IoLoop loop("other");
  {
    net::HttpServer server({&loop}, {}, [](net::IoLoop&, const net::HttpRequest& request, net::Responder respond) {
      respond(net::HttpResponse::text(request.path == "/api/v1/status" ? 200 : 404, "hello"));
    });
    const std::string url = "http://127.0.0.1:" + std::to_string(server.listen("127.0.0.1:0").value());
    loop.start();
    EXPECT_EQ(run(run_status, {{url, {}, false}}), exit_unreachable);
    EXPECT_THAT(err, HasSubstr("is not a hub's API"));
    EXPECT_EQ(run(run_consumers, {{url, {}, false}}), exit_unreachable);
    EXPECT_THAT(err, HasSubstr("is not a hub's API (status 404)"));
    loop.stop();
    loop.join();
  }
}

TEST_F(CliTest, a_key_comes_from_the_option_or_the_environment) {
  bench.api().set_credentials({.keys = {{"secret", {}}}});
  EXPECT_EQ(run(run_status, {}), exit_refused);
  EXPECT_EQ(
      err,
      "trunkline: the hub refuses: an API key is needed\n"
      "  give one of the configured api.keys with --key or in TRUNKLINE_API_KEY, or a user of api.users with --user "
      "or in TRUNKLINE_API_USER\n");
  EXPECT_EQ(run(run_status, {{Connection().url, "wrong", false}}), exit_refused);
  EXPECT_THAT(err, HasSubstr("this API key is not known"));
  EXPECT_EQ(run(run_status, {{Connection().url, "secret", false}}), exit_ok);
  ::setenv("TRUNKLINE_API_KEY", "secret", 1);
  EXPECT_EQ(run(run_status, {{bench.url() + "/", "", false}}), exit_ok);
  EXPECT_EQ(run(run_status, {{Connection().url, "wrong", false}}), exit_refused);
  ::unsetenv("TRUNKLINE_API_KEY");
}

TEST_F(CliTest, a_user_comes_from_the_option_or_the_environment) {
  bench.api().set_credentials({.keys = {{"secret", {}}}, .users = {{"ops", {{"pass:word", {}}}}}});
  EXPECT_EQ(run(run_status, {{.user = "ops:wrong"}}), exit_refused);
  EXPECT_THAT(err, HasSubstr("this user and password are not known"));
  EXPECT_EQ(run(run_status, {{.user = "ops:pass:word"}}), exit_ok);
  EXPECT_EQ(run(run_status, {{.key = "wrong", .user = "ops:pass:word"}}), exit_ok) << "of both, the user";
  ::setenv("TRUNKLINE_API_USER", "ops:pass:word", 1);
  EXPECT_EQ(run(run_status, {}), exit_ok);
  EXPECT_EQ(run(run_status, {{.key = "wrong"}}), exit_refused) << "what is given counts first";
  ::unsetenv("TRUNKLINE_API_USER");
}

TEST(Printable, leaves_nothing_that_moves_a_cursor) {
  EXPECT_EQ(printable("a\x1B[2J\tb\x7F"), "a?[2J?b?");
  EXPECT_EQ(printable("gr\xC3\xBC\xC3\x9F\xC2\x9B!"), "gr\xC3\xBC\xC3\x9F?!");
  EXPECT_EQ(printable("\x9B!\xFF"), "?!?");
  EXPECT_EQ(printable("abcdefgh", 6), "abc...");
  EXPECT_EQ(printable("ab\xC3\xBC\xC3\xBC\xC3\xBC", 6), "ab...");
}

TEST(Human, durations_and_sizes_have_two_parts_at_most) {
  EXPECT_EQ(human_seconds(-1), "0s");
  EXPECT_EQ(human_seconds(59.9), "59s");
  EXPECT_EQ(human_seconds(200), "3m 20s");
  EXPECT_EQ(human_seconds(2 * 3600 + 5 * 60), "2h 5m");
  EXPECT_EQ(human_seconds(4 * 86400 + 3600), "4d 1h");
  EXPECT_EQ(human_bytes(812), "812 B");
  EXPECT_EQ(human_bytes(1.5 * 1024 * 1024), "1.5 MiB");
}

}  // namespace
}  // namespace trunkline::cli
