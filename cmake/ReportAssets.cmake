# Style and script of reports as a header, with the hash by which a page's policy allows the script.
set(report_folder ${CMAKE_SOURCE_DIR}/framework/report)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${report_folder}/page.css
             ${report_folder}/page.js)
file(READ ${report_folder}/page.css NEARFAR_PAGE_STYLE)
file(READ ${report_folder}/page.js NEARFAR_PAGE_SCRIPT)
file(SHA256 ${report_folder}/page.js NEARFAR_PAGE_SCRIPT_HASH)
configure_file(${CMAKE_SOURCE_DIR}/cmake/report_assets.h.in
               ${CMAKE_BINARY_DIR}/generated/nearfar/report_assets.h @ONLY)
