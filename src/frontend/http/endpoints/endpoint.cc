// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/endpoints/endpoint.h"

#include <utility>

#include "frontend/http/endpoints/classify.h"
#include "frontend/http/endpoints/infer.h"
#include "frontend/http/endpoints/models.h"
#include "frontend/http/endpoints/regions.h"
#include "frontend/http/endpoints/server.h"
#include "frontend/http/reply.h"

namespace muster {
namespace {

bool at_once(void (*reply)(const EndpointContext&, Call&), const EndpointContext& context,
             Call& call) {
  reply(context, call);
  return true;
}

}  // namespace

bool is_served(Endpoint endpoint, HttpListener::Kind kind) noexcept {
  switch (endpoint) {
    case Endpoint::kNone:
      return false;
    case Endpoint::kServerLive:
    case Endpoint::kServerReady:
      return true;
    case Endpoint::kMetrics:
      return kind == HttpListener::Kind::kMetrics;
    default:
      return kind == HttpListener::Kind::kInference;
  }
}

bool begin_call(const EndpointContext& context, Call& call) {
  switch (call.route.endpoint) {
    case Endpoint::kInfer:
      return begin_infer(context, call);
    case Endpoint::kClassify:
      return begin_classify(context, call);
    case Endpoint::kLoad:
      return begin_load(context, call);
    case Endpoint::kUnload:
      return at_once(answer_unload, context, call);
    case Endpoint::kIndex:
      return at_once(answer_index, context, call);
    case Endpoint::kModelReady:
      return at_once(answer_model_ready, context, call);
    case Endpoint::kModelMetadata:
      return at_once(answer_model_metadata, context, call);
    case Endpoint::kModelConfig:
      return at_once(answer_model_config, context, call);
    case Endpoint::kStatistics:
      return at_once(answer_statistics, context, call);
    case Endpoint::kExplain:
      return at_once(answer_explain, context, call);
    case Endpoint::kServerLive:
      return at_once(answer_live, context, call);
    case Endpoint::kServerReady:
      return at_once(answer_ready, context, call);
    case Endpoint::kServerMetadata:
      return at_once(answer_server_metadata, context, call);
    case Endpoint::kMetrics:
      return at_once(answer_metrics, context, call);
    case Endpoint::kTraceSettings:
      return at_once(answer_trace_settings, context, call);
    case Endpoint::kLogSettings:
      return at_once(answer_log_settings, context, call);
    case Endpoint::kSystemRegions:
      return at_once(answer_regions, context, call);
    case Endpoint::kRegisterSystemRegion:
      return at_once(answer_register_region, context, call);
    case Endpoint::kUnregisterSystemRegion:
      return at_once(answer_unregister_region, context, call);
    case Endpoint::kCudaRegions:
      return at_once(answer_cuda_regions, context, call);
    case Endpoint::kRegisterCudaRegion:
      return begin_register_cuda_region(context, call);
    case Endpoint::kUnregisterCudaRegion:
      return at_once(answer_unregister_cuda_region, context, call);
    case Endpoint::kNone:
      break;
  }
  reply_refusal(call, {404, "there is nothing at this path"});
  return true;
}

void submit_call(const EndpointContext& context, Call& call) {
  if (std::holds_alternative<InferRequest>(call.order)) {
    submit_infer(context, call);
  } else if (std::holds_alternative<PictureRequest>(call.order)) {
    submit_classify(context, call);
  } else if (std::holds_alternative<CudaRegionOrder>(call.order)) {
    submit_register_cuda_region(context, call);
  } else {
    submit_load(context, call);
  }
}

void finish_call(const EndpointContext& context, Call& call) {
  if (std::holds_alternative<Result<InferResponse>>(call.answer)) {
    finish_infer(context, call);
  } else if (std::holds_alternative<Result<PictureResponse>>(call.answer)) {
    finish_classify(context, call);
  } else {
    finish_load(context, call);
  }
}

}  // namespace muster
