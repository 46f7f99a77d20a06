// SPDX-License-Identifier: Apache-2.0
#include "app/verify/verify_inputs.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include <muster/image.h>

#include "app/subject/row_shapes.h"
#include "base/bounded_file.h"
#include "base/text.h"
#include "comparing/npy.h"
#include "serving/picture_tensor.h"

namespace muster {
namespace {

// What was read for an input. A raw file's tensor is made when the shape of a row is known.
struct GivenInput {
  std::string file;
  std::string raw;
  std::optional<Tensor> tensor;  // the first axis counts rows
};
using GivenInputs = std::map<std::string, GivenInput, std::less<>>;

Status about(const std::string& input, const std::string& file, const Status& status) {
  return status.with_context("input '" + printable(input) + "' from " + printable(file));
}

// NumPy knows no BF16: its bits come as whole numbers of 16 bits.
bool has_type(const TensorSpec& spec, DataType given) {
  return spec.type == given || (spec.type == DataType::kBf16 && given == DataType::kUint16);
}

Result<Tensor> array_for(const TensorSpec& spec, bool stacked, std::string_view bytes) {
  MUSTER_ASSIGN_OR_RETURN(const Tensor array, read_npy(bytes));
  if (!has_type(spec, array.type())) {
    return invalid_argument("it holds " + std::string(data_type_name(array.type())) +
                            ", expected " + std::string(data_type_name(spec.type)) +
                            (spec.type == DataType::kBf16 ? " as uint16" : ""));
  }
  if (stacked && array.shape().rank() == 0) {
    return invalid_argument("it is a single number; its first axis must count rows");
  }
  const Shape shape = stacked ? array.shape() : array.shape().with_first(1);
  if (shape[0] < 1) return invalid_argument("it has no rows");
  return Tensor::copy_of(spec.type, shape, array.bytes());
}

// As many rows as the bytes are.
Result<Tensor> raw_for(const Tensor& one_row, std::string_view bytes) {
  const std::size_t row = one_row.bytes().size();
  if (one_row.type() == DataType::kBytes) {
    return invalid_argument("texts cannot be given as a file; let them be made up");
  }
  if (row == 0 || bytes.empty() || bytes.size() % row != 0) {
    return invalid_argument(
        fmt::format("{} bytes are no whole number of rows of {} bytes each", bytes.size(), row));
  }
  const Shape shape =
      one_row.shape().without_first().with_first(static_cast<std::int64_t>(bytes.size() / row));
  return Tensor::copy_of(one_row.type(), shape, std::as_bytes(std::span(bytes)));
}

Result<GivenInputs> read_files(const Contender& contender, const InputWishes& wishes,
                               std::uint64_t limit) {
  GivenInputs given;
  std::uint64_t left = limit;
  for (const InputFile& wish : wishes.files) {
    const TensorSpec* spec = contender.model->signature().find_input(wish.input);
    if (spec == nullptr) {
      return invalid_argument("there is no input '" + printable(wish.input) + "' for " +
                              printable(wish.file));
    }
    auto read = read_bounded(wish.file, left);
    if (!read.ok() && left < limit && read.status().code() == StatusCode::kResourceExhausted) {
      return read.status().with_context(
          fmt::format("the inputs' files together may have {} bytes", limit));
    }
    if (!read.ok()) return read.status();
    std::string bytes = *std::move(read);
    left -= bytes.size();
    GivenInput input{wish.file, {}, {}};
    if (is_npy(bytes)) {
      auto array = array_for(*spec, contender.stacked, bytes);
      if (!array.ok()) return about(wish.input, wish.file, array.status());
      input.tensor = *std::move(array);
    } else {
      input.raw = std::move(bytes);
    }
    given.emplace(wish.input, std::move(input));
  }
  return given;
}

Result<GivenInputs> read_pictures(const Contender& contender, const InputWishes& wishes,
                                  std::uint64_t limit) {
  const auto count = static_cast<std::int64_t>(wishes.pictures.size());
  MUSTER_ASSIGN_OR_RETURN(const Shape one,
                          picture_input_shape(contender.config, contender.stacked, 1));
  const Shape shape =
      contender.stacked ? one.without_first().with_first(count) : one.with_first(count);
  const TensorSpec& input = contender.config.inputs.front();
  MUSTER_ASSIGN_OR_RETURN(const std::size_t size, byte_size(input.type, shape));
  if (size > limit) {
    return resource_exhausted(
        fmt::format("{} pictures take {} bytes as rows of input '{}', and {} are possible", count,
                    size, printable(input.name), limit));
  }
  MUSTER_ASSIGN_OR_RETURN(Tensor rows, Tensor::allocate(input.type, shape));
  std::size_t at = 0;
  for (const std::string& file : wishes.pictures) {
    const auto picture = read_picture_file(file);
    if (!picture.ok()) return picture.status().with_context(printable(file));
    const auto row = picture_tensor(picture->bytes(), contender.config, contender.stacked);
    if (!row.ok()) return row.status().with_context(printable(file));
    std::memcpy(rows.bytes().data() + at, row->bytes().data(), row->bytes().size());
    at += row->bytes().size();
  }
  GivenInputs given;
  given.emplace(input.name, GivenInput{"pictures", {}, std::move(rows)});
  return given;
}

// Every input with an axis in front that counts rows.
ModelSignature by_rows(const Contender& contender) {
  ModelSignature signature = contender.model->signature();
  if (contender.stacked) return signature;
  for (TensorSpec& input : signature.inputs)
    input.shape = input.shape.with_first(kDynamicDim);
  return signature;
}

// An array tells the dimensions that its input leaves open.
RowShapes shapes_told(const ModelSignature& signature, const GivenInputs& given,
                      const RowShapes& wished) {
  RowShapes shapes = wished;
  for (const auto& [name, input] : given) {
    if (!input.tensor || shapes.contains(name)) continue;
    if (signature.find_input(name)->shape.without_first().has_dynamic_dim())
      shapes.emplace(name, input.tensor->shape().without_first());
  }
  return shapes;
}

// The rows that all files have; nothing where there are none.
Result<std::optional<std::int64_t>> rows_of(const GivenInputs& given) {
  std::optional<std::int64_t> rows;
  std::string first;
  for (const auto& [name, input] : given) {
    const std::int64_t here = input.tensor->shape()[0];
    if (rows && *rows != here) {
      return invalid_argument(
          fmt::format("input '{}' has {} rows and input '{}' {}; give the same "
                      "number for all",
                      printable(first), *rows, printable(name), here));
    }
    rows = here;
    first = name;
  }
  return rows;
}

Status vary_all(const ModelSignature& signature, const GivenInputs& given,
                const InputWishes& wishes, std::vector<Tensor>& tensors) {
  for (const auto& [name, range] : wishes.ranges) {
    if (signature.find_input(name) == nullptr || given.contains(name))
      return invalid_argument("--range: there is no input '" + printable(name) + "' to make up");
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = signature.inputs[i].name;
    if (given.contains(name)) continue;
    const auto range = wishes.ranges.find(name);
    const Status varied =
        vary(tensors[i],
             range == wishes.ranges.end() ? std::nullopt : std::optional<ValueRange>(range->second),
             wishes.seed + i);
    if (!varied.ok()) return varied.with_context("input '" + printable(name) + "'");
  }
  return {};
}

Status take_given(const ModelSignature& signature, GivenInputs& given,
                  std::vector<Tensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto found = given.find(signature.inputs[i].name);
    if (found == given.end()) continue;
    if (found->second.tensor->shape() != tensors[i].shape()) {
      return about(
          found->first, found->second.file,
          invalid_argument("a row has shape " +
                           found->second.tensor->shape().without_first().to_string() +
                           ", expected " + tensors[i].shape().without_first().to_string()));
    }
    tensors[i] = *std::move(found->second.tensor);
  }
  return {};
}

std::string origin_of(const InputWishes& wishes, std::int64_t rows, std::size_t inputs) {
  if (!wishes.pictures.empty()) return fmt::format("{} pictures", rows);
  const std::string count = fmt::format("{} row{}", rows, rows == 1 ? "" : "s");
  if (wishes.files.empty()) return fmt::format("{} made up with --seed {}", count, wishes.seed);
  const std::string rest =
      wishes.files.size() < inputs
          ? fmt::format(", the other inputs made up with --seed {}", wishes.seed)
          : "";
  return fmt::format("{} of {} file{}{}", count, wishes.files.size(),
                     wishes.files.size() == 1 ? "" : "s", rest);
}

}  // namespace

Result<std::vector<InputFile>> parse_input_files(const std::vector<std::string>& texts) {
  std::vector<InputFile> files;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      return invalid_argument("--input '" + printable(text) +
                              "': expected NAME=FILE, as in input=digits.npy");
    }
    InputFile file{text.substr(0, equals), text.substr(equals + 1)};
    if (std::ranges::find(files, file.input, &InputFile::input) != files.end())
      return invalid_argument("--input is given twice for '" + printable(file.input) + "'");
    files.push_back(std::move(file));
  }
  return files;
}

Result<ValueRanges> parse_value_ranges(const std::vector<std::string>& texts) {
  ValueRanges ranges;
  for (const std::string& text : texts) {
    const NamedText parts = split_name(text);
    const std::size_t comma = parts.rest.find(',');
    std::optional<double> low;
    std::optional<double> high;
    if (comma != std::string_view::npos) {
      low = parse_double(parts.rest.substr(0, comma));
      high = parse_double(parts.rest.substr(comma + 1));
    }
    if (parts.name.empty() || !low || !high || *low > *high) {
      return invalid_argument("--range '" + printable(text) +
                              "': expected NAME:LOW,HIGH, as in input:-1,1");
    }
    if (!ranges.emplace(parts.name, ValueRange{*low, *high}).second)
      return invalid_argument("--range is given twice for '" + printable(parts.name) + "'");
  }
  return ranges;
}

Result<VerifyInputs> gather_inputs(const Contender& contender, const InputWishes& wishes,
                                   std::int64_t usual_rows, std::uint64_t limit) {
  MUSTER_ASSIGN_OR_RETURN(GivenInputs given, wishes.pictures.empty()
                                                 ? read_files(contender, wishes, limit)
                                                 : read_pictures(contender, wishes, limit));
  const ModelSignature signature = by_rows(contender);
  const RowShapes shapes = shapes_told(signature, given, wishes.shapes);
  // Also says what is open, in the model's own shapes.
  MUSTER_RETURN_IF_ERROR(
      SampleInputs::make(contender.model->signature(), contender.stacked, 1, shapes, limit)
          .status());
  MUSTER_ASSIGN_OR_RETURN(const SampleInputs one_row,
                          SampleInputs::make(signature, true, 1, shapes, limit));
  for (auto& [name, input] : given) {
    if (input.tensor) continue;
    const auto spec = std::ranges::find(signature.inputs, name, &TensorSpec::name);
    const auto index = static_cast<std::size_t>(spec - signature.inputs.begin());
    auto tensor = raw_for(one_row.tensors()[index], input.raw);
    if (!tensor.ok()) return about(name, input.file, tensor.status());
    input.tensor = *std::move(tensor);
    input.raw.clear();
  }
  MUSTER_ASSIGN_OR_RETURN(const auto told, rows_of(given));

  VerifyInputs inputs;
  inputs.rows = told.value_or(wishes.rows > 0 ? wishes.rows : usual_rows);
  MUSTER_ASSIGN_OR_RETURN(SampleInputs made,
                          SampleInputs::make(signature, true, inputs.rows, shapes, limit));
  inputs.tensors = std::move(made).take_tensors();
  MUSTER_RETURN_IF_ERROR(vary_all(signature, given, wishes, inputs.tensors));
  MUSTER_RETURN_IF_ERROR(take_given(signature, given, inputs.tensors));
  inputs.origin = origin_of(wishes, inputs.rows, signature.inputs.size());
  return inputs;
}

}  // namespace muster
