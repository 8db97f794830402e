// SPDX-License-Identifier: GPL-2.0-only
/* Any text as the value of an option: times, sizes, hours, threads, globs, names of files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/function_filter.h"
#include "../../user/schedule.h"
#include "../../user/stamped_path.h"
#include "../../user/str_list.h"
#include "../../user/thread_selector.h"
#include "../../user/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(const char *text)
{
	struct thread_ids ids = { .tid = 7, .ident = 0x7f00, .name = "worker-7", .comm = "python3" };
	const char *globs[] = { text };
	struct function_filter f = { .cwd = "/srv/app" };

	thread_selector__matches(text, &ids);
	f.ignore = f.only = f.include_files = f.exclude_files =
		(struct str_list){ .items = globs, .n = 1 };
	function_filter__fits(&f.only, "Session.send", "/srv/app/web.py");
	function_filter__verdict(&f, "Session.send", "/srv/app/web.py");
	f.cut = true;
	function_filter__verdict(&f, text, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), buf[32];
	struct schedule_span span;
	uint64_t value;

	memcpy(text, data, size);
	text[size] = '\0';
	if (!parse_time(text, 1000, &value))
		format_ns((double)value, buf, sizeof(buf));
	if (!parse_size(text, &value))
		format_size(value, buf, sizeof(buf));
	if (!schedule__parse(text, &span) && (span.from > 24 * 60 || span.until > 24 * 60))
		abort();
	if (stamped_path__extension(text) < text ||
	    stamped_path__extension(text) > text + strlen(text))
		abort();
	match(text);
	free(text);
	return 0;
}
