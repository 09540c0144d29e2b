#pragma once

#include <span>
#include <string_view>

namespace trunkline::console {

// One file of the page, made at build time by embed.py. Everything lives as long as the program.
struct Asset {
  std::string_view path;
  bool demo;  // of two files with one path the demonstration gets this one
  std::string_view content_type;
  std::string_view tag;  // of its content
  std::span<const unsigned char> plain;
  std::span<const unsigned char> gzip;
};

std::span<const Asset> assets();

}  // namespace trunkline::console
