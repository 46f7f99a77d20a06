// SPDX-License-Identifier: Apache-2.0
#include "protocol/base64.h"

#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64(text);
  if (!bytes) return "none";
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

TEST(Base64, gives_the_bytes_of_the_standard_s_examples) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("Zg=="), "f");
  EXPECT_EQ(decoded("Zm8="), "fo");
  EXPECT_EQ(decoded("Zm9v"), "foo");
  EXPECT_EQ(decoded("Zm9vYmFy"), "foobar");
  EXPECT_EQ(decoded("+/+/"), "\xfb\xff\xbf");
  EXPECT_EQ(decoded("AAAA"), std::string(3, '\0'));
}

TEST(Base64, refuses_all_else) {
  for (const char* wrong : {"Zg", "Zg=", "Z===", "====", "Zm9", "Zm 9", "Zm9v\n",
                            "Zg==Zg==", "Zh==", "Zm9=", "-_-_", "Z\xc3\xa4=="})
    EXPECT_EQ(decoded(wrong), "none") << wrong;
}

}  // namespace
}  // namespace muster
