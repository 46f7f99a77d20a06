// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/explain/explain_text.h"
#include "app/server_flags.h"
#include "app/verbs.h"
#include "base/text.h"
#include "client/remote_model.h"
#include "protocol/explanation_json.h"

namespace muster {
namespace {

struct ExplainArguments {
  std::string model;
  std::int64_t version = 0;
  std::string url = "http://127.0.0.1:8000";
  ServerFlags access;
  std::string format = "text";
  bool freeze = false;
};

// What the server says, as JSON.
Result<std::string> ask(const ExplainArguments& arguments, const ServerAccess& server) {
  std::string path = model_path(arguments.model);
  if (arguments.version > 0) path += "/versions/" + std::to_string(arguments.version);
  MUSTER_ASSIGN_OR_RETURN(ServerReply reply, call_http(server, "GET", path + "/explain"));
  if (reply.outcome == Outcome::kAnswered) return std::move(reply.body);
  return refusal(server, "the server does not explain model '" + printable(arguments.model) + "'",
                 reply)
      .with_context(printable(server_url(server.address), 4096));
}

Result<ServerAccess> server_of(const ExplainArguments& arguments) {
  MUSTER_ASSIGN_OR_RETURN(ServerAccess server,
                          parse_server_access("--url", arguments.url, arguments.access));
  if (server.address.transport == Transport::kHttp) return server;
  return invalid_argument(
      "--url: a model is explained over HTTP alone: write http://HOST:PORT or unix:PATH");
}

Result<std::string> explain(const ExplainArguments& arguments, const ServerAccess& server) {
  MUSTER_ASSIGN_OR_RETURN(const std::string json, ask(arguments, server));
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

int fail(const Status& why, int status) {
  fmt::print(stderr, "muster: {}\n", why.message());
  return status;
}

int run(const ExplainArguments& arguments) {
  const auto server = server_of(arguments);
  if (!server.ok()) return fail(server.status(), kExitUsage);
  const auto text = explain(arguments, *server);
  if (!text.ok()) return fail(text.status(), kExitFailed);
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
  verb->add_option("--url", arguments->url, "The server: http://HOST:PORT or unix:PATH")
      ->type_name("URL")
      ->capture_default_str();
  add_server_flags(*verb, arguments->access, nullptr);
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
