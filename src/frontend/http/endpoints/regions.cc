// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/endpoints/regions.h"

#include <utility>

#include "frontend/cuda_regions.h"
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

void answer_cuda_regions(const EndpointContext& context, Call& call) {
  const auto regions = cuda_regions(context.services.regions, call.route.region);
  if (!regions.ok()) return reply_error(call, regions.status());
  reply_json(call, cuda_regions_json(*regions));
}

bool begin_register_cuda_region(const EndpointContext& context, Call& call) {
  const FrontServices& services = context.services;
  Status refused = services.regions.cuda_supported();
  if (refused.ok()) {
    auto order = parse_cuda_region_order(call.body->text(), services.limits.protocol);
    if (order.ok()) {
      order->name = call.route.region;
      call.order.emplace<CudaRegionOrder>(*std::move(order));
      return false;
    }
    refused = order.status();
  }
  reply_error(call, refused);
  return true;
}

void submit_register_cuda_region(const EndpointContext& context, Call& call) {
  CudaRegionOrder order = std::move(std::get<CudaRegionOrder>(call.order));
  call.order.emplace<std::monostate>();
  SharedMemoryRegions::Done done = [&call, mailbox = context.mailbox](Status outcome) {
    call.answer.emplace<Status>(std::move(outcome));
    mailbox->push(&call);
  };
  call.stage = Call::Stage::kInFlight;
  context.services.regions.add_cuda(std::move(order), std::move(done));
}

void answer_unregister_cuda_region(const EndpointContext& context, Call& call) {
  reply(call, remove_cuda_regions(context.services.regions, call.route.region));
}

}  // namespace muster
