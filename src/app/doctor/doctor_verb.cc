// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/doctor/checks.h"
#include "app/doctor/config_text.h"
#include "app/doctor/gather_facts.h"
#include "app/verbs.h"
#include "base/text.h"

namespace muster {
namespace {

struct Arguments {
  std::string folder;
  std::string config;  // of the server
  std::string format = "text";
};

// As `muster serve` has them from its file and the environment, for this repository.
Result<ServeSettings> settings_for(const Arguments& arguments, std::vector<std::string>& warnings) {
  std::vector<GivenSetting> given;
  if (!arguments.config.empty()) {
    MUSTER_ASSIGN_OR_RETURN(given, settings_of_file(arguments.config));
  }
  std::ranges::move(settings_of_environment(environ, warnings), std::back_inserter(given));
  std::erase_if(given, [](const GivenSetting& setting) { return setting.name == "models"; });
  given.push_back({"models", {arguments.folder}, "DIR"});
  return make_settings(given);
}

Finding of_settings(const Arguments& arguments, const std::string& message, Severity severity) {
  Finding finding = finding_of_failure(message, arguments.config, "", arguments.config);
  finding.severity = severity;
  finding.check = kCheckOfSettings;
  return finding;
}

std::string counted(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

int doctor(const Arguments& arguments) {
  Findings findings;
  std::vector<std::string> warnings;
  auto settings = settings_for(arguments, warnings);
  for (const std::string& warning : warnings)
    findings.push_back(of_settings(arguments, warning, Severity::kWarning));
  if (!settings.ok()) {
    findings.push_back(
        of_settings(arguments, std::string(settings.status().message()), Severity::kError));
    settings = ServeSettings{};
  }
  const DoctorFacts facts = gather_facts(arguments.folder, *settings, arguments.config);
  std::ranges::move(examine(facts), std::back_inserter(findings));
  sort_findings(findings);

  const DoctorFormat format =
      arguments.format == "json" ? DoctorFormat::kJson : DoctorFormat::kText;
  for (const Finding& finding : findings)
    fmt::print("{}", finding_text(format, finding));
  const std::size_t errors = count_of(findings, Severity::kError);
  if (format == DoctorFormat::kText) {
    fmt::print("{}: {}, {}, {}, {}\n", printable(arguments.folder, 4096),
               counted(facts.models.size(), "model"), counted(errors, "error"),
               counted(count_of(findings, Severity::kWarning), "warning"),
               counted(count_of(findings, Severity::kNote), "note"));
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fmt::print(stderr, "muster: the findings could not be written\n");
    return kExitFailed;
  }
  return errors == 0 ? kExitOk : kExitFailed;
}

}  // namespace

void add_doctor_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand(
      "doctor", "Say what is wrong with a repository, its models and this machine, and the fix");
  verb->add_option("DIR", arguments->folder, "Folder of model folders, or one model's folder")
      ->required()
      ->type_name("DIR");
  verb->add_option("--config", arguments->config,
                   "File with settings of the server, as muster serve takes it")
      ->type_name("FILE");
  verb->add_option("--format", arguments->format, "json is one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json")
      ->capture_default_str();
  verb->footer(
      "Models are loaded and let go again; nothing is written. The exit status is 1 where an "
      "error\n"
      "is found: something that the server would not serve.\n\n"
      "Example:\n  muster doctor models");
  verb->callback([arguments, &exit_status] { exit_status = doctor(*arguments); });
}

}  // namespace muster
