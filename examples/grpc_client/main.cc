// SPDX-License-Identifier: Apache-2.0
// grpc_client ADDRESS MODEL PICTURE...: classifies pictures of digits on a server, all at the same
// time. ADDRESS is HOST:PORT or unix:PATH.
// [start example]
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include <muster/image.h>

#include "open_inference.grpc.pb.h"

namespace {

// What the model's card says: gray, 28 x 28, pixels from 0 to 1.
std::string row_of(const std::string& path) {
  muster::ImagePreprocessing digit;
  digit.color = muster::ImagePreprocessing::Color::kGrayscale;
  digit.height = digit.width = 28;
  std::string row(28 * 28 * sizeof(float), '\0');
  const auto file = muster::read_picture_file(path);
  if (!file.ok()) return "";
  const auto read =
      muster::file_to_row(file->bytes(), digit, std::as_writable_bytes(std::span(row)));
  return read.ok() ? row : "";
}

std::string classify(inference::GRPCInferenceService::Stub& server, const std::string& model,
                     const std::string& path) {
  inference::ModelInferRequest request;
  request.set_model_name(model);
  auto& input = *request.add_inputs();
  input.set_name("input");
  input.set_datatype("FP32");
  for (const int dimension : {1, 1, 28, 28})
    input.add_shape(dimension);
  request.add_raw_input_contents(row_of(path));
  auto& output = *request.add_outputs();
  output.set_name("output");
  (*output.mutable_parameters())["classification"].set_int64_param(1);

  grpc::ClientContext context;
  inference::ModelInferResponse response;
  const grpc::Status status = server.ModelInfer(&context, request, &response);
  if (!status.ok()) return "failed: " + status.error_message();
  const std::string& best = response.raw_output_contents(0);  // length, "SCORE:INDEX:LABEL"
  return best.substr(best.rfind(':') + 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto channel = grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials());
  const auto server = inference::GRPCInferenceService::NewStub(channel);
  std::vector<std::string> answers(static_cast<std::size_t>(argc));
  std::vector<std::jthread> callers;  // what arrives together is run together
  for (std::size_t i = 3; i < answers.size(); ++i)
    callers.emplace_back([&, i] { answers[i] = classify(*server, argv[2], argv[i]); });
  callers.clear();  // waits for all of them
  bool all = true;
  for (std::size_t i = 3; i < answers.size(); ++i) {
    std::cout << argv[i] << ": " << answers[i] << "\n";
    all = all && !answers[i].starts_with("failed");
  }
  return all ? 0 : 1;
}
// [end example]
