// SPDX-License-Identifier: Apache-2.0
// train DIGITS FOLDER: trains LeNet on a folder of pictures, each named after its digit, and writes
// it as a model folder: 1/model.onnx with an open batch axis, labels.txt, config.pbtxt.
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include <muster/image.h>

#include "lenet.h"
#include "onnx_writer.h"
#include "tutorial.h"

namespace {

namespace fs = std::filesystem;
using tutorial::LeNet, tutorial::OnnxWriter, tutorial::Values, tutorial::Weights;

// [start digits]
struct Digits {
  std::vector<Values> pixels;       // of 28 x 28, from 0 to 1
  std::vector<std::size_t> digits;  // 7_12.png is a seven
};

Digits read_digits(const fs::path& folder) {
  muster::ImagePreprocessing gray;  // what config.pbtxt will say
  gray.color = muster::ImagePreprocessing::Color::kGrayscale;
  gray.height = gray.width = 28;
  std::vector<fs::path> files(fs::directory_iterator(folder), {});
  std::ranges::sort(files);
  Digits found;
  for (const fs::path& file : files) {
    if (file.extension() != ".png") continue;
    const auto bytes = tutorial::need(muster::read_picture_file(file.string()));
    Values row(tutorial::kPixels);
    const auto read =
        muster::file_to_row(bytes.bytes(), gray, std::as_writable_bytes(std::span(row)));
    if (!read.ok()) continue;
    found.pixels.push_back(std::move(row));
    found.digits.push_back(static_cast<std::size_t>(file.filename().string()[0] - '0'));
  }
  return found;
}
// [end digits]

// The same digit a pixel or two aside, so that a few of them teach as much as many.
Values shifted(const Values& pixels, std::mt19937& random) {
  std::uniform_int_distribution<std::size_t> move(0, 4);
  const std::size_t down = move(random) + 26;
  const std::size_t right = move(random) + 26;
  Values moved(pixels.size());
  for (std::size_t y = 0; y < 28; ++y)
    for (std::size_t x = 0; x < 28; ++x)
      moved[(y + down) % 28 * 28 + (x + right) % 28] = pixels[y * 28 + x];
  return moved;
}

// The gradient of the cross entropy by the scores: probabilities, less one where the digit is.
Values loss_gradient(const Values& scores, std::span<const std::size_t> digits) {
  Values gradient = scores;
  for (std::size_t row = 0; row < digits.size(); ++row) {
    const std::span<float> one(&gradient[row * 10], 10);
    const float most = *std::ranges::max_element(one);
    for (float& value : one)
      value = std::exp(value - most);
    const float sum = std::accumulate(one.begin(), one.end(), 0.0F);
    for (float& value : one)
      value /= sum * static_cast<float>(digits.size());
    one[digits[row]] -= 1.0F / static_cast<float>(digits.size());
  }
  return gradient;
}

void adam(Weights& weights, int step, float rate = 2e-3F) {
  const float mean_scale = 1 - std::pow(0.9F, static_cast<float>(step));
  const float square_scale = 1 - std::pow(0.999F, static_cast<float>(step));
  for (std::size_t i = 0; i < weights.values.size(); ++i) {
    float& gradient = weights.gradient[i];
    weights.mean[i] = 0.9F * weights.mean[i] + 0.1F * gradient;
    weights.square[i] = 0.999F * weights.square[i] + 0.001F * gradient * gradient;
    weights.values[i] -=
        rate * weights.mean[i] / mean_scale / (std::sqrt(weights.square[i] / square_scale) + 1e-8F);
    gradient = 0;
  }
}

// [start train]
void train(LeNet& model, const Digits& known, std::mt19937& random, int steps = 300) {
  constexpr std::size_t kRows = 32;
  std::uniform_int_distribution<std::size_t> any(0, known.digits.size() - 1);
  for (int step = 1; step <= steps; ++step) {
    Values pixels;
    std::vector<std::size_t> digits;
    for (std::size_t row = 0; row < kRows; ++row) {
      const std::size_t one = any(random);
      const Values moved = shifted(known.pixels[one], random);
      pixels.insert(pixels.end(), moved.begin(), moved.end());
      digits.push_back(known.digits[one]);
    }
    const Values scores = model.forward(std::move(pixels), kRows);
    model.backward(loss_gradient(scores, digits), kRows);
    for (Weights* weights : model.weights())
      adam(*weights, step);
  }
}
// [end train]

std::size_t count_right(LeNet& model, const Digits& known) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < known.digits.size(); ++i) {
    const Values scores = model.forward(known.pixels[i], 1);
    right += static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin()) ==
             known.digits[i];
  }
  return right;
}

// [start export]
std::string onnx_file(const LeNet& model) {
  OnnxWriter onnx;
  onnx.input("input", {1, 28, 28});
  onnx.output("output", {10});
  const auto weights = model.weights();
  onnx.weights("conv1.weight", {6, 1, 5, 5}, weights[0]->values);
  onnx.weights("conv1.bias", {6}, weights[1]->values);
  onnx.weights("conv2.weight", {16, 6, 5, 5}, weights[2]->values);
  onnx.weights("conv2.bias", {16}, weights[3]->values);
  onnx.weights("fc1.weight", {120, 256}, weights[4]->values);
  onnx.weights("fc1.bias", {120}, weights[5]->values);
  onnx.weights("fc2.weight", {84, 120}, weights[6]->values);
  onnx.weights("fc2.bias", {84}, weights[7]->values);
  onnx.weights("fc3.weight", {10, 84}, weights[8]->values);
  onnx.weights("fc3.bias", {10}, weights[9]->values);

  const OnnxWriter::Attribute kernel = {"kernel_shape", {5, 5}};
  const OnnxWriter::Attribute window = {"kernel_shape", {2, 2}};
  const OnnxWriter::Attribute strides = {"strides", {2, 2}};
  const OnnxWriter::Attribute rows_first = {"transB", {1}, false};
  onnx.operation("Conv", {"input", "conv1.weight", "conv1.bias"}, "conv1", {kernel});
  onnx.operation("Relu", {"conv1"}, "relu1");
  onnx.operation("MaxPool", {"relu1"}, "pool1", {window, strides});
  onnx.operation("Conv", {"pool1", "conv2.weight", "conv2.bias"}, "conv2", {kernel});
  onnx.operation("Relu", {"conv2"}, "relu2");
  onnx.operation("MaxPool", {"relu2"}, "pool2", {window, strides});
  onnx.operation("Flatten", {"pool2"}, "flat");  // keeps the first axis, whatever its size
  onnx.operation("Gemm", {"flat", "fc1.weight", "fc1.bias"}, "fc1", {rows_first});
  onnx.operation("Relu", {"fc1"}, "relu3");
  onnx.operation("Gemm", {"relu3", "fc2.weight", "fc2.bias"}, "fc2", {rows_first});
  onnx.operation("Relu", {"fc2"}, "relu4");
  onnx.operation("Gemm", {"relu4", "fc3.weight", "fc3.bias"}, "output", {rows_first});
  return onnx.file("lenet");
}

void write_folder(const LeNet& model, const fs::path& folder) {
  fs::create_directories(folder / "1");
  std::ofstream(folder / "1" / "model.onnx", std::ios::binary) << onnx_file(model);
  std::ofstream labels(folder / "labels.txt");
  for (int digit = 0; digit < 10; ++digit)
    labels << digit << "\n";
  std::ofstream(folder / "config.pbtxt") << R"(max_batch_size: 64
output { name: "output" data_type: TYPE_FP32 dims: [ 10 ] label_filename: "labels.txt" }
dynamic_batching { }
parameters { key: "image.color" value { string_value: "grayscale" } }
parameters { key: "image.scale" value { string_value: "1/255" } }
parameters { key: "classification.activation" value { string_value: "softmax" } }
)";
}
// [end export]

// [start check]
// The folder at several batch sizes, held against the network itself.
float check(LeNet& model, const fs::path& folder) {
  auto service = tutorial::need(muster::ModelService::open(folder.string()));
  float apart = 0;
  for (const std::int64_t rows : {1, 2, 3, 8}) {
    const Values pixels = tutorial::made_up_rows(rows);
    muster::InferRequest request;
    request.add_input("input",
                      muster::TensorView{muster::DataType::kFp32, muster::Shape{rows, 1, 28, 28},
                                         std::as_bytes(std::span(pixels))});
    const auto response = tutorial::need(service->infer(std::move(request)));
    apart = std::max(apart,
                     tutorial::furthest_apart(model.forward(pixels, static_cast<std::size_t>(rows)),
                                              response.find("output")->elements<float>()));
  }
  return apart;
}
// [end check]

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: train DIGITS FOLDER\n", 2;
  std::mt19937 random(1998);
  const Digits known = read_digits(argv[1]);
  if (known.digits.empty()) return std::cerr << argv[1] << " has no pictures\n", 1;
  LeNet model(random);
  train(model, known, random);
  std::cout << "trained: " << count_right(model, known) << " of " << known.digits.size()
            << " digits right\n";
  write_folder(model, argv[2]);
  const float apart = check(model, argv[2]);
  std::cout << argv[2] << ": at most " << apart << " from the network\n";
  return apart < 1e-3F ? 0 : 1;
}
