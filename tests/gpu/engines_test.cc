// SPDX-License-Identifier: Apache-2.0
// Profiles, the folder of what was built, and model.plan.
#include <filesystem>
#include <fstream>

#include "tests/gpu/model_on_gpu.h"

namespace muster::tensorrt {
namespace {

namespace fs = std::filesystem;

class Quiet final : public CompileListener {
 public:
  bool on_progress(const CompileProgress& progress) override {
    EXPECT_GE(progress.done, done);
    EXPECT_LE(progress.done, 1);
    done = progress.done;
    ++calls;
    return calls < stop_at;
  }
  double done = 0;
  int calls = 0;
  int stop_at = 1 << 30;
};

TEST(Profiles, take_every_batch_of_theirs_and_no_other) {
  ModelOnGpu loaded(lenet_file(), {{"precision", "fp32"}, {"profiles", "1:4:8;9:16:32"}}, 32);
  ModelOnGpu plain(lenet_file(), {{"precision", "fp32"}});
  const auto session = loaded.model->new_session().value();
  const auto other = plain.model->new_session().value();
  EXPECT_EQ(loaded.model->batch_range().max, 32);
  std::uint32_t seed = 0;
  for (const std::int64_t rows : {1, 32, 8, 9, 31, 2, 16, 7}) {
    ++seed;
    ASSERT_NO_FATAL_FAILURE(
        expect_near(run_digits(*session, rows, seed), run_digits(*other, rows, seed), 1e-4))
        << rows;
  }
  const auto refused = run_digits(*session, 33, 1);
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.status().message().find("32"), std::string_view::npos)
      << refused.status().message();
}

TEST(Engines, are_built_once_and_never_used_when_they_are_damaged) {
  const onnx::TemporaryFolder folder;
  const auto backend = create_backend().value();
  ModelConfig config;
  config.batching.max_batch_size = 8;
  ModelSource source{lenet_file(), &config};
  source.compiled_cache = folder.path().string();
  EXPECT_TRUE(backend->must_compile(source).value());
  Quiet listener;
  const Result<CompiledFile> first = backend->compile(source, "", listener);
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_GT(first->time.count(), 0);
  EXPECT_GT(listener.calls, 0);
  EXPECT_FALSE(backend->must_compile(source).value());
  Quiet second;
  EXPECT_EQ(backend->compile(source, "", second)->time.count(), 0);
  EXPECT_TRUE(backend->forget_compiled(source).ok());
  EXPECT_TRUE(backend->must_compile(source).value());
  Quiet anew;
  EXPECT_GT(backend->compile(source, "", anew)->time.count(), 0);

  std::string entry;
  for (const auto& file : fs::directory_iterator(folder.path())) {
    if (file.path().extension() == ".engine") entry = file.path();
  }
  ASSERT_FALSE(entry.empty());
  {
    std::fstream file(entry, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(entry) / 2));
    file.put('x');
    file.put('y');
  }
  Quiet third;
  const Result<CompiledFile> again = backend->compile(source, "", third);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_GT(again->time.count(), 0);
}

TEST(Engines, leave_nothing_behind_when_they_are_given_up) {
  const onnx::TemporaryFolder folder;
  const auto backend = create_backend().value();
  ModelConfig config;
  config.batching.max_batch_size = 8;
  ModelSource source{lenet_file(), &config};
  source.compiled_cache = folder.path().string();
  Quiet listener;
  listener.stop_at = 2;
  const std::string output = (folder.path() / "out.plan").string();
  const Result<CompiledFile> stopped = backend->compile(source, output, listener);
  EXPECT_EQ(stopped.status().code(), StatusCode::kCancelled) << stopped.status().to_string();
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Engines, run_from_a_file_of_their_own) {
  const onnx::TemporaryFolder folder;
  ModelOnGpu built(lenet_file(), {{"precision", "fp32"}});
  Quiet listener;
  const std::string plan = (folder.path() / "model.plan").string();
  const Result<CompiledFile> written = built.backend->compile(built.source, plan, listener);
  ASSERT_TRUE(written.ok()) << written.status().to_string();
  EXPECT_EQ(written->bytes, fs::file_size(plan));
  ModelOnGpu read(plan);
  EXPECT_EQ(read.model->precision(), "f32");
  EXPECT_GT(read.model->device_memory().weights, 0U);
  const auto a = built.model->new_session().value();
  const auto b = read.model->new_session().value();
  expect_near(run_digits(*b, 5, 1), run_digits(*a, 5, 1), 0);
  EXPECT_GT(read.model->device_memory().sessions, 0U);
}

TEST(Engines, that_are_none_are_refused_in_words) {
  const onnx::TemporaryFolder folder;
  const auto backend = create_backend().value();
  const std::string none = folder.write("none.plan", "this is no engine, whoever wrote it");
  const ModelConfig config;
  for (const std::string& file : {none, folder.write("empty.plan", "")}) {
    const auto refused = backend->load({file, &config});
    // TensorRT does not tell a plan of another version from a file that is no plan at all.
    EXPECT_TRUE(refused.status().code() == StatusCode::kInvalidArgument ||
                refused.status().code() == StatusCode::kFailedPrecondition)
        << refused.status().to_string();
    EXPECT_NE(refused.status().message().find(file), std::string_view::npos);
  }
  const auto missing = backend->load({none + ".not.plan", &config});
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound) << missing.status().to_string();
}

}  // namespace
}  // namespace muster::tensorrt
