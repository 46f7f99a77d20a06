// SPDX-License-Identifier: Apache-2.0
// dump_outputs MODEL ROWS: reads ROWS rows of little-endian FP32 for the model's only input from
// stdin, hands them in as single-row requests, all waiting together, and writes the first
// output's rows, in the same order, to stdout. For compare_with_onnxruntime.py.
#include <cstdio>
#include <cstdlib>
#include <future>
#include <vector>

#include <muster/service.h>

namespace {

int fail(const muster::Status& status) {
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto service = muster::ModelService::open(argv[1]);
  if (!service.ok()) return fail(service.status());
  const muster::TensorSpec& input = (*service)->config().inputs.front();
  muster::Shape shape = input.shape;
  shape.set(0, 1);

  std::vector<std::future<muster::Result<muster::InferResponse>>> futures;
  for (long row = 0; row < std::atol(argv[2]); ++row) {
    auto tensor = muster::Tensor::allocate(input.type, shape);
    if (!tensor.ok()) return fail(tensor.status());
    if (std::fread(tensor->bytes().data(), 1, tensor->bytes().size(), stdin) !=
        tensor->bytes().size()) {
      return 2;
    }
    muster::InferRequest request;
    request.add_input(input.name, std::move(*tensor));
    futures.push_back((*service)->submit(std::move(request)));
  }
  for (auto& future : futures) {
    const auto outcome = future.get();
    if (!outcome.ok()) return fail(outcome.status());
    const auto bytes = outcome->outputs.front().tensor.bytes();
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  }
  return 0;
}
