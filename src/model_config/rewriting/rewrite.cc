// SPDX-License-Identifier: Apache-2.0
#include "model_config/rewriting/rewrite.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include "model_config.pb.h"
#include "model_config/backend_names.h"
#include "model_config/model_config.h"
#include "model_config/rewriting/text_fields.h"

namespace muster {
namespace {

using Message = ::inference::ModelConfig;

std::optional<Message> parsed(const std::string& text) {
  google::protobuf::TextFormat::Parser parser;
  parser.SetRecursionLimit(kMaxConfigDepth);
  // What is wrong is for the caller to say, who has read the text before.
  class Silent final : public google::protobuf::io::ErrorCollector {
    void AddError(int, int, const std::string&) override {}
  } silent;
  parser.RecordErrorsTo(&silent);
  Message message;
  if (!parser.ParseFromString(text, &message)) return std::nullopt;
  return message;
}

// Of Muster's own, whatever runs the model.
bool outlives_backend(std::string_view key) {
  return key.starts_with("image.") || key.starts_with("classification.") ||
         key == kLatencyTargetKey;
}

// What is to change, as found by comparing the message with the settings.
struct Changes {
  bool backend = false;  // another one runs the model
  bool names_backend = false;
  bool platform = false;  // goes
  bool optimization = false;
  bool accelerator = false;  // comes, and others go
  std::vector<std::string> parameters_gone;
  std::map<std::string, std::string, std::less<>> parameters_set;
  bool instances = false;
  bool max_batch_size = false;
  bool dynamic_batching = false;  // comes
  bool preferred_sizes = false;   // go
};

int instances_of(const Message& message) {
  int total = 0;
  for (const auto& group : message.instance_group())
    total += group.has_count() ? group.count() : 1;
  return std::max(1, total);
}

void find_parameters(const Message& message, const RunSettings& settings, Changes& changes) {
  for (const auto& [key, value] : message.parameters()) {
    const auto wanted = settings.parameters.find(key);
    const bool is_wanted = wanted != settings.parameters.end();
    if (is_wanted ? wanted->second.empty() : changes.backend && !outlives_backend(key))
      changes.parameters_gone.push_back(key);
  }
  for (const auto& [key, value] : settings.parameters) {
    const auto there = message.parameters().find(key);
    const bool says_so =
        there != message.parameters().end() && there->second.string_value() == value;
    if (!value.empty() && !says_so) changes.parameters_set[key] = value;
  }
}

bool has_no_accelerator_but(const Message& message, const std::string& name) {
  const auto& all = message.optimization().execution_accelerators();
  return all.cpu_execution_accelerator_size() == 0 && all.gpu_execution_accelerator_size() == 1 &&
         all.gpu_execution_accelerator(0).name() == name;
}

Changes find_changes(const Message& message, const RunSettings& settings) {
  Changes changes;
  const std::string_view said = !message.backend().empty()
                                    ? canonical_backend(message.backend())
                                    : backend_of_platform(message.platform());
  changes.backend = settings.backend != (said.empty() ? settings.backend_unsaid : said);
  changes.names_backend = changes.backend;
  changes.platform = changes.backend && message.has_platform();
  changes.accelerator = !settings.accelerator.empty() &&
                        (changes.backend || !has_no_accelerator_but(message, settings.accelerator));
  changes.optimization = (changes.backend || changes.accelerator) && message.has_optimization();
  find_parameters(message, settings, changes);
  changes.instances = instances_of(message) != settings.instance_count;
  if (!settings.max_batch_size) return changes;
  changes.max_batch_size =
      !message.has_max_batch_size() || message.max_batch_size() != *settings.max_batch_size;
  changes.dynamic_batching = *settings.max_batch_size > 1 && !message.has_dynamic_batching();
  changes.preferred_sizes =
      std::ranges::any_of(message.dynamic_batching().preferred_batch_size(),
                          [&](std::int64_t size) { return size > *settings.max_batch_size; });
  return changes;
}

Message changed(Message message, const RunSettings& settings, const Changes& changes) {
  if (changes.names_backend) message.set_backend(settings.backend);
  if (changes.platform) message.clear_platform();
  if (changes.optimization) message.clear_optimization();
  if (changes.accelerator) {
    message.mutable_optimization()
        ->mutable_execution_accelerators()
        ->add_gpu_execution_accelerator()
        ->set_name(settings.accelerator);
  }
  for (const std::string& key : changes.parameters_gone)
    message.mutable_parameters()->erase(key);
  for (const auto& [key, value] : changes.parameters_set)
    (*message.mutable_parameters())[key].set_string_value(value);
  if (changes.instances) {
    if (message.instance_group_size() != 1) {
      message.clear_instance_group();
      message.add_instance_group();
    }
    message.mutable_instance_group(0)->set_count(settings.instance_count);
  }
  if (changes.max_batch_size)
    message.set_max_batch_size(static_cast<std::int32_t>(*settings.max_batch_size));
  if (changes.dynamic_batching) message.mutable_dynamic_batching();
  if (changes.preferred_sizes) message.mutable_dynamic_batching()->clear_preferred_batch_size();
  return message;
}

// The same changes in the text. Each looks for its field anew, as offsets move.
class TextChange {
 public:
  explicit TextChange(std::string_view text) : text_(text) {}

  void set_scalar(std::string_view name, const std::string& value) {
    set_in(whole(), name, value, [&] { append_line(text_, fmt::format("{}: {}", name, value)); });
  }
  void erase_all(std::string_view name) {
    erase_in([this] { return whole(); }, name);
  }
  void erase_parameter(const std::string& key) {
    for (const TextField& field : fields_in(text_, whole())) {
      const std::vector<TextRange> messages = messages_of(text_, field);
      if (field.name != "parameters" || messages.size() != 1 || !has_key(messages[0], key))
        continue;
      erase_field(text_, field);
      return;
    }
  }
  void set_parameter(const std::string& key, const std::string& value) {
    for (const TextField& field : fields_in(text_, whole())) {
      if (field.name != "parameters") continue;
      for (const TextRange message : messages_of(text_, field)) {
        if (has_key(message, key)) return set_value(message, value);
      }
    }
    append_line(text_, fmt::format(R"(parameters {{ key: "{}" value {{ string_value: "{}" }} }})",
                                   key, value));
  }
  void set_instances(int count) {
    std::vector<TextRange> groups;
    for (const TextField& field : fields_in(text_, whole())) {
      if (field.name == "instance_group")
        std::ranges::copy(messages_of(text_, field), std::back_inserter(groups));
    }
    if (groups.size() == 1) {
      set_in(groups[0], "count", std::to_string(count),
             [&] { text_.insert(groups[0].begin, fmt::format(" count: {}", count)); });
      return;
    }
    erase_all("instance_group");
    append_line(text_, fmt::format("instance_group {{ count: {} }}", count));
  }
  void erase_preferred_sizes() {
    erase_in(
        [this] {
          for (const TextField& field : fields_in(text_, whole())) {
            const std::vector<TextRange> messages = messages_of(text_, field);
            if (field.name == "dynamic_batching" && messages.size() == 1) return messages[0];
          }
          return TextRange{};
        },
        "preferred_batch_size");
  }
  [[nodiscard]] std::string take() { return std::move(text_); }
  void append(std::string_view line) { append_line(text_, line); }

 private:
  [[nodiscard]] TextRange whole() const { return {0, text_.size()}; }

  template <typename Otherwise>
  void set_in(TextRange message, std::string_view name, const std::string& value,
              Otherwise otherwise) {
    for (const TextField& field : fields_in(text_, message)) {
      if (field.name != name) continue;
      text_.replace(field.value.begin, field.value.end - field.value.begin, value);
      return;
    }
    otherwise();
  }
  template <typename Where>
  void erase_in(Where where, std::string_view name) {
    while (true) {
      const std::vector<TextField> fields = fields_in(text_, where());
      const auto found = std::ranges::find(fields, name, &TextField::name);
      if (found == fields.end()) return;
      erase_field(text_, *found);
    }
  }
  [[nodiscard]] bool has_key(TextRange parameter, const std::string& key) const {
    return std::ranges::any_of(fields_in(text_, parameter), [&](const TextField& field) {
      const std::string value =
          text_.substr(field.value.begin, field.value.end - field.value.begin);
      return field.name == "key" && (value == '"' + key + '"' || value == '\'' + key + '\'');
    });
  }
  void set_value(TextRange parameter, const std::string& value) {
    for (const TextField& field : fields_in(text_, parameter)) {
      const std::vector<TextRange> messages = messages_of(text_, field);
      if (field.name == "value" && messages.size() == 1)
        set_in(messages[0], "string_value", '"' + value + '"', [] {});
    }
  }

  std::string text_;
};

std::string changed_text(std::string_view text, const RunSettings& settings,
                         const Changes& changes) {
  TextChange change(text);
  if (changes.platform) change.erase_all("platform");
  if (changes.names_backend) change.set_scalar("backend", '"' + settings.backend + '"');
  if (changes.max_batch_size)
    change.set_scalar("max_batch_size", std::to_string(*settings.max_batch_size));
  if (changes.preferred_sizes) change.erase_preferred_sizes();
  if (changes.dynamic_batching) change.append("dynamic_batching { }");
  if (changes.instances) change.set_instances(settings.instance_count);
  if (changes.optimization) change.erase_all("optimization");
  if (changes.accelerator) {
    change.append(
        fmt::format("optimization {{ execution_accelerators {{ gpu_execution_accelerator "
                    "{{ name: \"{}\" }} }} }}",
                    settings.accelerator));
  }
  for (const std::string& key : changes.parameters_gone)
    change.erase_parameter(key);
  for (const auto& [key, value] : changes.parameters_set)
    change.set_parameter(key, value);
  return change.take();
}

std::string printed(const Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  std::string text;
  printer.PrintToString(message, &text);
  return text;
}

}  // namespace

Result<RewrittenConfig> rewrite_config(std::string_view text, const RunSettings& settings) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // as the reader of files does
  const std::optional<Message> before = parsed(std::string(text));
  if (!before) return invalid_argument("the configuration is no text-format protobuf");
  const Changes changes = find_changes(*before, settings);
  const Message wanted = changed(*before, settings, changes);
  std::string in_place = changed_text(text, settings, changes);
  const std::optional<Message> read_again = parsed(in_place);
  if (read_again && google::protobuf::util::MessageDifferencer::Equals(*read_again, wanted))
    return RewrittenConfig{std::move(in_place), false};
  return RewrittenConfig{printed(wanted), true};
}

}  // namespace muster
