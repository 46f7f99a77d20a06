// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "app/doctor/testing/facts.h"

namespace muster {
namespace {

using testing::file_of;
using testing::folder_of;
using testing::found_by;
using testing::only;
using testing::sound_facts;

TEST(SystemChecks, find_nothing_where_all_is_sound) {
  for (const SystemCheck& check : system_checks())
    EXPECT_EQ(only(found_by(check.name, sound_facts())), "none") << check.name;
}

TEST(Repository, is_found_to_be_none) {
  DoctorFacts facts = sound_facts();
  facts.repository.failure = not_found("there is no model repository at models");
  EXPECT_EQ(only(found_by("repository", facts)),
            "models: there is no model repository at models -> name a folder of model folders, or "
            "a model's folder");
}

TEST(Repository, is_found_to_be_empty) {
  DoctorFacts facts = sound_facts();
  facts.models.clear();
  EXPECT_EQ(only(found_by("repository", facts)),
            "models: there is no model in it -> put one there: NAME/1/model.onnx");
}

TEST(Repository, is_found_to_hold_what_is_passed_over) {
  DoctorFacts facts = sound_facts();
  facts.repository.files = {folder_of("m"), folder_of(".git"), folder_of("my model")};
  EXPECT_EQ(only(found_by("repository", facts)),
            "models/my model: it is passed over: a model's name has only letters, digits, '_', '.' "
            "and '-' -> rename the folder");
  facts.repository.files = {folder_of("m"), file_of("digits.onnx"), file_of("README.md")};
  EXPECT_EQ(only(found_by("repository", facts)),
            "models/digits.onnx: it is passed over: a model file lies in a version folder of a "
            "model's folder -> mkdir -p -- 'models/digits/1'; mv -- 'models/digits.onnx' "
            "'models/digits/1/model.onnx'");
  facts.repository.files = {file_of("the '9'.onnx")};
  EXPECT_EQ(found_by("repository", facts).at(0).fix,
            R"(mkdir -p -- 'models/the '\''9'\''/1'; mv -- 'models/the '\''9'\''.onnx' )"
            R"('models/the '\''9'\''/1/model.onnx')");
  facts.repository.files = {file_of("a\n.onnx")};
  EXPECT_EQ(found_by("repository", facts).at(0).fix,
            "make a folder NAME/1 in the repository, and move it there as model.onnx");
  facts.repository.is_model = true;
  EXPECT_EQ(only(found_by("repository", facts)), "none");
}

TEST(Backends, are_found_missing) {
  DoctorFacts facts = sound_facts();
  facts.machine.backends.clear();
  EXPECT_EQ(only(found_by("backends", facts)),
            ": no backend is part of this installation -> install Muster anew, with lib/muster "
            "beside its library");
}

TEST(CpuQuota, is_noted) {
  DoctorFacts facts = sound_facts();
  facts.machine.cpu_budget = 2;
  const Findings found = found_by("cpu-quota", facts);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Severity::kNote);
  EXPECT_EQ(found[0].what, "the cgroup's quota leaves 2 of 4 CPUs; Muster keeps to that");
}

TEST(AllInstances, are_noted_where_they_are_more_than_cpus) {
  DoctorFacts facts = sound_facts();
  facts.models.push_back(testing::model_with("instance_group [ { count: 3 } ]"));
  EXPECT_EQ(only(found_by("all-instances", facts)), "none");
  facts.models.push_back(testing::model_with());
  EXPECT_EQ(found_by("all-instances", facts).at(0).what,
            "5 instances of 3 models share 4 CPUs: where all are asked at once, each is slower");
  facts.machine.thread_budget = 5;
  EXPECT_EQ(only(found_by("all-instances", facts)), "none");
}

TEST(WeightsMemory, is_found_to_be_too_little) {
  DoctorFacts facts = sound_facts();
  facts.machine.available_memory = std::uint64_t{3} << 20;
  facts.models[0].versions[0].files[0].bytes = std::uint64_t{5} << 20;
  EXPECT_EQ(found_by("weights-memory", facts).at(0).what,
            "the models' files have 5 MiB together, and 3 MiB of memory are free");
}

TEST(SharedMemory, is_found_to_be_little_or_not_there) {
  DoctorFacts facts = sound_facts();
  facts.machine.free_shared_memory = std::uint64_t{63} << 20;
  EXPECT_EQ(found_by("shared-memory", facts).at(0).what,
            "clients may use shared memory, and 63 MiB of /dev/shm are free");
  facts.machine.free_shared_memory.reset();
  EXPECT_EQ(found_by("shared-memory", facts).at(0).severity, Severity::kError);
  facts.server.shared_memory = false;
  EXPECT_EQ(only(found_by("shared-memory", facts)), "none");
}

TEST(OpenFiles, are_found_to_be_fewer_than_connections) {
  DoctorFacts facts = sound_facts();
  facts.server.max_connections_place = "muster.toml";
  facts.machine.open_files = 1024;
  EXPECT_EQ(only(found_by("open-files", facts)),
            "muster.toml: 3 listeners take 4096 connections each, and this process may open 1024 "
            "files -> ulimit -n 12544");
  facts.machine.most_open_files = 4096;
  EXPECT_EQ(found_by("open-files", facts).at(0).fix,
            "raise the limit to 12544 (LimitNOFILE=, docker run --ulimit nofile=), or "
            "--max-connections 256");
  facts.machine.open_files = 12544;
  EXPECT_EQ(only(found_by("open-files", facts)), "none");
}

TEST(Examine, names_the_check_of_each_finding_and_says_each_thing_once) {
  DoctorFacts facts = sound_facts();
  ModelFacts& model = facts.models[0];
  model = testing::model_with("max_bach_size: 1");
  model.versions.clear();
  model.remarks.push_back({1, false, "x has no effect"});
  const Findings found = examine(facts);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].check, kCheckOfConfig);
  EXPECT_EQ(found[0].fix, "write 'max_batch_size'");
  EXPECT_EQ(found[1].severity, Severity::kWarning);

  model = testing::model_with("max_batch_size: 8");
  model.versions.push_back(model.versions[0]);
  model.versions[0].load_failure = invalid_argument("models/m/1/model.onnx: it is broken");
  model.versions[1].load_failure = model.versions[0].load_failure;
  const Findings of_load = examine(facts);
  ASSERT_EQ(of_load.size(), 2U);
  EXPECT_EQ(of_load[0].check, kCheckOfLoad);
  EXPECT_EQ(of_load[1].check, "not-merged");
}

TEST(Examine, gives_every_finding_a_fix) {
  DoctorFacts facts = sound_facts();
  facts.machine = {};
  facts.models[0] = testing::model_with("max_batch_size: 0\ninstance_group [ { count: 99 } ]");
  facts.models[0].files.push_back(folder_of("v2"));
  const Findings findings = examine(facts);
  EXPECT_GE(findings.size(), 5U);
  for (const Finding& finding : findings)
    EXPECT_FALSE(finding.fix.empty() || finding.what.empty()) << finding.check;
}

}  // namespace
}  // namespace muster
