#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace trunkline::lambda {

struct ZipFile {
  std::string name;  // "lib/libc.so.6"
  std::string bytes;
  bool executable = false;
};

// A zip of these files in the order of their names, deflated; the same files make the same bytes. Errc::too_large: more than
// the format holds without its 64-bit extension, 4 GiB or 65,535 files. Errc::invalid: a name twice.
base::Result<std::string> make_zip(std::vector<ZipFile> files);

// The file `bootstrap`: a static program that runs lib/loader with the libraries in lib and the program `trunkline`.
std::string_view bootstrap_program();

}  // namespace trunkline::lambda
