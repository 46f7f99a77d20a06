# Finds OpenVINO: headers and library, in this order: $OPENVINO_ROOT (a prefix, an unpacked archive's `runtime` folder, or
# the `openvino` folder of the Python package), the system, .deps/openvino (which tools/setup fills).
#
# Sets OpenVINO_FOUND, OpenVINO_VERSION, OpenVINO_LIBRARY, OpenVINO_INCLUDE_DIR and OpenVINO_IN_DEPS (it came from .deps),
# and makes the target OpenVINO::OpenVINO.

include("${CMAKE_CURRENT_LIST_DIR}/MusterFindRuntime.cmake")
# The Python package has the library under its versioned name alone.
muster_find_runtime(OpenVINO
  ROOT_VARIABLE OPENVINO_ROOT
  HEADER openvino/openvino.hpp HEADER_SUFFIXES include
  LIBRARY openvino LIBRARY_SUFFIXES lib lib64 lib/intel64 lib/aarch64 libs VERSIONED_IN libs)

if(OpenVINO_FOUND)
  set(OpenVINO_VERSION "")
  set(openvino_parts "")
  file(STRINGS "${OpenVINO_INCLUDE_DIR}/openvino/core/version.hpp" openvino_lines
       REGEX "#define OPENVINO_VERSION_(MAJOR|MINOR|PATCH) ")
  foreach(line IN LISTS openvino_lines)
    if(line MATCHES "([0-9]+)$")
      list(APPEND openvino_parts "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(JOIN openvino_parts "." OpenVINO_VERSION)
  muster_import_runtime(OpenVINO)
elseif(OpenVINO_FIND_REQUIRED)
  message(FATAL_ERROR "OpenVINO was not found: run tools/setup build, or set OPENVINO_ROOT")
endif()
