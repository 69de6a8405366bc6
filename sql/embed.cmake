# Puts sql/queries/*.sql and sql/migrations/*.sql into ww_sql, byte for byte, as sql/embedded.c of the
# build directory. CONFIGURE_DEPENDS notices new and removed files, DEPENDS notices changed ones.
file(GLOB ww_queries CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/queries/*.sql)
file(GLOB ww_migrations CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/migrations/*.sql)

set(ww_embedded ${CMAKE_BINARY_DIR}/sql/embedded.c)
# The list is an input of its own: a removed file leaves no newer input behind.
set(ww_embedded_list ${CMAKE_BINARY_DIR}/sql/embedded_files.cmake)
file(CONFIGURE OUTPUT ${ww_embedded_list} @ONLY CONTENT
     "set(queries \"@ww_queries@\")\nset(migrations \"@ww_migrations@\")\n")

add_custom_command(
  OUTPUT ${ww_embedded}
  COMMAND ${CMAKE_COMMAND} -DLIST=${ww_embedded_list} -DOUTPUT=${ww_embedded}
          -P ${CMAKE_CURRENT_LIST_DIR}/embed_generate.cmake
  DEPENDS ${ww_queries} ${ww_migrations} ${ww_embedded_list} ${CMAKE_CURRENT_LIST_DIR}/embed_generate.cmake
  COMMENT "Embedding sql/queries and sql/migrations"
  VERBATIM)
target_sources(ww_sql PRIVATE ${ww_embedded})
