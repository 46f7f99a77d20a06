// SPDX-License-Identifier: Apache-2.0
// Facts without any fault, for tests to spoil in one place, and what one check finds in them.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "app/doctor/checks.h"

namespace muster::testing {

inline FoundFile file_of(std::string name) {
  FoundFile file;
  file.name = std::move(name);
  file.bytes = 1000;
  return file;
}

inline FoundFile folder_of(std::string name) {
  FoundFile file = file_of(std::move(name));
  file.is_folder = true;
  return file;
}

// A model in models/m with the configuration given, as far as it is right by itself, whose file has
// x [N,4] and y [N,4].
inline ModelFacts model_with(
    std::string config_text = "max_batch_size: 8\ndynamic_batching { }\n") {
  ModelFacts model;
  model.name = "m";
  model.path = "models/m";
  model.files = {folder_of("1")};
  model.found_versions = {1};
  VersionFacts version;
  version.version = 1;
  version.folder = "models/m/1";
  version.files = {file_of("model.onnx")};
  version.file = "models/m/1/model.onnx";
  version.backend = "onnxruntime";
  version.signature =
      ModelSignature{{{"x", DataType::kFp32, {-1, 4}, {}}}, {{"y", DataType::kFp32, {-1, 4}, {}}}};
  if (!config_text.empty()) {
    model.config_file = "models/m/config.pbtxt";
    model.files.push_back(file_of("config.pbtxt"));
  }
  model.config_text = std::move(config_text);
  auto parsed =
      model.config_text.empty()
          ? Result<ParsedConfig>(no_model_config("m"))
          : parse_model_config(model.config_text, {model.config_file, "m", &model.remarks});
  if (parsed.ok()) {
    model.said = parsed->config();
    auto config = resolve(*parsed, *version.signature,
                          {"onnxruntime", version.file, nullptr, &version.remarks});
    if (config.ok()) version.config = *std::move(config);
  }
  model.versions.push_back(std::move(version));
  return model;
}

inline MachineFacts sound_machine() {
  MachineFacts machine;
  machine.cpus = 4;
  machine.cpu_budget = 4;
  machine.thread_budget = 4;
  machine.available_memory = std::uint64_t{8} << 30;
  machine.free_shared_memory = std::uint64_t{4} << 30;
  machine.open_files = 1 << 20;
  machine.most_open_files = 1 << 20;
  machine.backends = {"onnxruntime"};
  return machine;
}

inline DoctorFacts sound_facts() {
  DoctorFacts facts;
  facts.repository = {"models", {folder_of("m")}, false, {}};
  facts.models.push_back(model_with());
  facts.machine = sound_machine();
  facts.server = {4096, 3, true, ""};
  return facts;
}

// What the check of that name finds.
inline Findings found_by(std::string_view name, const ModelFacts& model,
                         const MachineFacts& machine = sound_machine()) {
  Findings findings;
  for (const auto checks : {file_checks(), config_checks(), meaning_checks()}) {
    const auto check = std::ranges::find(checks, name, &ModelCheck::name);
    if (check != checks.end()) {
      check->look(model, machine, findings);
      return findings;
    }
  }
  ADD_FAILURE() << "there is no check " << name;
  return findings;
}

inline Findings found_by(std::string_view name, const DoctorFacts& facts) {
  Findings findings;
  const auto checks = system_checks();
  const auto check = std::ranges::find(checks, name, &SystemCheck::name);
  if (check == checks.end()) {
    ADD_FAILURE() << "there is no check " << name;
  } else {
    check->look(facts, findings);
  }
  return findings;
}

// "file:line: what -> fix" of the only finding; "none" or "many" otherwise.
inline std::string only(const Findings& findings) {
  if (findings.size() != 1) return findings.empty() ? "none" : "many";
  const Finding& finding = findings.front();
  return finding.file + (finding.line > 0 ? ":" + std::to_string(finding.line) : "") + ": " +
         finding.what + " -> " + finding.fix;
}

}  // namespace muster::testing
