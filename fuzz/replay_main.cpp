// Runs a fuzz target over its corpus without libFuzzer: every file as it is, and after it cut and changed copies of it.
// Inputs depend on the files only, so a failure comes again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// Of each file; evenly spread, so that a large file is not worked on at its beginning only.
constexpr std::size_t kCutsMax = 64;
constexpr std::size_t kChangesMax = 128;
// Of cut and changed copies over all files: keeps a replay at seconds when the corpus grows.
constexpr std::size_t kCopiedBytesMax = 64 << 20;

struct Counts {
  std::size_t files = 0;
  std::size_t copies = 0;
  std::size_t copied_bytes = 0;
};

void run(const std::string& bytes) {
  // A copy of exact size on the heap, so that the address sanitizer sees a read past the end.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_copy(const std::string& bytes, Counts& counts) {
  if (counts.copied_bytes + bytes.size() > kCopiedBytesMax) return;
  counts.copied_bytes += bytes.size();
  ++counts.copies;
  run(bytes);
}

void run_copies(const std::string& bytes, Counts& counts) {
  const std::size_t cut_step = bytes.size() / kCutsMax + 1;
  for (std::size_t length = 0; length < bytes.size(); length += cut_step) run_copy(bytes.substr(0, length), counts);
  constexpr char kBytes[] = {'\0', '"', '{', '\n', '\x80', '9'};
  const std::size_t change_step = bytes.size() / kChangesMax + 1;
  std::string changed = bytes;
  for (std::size_t at = 0; at < bytes.size(); at += change_step) {
    changed[at] = kBytes[at % std::size(kBytes)];
    run_copy(changed, counts);
    changed[at] = bytes[at];
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool files_only = argc == 3 && std::string(argv[2]) == "--files-only";
  if (argc != 2 && !files_only) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY [--files-only]\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1], error)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  if (files.empty()) {
    std::fprintf(stderr, "no corpus in %s\n", argv[1]);
    return 1;
  }
  std::sort(files.begin(), files.end());
  Counts counts;
  std::vector<std::string> contents;
  for (const std::filesystem::path& path : files) {
    std::ifstream stream(path, std::ios::binary);
    contents.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    std::printf("%s\n", path.filename().c_str());
    std::fflush(stdout);
    run(contents.back());
    ++counts.files;
  }
  // After all files, so that the bound on copies never leaves a file out.
  if (!files_only) {
    for (const std::string& bytes : contents) run_copies(bytes, counts);
  }
  std::printf("%zu files and %zu copies of them\n", counts.files, counts.copies);
  return 0;
}
