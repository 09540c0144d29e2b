#include "app/lambda_zip.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "app/files.hpp"
#include "lambda/zip.hpp"

namespace trunkline::app {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using lambda::ZipFile;

constexpr const char* kAuthorities = "/etc/ssl/certs/ca-certificates.crt";
// Of Lambda, for all that a function unpacks to (quotas: "Deployment package size").
constexpr std::size_t kUnpackedMax = 250 << 20;

struct Loaded {
  std::string loader;                            // path of the dynamic loader, as the program names it
  std::map<std::string, std::string> libraries;  // by the name that they are looked for by
};

// What this very process was loaded with.
int look(dl_phdr_info* info, std::size_t /*size*/, void* data) {
  Loaded& loaded = *static_cast<Loaded*>(data);
  const std::string path = info->dlpi_name;
  if (path.empty()) {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const ElfW(Phdr)& header = info->dlpi_phdr[i];
      if (header.p_type == PT_INTERP) loaded.loader = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
    }
  } else if (path.front() == '/') {  // else the kernel's own
    loaded.libraries.emplace(std::filesystem::path(path).filename(), path);
  }
  return 0;
}

Result<std::string> read_program(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes;
  while (file && bytes.size() <= kUnpackedMax) {
    const std::size_t before = bytes.size();
    bytes.resize(before + (1 << 20));
    file.read(bytes.data() + before, 1 << 20);
    bytes.resize(before + static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof() || bytes.empty()) return Error{Errc::unavailable, fmt::format("{} cannot be read", path)};
  return bytes;
}

// What is loaded of a program is named by its segments; what stands behind the last of them is for debuggers, and most of it.
std::string without_sections(std::string bytes) {
  ElfW(Ehdr) head{};
  if (bytes.size() < sizeof head) return bytes;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) return bytes;
  std::size_t end = head.e_phoff + std::size_t{head.e_phnum} * head.e_phentsize;
  for (std::size_t i = 0; i < head.e_phnum; ++i) {
    ElfW(Phdr) segment{};
    const std::size_t at = head.e_phoff + i * head.e_phentsize;
    if (at + sizeof segment > bytes.size()) return bytes;
    std::memcpy(&segment, bytes.data() + at, sizeof segment);
    end = std::max<std::size_t>(end, segment.p_offset + segment.p_filesz);
  }
  if (end > bytes.size()) return bytes;
  head.e_shoff = 0;
  head.e_shnum = head.e_shstrndx = 0;
  std::memcpy(bytes.data(), &head, sizeof head);
  bytes.resize(end);
  return bytes;
}

Result<void> add(std::vector<ZipFile>& files, std::string name, const std::string& path, bool executable) {
  TRUNKLINE_TRY(std::string bytes, executable ? read_program(path) : read_file(path));
  if (executable) bytes = without_sections(std::move(bytes));
  files.push_back({std::move(name), std::move(bytes), executable});
  return {};
}

// Those that AWS's endpoints are signed by ("Amazon Trust Services"), or all where the system has them not one by one.
Result<std::string> amazon_authorities() {
  std::string all;
  for (const char* name : {"Amazon_Root_CA_1", "Amazon_Root_CA_2", "Amazon_Root_CA_3", "Amazon_Root_CA_4",
                           "Starfield_Services_Root_Certificate_Authority_-_G2"}) {
    const auto one = read_file(fmt::format("/usr/share/ca-certificates/mozilla/{}.crt", name));
    if (!one.ok()) return read_file(kAuthorities);
    all += *one + "\n";
  }
  return all;
}

Result<std::vector<ZipFile>> collect(const std::string& config) {
  Loaded loaded;
  dl_iterate_phdr(look, &loaded);
  if (loaded.loader.empty()) return Error{Errc::unsupported, "this program has no dynamic loader"};
  std::vector<ZipFile> files;
  files.push_back({"bootstrap", std::string(lambda::bootstrap_program()), true});
  TRUNKLINE_TRY_VOID(add(files, "trunkline", "/proc/self/exe", true));
  TRUNKLINE_TRY_VOID(add(files, "lib/loader", loaded.loader, true));
  for (const auto& [name, path] : loaded.libraries) TRUNKLINE_TRY_VOID(add(files, "lib/" + name, path, true));
  TRUNKLINE_TRY_VOID(add(files, "ca.pem", kAuthorities, false));
  TRUNKLINE_TRY(std::string amazon, amazon_authorities());
  files.push_back({"aws-ca.pem", std::move(amazon), false});
  TRUNKLINE_TRY_VOID(add(files, "trunkline.yaml", config, false));
  return files;
}

}  // namespace

Result<LambdaZip> make_lambda_zip(const std::string& config) {
  TRUNKLINE_TRY(std::vector<ZipFile> files, collect(config));
  LambdaZip made;
  made.files = files.size();
  for (const ZipFile& file : files) made.unpacked += file.bytes.size();
  if (made.unpacked > kUnpackedMax)
    return Error{Errc::too_large,
                 fmt::format("{} bytes are more than Lambda unpacks, {}", made.unpacked, kUnpackedMax)};
  TRUNKLINE_TRY(made.bytes, lambda::make_zip(std::move(files)));
  return made;
}

int run_lambda_zip(const std::string& config, const std::string& out) {
  const auto zip = make_lambda_zip(config);
  if (!zip.ok()) {
    fmt::print(stderr, "{}\n", zip.error().detail);
    return zip.error().code == Errc::too_large ? 1 : 2;
  }
  if (const auto written = write_file(out, zip->bytes, false); !written.ok()) {
    fmt::print(stderr, "{}\n", written.error().detail);
    return 1;
  }
  fmt::print("{}: {} files, {:.1f} MB, unpacked {:.1f} MB\n", out, zip->files,
             static_cast<double>(zip->bytes.size()) / 1e6, static_cast<double>(zip->unpacked) / 1e6);
  return 0;
}

}  // namespace trunkline::app
