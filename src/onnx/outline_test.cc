// SPDX-License-Identifier: Apache-2.0
#include "onnx/outline.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "onnx/testing/onnx_file.h"

namespace muster::onnx {
namespace {

Result<Outline> outline_of(std::string_view bytes) {
  return outline_bytes(std::as_bytes(std::span(bytes)));
}

void expect_refused(std::string_view bytes, std::string_view words) {
  const Result<Outline> outline = outline_of(bytes);
  ASSERT_FALSE(outline.ok());
  EXPECT_EQ(outline.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(outline.status().message().find(words), std::string_view::npos)
      << outline.status().message();
}

std::vector<std::string> locations_of(std::string_view graph) {
  const Result<Outline> outline = outline_of(model(graph));
  EXPECT_TRUE(outline.ok()) << outline.status().message();
  std::vector<std::string> locations;
  if (!outline.ok()) return locations;
  for (const ExternalLocation& external : outline->external) {
    locations.push_back(external.location);
  }
  return locations;
}

using Locations = std::vector<std::string>;

TEST(Outline, reads_versions_and_operator_sets) {
  const Result<Outline> outline = outline_of(model("", 19, 9) + opset(3, "ai.onnx.ml"));
  ASSERT_TRUE(outline.ok()) << outline.status().message();
  EXPECT_EQ(outline->ir_version, 9);
  ASSERT_EQ(outline->opsets.size(), 2U);
  EXPECT_EQ(outline->opsets[0].domain, "");
  EXPECT_EQ(outline->opsets[0].version, 19);
  EXPECT_EQ(outline->opsets[1].domain, "ai.onnx.ml");
  EXPECT_TRUE(outline->external.empty());
}

TEST(Outline, finds_external_initializers_with_the_tensor_that_uses_them) {
  const Result<Outline> outline =
      outline_of(model(message(5, external_tensor("w", "weights.bin"))));
  ASSERT_TRUE(outline.ok());
  ASSERT_EQ(outline->external.size(), 1U);
  EXPECT_EQ(outline->external[0].location, "weights.bin");
  EXPECT_EQ(outline->external[0].tensor, "w");
}

TEST(Outline, finds_external_weights_wherever_a_tensor_may_stand) {
  const std::string tensor = external_tensor("w", "w.bin");
  const std::string sparse = message(1, tensor);
  const std::string in_node = message(5, message(5, tensor));
  EXPECT_EQ(locations_of(message(15, sparse)), Locations{"w.bin"});
  EXPECT_EQ(locations_of(message(15, message(2, tensor))), Locations{"w.bin"});
  EXPECT_EQ(locations_of(message(1, in_node)), Locations{"w.bin"});
  EXPECT_EQ(locations_of(message(1, message(5, message(10, tensor)))), Locations{"w.bin"});
  EXPECT_EQ(locations_of(message(1, message(5, message(22, sparse)))), Locations{"w.bin"});
  EXPECT_EQ(locations_of(message(1, message(5, message(23, sparse)))), Locations{"w.bin"});
  const std::string graph = message(5, tensor);
  EXPECT_EQ(locations_of(message(1, message(5, message(6, graph)))), Locations{"w.bin"});
  EXPECT_EQ(locations_of(message(1, message(5, message(11, graph)))), Locations{"w.bin"});
}

TEST(Outline, finds_external_weights_in_functions_and_training_graphs) {
  const std::string tensor = external_tensor("w", "w.bin");
  for (const std::string& part :
       {message(25, message(7, message(5, message(5, tensor)))),
        message(25, message(11, message(5, tensor))), message(20, message(1, message(5, tensor))),
        message(20, message(2, message(5, tensor)))}) {
    const Result<Outline> outline = outline_of(model("") + part);
    ASSERT_TRUE(outline.ok());
    EXPECT_EQ(outline->external.size(), 1U);
  }
}

TEST(Outline, names_each_location_once) {
  EXPECT_EQ(locations_of(message(5, external_tensor("a", "w.bin")) +
                         message(5, external_tensor("b", "w.bin")) +
                         message(5, external_tensor("c", "v.bin"))),
            (Locations{"w.bin", "v.bin"}));
}

TEST(Outline, takes_every_value_of_an_entry_that_comes_more_than_once) {
  const std::string twice = message(1, "location") + message(2, "first") + message(2, "second");
  const std::string late_key = message(2, "third") + message(1, "offset") + message(1, "location");
  EXPECT_EQ(locations_of(message(5, message(13, twice))), (Locations{"first", "second"}));
  EXPECT_EQ(locations_of(message(5, message(13, late_key))), Locations{"third"});
}

TEST(Outline, takes_a_location_without_a_value_for_an_empty_one) {
  EXPECT_EQ(locations_of(message(5, message(13, message(1, "location")))), Locations{""});
}

TEST(Outline, passes_over_other_entries_and_unknown_fields) {
  const std::string graph = message(5, message(13, entry("offset", "4096"))) + message(900, "x") +
                            number(901, 7) + varint(902 << 3 | 1) + "12345678" +
                            varint(903 << 3 | 5) + "1234";
  EXPECT_TRUE(locations_of(graph).empty());
}

TEST(Outline, refuses_what_is_no_model) {
  expect_refused("", "empty");
  expect_refused("This is not a model, it is a line of text.\n", "");
  expect_refused(number(1, 8), "no graph");
  expect_refused(message(7, ""), "no IR version");
  expect_refused(std::string(4096, '\0'), "without a number");
  expect_refused(std::string(4096, '\xff'), "");
}

TEST(Outline, refuses_every_truncation_of_a_model) {
  const std::string whole =
      model(message(5, external_tensor("w", "w.bin")) + message(1, node("Relu", {"x"}, "y")));
  ASSERT_TRUE(outline_of(whole).ok());
  const std::size_t graph_end = whole.size() - opset(17).size();
  for (std::size_t size = 0; size < graph_end; ++size) {
    EXPECT_FALSE(outline_of(std::string_view(whole).substr(0, size)).ok()) << size;
  }
}

TEST(Outline, refuses_groups_and_lengths_beyond_the_end) {
  expect_refused(varint(7 << 3 | 3), "a kind that ONNX does not have");
  expect_refused(varint(7 << 3 | 2) + varint(1000) + "short", "cut short");
  expect_refused(varint(7 << 3 | 2) + varint(~std::uint64_t{0}), "cut short");
  expect_refused(std::string("\x08") + std::string(11, '\x80'), "does not end");
}

TEST(Outline, refuses_nesting_beyond_the_limit) {
  std::string graph;
  for (std::size_t depth = 0; depth < kMaxNesting; ++depth) {
    graph = message(1, message(5, message(6, graph)));
  }
  expect_refused(model(graph), "nests more than 100");
}

TEST(Outline, refuses_a_location_beyond_the_limit) {
  const std::string lengthy(kMaxLocationBytes + 1, 'a');
  expect_refused(model(message(5, external_tensor("w", lengthy))), "more than 4096 bytes");
}

TEST(Outline, refuses_weights_in_more_files_than_the_limit) {
  std::string graph;
  for (std::size_t i = 0; i <= kMaxExternalLocations; ++i) {
    graph += message(5, message(13, entry("location", std::to_string(i))));
  }
  expect_refused(model(graph), "more than 65536 files");
}

TEST(OutlineFile, reads_what_the_bytes_say) {
  const Result<Outline> outline = outline_file(test_model("external_in_subgraph/model.onnx"));
  ASSERT_TRUE(outline.ok()) << outline.status().message();
  ASSERT_EQ(outline->external.size(), 1U);
  EXPECT_EQ(outline->external[0].location, "../outside.bin");
}

TEST(OutlineFile, refuses_what_is_no_regular_file) {
  EXPECT_EQ(outline_file("/nonexistent/model.onnx").status().code(), StatusCode::kNotFound);
  const TemporaryFolder folder;
  EXPECT_NE(outline_file(folder.path()).status().message().find("no regular file"),
            std::string_view::npos);
  EXPECT_FALSE(outline_file("/dev/zero").ok());
}

}  // namespace
}  // namespace muster::onnx
