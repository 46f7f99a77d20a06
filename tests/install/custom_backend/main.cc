// SPDX-License-Identifier: Apache-2.0
// A backend written by a user, against the installed headers alone: it doubles three numbers.
// custom_backend FOLDER: makes a model folder below FOLDER and runs it.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include <muster/service.h>

namespace {

using muster::Result;
using muster::Shape;
using muster::Status;

class DoublingSession final : public muster::Session {
 public:
  Result<std::span<std::byte>> prepare_input(std::size_t, const Shape& shape,
                                             std::size_t size) override {
    auto tensor = muster::Tensor::allocate(muster::DataType::kFp32, shape, size);
    if (!tensor.ok()) return tensor.status();
    values_ = std::move(*tensor);
    return values_.bytes();
  }
  Status run() override {
    for (float& value : values_.elements<float>())
      value *= 2;
    return {};
  }
  Result<muster::TensorView> output(std::size_t) override { return values_.view(); }

 private:
  muster::Tensor values_;
};

class DoublingModel final : public muster::CompiledModel {
 public:
  DoublingModel() {
    signature_.inputs = {{"in", muster::DataType::kFp32, Shape{-1, 3}, {}}};
    signature_.outputs = {{"out", muster::DataType::kFp32, Shape{-1, 3}, {}}};
  }
  const muster::ModelSignature& signature() const override { return signature_; }
  Result<std::unique_ptr<muster::Session>> new_session() const override {
    return std::make_unique<DoublingSession>();
  }
  bool sessions_are_thread_bound() const override { return false; }

 private:
  muster::ModelSignature signature_;
};

class DoublingBackend final : public muster::Backend {
 public:
  std::string_view name() const override { return "doubling"; }
  std::string version() const override { return "Doubling 1"; }
  Result<std::shared_ptr<const muster::CompiledModel>> load(const muster::ModelSource&) override {
    return std::make_shared<DoublingModel>();
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto folder = std::filesystem::path(argv[1]) / "doubling_model";
  std::filesystem::create_directories(folder / "1");
  std::ofstream(folder / "1" / "model.onnx") << "not looked at";

  muster::ServiceOptions options;
  options.backend = std::make_shared<DoublingBackend>();
  auto service = muster::ModelService::open(folder.string(), options);
  if (!service.ok()) return std::cerr << service.status().to_string() << "\n", 1;
  const float row[] = {1, 2, 3};
  muster::InferRequest request;
  request.add_input("in", muster::TensorView{muster::DataType::kFp32, Shape{1, 3},
                                             std::as_bytes(std::span(row))});
  const auto outcome = (*service)->infer(std::move(request));
  if (!outcome.ok()) return std::cerr << outcome.status().to_string() << "\n", 1;
  std::cout << "doubled:";
  for (const float value : outcome->find("out")->elements<float>())
    std::cout << " " << value;
  std::cout << "\n";
}
