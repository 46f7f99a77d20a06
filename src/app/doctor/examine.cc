// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "app/doctor/checks.h"
#include "app/doctor/config_text.h"

namespace muster {
namespace {

void take(Findings& findings, Findings found, std::string_view check) {
  for (Finding& finding : found) {
    finding.check = check;
    findings.push_back(std::move(finding));
  }
}

Findings of_remarks(const ModelFacts& model, const std::vector<ConfigRemark>& remarks) {
  const std::string& file = model.config_file.empty() ? model.path : model.config_file;
  Findings found;
  for (const ConfigRemark& remark : remarks)
    found.push_back(finding_of(remark, file, model.config_text));
  return found;
}

Findings of_failure(const ModelFacts& model, const Status& failure, const std::string& place) {
  if (failure.ok()) return {};
  return {finding_of_failure(failure.message(), model.config_file, model.config_text, place)};
}

void examine_model(const ModelFacts& model, const MachineFacts& machine, Findings& findings) {
  take(findings, of_remarks(model, model.remarks), kCheckOfConfig);
  take(findings, of_failure(model, model.folder_failure, model.path), kCheckOfRepository);
  for (const VersionFacts& version : model.versions) {
    take(findings, of_remarks(model, version.remarks), kCheckOfConfig);
    take(findings,
         of_failure(model, version.load_failure,
                    version.file.empty() ? version.folder : version.file),
         kCheckOfLoad);
  }
  for (const auto checks : {file_checks(), config_checks(), meaning_checks()}) {
    for (const ModelCheck& check : checks) {
      Findings found;
      check.look(model, machine, found);
      take(findings, std::move(found), check.name);
    }
  }
}

// Two versions of a model make the same finding of its one configuration.
void drop_repetitions(Findings& findings) {
  std::set<std::tuple<std::string, int, std::string>> seen;
  Findings once;
  for (Finding& finding : findings) {
    if (seen.emplace(finding.file, finding.line, finding.what).second)
      once.push_back(std::move(finding));
  }
  findings = std::move(once);
}

}  // namespace

Findings examine(const DoctorFacts& facts) {
  Findings findings;
  for (const ModelFacts& model : facts.models)
    examine_model(model, facts.machine, findings);
  for (const SystemCheck& check : system_checks()) {
    Findings found;
    check.look(facts, found);
    take(findings, std::move(found), check.name);
  }
  drop_repetitions(findings);
  sort_findings(findings);
  return findings;
}

}  // namespace muster
