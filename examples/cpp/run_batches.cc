// SPDX-License-Identifier: Apache-2.0
// run_batches MODEL: batches of 1, 2, 4 and 8 in bound memory, with ONNX Runtime alone and with
// Muster.
#include <algorithm>
#include <string>

#include "tutorial.h"

// [start onnxruntime]
#include <onnxruntime_cxx_api.h>

// One batch size of one session, with memory of its own: fill `images`, run, read `scores`. The
// vectors are bound where they are, so that they are written into and never replaced.
class BoundBatch {
 public:
  BoundBatch(Ort::Session& session, std::int64_t rows)
      : images(static_cast<std::size_t>(rows) * 28 * 28),
        scores(static_cast<std::size_t>(rows) * 10),
        session_(session),
        binding_(session) {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
    const std::int64_t in[] = {rows, 1, 28, 28};
    const std::int64_t out[] = {rows, 10};
    binding_.BindInput(
        "input", Ort::Value::CreateTensor<float>(memory, images.data(), images.size(), in, 4));
    binding_.BindOutput(
        "output", Ort::Value::CreateTensor<float>(memory, scores.data(), scores.size(), out, 2));
  }
  void run() { session_.Run(Ort::RunOptions{nullptr}, binding_); }  // no memory, no copy

  std::vector<float> images;
  std::vector<float> scores;

 private:
  Ort::Session& session_;
  Ort::IoBinding binding_;
};

Ort::Session open_session(const Ort::Env& environment, const std::string& folder) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  return {environment, (folder + "/1/model.onnx").c_str(), options};
}
// [end onnxruntime]

// [start muster]
// Scores of the images, which nobody copies before they are in the runtime's memory.
std::vector<float> run_with_muster(const std::string& folder, std::span<const float> images) {
  auto service = tutorial::need(muster::ModelService::open(folder));
  const auto rows = static_cast<std::int64_t>(images.size()) / tutorial::kPixels;
  muster::InferRequest request;
  request.add_input("input",
                    muster::TensorView{muster::DataType::kFp32, muster::Shape{rows, 1, 28, 28},
                                       std::as_bytes(images)});
  const auto response = tutorial::need(service->infer(std::move(request)));
  const auto scores = response.find("output")->elements<float>();
  return {scores.begin(), scores.end()};
}
// [end muster]

int main(int argc, char** argv) try {
  if (argc != 2) return std::cerr << "usage: run_batches MODEL\n", 2;
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);  // read when the environment is made
  const Ort::Env environment;
  auto session = open_session(environment, argv[1]);
  for (const std::int64_t rows : {1, 2, 4, 8}) {
    BoundBatch batch(session, rows);
    std::ranges::copy(tutorial::made_up_rows(rows), batch.images.begin());
    batch.run();
    const float apart =
        tutorial::furthest_apart(batch.scores, run_with_muster(argv[1], batch.images));
    std::cout << "batch " << rows << ": " << batch.scores.size() << " scores, at most " << apart
              << " apart\n";
    if (!(apart < 1e-4F)) return 1;
  }
} catch (const Ort::Exception& failure) {
  std::cerr << failure.what() << "\n";
  return 1;
}
