// SPDX-License-Identifier: Apache-2.0
// VerifyRun: the same rows through one model, with each backend, precision and batch size, and
// through the model that a running server has, held against one reference. On the calling thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/subject/model_subject.h"
#include "app/verify/server_contender.h"
#include "app/verify/verify_inputs.h"
#include "app/verify/verify_results.h"
#include "measuring/usage_meter.h"

namespace muster {

// One way to run the model.
struct VerifyCandidate {
  std::string name;  // as people see it: "onnxruntime+openvino", "http://127.0.0.1:8000"
  ContenderOrder order;
  std::optional<VerifyServer> server = {};  // asked, instead of loading anything
  bool asked_for = false;                   // by name, so that its absence is a failure
  std::string precision = {};  // that its accelerators are asked for; "" = as the order has it

  [[nodiscard]] const std::string& asked_precision() const noexcept {
    return precision.empty() ? order.precision : precision;
  }
};

struct VerifyOrder {
  VerifyCandidate reference;  // run one row at a time
  std::vector<VerifyCandidate> candidates;
  std::vector<std::int64_t> batch_sizes;  // empty: 1, 2, 4, ... up to the model's largest
  InputWishes inputs;
  Tolerances tolerances;
};

// Called as things become known. All are needed.
struct VerifyListener {
  // The reference has answered: what the rows are, and what runtime said so.
  std::function<void(const std::string& origin, const std::string& runtime)> referenced;
  std::function<void(const VerifyRow&)> compared;
  std::function<void(const VerifyMiss&)> missed;
};

// An error where there is no reference or there are no inputs. Every candidate and batch size ends
// in `compared` or `missed`; a candidate and its model are gone before the next is opened.
[[nodiscard]] Status run_verify(const ModelSubject& subject, const VerifyOrder& order,
                                const VerifyListener& listener, UsageMeter& usage);

}  // namespace muster
