# Lets other extensions find this one; see Slicer's CMake/SlicerExtensionGenerateConfig.cmake.
file(WRITE "${CMAKE_BINARY_DIR}/${EXTENSION_NAME}Config.cmake"
  "set(${EXTENSION_NAME}_SOURCE_DIR \"${CMAKE_SOURCE_DIR}\")\n")
