// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/endpoints/server.h"

#include "frontend/http/reply.h"

namespace muster {
namespace {

// GET shows the settings, POST changes them first.
template <typename Change>
void answer_settings(const EndpointContext& context, Call& call,
                     Settings (ServerSettings::*show)() const, Change change) {
  ServerSettings& settings = context.services.settings;
  if (call.head.method == Method::kPost) {
    const auto changes = parse_settings(call.body->text(), context.services.limits.protocol);
    if (!changes.ok()) return reply_error(call, changes.status());
    const Status changed = (settings.*change)(*changes);
    if (!changed.ok()) return reply_error(call, changed);
  }
  reply_json(call, settings_json((settings.*show)()));
}

}  // namespace

void answer_live(const EndpointContext&, Call& call) {
  reply_empty(call);
}

void answer_ready(const EndpointContext& context, Call& call) {
  if (!context.services.models.ready()) {
    return reply_error(call, unavailable("the server is not ready"));
  }
  reply_empty(call);
}

void answer_server_metadata(const EndpointContext& context, Call& call) {
  reply_json(call, server_metadata_json(context.services.identity));
}

void answer_metrics(const EndpointContext& context, Call& call) {
  reply_text(call, kMetricsType, context.services.exposition());
}

void answer_log_settings(const EndpointContext& context, Call& call) {
  answer_settings(context, call, &ServerSettings::log_settings,
                  &ServerSettings::change_log_settings);
}

void answer_trace_settings(const EndpointContext& context, Call& call) {
  // A model has no settings of its own; but it must be there.
  if (!call.route.model.empty()) {
    const auto versions = context.services.models.versions(call.route.model);
    if (!versions.ok()) return reply_error(call, versions.status());
  }
  answer_settings(context, call, &ServerSettings::trace_settings,
                  &ServerSettings::change_trace_settings);
}

}  // namespace muster
