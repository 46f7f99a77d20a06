# Finds ONNX Runtime: headers and library, in this order: $ONNXRUNTIME_ROOT (an unpacked release
# archive, or a prefix), the system, .deps/onnxruntime (which tools/setup fills).
#
# Sets ONNXRuntime_FOUND, ONNXRuntime_VERSION, ONNXRuntime_LIBRARY, ONNXRuntime_INCLUDE_DIR and
# ONNXRuntime_IN_DEPS (it came from .deps), and makes the target ONNXRuntime::ONNXRuntime.

include("${CMAKE_CURRENT_LIST_DIR}/MusterFindRuntime.cmake")
muster_find_runtime(ONNXRuntime
  ROOT_VARIABLE ONNXRUNTIME_ROOT
  HEADER onnxruntime_cxx_api.h
  HEADER_SUFFIXES include include/onnxruntime include/onnxruntime/core/session onnxruntime
                  onnxruntime/core/session
  LIBRARY onnxruntime LIBRARY_SUFFIXES lib lib64)

if(ONNXRuntime_FOUND)
  file(REAL_PATH "${ONNXRuntime_LIBRARY}" onnxruntime_file)
  set(ONNXRuntime_VERSION "")
  if(onnxruntime_file MATCHES "\\.so\\.([0-9.]+)$")
    set(ONNXRuntime_VERSION "${CMAKE_MATCH_1}")
  endif()
  muster_import_runtime(ONNXRuntime)
elseif(ONNXRuntime_FIND_REQUIRED)
  message(FATAL_ERROR "ONNX Runtime was not found: run tools/setup build, install "
                      "libonnxruntime-dev, or set ONNXRUNTIME_ROOT")
endif()
