/* report/page.h: the parts of the pages, made from page/ and sheet/ when the program is built. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdint.h>

extern const char nika_page_html[], nika_page_css[], nika_page_js[], nika_sheet_css[],
    nika_sheet_js[];
extern const uint32_t nika_page_html_size, nika_page_css_size, nika_page_js_size,
    nika_sheet_css_size, nika_sheet_js_size;

#endif
