// SPDX-License-Identifier: Apache-2.0
// The contract of inference: a request, the completion that answers it exactly once, and
// InferenceService, the one door that every caller and every transport goes through. What answers
// is in muster/response.h.
//
// Plain values and one interface: no transport, no vendor, no lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <muster/model.h>
#include <muster/response.h>
#include <muster/tensor.h>

namespace muster {

class TensorSource;  // bytes that front ends leave where they are until a batch is put together

struct InferInput {
  std::string name;
  TensorView tensor;
  std::shared_ptr<const TensorSource> source = {};  // if set, of the bytes, and the view has none
};

// Names a request, for cancelling it; 0 names none.
using RequestTicket = std::uint64_t;
// One that nobody else in this process has.
[[nodiscard]] RequestTicket new_ticket() noexcept;

// One call. Where the model has a batch axis, every input's first dimension is the request's
// number of rows, the same for all. Inputs come in any order, each exactly once. Move-only.
struct InferRequest {
  InferRequest() = default;
  InferRequest(InferRequest&&) noexcept = default;
  InferRequest& operator=(InferRequest&&) noexcept = default;

  std::string model;         // "" where the service has one model only
  std::int64_t version = 0;  // 0 = the newest that is served
  std::string id;            // echoed, never invented
  std::vector<InferInput> inputs;
  std::vector<std::string> outputs;  // wanted ones by name, in this order; empty = all
  TimePoint deadline = kNoDeadline;  // answered kDeadlineExceeded when it has not started by then
  TimePoint received_at = {};        // a latency target counts from then on; {} = from acceptance
  std::uint64_t priority = 0;        // 1 goes first; 0 or no level of the model = its default
  RequestTicket ticket = 0;          // set it to be able to cancel

  // The request takes the tensor over.
  void add_input(std::string name, Tensor tensor);
  // The bytes must stay unchanged until the request is answered: by then no view is read any more
  // and everything kept is let go.
  void add_input(std::string name, TensorView tensor);
  // Holds what the views point into.
  void keep(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }

 private:
  std::vector<Tensor> owned_;
  std::vector<std::shared_ptr<const void>> owners_;
};

// Answers one request, once. Move-only. Destroyed unanswered, it answers kUnavailable itself, so
// that nobody ever waits for a request that was lost. The callable runs on the thread that answers
// (a worker, the deadline watcher, or the thread that offers or cancels): it must only hand over,
// never block, never throw.
class Completion {
 public:
  Completion() noexcept = default;  // already answered: nobody waits
  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Completion> &&
           std::is_invocable_v<F&, Result<InferResponse>>)
      // NOLINTNEXTLINE(google-explicit-constructor,bugprone-forwarding-reference-overload)
      Completion(F callable) {
    if constexpr (sizeof(F) <= kInlineSize && alignof(F) <= alignof(void*) &&
                  std::is_nothrow_move_constructible_v<F>) {
      ::new (storage_) F(std::move(callable));
      operations_ = &kInlineOperations<F>;
    } else {
      ::new (storage_) F*(new F(std::move(callable)));
      operations_ = &kHeapOperations<F>;
    }
  }
  Completion(Completion&& other) noexcept : operations_(other.operations_) {
    if (operations_ != nullptr) operations_->move(other.storage_, storage_);
    other.operations_ = nullptr;
  }
  Completion& operator=(Completion&& other) noexcept;
  ~Completion();

  // The first answer counts; the callable is gone after it.
  void complete(Result<InferResponse> outcome) noexcept;
  [[nodiscard]] bool answered() const noexcept { return operations_ == nullptr; }

 private:
  static constexpr std::size_t kInlineSize = 4 * sizeof(void*);
  struct Operations {
    void (*invoke_and_destroy)(std::byte* self, Result<InferResponse> outcome);
    void (*move)(std::byte* from, std::byte* to) noexcept;  // and destroys `from`
  };
  template <typename F>
  static constexpr Operations kInlineOperations = {
      [](std::byte* self, Result<InferResponse> outcome) {
        F callable(std::move(*std::launder(reinterpret_cast<F*>(self))));
        std::launder(reinterpret_cast<F*>(self))->~F();
        callable(std::move(outcome));
      },
      [](std::byte* from, std::byte* to) noexcept {
        F* source = std::launder(reinterpret_cast<F*>(from));
        ::new (to) F(std::move(*source));
        source->~F();
      }};
  template <typename F>
  static constexpr Operations kHeapOperations = {
      [](std::byte* self, Result<InferResponse> outcome) {
        const std::unique_ptr<F> callable(*std::launder(reinterpret_cast<F**>(self)));
        (*callable)(std::move(outcome));
      },
      [](std::byte* from, std::byte* to) noexcept {
        ::new (to) F*(*std::launder(reinterpret_cast<F**>(from)));
      }};

  alignas(void*) std::byte storage_[kInlineSize];
  const Operations* operations_ = nullptr;  // null = answered, or moved from
};

class Burst;  // requests that the front ends hand in together

class InferenceService {
 public:
  virtual ~InferenceService() = default;

  // Hands a request in and returns at once. `completion` is called exactly once: with the
  // response, or with kInvalidArgument (does not fit the signature), kNotFound (no such model),
  // kResourceExhausted (queue full), kDeadlineExceeded, kCancelled, kUnavailable (closing) or the
  // runtime's own failure. A refusal is answered on the calling thread before this returns, so a
  // completion that calls infer again must not do so for a refusal.
  virtual void infer(InferRequest request, Completion completion) = 0;
  // The same for one of many.
  virtual void infer_in(Burst& /*burst*/, InferRequest request, Completion completion) {
    infer(std::move(request), std::move(completion));
  }

  // Answers a request that still waits with kCancelled. False where it runs, is answered or
  // unknown.
  virtual bool cancel(RequestTicket ticket) = 0;

  // kNotFound where there is no such model or version; "" is the only model, 0 the newest version.
  [[nodiscard]] virtual Result<std::shared_ptr<const ModelDescription>> describe(
      std::string_view model, std::int64_t version) const = 0;
};

}  // namespace muster
