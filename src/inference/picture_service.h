// SPDX-License-Identifier: Apache-2.0
// PictureService: picture files in, classes with probabilities out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <muster/inference.h>

namespace muster {

struct PictureRequest {
  std::string model;
  std::int64_t version = 0;  // 0 = the newest that is served
  std::string id;
  std::vector<std::span<const std::byte>> files;  // PNG or JPEG, at least one
  std::shared_ptr<const void> owner;              // of the files' bytes
  std::size_t top_k = 1;
  TimePoint deadline = kNoDeadline;
  TimePoint received_at = {};  // as of InferRequest
  std::uint64_t priority = 0;
  RequestTicket ticket = 0;  // as in InferRequest
};

struct PictureResponse {
  std::vector<std::vector<ClassScore>> pictures;  // by file, best class first
  BatchReport batch;
  std::shared_ptr<const ModelDescription> model;
  Delivery delivery;  // as of InferResponse
};

class PictureService {
 public:
  virtual ~PictureService() = default;

  // Returns at once: pictures are decoded elsewhere, never on the caller's thread. `done` is called
  // exactly once, from any thread, and must only hand over. Errors as of InferenceService::infer;
  // kInvalidArgument names the picture by its place ("picture 2: ..."), kFailedPrecondition where
  // the model takes no pictures.
  virtual void classify(PictureRequest request,
                        std::function<void(Result<PictureResponse>)> done) = 0;
};

}  // namespace muster
