// SPDX-License-Identifier: Apache-2.0
#include "tensor/float_elements.h"
#include "tests/gpu/model_on_gpu.h"

namespace muster::tensorrt {
namespace {

// Every second element is 1, or 2.0: the top byte of 2.0 is 0x40 in each floating-point type.
std::byte byte_of(DataType type, std::size_t at) {
  const std::size_t width = element_size(type);
  if (at / width % 2 == 0) return {};
  if (is_floating(type)) return at % width == width - 1 ? std::byte{0x40} : std::byte{};
  return at % width == 0 ? std::byte{1} : std::byte{};
}

// UINT8 is there for pictures alone: TensorRT takes it where it is cast at once.
TEST(Types, that_tensorrt_has_pass_unchanged) {
  for (const char* type : {"bool", "int32", "int64", "fp16", "bf16", "fp32"}) {
    SCOPED_TRACE(type);
    ModelOnGpu loaded(onnx::test_model("identity_" + std::string(type) + ".onnx"), {}, 8);
    ASSERT_NE(loaded.model, nullptr);
    const auto session = loaded.model->new_session().value();
    const DataType data_type = loaded.model->signature().inputs[0].type;
    const std::size_t size = 12 * element_size(data_type);
    const auto room = session->prepare_input(0, {3, 4}, size);
    ASSERT_TRUE(room.ok()) << room.status().to_string();
    for (std::size_t i = 0; i < size; ++i)
      (*room)[i] = byte_of(data_type, i);
    const std::vector<std::byte> wanted(room->begin(), room->end());
    ASSERT_TRUE(session->run().ok());
    const TensorView output = session->output(0).value();
    EXPECT_EQ(output.shape, (Shape{3, 4}));
    EXPECT_EQ(output.type, data_type);
    EXPECT_EQ(std::vector<std::byte>(output.bytes.begin(), output.bytes.end()), wanted);
  }
}

TEST(Types, that_tensorrt_has_not_are_refused_by_name) {
  const auto backend = create_backend().value();
  ModelConfig config;
  config.batching.max_batch_size = 8;
  for (const char* type : {"uint16", "uint32", "string"}) {
    const std::string file = onnx::test_model("identity_" + std::string(type) + ".onnx");
    const auto refused = backend->load({file, &config});
    EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument) << type;
  }
}

TEST(Shapes, several_inputs_and_outputs_have_each_its_own) {
  ModelOnGpu loaded(onnx::test_model("two_in_two_out.onnx"), {}, 8);
  ASSERT_NE(loaded.model, nullptr);
  const auto session = loaded.model->new_session().value();
  const std::vector<float> a = {1, 2, 3, 4};
  const std::vector<std::int64_t> b = {1, 2, 3, 4, 5, 6};
  std::memcpy(session->prepare_input(0, {2, 2}, 16)->data(), a.data(), 16);
  std::memcpy(session->prepare_input(1, {2, 3}, 48)->data(), b.data(), 48);
  ASSERT_TRUE(session->run().ok());
  const auto sum = session->output(0)->elements<float>();
  EXPECT_EQ(std::vector<float>(sum.begin(), sum.end()), (std::vector<float>{3, 7}));
  EXPECT_EQ(session->output(1)->shape, (Shape{2, 2, 3}));
  const auto product = session->output(1)->elements<float>();
  EXPECT_EQ(product[0], 1);
  EXPECT_EQ(product[11], 24);
}

TEST(Shapes, that_are_open_take_what_their_profile_has) {
  ModelOnGpu loaded(onnx::test_model("dynamic_hw.onnx"),
                    {{"profiles", "input=1x3x1x1:2x3x5x5:4x3x16x16"}}, 4);
  ASSERT_NE(loaded.model, nullptr);
  const auto session = loaded.model->new_session().value();
  for (const std::int64_t side : {1, 5, 16, 2}) {
    const Shape shape{2, 3, side, side};
    const std::vector<float> values(static_cast<std::size_t>(6 * side * side), 7);
    const auto means = run_batch(*session, shape, values);
    ASSERT_TRUE(means.ok()) << means.status().to_string();
    for (const float mean : *means)
      EXPECT_NEAR(mean, 7, 0.01);
  }
  const auto refused = run_batch(*session, {1, 3, 17, 17}, std::vector<float>(3 * 17 * 17));
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.status().message().find("16"), std::string_view::npos)
      << refused.status().message();
}

}  // namespace
}  // namespace muster::tensorrt
