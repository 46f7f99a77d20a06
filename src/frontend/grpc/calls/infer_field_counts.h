// SPDX-License-Identifier: Apache-2.0
// How many tensors and parameters a ModelInferRequest has, before it is parsed.
//
// An empty tensor is two bytes on the wire and a hundred in memory: a message within its limit of
// bytes could take gigabytes before anybody counted what is in it.
#pragma once

#include <google/protobuf/io/zero_copy_stream.h>

#include <muster/status.h>

#include "protocol/infer_call.h"

namespace muster {

// kInvalidArgument names the limit. Ok also for what is no message: parsing says so. Skips over
// what tensors hold.
[[nodiscard]] Status check_field_counts(google::protobuf::io::ZeroCopyInputStream& message,
                                        const ProtocolLimits& limits);

}  // namespace muster
