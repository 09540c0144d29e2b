#include <fmt/format.h>

#include <fstream>

#include "wfm/code_table.hpp"

namespace trunkline::wfm {

base::Result<CodeTable> CodeTable::load(const std::string& path, std::string otherwise) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {base::Errc::invalid, path + " cannot be read"};
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return {base::Errc::invalid, path + " cannot be read"};
  if (text.size() > kFileBytesMax) return {base::Errc::invalid, fmt::format("{} is larger than 1 MiB", path)};
  auto table = parse(text, std::move(otherwise));
  if (!table.ok()) return table.error().with(path);
  return table;
}

}  // namespace trunkline::wfm
