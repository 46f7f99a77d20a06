// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>

#include <muster/inference.h>

namespace muster {

std::string_view close_reason_name(CloseReason reason) noexcept {
  static constexpr std::array<std::string_view, kCloseReasonCount> kNames = {
      "full", "preferred", "delay", "deadline", "drain", "shape"};
  const auto index = static_cast<std::size_t>(reason);
  return index < kNames.size() ? kNames[index] : "unknown";
}

RequestTicket new_ticket() noexcept {
  static std::atomic<RequestTicket> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void InferRequest::add_input(std::string name, Tensor tensor) {
  owned_.push_back(std::move(tensor));
  inputs.push_back({std::move(name), owned_.back().view()});
}

void InferRequest::add_input(std::string name, TensorView tensor) {
  inputs.push_back({std::move(name), std::move(tensor)});
}

const Tensor* InferResponse::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(outputs, name, &InferOutput::name);
  return found == outputs.end() ? nullptr : &found->tensor;
}

Completion& Completion::operator=(Completion&& other) noexcept {
  if (this == &other) return *this;
  this->~Completion();
  ::new (this) Completion(std::move(other));
  return *this;
}

Completion::~Completion() {
  if (!answered()) complete(unavailable("the request was dropped before it was run"));
}

void Completion::complete(Result<InferResponse> outcome) noexcept {
  if (operations_ == nullptr) return;
  const Operations* operations = std::exchange(operations_, nullptr);
  operations->invoke_and_destroy(storage_, std::move(outcome));
}

}  // namespace muster
