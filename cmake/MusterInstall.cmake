# What `cmake --install` lays down, and what find_package(Muster) finds.
include(CMakePackageConfigHelpers)

install(TARGETS muster EXPORT MusterTargets LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(TARGETS muster_program RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(DIRECTORY include/muster DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY models/lenet DESTINATION "${CMAKE_INSTALL_DATADIR}/muster/models")

install(EXPORT MusterTargets NAMESPACE Muster:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Muster")
configure_package_config_file(cmake/MusterConfig.cmake.in "${PROJECT_BINARY_DIR}/MusterConfig.cmake"
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Muster")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/MusterConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/MusterConfig.cmake" "${PROJECT_BINARY_DIR}/MusterConfigVersion.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Muster")
