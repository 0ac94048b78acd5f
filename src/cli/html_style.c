/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_style.c - how the page looks, and the script that it can do without: html.css and html.js */
#include "html_parts.h"

const char html_style[] = {
#include "html_css.h"
	, 0
};

const char html_script[] = {
#include "html_js.h"
	, 0
};
