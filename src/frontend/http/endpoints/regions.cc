// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/endpoints/regions.h"

#include "base/text.h"
#include "frontend/http/reply.h"

namespace muster {
namespace {

void reply(Call& call, const Status& outcome) {
  if (!outcome.ok()) return reply_error(call, outcome);
  reply_empty(call);
}

Status add(const FrontServices& services, const Call& call) {
  MUSTER_ASSIGN_OR_RETURN(const RegionQuery query,
                          parse_region_query(call.body->text(), services.limits.protocol));
  return services.regions.add(call.route.region, query.key, query.offset, query.byte_size);
}

}  // namespace

void answer_regions(const EndpointContext& context, Call& call) {
  const auto regions = context.services.regions.status(call.route.region);
  if (!regions.ok()) return reply_error(call, regions.status());
  reply_json(call, regions_json(*regions));
}

void answer_register_region(const EndpointContext& context, Call& call) {
  reply(call, add(context.services, call));
}

void answer_unregister_region(const EndpointContext& context, Call& call) {
  reply(call, context.services.regions.remove(call.route.region));
}

void answer_cuda_regions(const EndpointContext&, Call& call) {
  const std::string& name = call.route.region;
  switch (call.route.endpoint) {
    case Endpoint::kRegisterCudaRegion:
      return reply_error(call, unimplemented("this server has no CUDA shared memory; use system "
                                             "shared memory or send the bytes"));
    case Endpoint::kCudaRegions:
      if (!name.empty()) {
        return reply_error(
            call, not_found("there is no CUDA shared memory region '" + printable(name) + "'"));
      }
      return reply_json(call, "[]");
    default:
      return reply_empty(call);
  }
}

}  // namespace muster
