# SPDX-License-Identifier: GPL-3.0-or-later
#
# librpcgate, shared and static, and how others find it.
# The interface is counted apart from releases: 1 until a program must be built anew.
set(interface 1)
add_library(rpcgate_shared SHARED ${library_objects})
set_target_properties(rpcgate_shared PROPERTIES
	OUTPUT_NAME rpcgate VERSION ${interface}.${PROJECT_VERSION} SOVERSION ${interface})
target_link_libraries(rpcgate_shared PRIVATE rpcgate_flags)
if(NOT SANITIZE)
	# What is missing shows here, not in the program of somebody else.
	target_link_options(rpcgate_shared PRIVATE LINKER:-z,defs)
endif()

# The layers call each other by short names.  In an archive those would meet the names of whoever
# embeds the library, so all objects are joined to one and what is hidden is made local to it.
# Sanitizers keep tables of their own across objects: there the archive stays plain.
if(SANITIZE OR NOT CMAKE_OBJCOPY)
	add_library(rpcgate_static STATIC ${library_objects})
else()
	set(joined ${CMAKE_CURRENT_BINARY_DIR}/rpcgate-joined.o)
	add_custom_command(OUTPUT ${joined}
		COMMAND ${CMAKE_LINKER} -r -o ${joined} ${library_objects}
		COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${joined}
		DEPENDS ${library_objects} base wire rpc gate
		COMMAND_EXPAND_LISTS VERBATIM
		COMMENT "Joining the layers")
	add_library(rpcgate_static STATIC ${joined})
	set_source_files_properties(${joined} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
endif()
set_target_properties(rpcgate_static PROPERTIES OUTPUT_NAME rpcgate LINKER_LANGUAGE C)

file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/rpcgate.pc.in rpcgate.pc @ONLY)
install(TARGETS rpcgate_shared rpcgate_static)
install(FILES include/rpcgate.h TYPE INCLUDE)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rpcgate.pc
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/src/man/librpcgate.3
	DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
