// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/explain/explain_text.h"
#include "app/explain/http_get.h"
#include "app/verbs.h"
#include "base/text.h"
#include "protocol/explanation_json.h"

namespace muster {
namespace {

constexpr std::chrono::seconds kLimit{10};

struct ExplainArguments {
  std::string model;
  std::int64_t version = 0;
  std::string url = "http://127.0.0.1:8000";
  std::string token_file;
  std::string format = "text";
  bool freeze = false;
};

// As a path's segment.
std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                          (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
    text += is_plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return text;
}

Result<std::string> read_token(const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream in(file);
  std::string token;
  if (!(in >> token)) return not_found(printable(file) + ": there is no token in it");
  return token;
}

Result<std::string> explain(const ExplainArguments& arguments) {
  MUSTER_ASSIGN_OR_RETURN(const std::string token, read_token(arguments.token_file));
  std::string path = "/v2/models/" + escaped(arguments.model);
  if (arguments.version > 0) path += "/versions/" + std::to_string(arguments.version);
  MUSTER_ASSIGN_OR_RETURN(const std::string json,
                          http_get(arguments.url, path + "/explain", token, kLimit));
  MUSTER_ASSIGN_OR_RETURN(const BatchingExplanation explanation, parse_explanation(json));
  if (arguments.freeze) {
    if (explanation.latency_target.count() == 0) {
      return failed_precondition("model '" + printable(arguments.model) +
                                 "' has no latency target to freeze; give it the parameter "
                                 "latency_target_ms");
    }
    if (explanation.best_rows == 0) {
      return failed_precondition("nothing is known yet of what batches of model '" +
                                 printable(arguments.model) +
                                 "' cost; send it requests, and ask again");
    }
    return explanation.frozen_config;
  }
  return arguments.format == "json" ? json + "\n" : explain_text(explanation);
}

int run(const ExplainArguments& arguments) {
  const auto text = explain(arguments);
  if (!text.ok()) {
    fmt::print(stderr, "muster: {}\n", text.status().message());
    return kExitFailed;
  }
  fmt::print("{}", *text);
  return kExitOk;
}

}  // namespace

void add_explain_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<ExplainArguments>();
  CLI::App* verb =
      app.add_subcommand("explain", "Ask a running server how a model's batches form, and why so");
  verb->add_option("MODEL", arguments->model, "Name of the model")->required();
  verb->add_option("--model-version", arguments->version, "Version; default: the newest")
      ->check(CLI::PositiveNumber);
  verb->add_option("--url", arguments->url, "The server")->capture_default_str();
  verb->add_option("--token-file", arguments->token_file,
                   "File with a token that has the right 'infer', where the server wants one")
      ->type_name("FILE");
  CLI::Option* format = verb->add_option("--format", arguments->format, "text or json")
                            ->check(CLI::IsMember({"text", "json"}))
                            ->capture_default_str();
  verb->add_flag("--freeze", arguments->freeze,
                 "Print a config.pbtxt with settings that come nearest to what the latency target "
                 "does now")
      ->excludes(format);
  verb->footer("Example:\n  muster explain lenet --url http://127.0.0.1:8000");
  verb->callback([arguments, &exit_status] { exit_status = run(*arguments); });
}

}  // namespace muster
