// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/ir_outline.h"

#include <gtest/gtest.h>

namespace muster::openvino {
namespace {

std::string net(std::string_view content) {
  return "<?xml version=\"1.0\"?>\n<net name=\"a > b\" version=\"11\">" + std::string(content) +
         "</net>";
}

void expect_refused(std::string_view xml, std::string_view words) {
  const Result<IrOutline> outline = outline_ir(xml);
  ASSERT_FALSE(outline.ok()) << xml;
  EXPECT_EQ(outline.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(outline.status().message().find(words), std::string_view::npos)
      << outline.status().message();
}

TEST(IrOutline, tells_how_much_of_the_weights_is_wanted) {
  EXPECT_EQ(outline_ir(net("")).value().weight_bytes, 0U);
  EXPECT_EQ(outline_ir(net("<layer><data offset=\"16\" size='4'/></layer>"
                           "<data element_type=\"f32\" size = \"8\" offset=\"0\" />"))
                .value()
                .weight_bytes,
            20U);
}

TEST(IrOutline, does_not_read_comments) {
  EXPECT_EQ(outline_ir(net("<!-- <data offset=\"9\" size=\"9\"/> </net> -->"
                           "<a><![CDATA[</a><data offset=\"9\" size=\"9\"/>]]></a>"))
                .value()
                .weight_bytes,
            0U);
}

TEST(IrOutline, refuses_weights_that_no_file_can_have) {
  expect_refused(net("<data offset=\"18446744073709551608\" size=\"16\"/>"), "a constant of 16");
  expect_refused(net("<data offset=\"-1\" size=\"16\"/>"), "at -1");
  expect_refused(net("<data offset=\"&#49;\" size=\"16\"/>"), "a constant of 16");
}

TEST(IrOutline, refuses_what_is_no_ir) {
  expect_refused("", "it holds no XML");
  expect_refused("\x08\x08\x12", "it holds no XML");
  expect_refused("<html></html>", "does not begin with <net>");
  expect_refused("<!DOCTYPE net [<!ENTITY a \"b\">]><net></net>", "document type");
  expect_refused("<net name=\"", "does not end");
  expect_refused("<net><layer>", "cut short");
  expect_refused("<net></net></net>", "did not begin");
}

TEST(IrOutline, refuses_nesting_without_end) {
  std::string deep;
  for (std::size_t i = 0; i < kMaxIrNesting; ++i)
    deep += "<body>";
  expect_refused(net(deep), "within each other");
}

}  // namespace
}  // namespace muster::openvino
