# Finds TensorRT 10.1 or newer with its ONNX parser: headers and libraries, in this order: $TENSORRT_ROOT (an unpacked
# archive, or a prefix), the system.
#
# Sets TensorRT_FOUND, TensorRT_VERSION, TensorRT_LIBRARY, TensorRT_PARSER_LIBRARY and TensorRT_INCLUDE_DIR, and makes
# the targets TensorRT::TensorRT and TensorRT::OnnxParser.

include("${CMAKE_CURRENT_LIST_DIR}/MusterFindRuntime.cmake")
muster_find_runtime(TensorRT
  ROOT_VARIABLE TENSORRT_ROOT
  HEADER NvInfer.h HEADER_SUFFIXES include
  LIBRARY nvinfer LIBRARY_SUFFIXES lib lib64 VERSIONED_IN lib)

set(tensorrt_fault "")
if(TensorRT_FOUND)
  set(tensorrt_parts "")
  file(STRINGS "${TensorRT_INCLUDE_DIR}/NvInferVersion.h" tensorrt_lines
       REGEX "#define NV_TENSORRT_(MAJOR|MINOR|PATCH) +[0-9]+")
  foreach(line IN LISTS tensorrt_lines)
    if(line MATCHES "#define NV_TENSORRT_[A-Z]+ +([0-9]+)")
      list(APPEND tensorrt_parts "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(JOIN tensorrt_parts "." TensorRT_VERSION)

  # The parser's library and header lie beside the others. Its interface is a table of functions whose order is the
  # header's: 11 took two out of the middle, so that one of another version calls the wrong ones.
  cmake_path(GET TensorRT_LIBRARY PARENT_PATH tensorrt_folder)
  file(GLOB tensorrt_parsers RELATIVE "${tensorrt_folder}" "${tensorrt_folder}/libnvonnxparser.so*")
  unset(TensorRT_PARSER_LIBRARY CACHE)
  find_library(TensorRT_PARSER_LIBRARY NAMES nvonnxparser ${tensorrt_parsers} PATHS "${tensorrt_folder}" NO_DEFAULT_PATH)
  mark_as_advanced(TensorRT_PARSER_LIBRARY)
  set(tensorrt_parser_header "${TensorRT_INCLUDE_DIR}/NvOnnxParser.h")
  if(TensorRT_VERSION VERSION_LESS 10.1)
    set(tensorrt_fault "TensorRT ${TensorRT_VERSION} (${TensorRT_LIBRARY}) is too old: 10.1 at least is needed")
  elseif(NOT TensorRT_PARSER_LIBRARY OR NOT EXISTS "${tensorrt_parser_header}")
    set(tensorrt_fault "TensorRT ${TensorRT_VERSION} is here without its ONNX parser (libnvonnxparser and NvOnnxParser.h)")
  else()
    file(STRINGS "${tensorrt_parser_header}" tensorrt_of_ten REGEX "parseWithWeightDescriptors")
    if(TensorRT_VERSION VERSION_LESS 11 AND NOT tensorrt_of_ten)
      set(tensorrt_fault "${tensorrt_parser_header} is of TensorRT 11 or newer, the library of ${TensorRT_VERSION}")
    elseif(TensorRT_VERSION VERSION_GREATER_EQUAL 11 AND tensorrt_of_ten)
      set(tensorrt_fault "${tensorrt_parser_header} is of TensorRT 10, the library of ${TensorRT_VERSION}")
    endif()
  endif()
  if(tensorrt_fault)
    message(WARNING "${tensorrt_fault}")
    set(TensorRT_FOUND FALSE)
  endif()
endif()

if(TensorRT_FOUND)
  muster_import_runtime(TensorRT)
  if(NOT TARGET TensorRT::OnnxParser)
    add_library(TensorRT::OnnxParser SHARED IMPORTED)
    set_target_properties(TensorRT::OnnxParser PROPERTIES
      IMPORTED_LOCATION "${TensorRT_PARSER_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${TensorRT_INCLUDE_DIR}")
  endif()
elseif(TensorRT_FIND_REQUIRED)
  message(FATAL_ERROR "TensorRT was not found: install libnvinfer-dev and libnvonnxparsers-dev, or set TENSORRT_ROOT")
endif()
