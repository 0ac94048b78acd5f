# SPDX-License-Identifier: GPL-3.0-or-later
#
# embed(file header): the octets of a file as the inside of a C array, made anew when it changes
function(embed file header)
	file(READ ${CMAKE_CURRENT_SOURCE_DIR}/${file} octets HEX)
	string(REGEX REPLACE "(..)" "0x\\1," octets "${octets}")
	string(REGEX REPLACE "((0x..,)(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?)" "\\1\n"
		octets "${octets}")
	string(REGEX REPLACE ",\n$" "\n" octets "${octets}")
	file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/generated/${header} CONTENT "${octets}")
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
endfunction()
