// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/binding.h"

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backends/onnxruntime/model.h"
#include "inference/testing/loaded_model.h"
#include "onnx/testing/onnx_file.h"

namespace muster::onnxruntime {
namespace {

using namespace onnx;

class BindingSetTest : public ::testing::Test {
 protected:
  explicit BindingSetTest(const std::string& file = "identity_fp32.onnx")
      : loaded_(test_model(file)), model_(dynamic_cast<const Model&>(*loaded_.model)) {}

  Binding* binding_of(std::int64_t rows, std::int64_t columns = 4) {
    const std::array shapes = {Shape{rows, columns}};
    const auto found = set_.find_or_make(shapes);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    return found.ok() ? *found : nullptr;
  }

  LoadedModel loaded_;
  const Model& model_;
  BindingSet set_{model_.runtime(), model_.signature()};
};

TEST_F(BindingSetTest, keeps_one_for_every_batch_size_that_a_warm_up_runs) {
  // Of a model whose batches are as large as are warmed up one by one, several times over.
  constexpr std::int64_t kLargest = 1000;
  ASSERT_TRUE(set_.input_bytes(0, std::size_t{kLargest} * 4 * sizeof(float)).ok());
  (void)binding_of(kLargest);  // so that no buffer grows any more
  std::vector<const Binding*> made;
  for (std::int64_t rows = 1; rows <= kLargest; ++rows)
    made.push_back(binding_of(rows));
  EXPECT_EQ(std::set(made.begin(), made.end()).size(), made.size());
  EXPECT_EQ(set_.count(), made.size());
  for (std::int64_t rows = 1; rows <= kLargest; ++rows)
    EXPECT_EQ(binding_of(rows), made[static_cast<std::size_t>(rows - 1)]) << rows;
}

TEST_F(BindingSetTest, keeps_no_more_than_its_bytes_hold) {
  constexpr std::size_t kMost = kMaxBindingBytes / (kBytesOfBinding + 2 * kBytesOfBoundTensor);
  constexpr auto kLargest = static_cast<std::int64_t>(2 * kMost);
  ASSERT_TRUE(set_.input_bytes(0, 2 * kMost * 4 * sizeof(float)).ok());
  for (std::int64_t rows = kLargest; rows > 0; --rows) {
    (void)binding_of(rows);
    // One that is used now and then stays.
    (void)binding_of(kLargest);
  }
  EXPECT_EQ(set_.count(), kMost);
  const std::uint64_t used = binding_of(1)->last_use;
  EXPECT_EQ(binding_of(1)->last_use, used + 1);
  EXPECT_EQ(set_.count(), kMost);
  (void)binding_of(kLargest - 1);  // long gone
  EXPECT_EQ(set_.count(), kMost);
}

struct StringBindingTest : BindingSetTest {
  StringBindingTest() : BindingSetTest("identity_string.onnx") {}
};

TEST_F(StringBindingTest, keeps_fewer_where_they_hold_many_strings) {
  constexpr auto kHalf = static_cast<std::int64_t>(kMaxBindingBytes / sizeof(std::string) / 2);
  (void)binding_of(1, kHalf / 2);
  (void)binding_of(2, kHalf / 4);
  EXPECT_EQ(set_.count(), 2U);
  (void)binding_of(1, kHalf);
  EXPECT_EQ(set_.count(), 2U) << "the oldest has gone";
  // More than all may take.
  ASSERT_NE(binding_of(1, 3 * kHalf), nullptr);
  EXPECT_EQ(set_.count(), 1U);
  (void)binding_of(1, 1);
  EXPECT_EQ(set_.count(), 1U);
}

}  // namespace
}  // namespace muster::onnxruntime
