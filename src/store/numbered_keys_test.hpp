#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "store/store.hpp"

// A store of one family whose keys are numbers without a gap, and its files: for tests of what a kill or a power cut leaves.
namespace trunkline::store {

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::string key_of(std::size_t number) {
  return fmt::format("k{:06}", number);
}

inline Options numbered_options(const std::string& directory) {
  Options options;
  options.directory = directory;
  options.families = {{"main", Shape::small, {}}};
  options.memory_budget = 8 << 20;
  return options;
}

// A synced commit of one key.
inline bool put(Store& store, std::size_t number, std::size_t bytes) {
  Batch batch;
  batch.put(0, key_of(number), std::string(bytes, static_cast<char>('a' + number % 26)));
  return store.write(batch).ok() && store.sync().ok();
}

// Keys from 0 on; there is no gap before the last one.
inline std::size_t count_present(const Store& store) {
  std::size_t next = 0;
  const auto at = store.seek(0, {}, {});
  for (; at->valid() && at->key() == key_of(next); at->next()) ++next;
  EXPECT_FALSE(at->valid()) << "a gap before " << at->key();
  EXPECT_TRUE(at->status().ok());
  return next;
}

// The path of the newest write-ahead log of a store; empty: it has none.
inline std::string newest_log(const std::string& directory) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/db")) {
    if (entry.path().extension() == ".log") newest = std::max(newest, entry.path().native());
  }
  return newest;
}

}  // namespace trunkline::store
