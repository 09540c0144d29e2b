#include "cli/server_sent_events.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace trunkline::cli {
namespace {

struct Heard {
  std::vector<std::string> events;
  std::function<bool(const ServerSentEvent&)> take() {
    return [this](const ServerSentEvent& event) {
      events.push_back(event.type + "=" + event.data);
      return event.data != "enough";
    };
  }
};

// The examples of WHATWG HTML, section 9.2.6.
TEST(ServerSentEvents, reads_the_fields_of_the_specification) {
  Heard heard;
  ServerSentEvents reader(1000);
  EXPECT_TRUE(
      reader.read(": a comment\n\ndata: YHOO\ndata: +2\ndata: 10\n\nevent: add\ndata:  one\nid: 1\nretry: 5\n\n"
                  "data\n\ndata\ndata\n\nevent: none\n\ndata:last\n\n",
                  heard.take()));
  EXPECT_EQ(heard.events,
            (std::vector<std::string>{"message=YHOO\n+2\n10", "add= one", "message=", "message=\n", "message=last"}));
}

TEST(ServerSentEvents, pieces_and_line_ends_of_any_kind_make_no_difference) {
  for (const char* end : {"\n", "\r\n", "\r"}) {
    std::string text;
    for (const char* line : {"event: a", "data: 1", "data: 2", "", ": c", "data: 3", "", ""}) (text += line) += end;
    for (std::size_t size = 1; size <= text.size(); ++size) {
      Heard heard;
      ServerSentEvents reader(1000);
      for (std::size_t at = 0; at < text.size(); at += size)
        EXPECT_TRUE(reader.read(std::string_view(text).substr(at, size), heard.take()));
      EXPECT_EQ(heard.events, (std::vector<std::string>{"a=1\n2", "message=3"})) << "pieces of " << size;
    }
  }
}

TEST(ServerSentEvents, ends_where_the_taker_has_seen_enough) {
  Heard heard;
  ServerSentEvents reader(1000);
  EXPECT_FALSE(reader.read("data: enough\n\ndata: more\n\n", heard.take()));
  EXPECT_TRUE(reader.ended());
  EXPECT_FALSE(reader.read("data: more\n\n", heard.take()));
  EXPECT_EQ(heard.events.size(), 1u);
}

TEST(ServerSentEvents, an_event_over_the_bound_ends_the_reading) {
  for (const std::string& text :
       {std::string(101, 'x'), "data: " + std::string(60, 'x') + "\ndata: " + std::string(60, 'x')}) {
    Heard heard;
    ServerSentEvents reader(100);
    EXPECT_FALSE(reader.read(text, heard.take()));
    EXPECT_TRUE(reader.overflowed());
    EXPECT_FALSE(reader.ended());
  }
}

}  // namespace
}  // namespace trunkline::cli
