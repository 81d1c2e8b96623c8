# The macros that an extension gets by `include(${Slicer_USE_FILE})`: see Slicer's CMake/UseSlicer.cmake.in,
# CMake/SlicerMacroBuildScriptedModule.cmake and CMake/SlicerMacroPythonTesting.cmake, and CTK's
# CMake/ctkMacroCompilePythonScript.cmake.
set(EXTENSION_NAME "${PROJECT_NAME}")
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "${Slicer_INSTALL_ROOT}${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")

include(CTest)

# Copy scripts and resources into the build tree, from which they are installed: into the folder of all modules, or
# with WITH_SUBDIR into a folder of their own there, named as the source folder is.
function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(PARSE_ARGV 0 MODULE "WITH_GENERIC_TESTS;WITH_SUBDIR" "NAME" "SCRIPTS;RESOURCES")
  _slicer_refuse_unknown(MODULE)
  if(NOT MODULE_NAME OR NOT MODULE_SCRIPTS)
    message(FATAL_ERROR "slicerMacroBuildScriptedModule() wants a NAME and SCRIPTS.")
  endif()

  set(destination "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
  set(installed "${destination}/") # with its slash: what lies in the folder, not the folder
  if(MODULE_WITH_SUBDIR)
    get_filename_component(folder "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
    string(APPEND destination "/${folder}")
    set(installed "${destination}")
  endif()

  set(copies)
  foreach(file IN LISTS MODULE_SCRIPTS MODULE_RESOURCES)
    _slicer_copy("${file}" "${destination}")
    list(APPEND copies "${destination}/${file}")
  endforeach()
  add_custom_target(Copy${MODULE_NAME} ALL DEPENDS ${copies})
  install(DIRECTORY "${installed}" DESTINATION "${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}")
endfunction()

# Register the unit tests of a script, to be run by Slicer itself. Here they are only listed.
function(slicer_add_python_unittest)
  cmake_parse_arguments(PARSE_ARGV 0 TEST "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS")
  _slicer_refuse_unknown(TEST)
  get_filename_component(script "${TEST_SCRIPT}" ABSOLUTE)
  if(NOT EXISTS "${script}")
    message(FATAL_ERROR "slicer_add_python_unittest() was given ${script}, which does not exist.")
  endif()
  get_filename_component(name "${script}" NAME_WE)
  add_test(NAME "py_${TEST_TESTNAME_PREFIX}${name}" COMMAND Slicer --testing --python-script "${script}")
endfunction()

macro(_slicer_refuse_unknown prefix)
  if(${prefix}_UNPARSED_ARGUMENTS OR ${prefix}_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "${CMAKE_CURRENT_FUNCTION}() was given what it does not know, or a keyword without a value: "
      "${${prefix}_UNPARSED_ARGUMENTS} ${${prefix}_KEYWORDS_MISSING_VALUES}")
  endif()
endmacro()

# Slicer copies a file to the place that it has below its source folder, so it must lie there.
function(_slicer_copy file destination)
  cmake_path(IS_ABSOLUTE file is_absolute)
  if(is_absolute OR file MATCHES "\\.\\.")
    message(FATAL_ERROR "${file} lies outside the folder of the module and would be copied to a wrong place.")
  endif()
  set(source "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  if(NOT EXISTS "${source}" OR IS_DIRECTORY "${source}")
    message(FATAL_ERROR "${source} is listed, but there is no such file.")
  endif()
  add_custom_command(
    OUTPUT "${destination}/${file}"
    COMMAND "${CMAKE_COMMAND}" -E copy "${source}" "${destination}/${file}"
    DEPENDS "${source}"
    )
endfunction()
