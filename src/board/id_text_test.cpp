#include "board/id_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>
#include <vector>

namespace trunkline::board {
namespace {

const std::string kUuid = "4d1bbd8c-5e7a-4be2-a9ee-15a8f0f3ac6e";

TEST(IdText, holds_texts_of_every_size_up_to_its_most) {
  for (std::size_t size = 0; size <= IdText::kBytesMax; ++size) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    const IdText id(text);
    EXPECT_EQ(id.view(), text);
    EXPECT_EQ(id.empty(), size == 0);
  }
}

TEST(IdText, copies_are_independent_of_what_they_were_copied_from) {
  for (const std::string& text :
       {std::string(), kUuid, std::string(39, 'x'), std::string(40, 'y'), std::string(128, 'z')}) {
    IdText first(text);
    IdText second(first);
    IdText third;
    third = first;
    first = "other";
    EXPECT_EQ(second.view(), text);
    EXPECT_EQ(third.view(), text);
    EXPECT_EQ(first.view(), "other");
  }
}

TEST(IdText, moves_take_the_text_along) {
  for (const std::string& text : {kUuid, std::string(128, 'z')}) {
    IdText first(text);
    IdText second(std::move(first));
    IdText third(std::string(100, 'q'));
    third = std::move(second);
    EXPECT_EQ(third.view(), text);
  }
}

TEST(IdText, is_given_itself_and_keeps_it) {
  IdText id(std::string(128, 'z'));
  const IdText& same = id;
  id = same;
  EXPECT_EQ(id.view(), std::string(128, 'z'));
}

TEST(IdText, a_vector_of_them_may_grow_and_shrink) {
  std::vector<IdText> ids;
  for (int i = 0; i < 100; ++i) ids.emplace_back(std::string(static_cast<std::size_t>(i), 'a'));
  ids.erase(ids.begin() + 10, ids.begin() + 60);
  ASSERT_EQ(ids.size(), 50u);
  EXPECT_EQ(ids[9].view().size(), 9u);
  EXPECT_EQ(ids[10].view().size(), 60u);
  EXPECT_EQ(ids[49].view(), std::string(99, 'a'));
}

TEST(IdText, is_ordered_and_hashed_as_its_text) {
  const std::string longer(kUuid + kUuid);
  EXPECT_LT(IdText("a"), IdText("b"));
  EXPECT_LT(IdText(kUuid), IdText(longer));
  EXPECT_EQ(IdText(kUuid), IdText(kUuid));
  EXPECT_NE(IdText(kUuid), IdText(longer));
  const std::unordered_set<IdText, IdText::Hash> set{IdText(kUuid), IdText(longer), IdText(kUuid)};
  EXPECT_EQ(set.size(), 2u);
  EXPECT_TRUE(set.contains(IdText(longer)));
}

}  // namespace
}  // namespace trunkline::board
