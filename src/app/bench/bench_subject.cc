// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_subject.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "serving/backend_library.h"

namespace muster {

Result<BenchSubject> BenchSubject::open(const std::string& path) {
  MUSTER_ASSIGN_OR_RETURN(ModelFolder folder, ModelFolder::open(path));
  MUSTER_ASSIGN_OR_RETURN(ModelFolder::Choice choice, folder.choose());
  return BenchSubject(std::move(folder), std::move(choice));
}

std::vector<std::string> BenchSubject::backends() const {
  std::vector<std::string> names = installed_backends();
  std::ranges::stable_partition(names,
                                [&](const std::string& name) { return name == choice_.backend; });
  return names;
}

std::string BenchSubject::file_for(const std::string& backend) const {
  const std::string_view usual = usual_model_filename(backend);
  if (backend == choice_.backend || usual.empty() || choice_.file.empty()) return choice_.file;
  const std::filesystem::path beside =
      std::filesystem::path(choice_.file).parent_path() / std::string(usual);
  std::error_code error;
  return std::filesystem::is_regular_file(beside, error) ? beside.string() : choice_.file;
}

Result<BenchContender> BenchSubject::load(const std::string& backend, int threads) const {
  BenchContender contender;
  MUSTER_ASSIGN_OR_RETURN(contender.backend, open_backend(backend, {threads}));
  ModelConfig config = folder_.config().config();
  if (backend != choice_.backend) config.parameters.clear();
  const std::string file = file_for(backend);
  ModelSource source{file, &config, threads};
  source.pooled = threads > 1;  // as it would be served
  MUSTER_ASSIGN_OR_RETURN(contender.model, contender.backend->load(source));
  const ModelSignature& signature = contender.model->signature();
  MUSTER_ASSIGN_OR_RETURN(
      const ModelConfig resolved,
      resolve(folder_.config(), signature,
              {backend, file, [this](std::string_view name) { return folder_.read(name); }}));
  contender.stacked = signature.has_batch_axis();
  contender.max_batch_size = std::max<std::int64_t>(1, resolved.batching.max_batch_size);
  return contender;
}

}  // namespace muster
