# Warnings, sanitizers and definitions that hold for every target of the project.
add_library(trunkline_options INTERFACE)
target_compile_options(trunkline_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Werror)
target_include_directories(trunkline_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
# g++ 12 reports false maybe-uninitialized and dangling/overread findings inside std and Boost when it inlines them.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(trunkline_options INTERFACE
    -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds -Wno-restrict)
endif()
# clang 19 finds libstdc++ 12's own use of get_temporary_buffer, inside of std::stable_sort, deprecated.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(trunkline_options INTERFACE -Wno-deprecated-declarations)
endif()
if(TRUNKLINE_SANITIZE)
  add_compile_options(-fsanitize=${TRUNKLINE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TRUNKLINE_SANITIZE})
  if(TRUNKLINE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Boost uses atomic_thread_fence, which g++'s thread sanitizer does not model and warns about.
    target_compile_options(trunkline_options INTERFACE -Wno-tsan)
  endif()
endif()
