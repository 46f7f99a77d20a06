// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/core_call.h"

#include <array>
#include <utility>

#include <grpc/compression.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>

#include "base/check.h"
#include "frontend/grpc/calls/slice_text.h"
#include "frontend/grpc/timing_trailer.h"

namespace muster {
namespace {

grpc_slice slice_of(std::string_view text) {
  return grpc_slice_from_copied_buffer(text.data(), text.size());
}

}  // namespace

CoreCall::~CoreCall() {
  clear();
  grpc_metadata_array_destroy(&metadata_);
}

void CoreCall::request(grpc_server& server, void* method, grpc_completion_queue& queue,
                       CoreOperation& arrived) {
  cancelled_ = 0;
  metadata_.count = 0;
  const grpc_call_error error = grpc_server_request_registered_call(
      &server, method, &call_, &deadline_, &metadata_, &message_, &queue, &queue, &arrived);
  MUSTER_CHECK(error == GRPC_CALL_OK);
}

void CoreCall::watch(CoreOperation& ended) {
  grpc_op close = {};
  close.op = GRPC_OP_RECV_CLOSE_ON_SERVER;
  close.data.recv_close_on_server.cancelled = &cancelled_;
  const grpc_call_error error = grpc_call_start_batch(call_, &close, 1, &ended, nullptr);
  MUSTER_CHECK(error == GRPC_CALL_OK);
}

void CoreCall::drop_message() noexcept {
  if (message_ != nullptr) grpc_byte_buffer_destroy(std::exchange(message_, nullptr));
}

std::string_view CoreCall::metadata(std::string_view key) const noexcept {
  for (std::size_t index = 0; index < metadata_.count; ++index) {
    const grpc_metadata& one = metadata_.metadata[index];
    if (text_of(one.key) == key) return text_of(one.value);
  }
  return {};
}

std::string CoreCall::peer() const {
  char* const name = grpc_call_get_peer(call_);
  std::string peer = name;
  gpr_free(name);
  return peer;
}

void CoreCall::finish(const Answer& answer, CoreOperation& finished) {
  std::array<grpc_op, 3> all = {};
  grpc_op* op = all.data();
  op->op = GRPC_OP_SEND_INITIAL_METADATA;
  if (answer.status.ok() && answer.compression != GRPC_COMPRESS_NONE) {
    const char* name = nullptr;
    grpc_compression_algorithm_name(answer.compression, &name);
    compression_wish_.key =
        grpc_slice_from_static_string(GRPC_COMPRESSION_REQUEST_ALGORITHM_MD_KEY);
    compression_wish_.value = grpc_slice_from_static_string(name);
    op->data.send_initial_metadata.count = 1;
    op->data.send_initial_metadata.metadata = &compression_wish_;
  }
  ++op;
  if (answer.status.ok()) {
    grpc_slice message = answer.message.c_slice();
    reply_ = grpc_raw_byte_buffer_create(&message, 1);
    grpc_slice_unref(message);
    op->op = GRPC_OP_SEND_MESSAGE;
    op->data.send_message.send_message = reply_;
    ++op;
  }
  op->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
  auto& ending = op->data.send_status_from_server;
  ending.status = static_cast<grpc_status_code>(answer.status.error_code());
  if (!answer.timing.empty()) {
    timing_.key = grpc_slice_from_static_string(kTimingKey);
    timing_.value = slice_of(answer.timing);
    ending.trailing_metadata_count = 1;
    ending.trailing_metadata = &timing_;
  }
  grpc_slice details = slice_of(answer.status.error_message());
  ending.status_details = &details;
  ++op;
  const grpc_call_error error = grpc_call_start_batch(
      call_, all.data(), static_cast<std::size_t>(op - all.data()), &finished, nullptr);
  MUSTER_CHECK(error == GRPC_CALL_OK);
  grpc_slice_unref(details);
}

void CoreCall::cancel() noexcept {
  grpc_call_cancel(call_, nullptr);
}

void CoreCall::clear() noexcept {
  drop_message();
  if (reply_ != nullptr) grpc_byte_buffer_destroy(std::exchange(reply_, nullptr));
  grpc_slice_unref(std::exchange(timing_, {}).value);
  if (call_ != nullptr) grpc_call_unref(std::exchange(call_, nullptr));
}

}  // namespace muster
