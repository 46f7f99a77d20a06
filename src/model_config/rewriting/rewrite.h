// SPDX-License-Identifier: Apache-2.0
// A configuration that somebody wrote, with other settings of how the model is run. Everything else
// stays: tensors, labels, pictures, versions, queue policies.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <muster/status.h>

namespace muster {

// How a model is run.
struct RunSettings {
  std::string backend;
  // What runs the model where the configuration names no backend.
  std::string backend_unsaid;
  int instance_count = 1;
  // Nothing: as it is. Above 1 requests share batches.
  std::optional<std::int64_t> max_batch_size = {};
  // Of the backend, by name; "" = is not to be there. Others stay.
  std::map<std::string, std::string, std::less<>> parameters = {};
  // The one on a GPU, instead of those that the configuration names; "" = these.
  std::string accelerator = {};
};

struct RewrittenConfig {
  std::string text;
  // The text was too unusual to be changed in place: it is written anew, with every field and
  // without its comments.
  bool written_anew = false;
};

// `text`: a configuration that parse_model_config takes. What already says what is wanted stays as
// it is written. Where the backend changes, parameters of the one before go, and so does
// `optimization`, which is about it, but for the accelerator that is asked for; preferred sizes
// above the batch size go, too.
[[nodiscard]] Result<RewrittenConfig> rewrite_config(std::string_view text,
                                                     const RunSettings& settings);

}  // namespace muster
