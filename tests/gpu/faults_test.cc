// SPDX-License-Identifier: Apache-2.0
// A GPU that is lost to the process, as every backend on it finds out. In a process of its own: it
// is of no use for anything after.
#include "serving/fault_watch.h"
#include "tests/gpu/illegal_access.h"
#include "tests/gpu/provider_models.h"

namespace muster::gpu_providers {
namespace {

constexpr int kIllegalAddress = 700;

struct OnTheGpu {
  std::string name;
  std::shared_ptr<const CompiledModel> model;
};

TEST(LostGpu, is_told_by_every_backend_and_fails_what_follows_at_once) {
  std::vector<OnTheGpu> models;
  for (const char* const provider : {"cuda", "tensorrt"})
    models.push_back({provider, Loaded({accelerator(provider)}).model});
  const std::shared_ptr<Backend> native = open_backend("tensorrt").value();
  ModelConfig config;
  config.batching.max_batch_size = 8;
  models.push_back({"native", native->load({lenet_file(), &config}).value()});

  std::vector<std::string> reasons(models.size());
  std::vector<std::unique_ptr<Session>> sessions;
  for (std::size_t i = 0; i < models.size(); ++i) {
    ASSERT_NE(models[i].model, nullptr) << models[i].name;
    const auto watched =
        watch_faults(models[i].model, [&reasons, i](const std::string& why) { reasons[i] = why; });
    sessions.push_back(watched->new_session().value());
    ASSERT_TRUE(run_digits(*sessions[i], 2, 1).ok()) << models[i].name;
  }

  ASSERT_EQ(access_illegally(0), kIllegalAddress);

  for (std::size_t i = 0; i < models.size(); ++i) {
    const auto first = run_digits(*sessions[i], 2, 1);
    EXPECT_EQ(first.status().code(), StatusCode::kInternal)
        << models[i].name << ": " << first.status().to_string();
    EXPECT_NE(reasons[i], "") << models[i].name;
    std::printf("%s: %s\n", models[i].name.c_str(), reasons[i].c_str());
    EXPECT_EQ(run_digits(*sessions[i], 2, 1).status().code(), StatusCode::kUnavailable)
        << models[i].name;
  }
}

}  // namespace
}  // namespace muster::gpu_providers
