# Writes the parts of the page as arrays: cmake -DSOURCE=folder -DOUT=file.c -P embed.cmake
file(WRITE "${OUT}.new" "/* Made from report/page/. */\n#include \"report/page.h\"\n")
foreach(part html css js)
    file(READ "${SOURCE}/page.${part}" bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    file(APPEND "${OUT}.new" "const char nika_page_${part}[] = {${bytes}0};\nconst uint32_t nika_page_${part}_size = sizeof nika_page_${part} - 1;\n")
endforeach()
file(RENAME "${OUT}.new" "${OUT}")
