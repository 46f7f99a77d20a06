# Finds the sources of MLPerf's LoadGen, which are built into the program: in $LOADGEN_ROOT (an unpacked source archive
# of the package mlcommons-loadgen), or in .deps/loadgen (which tools/setup fills).
#
# Sets LoadGen_FOUND, LoadGen_VERSION with _MAJOR and _MINOR, LoadGen_SOURCES and LoadGen_INCLUDE_DIR.

set(loadgen_root "${CMAKE_CURRENT_LIST_DIR}/../.deps/loadgen")
cmake_path(NORMAL_PATH loadgen_root)
if(DEFINED ENV{LOADGEN_ROOT} AND NOT "$ENV{LOADGEN_ROOT}" STREQUAL "")
  set(loadgen_root "$ENV{LOADGEN_ROOT}")
endif()

set(LoadGen_FOUND FALSE)
set(LoadGen_SOURCES "")
if(EXISTS "${loadgen_root}/loadgen.h" AND EXISTS "${loadgen_root}/VERSION.txt")
  set(LoadGen_INCLUDE_DIR "${loadgen_root}")
  file(STRINGS "${loadgen_root}/VERSION.txt" LoadGen_VERSION LIMIT_COUNT 1)
  string(REGEX MATCH "^([0-9]+)[.]([0-9]+)" loadgen_numbers "${LoadGen_VERSION}")
  set(LoadGen_VERSION_MAJOR "${CMAKE_MATCH_1}")
  set(LoadGen_VERSION_MINOR "${CMAKE_MATCH_2}")
  set(LoadGen_FOUND TRUE)
  # Neither its bindings nor what makes a Python module of it.
  foreach(name IN ITEMS early_stopping issue_query_controller loadgen logging results
                        test_settings_internal utils version generated/version_generated)
    list(APPEND LoadGen_SOURCES "${loadgen_root}/${name}.cc")
    if(NOT EXISTS "${loadgen_root}/${name}.cc")
      message(STATUS "LoadGen in ${loadgen_root} lacks ${name}.cc")
      set(LoadGen_FOUND FALSE)
    endif()
  endforeach()
endif()
if(NOT LoadGen_FOUND AND LoadGen_FIND_REQUIRED)
  message(FATAL_ERROR "LoadGen was not found: run tools/setup build, or set LOADGEN_ROOT")
endif()
