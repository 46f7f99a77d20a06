// SPDX-License-Identifier: Apache-2.0
// The backend that a test binary is about, a model and one session of it, with the steps of a batch
// as single calls.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <muster/backend.h>

#include "base/clock.h"

namespace muster {

// Defined once in each backend's tests.
[[nodiscard]] std::unique_ptr<Backend> backend_under_test(Clock& clock = steady_clock());

struct LoadedModel {
  explicit LoadedModel(const std::string& file, ModelConfig config = {}, int threads = 1,
                       Clock& clock = steady_clock()) {
    backend = backend_under_test(clock);
    Result<std::shared_ptr<const CompiledModel>> loaded = backend->load({file, &config, threads});
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    if (!loaded.ok()) return;
    model = *loaded;
    session = model->new_session().value();
  }

  template <typename T>
  Status set(std::size_t input, const Shape& shape, const std::vector<T>& values) {
    MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> bytes,
                            session->prepare_input(input, shape, values.size() * sizeof(T)));
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return {};
  }
  Status set_strings(const Shape& shape, const std::vector<std::string_view>& strings) {
    const Tensor tensor = Tensor::of_strings(shape, strings).value();
    MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> bytes,
                            session->prepare_input(0, shape, tensor.bytes().size()));
    std::memcpy(bytes.data(), tensor.bytes().data(), bytes.size());
    return {};
  }
  template <typename T>
  std::vector<T> get(std::size_t output) {
    const Result<TensorView> view = session->output(output);
    EXPECT_TRUE(view.ok()) << view.status().message();
    if (!view.ok()) return {};
    const std::span<const T> elements = view->elements<T>();
    return {elements.begin(), elements.end()};
  }
  Shape output_shape(std::size_t output) { return session->output(output).value().shape; }

  std::unique_ptr<Backend> backend;
  std::shared_ptr<const CompiledModel> model;
  std::unique_ptr<Session> session;
};

// The message with which a file is refused.
inline std::string load_error(const std::string& file, const ModelConfig& config = {}) {
  const std::unique_ptr<Backend> backend = backend_under_test();
  const auto loaded = backend->load({file, &config, 1});
  EXPECT_FALSE(loaded.ok()) << file;
  return loaded.ok() ? std::string() : loaded.status().to_string();
}

}  // namespace muster
