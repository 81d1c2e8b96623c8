# Writes the extension's description, a line a field; see Slicer's CMake/SlicerExtensionCPack.cmake and
# Extensions/CMake/SlicerExtensionDescriptionSpec.cmake.
set(_description "")
foreach(field HOMEPAGE CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  list(LENGTH EXTENSION_${field} _length)
  if(NOT _length EQUAL 1)
    message(FATAL_ERROR "EXTENSION_${field} must be set to one text without semicolons.")
  endif()
  string(TOLOWER "${field}" _name)
  string(APPEND _description "${_name} ${EXTENSION_${field}}\n")
endforeach()
file(WRITE "${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext" "${_description}")
install(FILES "${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext" DESTINATION "${Slicer_INSTALL_ROOT}${Slicer_SHARE_DIR}")
