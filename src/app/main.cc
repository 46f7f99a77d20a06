// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/verbs.h"
#include "app/version.h"
#include "base/text.h"

namespace {

// CLI11 calls a mistyped verb a missing one.
std::optional<std::string> unknown_verb(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return std::nullopt;
  std::vector<std::string_view> verbs;
  for (const CLI::App* verb : app.get_subcommands({}))
    verbs.push_back(verb->get_name());
  if (std::ranges::find(verbs, argv[1]) != verbs.end()) return std::nullopt;
  std::string message = "there is no verb '" + muster::printable(argv[1]) + "'";
  const std::string_view near = muster::nearest(argv[1], verbs);
  return near.empty() ? message : message + "; did you mean '" + std::string(near) + "'?";
}

int run(int argc, char** argv) {
  CLI::App app(
      "Muster runs trained vision models in large batches, on the runtime that suits the machine.",
      "muster");
  app.set_version_flag("--version", std::string("muster ") + muster::kVersion);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App* given, const CLI::Error& error) {
    const CLI::App* at = given;
    for (const CLI::App* verb : given->get_subcommands())
      at = verb;
    return "muster: " + std::string(error.what()) +
           "\nTry: " + (at == given ? std::string("muster") : "muster " + at->get_name()) +
           " --help\n";
  });
  app.footer("Example:\n  muster classify --model models/lenet examples/digits");

  int exit_status = muster::kExitOk;
  muster::add_advise_verb(app, exit_status);
  muster::add_bench_verb(app, exit_status);
  muster::add_build_engine_verb(app, exit_status);
  muster::add_classify_verb(app, exit_status);
  muster::add_doctor_verb(app, exit_status);
  muster::add_explain_verb(app, exit_status);
  muster::add_inspect_verb(app, exit_status);
  muster::add_serve_verb(app, exit_status);
  muster::add_verify_verb(app, exit_status);
  if (const auto message = unknown_verb(app, argc, argv)) {
    std::fprintf(stderr, "muster: %s\nTry: muster --help\n", message->c_str());
    return muster::kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? muster::kExitOk : muster::kExitUsage;
  }
  return exit_status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muster: %s\n", error.what());
    return muster::kExitFailed;
  }
}
