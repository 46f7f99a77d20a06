// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/error.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace muster::openvino {
namespace {

TEST(Error, keeps_the_reason_and_drops_the_runtime_s_own_places) {
  EXPECT_EQ(one_line("Exception from src/inference/src/cpp/core.cpp:84:\n"
                     "Check 'false' failed at src/frontends/common/src/frontend.cpp:47:\n"
                     "Loading input model\n"
                     "Path '/etc/x' is outside the base directory\n\n\n"),
            "Path '/etc/x' is outside the base directory");
  EXPECT_EQ(one_line("Summary:\n-- No conversion rule found for operations: com.example.Foo\n"),
            "No conversion rule found for operations: com.example.Foo");
}

TEST(Error, says_something_in_any_case) {
  EXPECT_EQ(one_line(""), "the runtime gave no reason");
  EXPECT_EQ(one_line("Exception from src/a.cpp:1:\n"), "the runtime gave no reason");
  EXPECT_EQ(one_line("a\n\x1b[31mb"), "a; \\x1b[31mb");
}

TEST(Error, tells_want_of_memory_from_other_failures) {
  EXPECT_EQ(guarded([] { throw std::bad_alloc(); }).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(guarded([] { throw std::runtime_error("std::bad_alloc"); }).code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(guarded([] { throw std::runtime_error("no"); }).code(), StatusCode::kInternal);
  EXPECT_EQ(guarded([] { throw 1; }).code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace muster::openvino
