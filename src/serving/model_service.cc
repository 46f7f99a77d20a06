// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <muster/service.h>

#include "base/clock.h"
#include "base/text.h"
#include "serving/class_scores.h"
#include "serving/picture_tensor.h"
#include "serving/served_model.h"

namespace muster {

struct ModelService::Parts {
  std::unique_ptr<ServedModel> model;
};

ModelService::ModelService(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ModelService::~ModelService() = default;

Result<std::unique_ptr<ModelService>> ModelService::open(const std::string& path,
                                                         const ServiceOptions& options) {
  auto parts = std::make_unique<Parts>();
  MUSTER_ASSIGN_OR_RETURN(parts->model, ServedModel::open(path, options, steady_clock()));
  return std::unique_ptr<ModelService>(new ModelService(std::move(parts)));
}

Result<InferResponse> ModelService::infer(InferRequest request) {
  return parts_->model->infer(std::move(request));
}

void ModelService::infer(InferRequest request, Completion completion) {
  parts_->model->infer(std::move(request), std::move(completion));
}

std::future<Result<InferResponse>> ModelService::submit(InferRequest request) {
  std::promise<Result<InferResponse>> promise;
  std::future<Result<InferResponse>> future = promise.get_future();
  parts_->model->infer(std::move(request),
                       [promise = std::move(promise)](Result<InferResponse> outcome) mutable {
                         promise.set_value(std::move(outcome));
                       });
  return future;
}

bool ModelService::cancel(RequestTicket ticket) {
  return parts_->model->cancel(ticket);
}

Result<std::vector<ClassScore>> ModelService::classify(std::span<const std::byte> picture,
                                                       std::size_t top_k) {
  MUSTER_ASSIGN_OR_RETURN(Tensor row, picture_tensor(picture, config(), parts_->model->stacked()));
  InferRequest request;
  request.add_input(config().inputs.front().name, std::move(row));
  MUSTER_ASSIGN_OR_RETURN(const InferResponse response, infer(std::move(request)));
  MUSTER_ASSIGN_OR_RETURN(auto rows, scores(response, top_k));
  return std::move(rows.front());
}

Result<Shape> ModelService::picture_shape(std::int64_t pictures) const {
  return picture_input_shape(config(), parts_->model->stacked(), pictures);
}

Result<std::vector<std::vector<ClassScore>>> ModelService::scores(const InferResponse& response,
                                                                  std::size_t top_k) const {
  return class_scores_of(response, config(), parts_->model->stacked(), top_k);
}

void ModelService::close() {
  parts_->model->close();
}

Result<std::shared_ptr<const ModelDescription>> ModelService::describe(std::string_view model,
                                                                       std::int64_t version) const {
  if (!model.empty() && model != config().name) {
    return not_found("there is no model '" + printable(model) + "' here, only '" +
                     printable(config().name) + "'");
  }
  if (version != 0 && version != parts_->model->description()->version) {
    return not_found("there is no version " + std::to_string(version) + " of model '" +
                     printable(config().name) + "' here");
  }
  return parts_->model->description();
}

const ModelSignature& ModelService::signature() const {
  return parts_->model->description()->signature;
}

const ModelConfig& ModelService::config() const {
  return parts_->model->description()->config;
}

ServiceStatistics ModelService::statistics() const {
  return parts_->model->statistics();
}

}  // namespace muster
