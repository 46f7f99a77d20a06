// SPDX-License-Identifier: Apache-2.0
// A repository with real models on the installed backends, replaced while it is asked.
#include "serving/local_service.h"

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

class Repository : public ::testing::Test {
 protected:
  Repository()
      : root_(fs::path(::testing::TempDir()) /
              (std::string("muster_repository_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~Repository() override { fs::remove_all(root_); }

  void add_lenet() const {
    fs::copy(MUSTER_SOURCE_DIR "/models/lenet", root_ / "lenet", fs::copy_options::recursive);
  }
  void start() {
    LocalServiceOptions options = options_;
    options.repositories = {root_.string()};
    options.control = ModelControlMode::kExplicit;
    options.load_models = {"*"};
    auto started = LocalService::start(options, steady_clock());
    ASSERT_TRUE(started.ok()) << started.status().to_string();
    service_ = *std::move(started);
    for (const ModelIndexEntry& failed : service_->await_loaded())
      ADD_FAILURE() << failed.name << ": " << failed.reason;
  }
  Result<InferResponse> infer(InferRequest request) {
    std::promise<Result<InferResponse>> promise;
    service_->infer(std::move(request), [&promise](Result<InferResponse> outcome) {
      promise.set_value(std::move(outcome));
    });
    return promise.get_future().get();
  }
  Status load(const std::string& model) {
    std::promise<Status> promise;
    service_->load(model, std::nullopt,
                   [&promise](Status status) { promise.set_value(std::move(status)); });
    return promise.get_future().get();
  }

  const fs::path root_;
  LocalServiceOptions options_;
  std::unique_ptr<LocalService> service_;
};

InferRequest lenet_request() {
  InferRequest request;
  request.model = "lenet";
  auto tensor = Tensor::allocate(DataType::kFp32, Shape{1, 1, 28, 28});
  std::size_t index = 0;
  for (float& value : tensor->elements<float>())
    value = static_cast<float>(index++ % 7) / 7;
  request.add_input("input", std::move(*tensor));
  return request;
}

// Alone in its batch, so that no other row can change the last digit.
TEST_F(Repository, answers_bit_for_bit_the_same_through_reloads) {
  add_lenet();
  std::ofstream(root_ / "lenet/config.pbtxt") << "max_batch_size: 1\n";
  start();
  ASSERT_NE(service_, nullptr);
  const auto first = infer(lenet_request());
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  const std::span<const std::byte> expected = first->outputs.front().tensor.bytes();

  std::atomic<bool> stop{false};
  std::atomic<int> right{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto outcome = infer(lenet_request());
        const bool same =
            outcome.ok() && std::memcmp(outcome->outputs.front().tensor.bytes().data(),
                                        expected.data(), expected.size()) == 0;
        ++(same ? right : wrong);
      }
    });
  }
  for (int reload = 0; reload < 5; ++reload)
    EXPECT_TRUE(load("lenet").ok());
  while (right + wrong == 0)
    std::this_thread::yield();
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_GT(right, 0);
  EXPECT_EQ(wrong, 0);
}

TEST_F(Repository, serves_tritons_identity_from_a_configuration_and_an_empty_version) {
  fs::create_directories(root_ / "identity/1");
  std::ofstream(root_ / "identity/config.pbtxt")
      << "backend: \"identity\" max_batch_size: 8\n"
         "input { name: \"INPUT0\" data_type: TYPE_INT32 dims: [ 4 ] }\n"
         "output { name: \"OUTPUT0\" data_type: TYPE_INT32 dims: [ 4 ] }\n"
         "parameters { key: \"execute_delay_ms\" value { string_value: \"1\" } }\n";
  start();
  ASSERT_NE(service_, nullptr);
  InferRequest request;
  request.model = "identity";
  auto tensor = Tensor::allocate(DataType::kInt32, Shape{1, 4});
  for (std::int32_t& value : tensor->elements<std::int32_t>())
    value = 7;
  request.add_input("INPUT0", std::move(*tensor));
  const auto outcome = infer(std::move(request));
  ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
  EXPECT_EQ(outcome->find("OUTPUT0")->elements<std::int32_t>()[3], 7);
}

TEST_F(Repository, takes_a_model_out_of_service_that_its_backend_calls_broken) {
  fs::create_directories(root_ / "fragile/1");
  std::ofstream(root_ / "fragile/1/model.script")
      << "input x FP32 [-1,1]\noutput y FP32 [-1,1]\nbreak at 2 the device is gone\n";
  std::vector<std::string> broken;
  options_.on_broken = [&](const std::string& model, const std::string& reason) {
    broken.push_back(model + ": " + reason);
  };
  start();
  ASSERT_NE(service_, nullptr);
  const auto request = [] {
    InferRequest made;
    made.model = "fragile";
    auto tensor = Tensor::allocate(DataType::kFp32, Shape{1, 1});
    std::memset(tensor->bytes().data(), 0, tensor->bytes().size());
    made.add_input("x", std::move(*tensor));
    return made;
  };
  EXPECT_TRUE(infer(request()).ok());
  EXPECT_EQ(infer(request()).status().code(), StatusCode::kInternal);
  EXPECT_EQ(infer(request()).status().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(service_->model_ready("fragile", 0).ok());
  EXPECT_EQ(broken, std::vector<std::string>{"fragile: the device is gone"});
  EXPECT_TRUE(load("fragile").ok());
  EXPECT_TRUE(infer(request()).ok());
}

}  // namespace
}  // namespace muster
