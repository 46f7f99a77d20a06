// SPDX-License-Identifier: Apache-2.0
// ModelRegistry: name and version -> the model that answers now.
//
// Readers are requests: each takes the lock of its own stripe, which no other thread wants but
// while models change, and copies one pointer. Writers are few and take all stripes, one by one, so
// that for a moment some requests still go to the model that is being replaced: it answers them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "serving/served_model.h"

namespace muster {

// The right to use a model. A model that is no longer in the registry is unloaded after its last
// lease has ended; requests that it has accepted need none.
using ModelLease = std::shared_ptr<ServedModel>;

class ModelRegistry {
 public:
  ModelRegistry();
  ~ModelRegistry();
  ModelRegistry(const ModelRegistry&) = delete;
  ModelRegistry& operator=(const ModelRegistry&) = delete;

  // Version 0: the newest. Null where none answers.
  [[nodiscard]] ModelLease lease(std::string_view name, std::int64_t version) const;
  [[nodiscard]] std::vector<ModelLease> all() const;
  // Versions of a model, ascending; empty where none answers.
  [[nodiscard]] std::vector<std::int64_t> versions(std::string_view name) const;

  // From now on this answers; what answered before for the same version is let go of.
  void put(const std::string& name, std::int64_t version, ModelLease model);
  // False where none answered.
  bool remove(std::string_view name, std::int64_t version);
  void clear();

 private:
  struct Table;
  static constexpr std::size_t kStripes = 16;
  // On a cache line each: what one thread writes, no other reads.
  struct alignas(64) Stripe {
    mutable Mutex mutex;
    std::shared_ptr<const Table> table MUSTER_GUARDED_BY(mutex);
  };

  [[nodiscard]] const Stripe& stripe_of_this_thread() const noexcept;
  void change(const std::function<void(Table&)>& edit);

  std::array<Stripe, kStripes> stripes_;
  Mutex writing_;
};

}  // namespace muster
