# A stand-in for the build tree of 3D Slicer 5.12: what `find_package(Slicer)` gives to an extension of scripted
# modules. It is stricter than Slicer: what Slicer's macros would pass over in silence is an error here.
#
# The names and the layout are those of Slicer's CMake/SlicerConfig.cmake.in and CMake/SlicerDirectories.cmake.
set(Slicer_VERSION "5.12")
set(Slicer_LIB_DIR "lib/Slicer-${Slicer_VERSION}")
set(Slicer_SHARE_DIR "share/Slicer-${Slicer_VERSION}")
set(Slicer_INSTALL_ROOT "")
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "${Slicer_LIB_DIR}/qt-scripted-modules")

set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionGenerateConfig.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionCPack.cmake")
