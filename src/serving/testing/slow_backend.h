// SPDX-License-Identifier: Apache-2.0
// SlowBackend: ScalingBackend's models, which must first be compiled for as long as a test wants.
//
// What it has compiled is a file in the cache, with the model file's text in it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "serving/testing/scaling_backend.h"

namespace muster::testing {

class SlowBackend final : public Backend {
 public:
  [[nodiscard]] std::string_view name() const override { return "slow"; }
  [[nodiscard]] std::string version() const override { return "Slow 1"; }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    if (!is_kept(source)) ++compiled_by_loads;
    load_gate.pass();
    if (fails_to_load) return resource_exhausted("no memory for two");
    return models.load(source);
  }
  [[nodiscard]] Result<bool> must_compile(const ModelSource& source) override {
    return !is_kept(source);
  }
  [[nodiscard]] Result<CompiledFile> compile(const ModelSource& source, const std::string&,
                                             CompileListener& listener) override {
    ++compiles;
    EXPECT_EQ(at_once_.fetch_add(1), 0);
    Result<CompiledFile> file = caught_compile(source, listener);
    --at_once_;
    return file;
  }
  [[nodiscard]] Status forget_compiled(const ModelSource& source) override {
    ++forgotten;
    std::error_code ignored;
    std::filesystem::remove(entry(source), ignored);
    return {};
  }

  ScalingBackend models;  // what it loads
  Gate gate;              // every compile passes it, half done
  Gate load_gate;
  std::atomic<int> compiles{0};
  std::atomic<int> compiled_by_loads{0};  // nobody watched
  std::atomic<int> forgotten{0};
  std::atomic<bool> fails{false};
  std::atomic<bool> throws{false};
  std::atomic<bool> keeps{true};
  std::atomic<bool> fails_to_load{false};

 private:
  Result<CompiledFile> caught_compile(const ModelSource& source, CompileListener& listener) {
    const std::chrono::seconds left(80);
    if (!listener.on_progress({"fusing", 0.5, left})) return stopped();
    gate.pass();
    if (!listener.on_progress({"timing", 0.75, left / 2})) return stopped();
    if (throws) {
      --at_once_;
      throw std::runtime_error("a vendor's");
    }
    if (fails) return internal_error("no kernel fits");
    if (keeps) std::ofstream(entry(source)) << text_of(source.file);
    return CompiledFile{"", 1, std::chrono::milliseconds(1), "made"};
  }
  static Status stopped() { return {StatusCode::kCancelled, "it was stopped"}; }
  static std::string text_of(const std::string& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  static std::string entry(const ModelSource& source) {
    const std::size_t key = std::hash<std::string>{}(text_of(source.file));
    return source.compiled_cache + "/" + std::to_string(key) + ".slow";
  }
  static bool is_kept(const ModelSource& source) {
    std::error_code error;
    return !source.compiled_cache.empty() && std::filesystem::exists(entry(source), error);
  }

  std::atomic<int> at_once_{0};
};

}  // namespace muster::testing
