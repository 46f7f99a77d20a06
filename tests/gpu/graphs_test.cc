// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include <cuda_runtime_api.h>

#include "tests/gpu/model_on_gpu.h"

namespace muster::tensorrt {
namespace {

TEST(Graphs, give_what_plain_runs_give_in_any_order_of_sizes) {
  ModelOnGpu with(lenet_file(), {{"precision", "fp32"}});
  ModelOnGpu without(lenet_file(), {{"precision", "fp32"}, {"graphs", "false"}});
  const auto graphs = with.model->new_session().value();
  const auto plain = without.model->new_session().value();
  std::mt19937 random(3);
  std::uniform_int_distribution<std::int64_t> any(1, 64);
  for (std::uint32_t i = 0; i < 300; ++i) {
    const std::int64_t rows = any(random);
    ASSERT_NO_FATAL_FAILURE(
        expect_near(run_digits(*graphs, rows, i), run_digits(*plain, rows, i), 1e-4))
        << "batch " << i << " of " << rows;
  }
}

TEST(Graphs, give_a_row_the_same_whatever_is_beside_it) {
  ModelOnGpu loaded(lenet_file(), {{"precision", "fp32"}});
  const auto session = loaded.model->new_session().value();
  const auto alone = run_digits(*session, 1, 5);
  for (const std::int64_t rows : {2, 9, 11, 33, 64}) {
    auto all = run_digits(*session, rows, 5);
    ASSERT_TRUE(all.ok());
    all->resize(alone->size());
    expect_near(all, alone, 1e-4);
  }
}

TEST(Graphs, run_on_after_a_refused_batch) {
  ModelOnGpu loaded(lenet_file(), {{"precision", "fp32"}});
  const auto session = loaded.model->new_session().value();
  const auto before = run_digits(*session, 4, 1);
  const auto refused = run_digits(*session, 65, 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument) << refused.status().to_string();
  EXPECT_NE(refused.status().message().find("64"), std::string_view::npos)
      << refused.status().message();
  expect_near(run_digits(*session, 4, 1), before, 0);
}

// Another library's thread that records graphs in CUDA's default mode, over and over.
class Recorder {
 public:
  Recorder() : thread_([this] { record(); }) {
    while (recorded_ == 0 && fault_ == 0)
      std::this_thread::yield();
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() { static_cast<void>(end()); }

  // The first error of CUDA's; 0 = none.
  [[nodiscard]] int end() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
    return fault_;
  }

 private:
  void record() {
    constexpr std::size_t kSize = 4096;
    constexpr int kSteps = 200;  // so that it takes a while
    void* memory = nullptr;
    cudaStream_t stream = nullptr;
    fault_ = cudaMalloc(&memory, kSize);
    if (fault_ == 0) fault_ = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    while (!ended_ && fault_ == 0) {
      int error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
      for (int i = 0; i < kSteps && error == 0; ++i)
        error = cudaMemsetAsync(memory, i, kSize, stream);
      cudaGraph_t graph = nullptr;
      const int noted = cudaStreamEndCapture(stream, &graph);
      if (graph != nullptr) (void)cudaGraphDestroy(graph);
      fault_ = error != 0 ? error : noted;
      ++recorded_;
    }
    (void)cudaStreamDestroy(stream);
    (void)cudaFree(memory);
  }

  std::atomic<bool> ended_{false};
  std::atomic<int> fault_{0};
  std::atomic<int> recorded_{0};
  std::thread thread_;
};

TEST(Graphs, are_noted_and_run_while_somebody_else_records_some) {
  ModelOnGpu loaded(lenet_file(), {{"precision", "fp32"}});
  const auto wanted = run_digits(*loaded.model->new_session().value(), 6, 2);
  Recorder recorder;
  for (int i = 0; i < 5; ++i) {
    const auto session = loaded.model->new_session().value();
    for (int k = 0; k < 100; ++k)
      ASSERT_NO_FATAL_FAILURE(expect_near(run_digits(*session, 6, 2), wanted, 1e-5)) << k;
  }
  EXPECT_EQ(recorder.end(), 0);
}

TEST(Graphs, are_loaded_while_somebody_else_records_some) {
  ModelOnGpu loaded(lenet_file(), {{"precision", "fp32"}});
  const auto wanted = run_digits(*loaded.model->new_session().value(), 6, 2);
  Recorder recorder;
  for (int i = 0; i < 5; ++i) {
    ASSERT_NO_FATAL_FAILURE(loaded.load());
    const auto session = loaded.model->new_session().value();
    ASSERT_NO_FATAL_FAILURE(expect_near(run_digits(*session, 6, 2), wanted, 1e-4)) << i;
  }
  EXPECT_EQ(recorder.end(), 0);
}

TEST(Lanes, answer_side_by_side_what_each_was_asked) {
  ModelOnGpu loaded(lenet_file(), {{"precision", "fp32"}});
  const int lanes = loaded.model->sessions_per_instance();
  ASSERT_GE(lanes, 2);
  const auto reference = loaded.model->new_session().value();
  std::vector<std::vector<float>> wanted;
  for (std::uint32_t i = 0; i < 16; ++i)
    wanted.push_back(run_digits(*reference, 1 + i, i).value());
  std::vector<std::string> faults(static_cast<std::size_t>(lanes));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < faults.size(); ++t) {
    threads.emplace_back([&, t] {
      const auto session = loaded.model->new_session().value();
      for (std::uint32_t i = 0; i < 400; ++i) {
        const auto got = run_digits(*session, 1 + i % 16, i % 16);
        if (!got.ok()) faults[t] = got.status().to_string();
        if (!got.ok()) return;
        for (std::size_t at = 0; at < got->size(); ++at) {
          if (std::abs((*got)[at] - wanted[i % 16][at]) > 1e-4F) faults[t] = "another answer";
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(faults, std::vector<std::string>(faults.size()));
}

// Rows a second of so many threads, each with a session.
double rate_of(const CompiledModel& model, int threads, std::int64_t rows) {
  constexpr int kRuns = 400;
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < threads; ++i)
    sessions.push_back(model.new_session().value());
  const std::size_t size = static_cast<std::size_t>(rows) * kDigitPixels * sizeof(float);
  const auto run = [&](Session& session) {
    EXPECT_TRUE(session.prepare_input(0, {rows, 1, 28, 28}, size).ok());
    EXPECT_TRUE(session.run().ok());
  };
  for (const auto& session : sessions)
    run(*session);
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (const auto& session : sessions) {
    workers.emplace_back([&] {
      for (int i = 0; i < kRuns; ++i)
        run(*session);
    });
  }
  for (std::thread& worker : workers)
    worker.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  return static_cast<double>(threads) * kRuns * static_cast<double>(rows) / took.count();
}

TEST(Lanes, overlap_what_one_does_one_after_the_other) {
  ModelOnGpu loaded(lenet_file(), {}, 1024);
  const double one = rate_of(*loaded.model, 1, 1024);
  const double three = rate_of(*loaded.model, 3, 1024);
  RecordProperty("rows_per_s_of_one", std::to_string(one));
  RecordProperty("rows_per_s_of_three", std::to_string(three));
  std::printf("rows a second: %.0f with one lane, %.0f with three\n", one, three);
  EXPECT_GT(three, 1.2 * one);
}

TEST(Lanes, are_renewed_while_they_run) {
  ModelOnGpu loaded(lenet_file(), {{"precision", "fp32"}, {"context_max_requests", "10"}});
  const auto session = loaded.model->new_session().value();
  const auto wanted = run_digits(*session, 6, 2);
  for (int i = 0; i < 500; ++i)
    ASSERT_NO_FATAL_FAILURE(expect_near(run_digits(*session, 6, 2), wanted, 1e-5)) << i;
}

}  // namespace
}  // namespace muster::tensorrt
