// SPDX-License-Identifier: Apache-2.0
// The library as an application sees it: real models, real ONNX Runtime, the public headers alone.
#include <atomic>
#include <fstream>
#include <future>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <muster/service.h>

namespace muster {
namespace {

const std::string kSource = MUSTER_SOURCE_DIR;

std::unique_ptr<ModelService> open_lenet(const ServiceOptions& options = {}) {
  auto service = ModelService::open(kSource + "/models/lenet", options);
  EXPECT_TRUE(service.ok()) << service.status().to_string();
  return service.ok() ? std::move(*service) : nullptr;
}

std::vector<std::byte> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> chars(std::istreambuf_iterator<char>(file), {});
  const auto* bytes = reinterpret_cast<const std::byte*>(chars.data());
  return {bytes, bytes + chars.size()};
}

InferRequest zeros(std::int64_t rows = 1) {
  InferRequest request;
  auto tensor = Tensor::allocate(DataType::kFp32, Shape{rows, 1, 28, 28});
  std::fill(tensor->bytes().begin(), tensor->bytes().end(), std::byte{0});
  request.add_input("input", std::move(*tensor));
  return request;
}

std::string error_of(const std::string& path) {
  auto service = ModelService::open(path);
  return service.ok() ? "it opened" : std::string(service.status().message());
}

bool one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == std::string::npos;
}

TEST(ModelService, classifies_a_digit_of_the_samples) {
  const auto service = open_lenet();
  ASSERT_NE(service, nullptr);
  const auto picture = read(kSource + "/tests/pictures/gray.png");
  ASSERT_FALSE(picture.empty());
  const auto scores = service->classify(picture, 3);
  ASSERT_TRUE(scores.ok()) << scores.status().to_string();
  ASSERT_EQ(scores->size(), 3U);
  EXPECT_GE((*scores)[0].probability, (*scores)[1].probability);
  EXPECT_GE((*scores)[1].probability, (*scores)[2].probability);
}

TEST(ModelService, answers_many_threads_each_with_its_own_rows) {
  ServiceOptions options;
  options.max_queue_delay = std::chrono::milliseconds(2);
  const auto service = open_lenet(options);
  ASSERT_NE(service, nullptr);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        // Two rows that differ by thread; the second is all zeros in every request.
        auto tensor = Tensor::allocate(DataType::kFp32, Shape{2, 1, 28, 28});
        auto pixels = tensor->elements<float>();
        std::fill(pixels.begin(), pixels.begin() + 784, static_cast<float>(t) / 8.0F);
        std::fill(pixels.begin() + 784, pixels.end(), 0.0F);
        InferRequest alone;
        InferRequest shared;
        alone.id = shared.id = std::to_string(t);
        alone.add_input("input", tensor->view());
        shared.add_input("input", tensor->view());
        const auto a = service->infer(std::move(alone));
        const auto b = service->submit(std::move(shared)).get();
        if (!a.ok() || !b.ok() || b->id != std::to_string(t)) continue;
        const auto x = a->outputs[0].tensor.elements<float>();
        const auto y = b->outputs[0].tensor.elements<float>();
        bool same = x.size() == 20 && y.size() == 20;
        for (std::size_t k = 0; same && k < x.size(); ++k)
          same = std::abs(x[k] - y[k]) < 1e-4F;
        right += same ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(right.load(), 8 * 25);
  const ServiceStatistics totals = service->statistics();
  EXPECT_EQ(totals.requests_accepted, 8U * 25U * 2U);
  EXPECT_EQ(totals.requests_succeeded, totals.requests_accepted);
  EXPECT_EQ(totals.rows, totals.requests_accepted * 2);
}

TEST(ModelService, runs_the_last_incomplete_batch_when_it_closes) {
  ServiceOptions options;
  options.max_queue_delay = std::chrono::hours(1);
  const auto service = open_lenet(options);
  ASSERT_NE(service, nullptr);
  std::vector<std::future<Result<InferResponse>>> futures;
  for (int i = 0; i < 5; ++i)
    futures.push_back(service->submit(zeros()));
  service->close();
  for (auto& future : futures) {
    const auto outcome = future.get();
    ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
    EXPECT_EQ(outcome->batch.rows, 5);
    EXPECT_EQ(outcome->batch.reason, CloseReason::kDrain);
  }
  const auto late = service->infer(zeros());
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.status().code(), StatusCode::kUnavailable);
}

TEST(ModelService, works_from_a_model_file_alone) {
  auto service = ModelService::open(kSource + "/models/lenet/1/model.onnx");
  ASSERT_TRUE(service.ok()) << service.status().to_string();
  EXPECT_TRUE((*service)->infer(zeros(3)).ok());
  EXPECT_FALSE((*service)->config().image_from_config);
  EXPECT_TRUE((*service)->config().image.has_value());
}

TEST(ModelService, gives_nan_back_for_nan) {
  const auto service = open_lenet();
  ASSERT_NE(service, nullptr);
  auto tensor = Tensor::allocate(DataType::kFp32, Shape{1, 1, 28, 28});
  auto pixels = tensor->elements<float>();
  std::fill(pixels.begin(), pixels.end(), std::numeric_limits<float>::quiet_NaN());
  InferRequest request;
  request.add_input("input", std::move(*tensor));
  const auto outcome = service->infer(std::move(request));
  ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
  const auto scores = service->scores(*outcome, 1);
  // Some runtimes' max-pool swallows NaN, so there may be numbers; if not, the scores say so.
  if (!scores.ok()) {
    EXPECT_NE(scores.status().message().find("not a number"), std::string::npos);
  }
}

TEST(ModelService, takes_several_inputs_and_outputs_of_different_types) {
  auto service = ModelService::open(kSource + "/tests/models/two_in_two_out.onnx");
  ASSERT_TRUE(service.ok()) << service.status().to_string();
  const ModelSignature& signature = (*service)->signature();
  ASSERT_EQ(signature.inputs.size(), 2U);
  ASSERT_EQ(signature.outputs.size(), 2U);
  InferRequest request;
  for (auto spec = signature.inputs.rbegin(); spec != signature.inputs.rend(); ++spec) {
    Shape shape = spec->shape;
    shape.set(0, 2);
    auto tensor = Tensor::allocate(spec->type, shape);
    ASSERT_TRUE(tensor.ok());
    std::fill(tensor->bytes().begin(), tensor->bytes().end(), std::byte{0});
    request.add_input(spec->name, std::move(*tensor));
  }
  request.outputs = {signature.outputs[1].name};
  const auto outcome = (*service)->infer(std::move(request));
  ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
  ASSERT_EQ(outcome->outputs.size(), 1U);
  EXPECT_EQ(outcome->outputs[0].name, signature.outputs[1].name);
  EXPECT_EQ(outcome->outputs[0].tensor.shape()[0], 2);
}

TEST(ModelService, keeps_the_elements_of_strings_apart) {
  ServiceOptions options;
  options.max_queue_delay = std::chrono::hours(1);
  auto service = ModelService::open(kSource + "/tests/models/identity_string.onnx", options);
  ASSERT_TRUE(service.ok()) << service.status().to_string();
  const std::string& name = (*service)->config().inputs[0].name;
  const std::string_view first[] = {"a", "", std::string_view("x\0y", 3),
                                    "long enough to leave the small-string buffer"};
  const std::string_view second[] = {"", "b", "cc", "ddd"};
  std::vector<std::future<Result<InferResponse>>> futures;
  for (const auto& strings : {std::span(first), std::span(second)}) {
    InferRequest request;
    auto tensor = Tensor::of_strings(Shape{1, 4}, strings);
    ASSERT_TRUE(tensor.ok());
    request.add_input(name, std::move(*tensor));
    futures.push_back((*service)->submit(std::move(request)));
  }
  (*service)->close();
  for (const auto& expected : {std::span(first), std::span(second)}) {
    const auto outcome = futures[expected.data() == first ? 0 : 1].get();
    ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
    EXPECT_EQ(outcome->batch.rows, 2);
    const auto elements = bytes_elements(outcome->outputs[0].tensor.view());
    ASSERT_TRUE(elements.ok());
    EXPECT_TRUE(std::equal(elements->begin(), elements->end(), expected.begin(), expected.end()));
  }
}

TEST(ModelService, does_not_share_batches_where_outputs_do_not_follow_the_rows) {
  auto service = ModelService::open(kSource + "/tests/models/batch_changing.onnx");
  ASSERT_TRUE(service.ok()) << service.status().to_string();
  EXPECT_FALSE((*service)->config().dynamic_batching);
}

TEST(ModelService, refuses_broken_models_in_one_line_that_names_the_file) {
  const std::string models = kSource + "/tests/models/";
  for (const char* name :
       {"corrupt.onnx", "empty.onnx", "not_onnx.onnx", "unknown_op.onnx", "sequence_input.onnx",
        "external_absolute.onnx", "external_missing.onnx", "external_escape/model.onnx",
        "external_symlink/model.onnx", "external_in_subgraph/model.onnx",
        "external_in_constant/model.onnx", "there_is_no_such.onnx"}) {
    const std::string message = error_of(models + name);
    EXPECT_TRUE(one_line(message)) << name << ": " << message;
    EXPECT_NE(message.find(name), std::string::npos) << name << ": " << message;
  }
}

TEST(ModelService, opens_external_data_that_lies_inside_the_folder) {
  auto service = ModelService::open(kSource + "/tests/models/external_ok/model.onnx");
  EXPECT_TRUE(service.ok()) << service.status().to_string();
}

TEST(ModelService, refuses_to_batch_a_fixed_batch_axis) {
  ServiceOptions options;
  options.max_batch_size = 8;
  const auto service = ModelService::open(kSource + "/tests/models/fixed_batch_4.onnx", options);
  ASSERT_FALSE(service.ok());
  EXPECT_NE(service.status().message().find("[4,1,28,28]"), std::string::npos)
      << service.status().message();
}

TEST(ModelService, refuses_a_batch_size_of_zero) {
  ServiceOptions options;
  options.max_batch_size = 0;
  const auto service = ModelService::open(kSource + "/models/lenet", options);
  ASSERT_FALSE(service.ok());
  EXPECT_NE(service.status().message().find("batch size of 0"), std::string::npos);
}

}  // namespace
}  // namespace muster
