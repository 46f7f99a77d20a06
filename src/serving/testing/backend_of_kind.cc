// SPDX-License-Identifier: Apache-2.0
// Backend libraries for the test of opening them, by MUSTER_TEST_BACKEND: "whole" works, "idle" has
// a runtime that does not start, "short" one that the system has no threads for, "foreign" has no
// factory, "stale" one of an older version.
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <muster/backend.h>

namespace muster {
namespace {

class WholeBackend final : public Backend {
 public:
  explicit WholeBackend(const BackendSettings& settings) : threads_(settings.threads) {}
  [[nodiscard]] std::string_view name() const override { return "test_whole"; }
  [[nodiscard]] std::string version() const override { return "Whole 1"; }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(const ModelSource&) override {
    return Status(StatusCode::kUnimplemented, "it loads nothing");
  }
  [[nodiscard]] std::vector<std::string> devices() const override {
    return {std::to_string(threads_) + " threads"};
  }

 private:
  const int threads_;
};

}  // namespace

[[maybe_unused]] static Backend* create_backend(const BackendSettings& settings) {
  constexpr std::string_view kKind = MUSTER_TEST_BACKEND;
  if (kKind == "short") {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
  }
  return kKind == "whole" ? new WholeBackend(settings) : nullptr;
}

}  // namespace muster

extern "C" __attribute__((visibility("default"))) muster::Backend* MUSTER_TEST_FACTORY(
    const muster::BackendSettings& settings) {
  return muster::create_backend(settings);
}
