# Every third-party library, from Debian 12. Which module may use which is declared in the modules' CMakeLists.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(RocksDB REQUIRED)
find_package(simdjson REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(ZLIB REQUIRED)
find_package(pugixml REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

# One set of definitions for Asio in the whole build: a second one would break the one-definition rule.
add_library(trunkline_asio INTERFACE)
target_link_libraries(trunkline_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(trunkline_asio INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)

# One precompiled header for all: std and fmt only, so that it hides no module's own includes of libraries.
file(WRITE ${CMAKE_BINARY_DIR}/pch_anchor.cpp "")
add_library(trunkline_pch STATIC ${CMAKE_BINARY_DIR}/pch_anchor.cpp)
target_link_libraries(trunkline_pch PUBLIC trunkline_options fmt::fmt)
target_precompile_headers(trunkline_pch PRIVATE
  <algorithm> <atomic> <chrono> <cstdint> <cstring> <deque> <functional> <map> <memory> <optional> <set> <span>
  <sstream> <string> <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
add_library(trunkline_test_pch STATIC ${CMAKE_BINARY_DIR}/pch_anchor.cpp)
target_link_libraries(trunkline_test_pch PUBLIC trunkline_options fmt::fmt GTest::gtest GTest::gmock)
target_precompile_headers(trunkline_test_pch PRIVATE
  <algorithm> <atomic> <chrono> <cstdint> <cstring> <deque> <functional> <map> <memory> <optional> <set> <span>
  <sstream> <string> <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h> <gtest/gtest.h> <gmock/gmock.h>)
