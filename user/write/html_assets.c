// SPDX-License-Identifier: GPL-2.0-only
/* The assembler puts the files in as they are; paths are relative to the top of the tree, where all is
 * built from. */
#include "html_assets.h"

#define EMBED(symbol, path)                                                                        \
	__asm__(".pushsection .rodata,\"a\"\n" #symbol "_begin:\n\t.incbin \"" path "\"\n" #symbol \
		"_end:\n\t.byte 0\n"                                                               \
		".popsection\n");                                                                  \
	extern const char symbol##_begin[], symbol##_end[]

#define ASSET(symbol, file)                        \
	{                                          \
		file, symbol##_begin, symbol##_end \
	}

EMBED(html_page_html, "user/write/html/page.html");
EMBED(html_page_css, "user/write/html/page.css");
EMBED(html_reader_js, "user/write/html/reader.js");
EMBED(html_data_js, "user/write/html/data.js");
EMBED(html_text_js, "user/write/html/text.js");
EMBED(html_paint_js, "user/write/html/paint.js");
EMBED(html_flame_js, "user/write/html/flame.js");
EMBED(html_table_js, "user/write/html/table.js");
EMBED(html_lanes_js, "user/write/html/lanes.js");
EMBED(html_details_js, "user/write/html/details.js");
EMBED(html_timeline_input_js, "user/write/html/timeline_input.js");
EMBED(html_timeline_js, "user/write/html/timeline.js");
EMBED(html_views_js, "user/write/html/views.js");
EMBED(html_query_js, "user/write/html/query.js");
EMBED(html_diff_js, "user/write/html/diff.js");
EMBED(html_page_js, "user/write/html/page.js");

const struct html_asset html_skeleton = ASSET(html_page_html, "page.html");

const struct html_asset html_styles[] = { ASSET(html_page_css, "page.css"), {} };

const struct html_asset html_scripts[] = {
	ASSET(html_text_js, "text.js"),
	ASSET(html_reader_js, "reader.js"),
	ASSET(html_data_js, "data.js"),
	ASSET(html_paint_js, "paint.js"),
	ASSET(html_flame_js, "flame.js"),
	ASSET(html_table_js, "table.js"),
	ASSET(html_lanes_js, "lanes.js"),
	ASSET(html_timeline_js, "timeline.js"),
	ASSET(html_timeline_input_js, "timeline_input.js"),
	ASSET(html_details_js, "details.js"),
	ASSET(html_views_js, "views.js"),
	ASSET(html_query_js, "query.js"),
	ASSET(html_diff_js, "diff.js"),
	ASSET(html_page_js, "page.js"),
	{},
};
