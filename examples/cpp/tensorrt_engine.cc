// SPDX-License-Identifier: Apache-2.0
// tensorrt_engine MODEL ENGINE.plan: builds an engine for the GPU of this machine and runs it.
#include <filesystem>
#include <fstream>
#include <string>

#include "tutorial.h"

// [start engine]
class Progress final : public muster::CompileListener {
  bool on_progress(const muster::CompileProgress& now) override {
    std::cerr << static_cast<int>(now.done * 100) << "% " << now.phase << "\n";
    return true;  // false would stop it
  }
};

// An engine for batches of 1 to 64, made for 8, in half precision where that is faster.
muster::Result<muster::CompiledFile> build(const std::string& folder, const std::string& file) {
  muster::CompileOptions options;
  options.output = file;
  options.parameters = {{"profiles", "1:8:64"}, {"precision", "fp16"}};
  Progress progress;
  return muster::compile_model(folder, options, progress);
}
// [end engine]

std::vector<float> run(muster::ModelService& service, std::int64_t rows) {
  const auto images = tutorial::made_up_rows(rows);
  muster::InferRequest request;
  request.add_input("input",
                    muster::TensorView{muster::DataType::kFp32, muster::Shape{rows, 1, 28, 28},
                                       std::as_bytes(std::span(images))});
  const auto response = tutorial::need(service.infer(std::move(request)));
  const auto scores = response.find("output")->elements<float>();
  return {scores.begin(), scores.end()};
}

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: tensorrt_engine MODEL ENGINE.plan\n", 2;
  const auto engine = build(argv[1], argv[2]);
  if (!engine.ok()) {
    const auto code = engine.status().code();
    const bool missing = code == muster::StatusCode::kFailedPrecondition ||
                         code == muster::StatusCode::kUnavailable ||
                         code == muster::StatusCode::kUnimplemented;
    std::cout << (missing ? "SKIPPED: no engine can be built here: " : "")
              << engine.status().to_string() << "\n";
    return missing ? 0 : 1;
  }
  std::cout << engine->file << ": " << engine->summary << "\n";
  auto reference = tutorial::need(muster::ModelService::open(argv[1]));
  auto on_gpu = tutorial::need(muster::ModelService::open(argv[2]));
  for (const std::int64_t rows : {1, 2, 4, 8})
    std::cout << "batch " << rows << ": at most "
              << tutorial::furthest_apart(run(*on_gpu, rows), run(*reference, rows))
              << " from ONNX Runtime\n";
}
