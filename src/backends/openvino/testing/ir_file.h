// SPDX-License-Identifier: Apache-2.0
// IR files for tests: `y = x * weights`, x and y FP32 [?,2], or whatever shape is given.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "onnx/testing/onnx_file.h"

namespace muster::openvino {

inline std::string dims_of(std::string_view batch, std::string_view width) {
  return "<dim>" + std::string(batch) + "</dim><dim>" + std::string(width) + "</dim>";
}

// `size`: the bytes of weights that the model asks for, at `offset`.
inline std::string ir_xml(std::string_view batch = "-1", std::string_view offset = "0",
                          std::string_view size = "8") {
  const std::string port = dims_of(batch, "2");
  const std::string shape = (batch == "-1" ? "?" : std::string(batch)) + ",2";
  return R"(<?xml version="1.0"?><net name="scale" version="11"><layers>)"
         R"(<layer id="0" name="x" type="Parameter" version="opset1"><data shape=")" +
         shape + R"(" element_type="f32"/><output><port id="0" precision="FP32" names="x">)" +
         port +
         R"(</port></output></layer>)"
         R"(<layer id="1" name="w" type="Const" version="opset1"><data element_type="f32" shape="1, 2" offset=")" +
         std::string(offset) + R"(" size=")" + std::string(size) +
         R"("/><output><port id="0" precision="FP32">)" + dims_of("1", "2") +
         R"(</port></output></layer>)"
         R"(<layer id="2" name="scaled" type="Multiply" version="opset1"><data auto_broadcast="numpy"/><input><port id="0">)" +
         port + R"(</port><port id="1">)" + dims_of("1", "2") +
         R"(</port></input><output><port id="2" precision="FP32" names="y">)" + port +
         R"(</port></output></layer>)"
         R"(<layer id="3" name="y/sink_port_0" type="Result" version="opset1"><input><port id="0">)" +
         port +
         R"(</port></input></layer></layers><edges>)"
         R"(<edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>)"
         R"(<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>)"
         R"(<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/></edges></net>)";
}

// x FP32 [?,4] split into two of [?,2], whose results bear these names.
inline std::string split_ir_xml(std::string_view first, std::string_view second) {
  const std::string half = dims_of("-1", "2");
  const auto result = [&](std::string_view id, std::string_view name) {
    return "<layer id=\"" + std::string(id) + "\" name=\"" + std::string(name) +
           R"(" type="Result" version="opset1"><input><port id="0">)" + half +
           "</port></input></layer>";
  };
  return R"(<?xml version="1.0"?><net name="halves" version="11"><layers>)"
         R"(<layer id="0" name="x" type="Parameter" version="opset1"><data shape="?,4" element_type="f32"/><output><port id="0" precision="FP32">)" +
         dims_of("-1", "4") +
         R"(</port></output></layer>)"
         R"(<layer id="1" name="axis" type="Const" version="opset1"><data element_type="i64" shape="" offset="0" size="8"/><output><port id="0" precision="I64"/></output></layer>)"
         R"(<layer id="2" name="halves" type="Split" version="opset1"><data num_splits="2"/><input><port id="0">)" +
         dims_of("-1", "4") +
         R"(</port><port id="1"/></input><output><port id="2" precision="FP32">)" + half +
         R"(</port><port id="3" precision="FP32">)" + half + "</port></output></layer>" +
         result("3", first) + result("4", second) +
         R"(</layers><edges><edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>)"
         R"(<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>)"
         R"(<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>)"
         R"(<edge from-layer="2" from-port="3" to-layer="4" to-port="0"/></edges></net>)";
}

inline std::string weight_bytes(float first, float second) {
  const std::array<float, 2> weights = {first, second};
  std::string bytes(sizeof weights, '\0');
  std::memcpy(bytes.data(), weights.data(), bytes.size());
  return bytes;
}

// model.xml with its model.bin; the path of the former.
inline std::string write_ir(const onnx::TemporaryFolder& folder, float first, float second,
                            std::string_view batch = "-1") {
  folder.write("model.bin", weight_bytes(first, second));
  return folder.write("model.xml", ir_xml(batch));
}

}  // namespace muster::openvino
