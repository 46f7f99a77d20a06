// SPDX-License-Identifier: Apache-2.0
// The part of ModelKeeper that tells how the models do.
#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "serving/repository/model_keeper.h"

namespace muster {
bool ModelKeeper::ready() const {
  const MutexLock lock(mutex_);
  if (!first_done_ || stopping_) return false;
  return !options_.strict_readiness ||
         std::ranges::all_of(models_, [](const auto& model) { return is_as_wanted(model.second); });
}

Status ModelKeeper::why_not_ready(std::string_view name, std::int64_t version) const {
  const MutexLock lock(mutex_);
  if (drained_) return unavailable("the server is stopping");
  const auto found = models_.find(name);
  return found == models_.end() ? no_such_model(name)
                                : muster::why_not_ready(found->second, version);
}

std::vector<ModelIndexEntry> ModelKeeper::index(bool ready_only) const {
  const auto names = ready_only ? Result<std::vector<std::string>>(std::vector<std::string>())
                                : repository_.names();
  std::vector<ModelIndexEntry> index;
  const MutexLock lock(mutex_);
  for (const auto& [name, model] : models_)
    append_index(model, ready_only, index);
  if (!names.ok()) return index;
  for (const std::string& name : *names) {
    if (std::ranges::find(index, name, &ModelIndexEntry::name) == index.end()) {
      index.push_back({name, 0, ModelState::kUnknown, ""});
    }
  }
  std::ranges::stable_sort(index, {}, &ModelIndexEntry::name);
  return index;
}

Result<std::vector<ModelStatistics>> ModelKeeper::statistics(std::string_view name,
                                                             std::int64_t version) const {
  std::vector<ModelStatistics> all;
  const MutexLock lock(mutex_);
  if (!name.empty() && !models_.contains(name)) return no_such_model(name);
  for (const auto& [model_name, model] : models_) {
    if (!name.empty() && model_name != name) continue;
    for (const auto& [number, record] : model.versions) {
      if (version != 0 && number != version) continue;
      if (record.state == ModelState::kReady) {
        all.push_back(statistics_of(model_name, number, *record.metrics));
      }
    }
  }
  if (all.empty() && !name.empty()) {
    return invalid_argument("model '" + printable(name) + "'" +
                            (version == 0 ? "" : " version " + std::to_string(version)) +
                            " is not available, so that it has no statistics");
  }
  return all;
}

void ModelKeeper::visit_metrics(const std::function<void(const VersionMetricsView&)>& visit) const {
  const MutexLock lock(mutex_);
  for (const auto& [name, model] : models_) {
    for (const auto& [version, record] : model.versions)
      visit({name, version, record.state, record.load_time, record.runtime, *record.metrics,
             record.preparation});
  }
}

}  // namespace muster
