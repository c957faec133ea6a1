/* report/page.h: the parts of the page, made from page/page.* when the program is built. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdint.h>

extern const char nika_page_html[], nika_page_css[], nika_page_js[];
extern const uint32_t nika_page_html_size, nika_page_css_size, nika_page_js_size;

#endif
