/* SPDX-License-Identifier: GPL-2.0-only */
/* Any text as a --trigger: refused with a reason, or taken and matched against without harm. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/trigger_expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), why[256] = "";
	struct trigger_expr e;

	memcpy(text, data, size);
	text[size] = '\0';
	if (trigger_expr__parse(text, &e, why, sizeof(why))) {
		if (!*why || e.function || e.type)
			abort();
	} else {
		if (e.kind != TRIGGER_EXCEPTION && e.kind != TRIGGER_ANOMALY && !e.limit)
			abort();
		trigger_expr__matches(&e, "Session.send", "/srv/app/web.py");
		trigger_expr__matches_type(&e, "some.module.Oops");
		trigger_expr__release(&e);
	}
	free(text);
	return 0;
}
