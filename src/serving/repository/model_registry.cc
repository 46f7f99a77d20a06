// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/model_registry.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace muster {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

struct RunningVersion {
  std::int64_t version;
  ModelLease model;
};
using RunningVersions = std::vector<RunningVersion>;  // ascending, not empty

}  // namespace

struct ModelRegistry::Table {
  std::unordered_map<std::string, RunningVersions, TextHash, std::equal_to<>> models;
};

ModelRegistry::ModelRegistry() {
  const auto empty = std::make_shared<const Table>();
  for (Stripe& stripe : stripes_) {
    const MutexLock lock(stripe.mutex);
    stripe.table = empty;
  }
}

ModelRegistry::~ModelRegistry() = default;

const ModelRegistry::Stripe& ModelRegistry::stripe_of_this_thread() const noexcept {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t own = threads.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return stripes_[own];
}

ModelLease ModelRegistry::lease(std::string_view name, std::int64_t version) const {
  const Stripe& stripe = stripe_of_this_thread();
  const MutexLock lock(stripe.mutex);
  const auto found = stripe.table->models.find(name);
  if (found == stripe.table->models.end()) return nullptr;
  if (version == 0) return found->second.back().model;
  const auto wanted = std::ranges::find(found->second, version, &RunningVersion::version);
  return wanted == found->second.end() ? nullptr : wanted->model;
}

std::vector<ModelLease> ModelRegistry::all() const {
  const Stripe& stripe = stripe_of_this_thread();
  const MutexLock lock(stripe.mutex);
  std::vector<ModelLease> models;
  for (const auto& [name, versions] : stripe.table->models) {
    for (const RunningVersion& running : versions)
      models.push_back(running.model);
  }
  return models;
}

std::vector<std::int64_t> ModelRegistry::versions(std::string_view name) const {
  const Stripe& stripe = stripe_of_this_thread();
  const MutexLock lock(stripe.mutex);
  std::vector<std::int64_t> versions;
  const auto found = stripe.table->models.find(name);
  if (found == stripe.table->models.end()) return versions;
  for (const RunningVersion& running : found->second)
    versions.push_back(running.version);
  return versions;
}

void ModelRegistry::change(const std::function<void(Table&)>& edit) {
  const MutexLock one_writer(writing_);
  // Kept until no lock is held: letting go of the last lease of a model unloads it.
  std::shared_ptr<const Table> before;
  {
    const MutexLock lock(stripes_[0].mutex);
    before = stripes_[0].table;
  }
  auto edited = std::make_shared<Table>(*before);
  edit(*edited);
  const std::shared_ptr<const Table> after = std::move(edited);
  for (Stripe& stripe : stripes_) {
    const MutexLock lock(stripe.mutex);
    stripe.table = after;
  }
}

void ModelRegistry::put(const std::string& name, std::int64_t version, ModelLease model) {
  change([&](Table& table) {
    RunningVersions& versions = table.models[name];
    const auto place = std::ranges::lower_bound(versions, version, {}, &RunningVersion::version);
    if (place != versions.end() && place->version == version) {
      place->model = std::move(model);
    } else {
      versions.insert(place, {version, std::move(model)});
    }
  });
}

bool ModelRegistry::remove(std::string_view name, std::int64_t version) {
  bool removed = false;
  change([&](Table& table) {
    const auto found = table.models.find(name);
    if (found == table.models.end()) return;
    removed = std::erase_if(found->second, [&](const RunningVersion& running) {
                return running.version == version;
              }) > 0;
    if (found->second.empty()) table.models.erase(found);
  });
  return removed;
}

void ModelRegistry::clear() {
  change([](Table& table) { table.models.clear(); });
}

}  // namespace muster
