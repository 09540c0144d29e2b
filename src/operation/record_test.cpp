#include "operation/record.hpp"

#include <gtest/gtest.h>

#include "operation/audit.hpp"

namespace trunkline::operation {
namespace {

Operation whole() {
  Operation operation;
  operation.id = {7};
  operation.state = State::stopped;
  operation.reason = "3 of the last 3 failed again";
  operation.created_at = base::WallTime(base::Millis(1'772'460'000'123));
  operation.changed_at = base::WallTime(base::Millis(1'772'460'001'000));
  operation.total = 8113;
  operation.tally = {{90}, 10, 5, 3, 1, 2, "http_500", {{4}, {9}}};
  Request& request = operation.request;
  request.consumer = "crm";
  request.queue = {3};
  request.by = "alice";
  request.rate = 12.5;
  request.stop_share = 0.25;
  request.filter.sequence = base::Sequence{44};
  request.filter.error_class = "http_500";
  request.filter.event_type = "v2.x";
  request.filter.group = "c1";
  request.filter.since_from = base::WallTime(base::Millis(5));
  request.range.from = base::WallTime(base::Millis(1));
  request.range.to = base::WallTime(base::Millis(2));
  request.range.conversation = "c2";
  request.range.all_routed = true;
  request.range.first = {1};
  request.range.last = {99};
  return operation;
}

TEST(Record, an_operation_comes_back_as_it_was) {
  const std::string bytes = encode(whole());
  const auto back = decode(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(encode(*back), bytes);
  EXPECT_EQ(back->id.value, 7u);
  EXPECT_EQ(back->state, State::stopped);
  EXPECT_EQ(back->tally.open(), 1u);
  EXPECT_EQ(back->request.rate, 12.5);
  EXPECT_EQ(back->request.filter.sequence->value, 44u);
  EXPECT_FALSE(back->request.filter.since_before.has_value());
  EXPECT_EQ(back->request.range.last.value, 99u);
}

TEST(Record, bytes_that_do_not_fit_are_corrupt) {
  const std::string bytes = encode(whole());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size)).ok()) << size;
  EXPECT_FALSE(decode(bytes + "x").ok());
  std::string newer = bytes;
  newer[0] = 2;
  EXPECT_EQ(decode(newer).error().code, base::Errc::corrupt);
}

TEST(Record, is_described_in_a_line) {
  EXPECT_EQ(describe(engine::RedriveFilter{}), "all");
  EXPECT_EQ(describe(whole().request),
            "sequence=44 error_class=http_500 type=v2.x group=c1 since_from=1970-01-01T00:00:00.005Z");
}

using Writes = std::vector<engine::Engine::StateWrite>;

// The audit's keys as they are on disk.
void write_to(std::map<std::string, std::string>& disk, const Writes& writes) {
  for (const auto& write : writes) {
    if (write.bytes) {
      disk[write.key] = *write.bytes;
    } else {
      disk.erase(write.key);
    }
  }
}

TEST(Audit, keeps_the_newest_by_number_and_by_age_on_disk_too) {
  Audit audit({.entries_max = 3, .age_max = std::chrono::hours(1)});
  std::map<std::string, std::string> disk;
  base::WallTime now{base::Millis(1'000'000)};
  for (int i = 0; i < 5; ++i) {
    Writes writes;
    AuditEntry entry;
    entry.action = "purge";
    entry.consumer = i % 2 == 0 ? "crm" : "siem";
    EXPECT_EQ(audit.add(entry, now, writes), static_cast<std::uint64_t>(i + 1));
    write_to(disk, writes);
  }
  EXPECT_EQ(disk.size(), 3u);
  Audit again({.entries_max = 3, .age_max = std::chrono::hours(1)});
  disk["audit/x"] = "damaged";
  EXPECT_EQ(again.load(disk), 1u);
  const auto newest = again.list(0, 2, "");
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].id, 5u);
  EXPECT_EQ(again.list(5, 10, "crm").at(0).id, 3u);
  Writes writes;
  again.set_outcome(4, "2 purged", writes);
  again.set_outcome(1, "forgotten", writes);
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(again.list(5, 1, "").at(0).outcome, "2 purged");
  writes.clear();
  EXPECT_EQ(again.add({}, now + std::chrono::hours(2), writes), 6u);
  EXPECT_EQ(writes.size(), 4u) << "one came, three are too old";
  EXPECT_EQ(again.size(), 1u);
}

TEST(Audit, long_texts_are_cut) {
  Audit audit({});
  Writes writes;
  AuditEntry entry;
  entry.what = std::string(100'000, 'x');
  audit.add(entry, {}, writes);
  EXPECT_LT(writes.at(0).bytes->size(), 2'000u);
}

}  // namespace
}  // namespace trunkline::operation
