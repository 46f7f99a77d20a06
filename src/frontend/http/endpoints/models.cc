// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/endpoints/models.h"

#include <string>
#include <utility>

#include "frontend/http/reply.h"
#include "protocol/explanation_json.h"

namespace muster {
namespace {

void reply(Call& call, Result<std::string> json) {
  if (!json.ok()) return reply_error(call, json.status());
  reply_json(call, std::move(json).value());
}

Result<std::string> metadata_of(const FrontServices& services, const Route& route) {
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t version, parse_model_version(route.version));
  MUSTER_ASSIGN_OR_RETURN(const auto model, services.inference.describe(route.model, version));
  MUSTER_ASSIGN_OR_RETURN(const auto versions, services.models.versions(route.model));
  MUSTER_ASSIGN_OR_RETURN(const auto preparation,
                          services.models.preparation(route.model, model->version));
  return model_metadata_json(*model, versions, preparation);
}

Result<std::string> config_of(const FrontServices& services, const Route& route) {
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t version, parse_model_version(route.version));
  MUSTER_ASSIGN_OR_RETURN(const auto model, services.inference.describe(route.model, version));
  return model_config_json(*model);
}

Result<std::string> statistics_of(const FrontServices& services, const Route& route) {
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t version, parse_model_version(route.version));
  MUSTER_ASSIGN_OR_RETURN(const auto statistics, services.models.statistics(route.model, version));
  return statistics_json(statistics);
}

Result<std::string> explanation_of(const FrontServices& services, const Route& route) {
  MUSTER_ASSIGN_OR_RETURN(const std::int64_t version, parse_model_version(route.version));
  MUSTER_ASSIGN_OR_RETURN(const auto explanation, services.models.explain(route.model, version));
  return explanation_json(explanation);
}

Result<std::string> index_of(const FrontServices& services, const RequestBody& body) {
  MUSTER_ASSIGN_OR_RETURN(const IndexQuery query,
                          parse_index_query(body.text(), services.limits.protocol));
  return index_json(services.models.index(query.ready));
}

}  // namespace

void answer_model_ready(const EndpointContext& context, Call& call) {
  const auto version = parse_model_version(call.route.version);
  const Status ready = version.ok()
                           ? context.services.models.model_ready(call.route.model, *version)
                           : version.status();
  if (!ready.ok()) return reply_error(call, ready);
  reply_empty(call);
}

void answer_model_metadata(const EndpointContext& context, Call& call) {
  reply(call, metadata_of(context.services, call.route));
}

void answer_model_config(const EndpointContext& context, Call& call) {
  reply(call, config_of(context.services, call.route));
}

void answer_statistics(const EndpointContext& context, Call& call) {
  reply(call, statistics_of(context.services, call.route));
}

void answer_explain(const EndpointContext& context, Call& call) {
  reply(call, explanation_of(context.services, call.route));
}

void answer_index(const EndpointContext& context, Call& call) {
  reply(call, index_of(context.services, *call.body));
}

void answer_unload(const EndpointContext& context, Call& call) {
  const Status unloaded = context.services.models.unload(call.route.model);
  if (!unloaded.ok()) return reply_error(call, unloaded);
  reply_empty(call);
}

bool begin_load(const EndpointContext& context, Call& call) {
  auto query = parse_load_query(call.body->text(), context.services.limits.protocol);
  if (!query.ok()) {
    reply_error(call, query.status());
    return true;
  }
  call.order.emplace<RequestedLoad>(RequestedLoad{call.route.model, std::move(query->config_json)});
  return false;
}

void submit_load(const EndpointContext& context, Call& call) {
  RequestedLoad order = std::move(std::get<RequestedLoad>(call.order));
  call.order.emplace<std::monostate>();
  ModelControl::Done done = [&call, mailbox = context.mailbox](Status outcome) {
    call.answer.emplace<Status>(std::move(outcome));
    mailbox->push(&call);
  };
  call.stage = Call::Stage::kInFlight;
  context.services.models.load(std::move(order.model), std::move(order.config_json),
                               std::move(done));
}

void finish_load(const EndpointContext&, Call& call) {
  const Status& outcome = std::get<Status>(call.answer);
  if (!outcome.ok()) return reply_error(call, outcome);
  reply_empty(call);
}

}  // namespace muster
