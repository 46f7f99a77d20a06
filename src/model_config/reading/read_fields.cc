// SPDX-License-Identifier: Apache-2.0
#include "model_config/reading/read_fields.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "model_config/backend_names.h"

namespace muster {
namespace {

constexpr std::size_t kLongestFileName = 255;

// The schema's element types and ours have the same numbers.
static_assert(static_cast<int>(DataType::kFp32) == ::inference::TYPE_FP32);
static_assert(static_cast<int>(DataType::kBytes) == ::inference::TYPE_STRING);
static_assert(static_cast<int>(DataType::kBf16) == ::inference::TYPE_BF16);

std::string not_bare(std::string_view field, std::string_view value) {
  return fmt::format("{} '{}' is no bare file name; name a file of the folder itself, without /",
                     field, printable(value));
}

void read_identity(const ::inference::ModelConfig& text, const Located& at,
                   std::string_view directory_name, ModelConfig& config, Problems& problems) {
  config.name = text.has_name() ? text.name() : std::string(directory_name);
  if (text.has_name() && !directory_name.empty() && text.name() != directory_name) {
    problems.add(at.line("name"),
                 fmt::format("name is '{}' but the folder is '{}'; make them the same, or remove "
                             "name",
                             printable(text.name()), printable(directory_name)));
  }
  config.model_filename = text.default_model_filename();
  if (!config.model_filename.empty() && !is_bare_file_name(config.model_filename)) {
    problems.add(at.line("default_model_filename"),
                 not_bare("default_model_filename", config.model_filename));
  }

  std::string_view from_platform;
  if (!text.platform().empty()) {
    from_platform = backend_of_platform(text.platform());
    // An ensemble is refused as one, which says more.
    const bool is_ensemble = text.platform() == "ensemble" && text.has_ensemble_scheduling();
    if (from_platform.empty() && !is_ensemble) {
      problems.add(at.line("platform"),
                   fmt::format("platform '{}' is none that Muster knows; use one of {}",
                               printable(text.platform()), known_platforms()));
    }
  }
  std::string_view from_backend;
  if (!text.backend().empty()) {
    from_backend = canonical_backend(text.backend());
    if (!is_backend_name(from_backend)) {
      problems.add(at.line("backend"),
                   fmt::format("backend '{}' cannot be a backend's name; use lower-case letters, "
                               "digits and _, as \"onnxruntime\"",
                               printable(text.backend())));
    }
  }
  if (!from_backend.empty() && !from_platform.empty() && from_backend != from_platform) {
    problems.add(std::max(at.line("backend"), at.line("platform")),
                 fmt::format("backend '{}' and platform '{}' contradict each other; keep one",
                             printable(text.backend()), printable(text.platform())));
  }
  config.backend = from_backend.empty() ? from_platform : from_backend;
  if (config.backend.empty()) config.backend = backend_of_file(config.model_filename);
}

void read_versions(const ::inference::ModelConfig& text, const Located& at, VersionChoice& choice,
                   Problems& problems) {
  if (!text.has_version_policy()) return;
  const Located policy = at.nested("version_policy");
  const int line = at.line("version_policy");
  constexpr std::string_view kOneAtATime = "one version is served at a time, the newest";
  switch (text.version_policy().policy_choice_case()) {
    case ::inference::ModelVersionPolicy::kLatest: {
      choice.kind = VersionChoice::Kind::kLatest;
      const auto& latest = text.version_policy().latest();
      if (latest.has_num_versions()) choice.latest = latest.num_versions();
      if (choice.latest == 0) {
        problems.add(policy.nested("latest").line("num_versions"),
                     "version_policy.latest.num_versions is 0; it must be at least 1");
      } else if (choice.latest > 1) {
        problems.warn(line, fmt::format("version_policy asks for {} versions; {}", choice.latest,
                                        kOneAtATime));
      }
      break;
    }
    case ::inference::ModelVersionPolicy::kAll:
      choice.kind = VersionChoice::Kind::kAll;
      problems.warn(line, fmt::format("version_policy asks for all versions; {}", kOneAtATime));
      break;
    case ::inference::ModelVersionPolicy::kSpecific: {
      choice.kind = VersionChoice::Kind::kSpecific;
      const auto& wanted = text.version_policy().specific().versions();
      for (int i = 0; i < wanted.size(); ++i) {
        if (wanted[i] >= 1) continue;
        problems.add(policy.nested("specific").line("versions", i),
                     fmt::format("version {} is no version; they are numbers from 1", wanted[i]));
      }
      const std::set<std::int64_t> ascending(wanted.begin(), wanted.end());
      choice.specific.assign(ascending.begin(), ascending.end());
      if (choice.specific.empty()) {
        problems.add(line, "version_policy.specific names no version; write versions: [1]");
      } else if (choice.specific.size() > 1) {
        problems.warn(line, fmt::format("version_policy asks for {} versions; {} of these",
                                        choice.specific.size(), kOneAtATime));
      }
      break;
    }
    case ::inference::ModelVersionPolicy::POLICY_CHOICE_NOT_SET:
      break;
  }
}

void read_instances(const ::inference::ModelConfig& text, const Located& at, ModelConfig& config,
                    Problems& problems) {
  std::int64_t total = 0;
  for (int i = 0; i < text.instance_group_size(); ++i) {
    const ::inference::ModelInstanceGroup& group = text.instance_group(i);
    const Located located = at.nested("instance_group", i);
    if (group.kind() == ::inference::ModelInstanceGroup::KIND_GPU) {
      problems.add(located.line("kind"),
                   "instance_group.kind KIND_GPU: there is no GPU runtime in this build; use "
                   "KIND_CPU or KIND_AUTO");
    }
    const std::int64_t count = group.has_count() ? group.count() : 1;
    if (count < 1 || count > kMaxInstanceCount) {
      problems.add(located.line("count"), fmt::format("instance_group.count is {}; it must be 1 to "
                                                      "{}",
                                                      count, kMaxInstanceCount));
      return;
    }
    total += count;
  }
  if (total > kMaxInstanceCount) {
    problems.add(at.line("instance_group"),
                 fmt::format("the counts of all instance_group add up to {}, more than {}", total,
                             kMaxInstanceCount));
    return;
  }
  if (total > 0) config.instance_count = static_cast<int>(total);
}

// Inputs and outputs alike: their messages differ, the fields that matter here do not.
template <typename Declared>
void read_tensors(const google::protobuf::RepeatedPtrField<Declared>& declared,
                  std::string_view kind, const Located& at, bool batch_axis_is_implicit,
                  std::vector<TensorSpec>& specs, Problems& problems) {
  std::set<std::string_view> seen;
  for (int i = 0; i < declared.size(); ++i) {
    const Declared& tensor = declared[i];
    const Located located = at.nested(kind, i);
    if (tensor.name().empty()) {
      problems.add(at.line(kind, i), fmt::format("{} has no name", kind));
      continue;
    }
    if (!seen.insert(tensor.name()).second) {
      problems.add(located.line("name"),
                   fmt::format("{} '{}' is listed twice", kind, printable(tensor.name())));
    }
    for (int axis = 0; axis < tensor.dims_size(); ++axis) {
      if (tensor.dims(axis) > 0 || tensor.dims(axis) == kDynamicDim) continue;
      problems.add(located.line("dims", axis),
                   fmt::format("dims of {} '{}' hold {}; a dimension is at least 1, or -1 where "
                               "any size will do",
                               kind, printable(tensor.name()), tensor.dims(axis)));
    }
    TensorSpec spec;
    spec.name = tensor.name();
    spec.type = static_cast<DataType>(tensor.data_type());
    const std::span<const std::int64_t> dims(tensor.dims().data(),
                                             static_cast<std::size_t>(tensor.dims_size()));
    spec.shape = batch_axis_is_implicit ? Shape(dims).with_first(kDynamicDim) : Shape(dims);
    specs.push_back(std::move(spec));
  }
}

void read_labels(const ::inference::ModelConfig& text, const Located& at, ModelConfig& config,
                 Problems& problems) {
  for (int i = 0; i < text.output_size(); ++i) {
    const ::inference::ModelOutput& output = text.output(i);
    if (output.label_filename().empty()) continue;
    if (!is_bare_file_name(output.label_filename())) {
      problems.add(at.nested("output", i).line("label_filename"),
                   not_bare("label_filename", output.label_filename()));
      continue;
    }
    config.label_files[output.name()] = output.label_filename();
  }
}

}  // namespace

bool is_bare_file_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kLongestFileName && name != "." && name != ".." &&
         std::ranges::none_of(
             name, [](unsigned char c) { return c == '/' || c == '\\' || c < 0x20 || c == 0x7F; });
}

void read_fields(std::string_view directory_name, ParsedConfig::Parts& parts, Problems& problems) {
  const ::inference::ModelConfig& text = parts.text;
  const Located at = parts.located();
  ModelConfig& config = parts.config;
  read_identity(text, at, directory_name, config, problems);
  read_versions(text, at, config.versions, problems);
  read_instances(text, at, config, problems);
  read_batching(parts, problems);
  const bool implicit = text.max_batch_size() > 0;
  read_tensors(text.input(), "input", at, implicit, config.inputs, problems);
  read_tensors(text.output(), "output", at, implicit, config.outputs, problems);
  read_labels(text, at, config, problems);
  read_parameters(parts, problems);
  read_accelerators(parts, problems);
}

}  // namespace muster
