#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.hpp"

namespace trunkline::filter {

// The dotted paths that policies name, by their parts, so that a message is walked without building its paths and a
// member that no policy names is left at once. Dotted and nested keys meet in the same node.
class PathTrie {
 public:
  static constexpr std::uint32_t kRoot = 0;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  PathTrie() : paths_(1, kNone) {}

  // The number of the path; paths are numbered from 0 as they are added first.
  std::uint32_t add(std::string_view path) {
    std::uint32_t node = kRoot;
    for (;;) {
      const std::size_t dot = path.find('.');
      const auto [place, fresh] =
          nodes_.try_emplace({node, std::string(path.substr(0, dot))}, static_cast<std::uint32_t>(paths_.size()));
      if (fresh) paths_.push_back(kNone);
      node = place->second;
      if (dot == std::string_view::npos) break;
      path.remove_prefix(dot + 1);
    }
    if (paths_[node] == kNone) paths_[node] = count_++;
    return paths_[node];
  }

  // The node below `node` along a key, which may be dotted; kNone when no path goes there.
  std::uint32_t descend(std::uint32_t node, std::string_view key) const {
    for (;;) {
      const std::size_t dot = key.find('.');
      const auto found = nodes_.find(View{node, key.substr(0, dot)});
      if (found == nodes_.end()) return kNone;
      node = found->second;
      if (dot == std::string_view::npos) return node;
      key.remove_prefix(dot + 1);
    }
  }

  std::uint32_t path_at(std::uint32_t node) const { return paths_[node]; }
  std::uint32_t count() const { return count_; }

 private:
  struct View {
    std::uint32_t parent;
    std::string_view part;
  };
  struct Key {
    std::uint32_t parent;
    std::string part;
    operator View() const { return {parent, part}; }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(View key) const { return base::hash64(key.part) ^ key.parent * 0x9E3779B97F4A7C15ull; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(View a, View b) const { return a.parent == b.parent && a.part == b.part; }
  };

  std::unordered_map<Key, std::uint32_t, Hash, Equal> nodes_;
  std::vector<std::uint32_t> paths_;  // of each node
  std::uint32_t count_ = 0;
};

}  // namespace trunkline::filter
