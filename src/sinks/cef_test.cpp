#include "sinks/cef.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline::sinks {
namespace {

TEST(Cef, an_event_says_what_when_and_whose) {
  engine::Record record;
  record.sequence = {42};
  record.source_name = "genesys-prod";
  record.event.category = "audit";
  record.event.event_type = "v2.audits.entitytype.{id}.entityid.{id}";
  record.event.topic_name = "v2.audits.entitytype.User.entityid.u";
  record.event.envelope_id = "e-1";
  record.event.org_id = "o";
  record.event.user_id = "u";
  record.event.business_time = base::WallTime(base::Millis(1'772'459'999'120));
  engine::LeasedMessage message;
  message.record = std::make_shared<engine::Record>(record);
  EXPECT_EQ(cef_of(message, "1.2", 4, "agent/o/u"),
            "CEF:0|Genesys|Genesys Cloud|1.2|v2.audits.entitytype.{id}.entityid.{id}|audit|4|rt=1772459999120 "
            "externalId=e-1 cat=audit act=v2.audits.entitytype.{id}.entityid.{id} suid=u "
            "msg=v2.audits.entitytype.User.entityid.u deviceExternalId=genesys-prod cs3Label=orgId cs3=o cs4Label=lane "
            "cs4=agent/o/u cn1Label=sequence cn1=42");
}

}  // namespace
}  // namespace trunkline::sinks
