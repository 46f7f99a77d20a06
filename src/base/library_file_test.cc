// SPDX-License-Identifier: Apache-2.0
#include "base/library_file.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace muster {
namespace {

TEST(LibraryFile, is_the_program_for_code_of_its_own) {
  static const int kHere = 0;
  EXPECT_EQ(library_of(&kHere), std::filesystem::canonical("/proc/self/exe").string());
}

TEST(LibraryFile, is_the_library_for_code_of_another) {
  const std::string file = library_of(reinterpret_cast<const void*>(&::mkdtemp));
  EXPECT_TRUE(std::filesystem::path(file).is_absolute()) << file;
  EXPECT_NE(file.find("libc"), std::string::npos) << file;
}

TEST(LibraryFile, is_nothing_for_what_lies_in_none) {
  const int on_the_stack = 0;
  EXPECT_EQ(library_of(&on_the_stack), "");
  EXPECT_EQ(library_of(nullptr), "");
}

}  // namespace
}  // namespace muster
