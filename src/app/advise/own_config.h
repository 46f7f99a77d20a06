// SPDX-License-Identifier: Apache-2.0
// The configuration that a model has, or what would stand for its own, and what the chosen
// candidate makes of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/advise/advice.h"
#include "app/advise/setups.h"
#include "app/subject/model_subject.h"

namespace muster {

struct OwnText {
  std::optional<std::string> written;  // what lies there now
  std::string text;                    // the same; without one, all that goes without one, said
};

// Without a configuration the model is loaded, with the first of `backends` that can: labels and
// tensors that are found without one must be named in one. kNotFound names why none can.
[[nodiscard]] Result<OwnText> own_text(const ModelSubject& subject,
                                       const std::vector<std::string>& backends, int thread_budget);

struct ChosenConfig {
  AdvisedConfig advised;
  std::string changes;  // line by line; "" = there are none, or there was no file
  bool loses_comments = false;
};
// Of the first of an advice that is found.
[[nodiscard]] Result<ChosenConfig> chosen_config(const Advice& advice, const OwnText& own,
                                                 const OwnConfig& own_config,
                                                 const std::string& path);

// Puts it in place. Gives what was done, as a sentence for people.
[[nodiscard]] Result<std::string> write_config(const ChosenConfig& chosen, const OwnText& own);

}  // namespace muster
