# cmake -DLIST=… -DOUTPUT=… -P embed_generate.cmake: writes the C tables of sql/embed.h.
# Byte arrays, because a compiler need not take string literals above 4,095 characters.
include(${LIST})
set(arrays "")
set(query_rows "")
set(migration_rows "")

function(add_array symbol path)
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
         "\\1\n" bytes "${bytes}")
  set(arrays "${arrays}static const unsigned char ${symbol}[] = {${bytes}0};\n" PARENT_SCOPE)
endfunction()

list(SORT queries)
foreach(path ${queries})
  get_filename_component(name ${path} NAME_WE)
  if(NOT name MATCHES "^[a-z0-9_]+$")
    message(FATAL_ERROR "${path}: a query's name has a-z, 0-9 and _ only")
  endif()
  add_array(query_${name} ${path})
  file(STRINGS ${path} first_line LIMIT_COUNT 1)
  if(first_line MATCHES "^-- once")
    set(prepare false)
  else()
    set(prepare true)
  endif()
  string(APPEND query_rows "    {\"${name}\", (const char *)query_${name}, ${prepare}},\n")
endforeach()

list(SORT migrations)
set(expected 1)
foreach(path ${migrations})
  get_filename_component(name ${path} NAME_WE)
  if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
    message(FATAL_ERROR "${path}: a migration's name is NNNN_name.sql")
  endif()
  string(REGEX REPLACE "^0*([0-9]+)_.*$" "\\1" version ${name})
  if(NOT version EQUAL expected)
    message(FATAL_ERROR "${path}: the next migration is number ${expected}")
  endif()
  math(EXPR expected "${expected} + 1")
  add_array(migration_${name} ${path})
  string(APPEND migration_rows
         "    {${version}, \"${name}\", {(const char *)migration_${name}, sizeof migration_${name} - 1}},\n")
endforeach()

# A last empty row keeps the arrays legal when there is no file.
file(WRITE ${OUTPUT} "/* Written by sql/embed_generate.cmake. */
#include \"sql/embed.h\"

${arrays}
const struct ww_sql embedded_queries[] = {
${query_rows}    {NULL, NULL, false},
};
const size_t embedded_query_count = sizeof embedded_queries / sizeof *embedded_queries - 1;

const struct ww_migration embedded_migrations[] = {
${migration_rows}    {0, NULL, {NULL, 0}},
};
const size_t embedded_migration_count = sizeof embedded_migrations / sizeof *embedded_migrations - 1;
")
